/*
 * Any bytes as a partition table: no crash, and what parses survives building
 * and parsing again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/crypto.h"
#include "airlift/ptable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* Put the right digest into each MD5 record, which mutation alone never finds. */
static void mend_md5(uint8_t raw[AL_PTABLE_SIZE])
{
    for (size_t at = 0; at < AL_PTABLE_SIZE; at += AL_PTABLE_RECORD_SIZE) {
        struct al_hash h;
        if (raw[at] == 0xEB && raw[at + 1] == 0xEB) {
            require(al_md5_init(&h) == AL_OK);
            require(al_hash_update(&h, raw, at) == AL_OK);
            require(al_hash_final(&h, raw + at + 16) == AL_OK);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct al_ptable first, second;
    uint8_t raw[AL_PTABLE_SIZE], again[AL_PTABLE_SIZE];
    uint32_t flash_size = len % 3 == 0 ? UINT32_MAX : 0x400000;

    memset(raw, 0xFF, sizeof raw);
    memcpy(raw, data, len < sizeof raw ? len : sizeof raw);
    if (len % 2 == 0) {
        mend_md5(raw);
    }
    memset(&first, 0, sizeof first);
    if (al_ptable_parse(raw, flash_size, &first) != AL_OK) {
        return 0;
    }
    require(first.n <= AL_PTABLE_MAX_ENTRIES);
    require(al_ptable_count_slots(&first) <= AL_MAX_OTA_SLOTS);
    for (unsigned i = 0; i < first.n; i++) {
        require(al_ptable_find_label(&first, first.part[i].label) <= &first.part[i]);
    }
    if (first.has_md5 && raw[first.n * AL_PTABLE_RECORD_SIZE] != 0xEB) {
        return 0; /* with entries behind it the MD5 record is read as one, on purpose */
    }

    require(al_ptable_build(&first, first.has_md5, again) == AL_OK);
    memset(&second, 0, sizeof second);
    require(al_ptable_parse(again, flash_size, &second) == AL_OK);
    require(memcmp(&first, &second, sizeof first) == 0);
    return 0;
}
