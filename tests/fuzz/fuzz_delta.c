/*
 * airlift's own patches from outside. The first bytes choose: a patch that is made here of the rest and then
 * damaged in places, or the rest as it is behind a header that holds. Whatever comes, nothing is read
 * outside of the old file, nothing is written beyond what the header announces, and a result other than the
 * right one is never taken for it.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/crypto.h"
#include "delta/delta.h"

#define OLD_LEN 2048u
#define NEW_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t old_file[OLD_LEN], new_file[NEW_MAX];
static uint32_t made, limit;

static int check(void *ctx, const struct al_delta_header *header)
{
    (void)ctx;
    limit = header->new_len;
    return header->old_len == OLD_LEN && limit <= NEW_MAX ? 0 : AL_ERR_STATE;
}

static int read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    assert(off <= OLD_LEN && len <= OLD_LEN - off);
    memcpy(buf, old_file + off, len);
    return 0;
}

static int read_new(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    assert(off <= made && len <= made - off);
    memcpy(buf, new_file + off, len);
    return 0;
}

static int write_new(void *ctx, const void *buf, uint32_t len)
{
    (void)ctx;
    assert(len <= limit - made);
    memcpy(new_file + made, buf, len);
    made += len;
    return 0;
}

static void apply(const uint8_t *patch, size_t len, size_t step)
{
    static struct al_delta d;
    static const struct al_delta_io io = {NULL, check, read_old, read_new, write_new};
    uint8_t sha256[AL_SHA256_SIZE];
    int result = 0;

    made = 0;
    al_delta_begin(&d, &io);
    for (size_t i = 0; i < len && result == 0; i += step) {
        result = al_delta_feed(&d, patch + i, len - i < step ? len - i : step);
    }
    if (result == 0 && al_delta_end(&d) == 0) {
        assert(made == d.header.new_len && al_sha256(new_file, made, sha256) == 0);
    }
}

/* An ESP32 or ESP32-C3 image in outline, so that there are addresses to predict. */
static void make_old(uint8_t how)
{
    for (unsigned i = 0; i < OLD_LEN; i++) {
        old_file[i] = (uint8_t)(i * 37 + i / 7);
    }
    memset(old_file, 0, 24);
    old_file[0] = 0xE9;
    old_file[1] = 2;
    old_file[12] = how & 1 ? 5 : 0;
    al_put_le32(old_file + 24, 0x3F400020u);
    al_put_le32(old_file + 28, 800);
    al_put_le32(old_file + 832, how & 1 ? 0x42000020u : 0x400D0020u);
    al_put_le32(old_file + 836, 1100);
    for (unsigned i = 40; i < 800; i += 20) {
        al_put_le32(old_file + i, 0x3F400020u + i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct delta_options options = {0};
    if (size < 8) {
        return 0;
    }
    make_old(data[0]);
    const size_t step = data[1] ? data[1] : 4096;
    if (data[0] & 2) {
        const size_t n = size - 8 < 512 ? size - 8 : 512;
        uint8_t raw[AL_DELTA_HEADER_SIZE + 512] = {0};
        al_put_le32(raw, AL_DELTA_MAGIC);
        raw[4] = 1;
        raw[5] = (uint8_t)(1 + data[2] % 60);
        al_put_le16(raw + 6, (uint16_t)(data[3] * 4));
        al_put_le32(raw + 8, OLD_LEN);
        al_put_le32(raw + 12, al_get_le16(data + 4));
        al_put_le32(raw + 16, (uint32_t)(AL_DELTA_HEADER_SIZE + n));
        al_put_le32(raw + 84, al_crc32_zlib(0, raw, 84));
        memcpy(raw + AL_DELTA_HEADER_SIZE, data + 8, n);
        apply(raw, AL_DELTA_HEADER_SIZE + n, step);
        return 0;
    }
    uint8_t *want = malloc(OLD_LEN + size), *patch;
    size_t len, at = data[2] * 7u;
    if (!want) {
        return 0;
    }
    memcpy(want, old_file, at);
    memcpy(want + at, data + 8, size - 8); /* an insertion */
    memcpy(want + at + size - 8, old_file + at, OLD_LEN - at);
    const size_t want_len = OLD_LEN + size - 8;
    if (delta_make(old_file, OLD_LEN, want, want_len, &options, &patch, &len) == 0) {
        apply(patch, len, step);
        assert(made == want_len && memcmp(new_file, want, made) == 0);
        for (unsigned i = 3; i < 6; i++) {
            patch[AL_DELTA_HEADER_SIZE + data[i] * 257u % (len - AL_DELTA_HEADER_SIZE)] ^=
                (uint8_t)(data[i] | 1);
            apply(patch, len, step);
        }
        free(patch);
    }
    free(want);
    return 0;
}
