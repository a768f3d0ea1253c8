/*
 * Any text as the signers that a publisher claims: what is accepted is a list of digests, and is the same when it has been
 * written and read again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/signers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static bool is_digest(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct srv_signers first = {0}, second = {0};
    char written[SRV_SIGNERS_TEXT], *text = malloc(len + 1);
    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    if (srv_signers_read(text, &first)) {
        require(first.n <= AL_SIG_MAX_BLOCKS);
        for (unsigned i = 0; i < first.n; i++) {
            require(first.item[i].valid ? is_digest(first.item[i].key_digest) : !first.item[i].key_digest[0]);
        }
        srv_signers_write(&first, written);
        require(srv_signers_read(written, &second) && second.n == first.n);
        require(memcmp(first.item, second.item, sizeof first.item) == 0);
    }
    free(text);
    return 0;
}
