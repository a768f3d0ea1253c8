/*
 * Any datagram: an invitation or a proof that is taken has only values that make sense, and
 * says the same when it is written down again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arduino_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void check_invitation(const uint8_t *data, size_t len)
{
    struct push_invitation first, second;
    char md5[PUSH_HEX128_SIZE], text[128];

    if (!push_parse_invitation(data, len, &first)) {
        return;
    }
    require(first.port != 0 && first.size != 0 && first.size <= 999999999u);
    push_hex(first.md5, sizeof(first.md5), md5);
    snprintf(text, sizeof(text), "%d %u %u %s\n", first.filesystem ? PUSH_CMD_FILESYSTEM : PUSH_CMD_FLASH,
             (unsigned)first.port, (unsigned)first.size, md5);
    require(push_parse_invitation(text, strlen(text), &second));
    require(first.port == second.port && first.size == second.size && first.filesystem == second.filesystem &&
            memcmp(first.md5, second.md5, sizeof(first.md5)) == 0);
}

static void check_proof(const uint8_t *data, size_t len, enum push_scheme scheme)
{
    const size_t digits = scheme == PUSH_SCHEME_MD5 ? 32 : 64;
    struct push_proof proof;

    if (push_parse_proof(data, len, scheme, &proof)) {
        require(strlen(proof.cnonce) == digits && strlen(proof.response) == digits);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_invitation(data, len);
    check_proof(data, len, PUSH_SCHEME_MD5);
    check_proof(data, len, PUSH_SCHEME_SHA256);
    return 0;
}
