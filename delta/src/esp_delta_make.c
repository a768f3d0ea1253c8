#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/image.h"
#include "delta/esp_delta.h"
#include "heatshrink.h"
#include "match.h"

#define TYPE_SEQUENTIAL_HEATSHRINK 0x04u
#define NUMBER_MAX                 5u /* bytes of an encoded number */

/* --- The detools stream ---------------------------------------------------------- */

/* Six bits, a sign and a continuation bit; then seven bits and a continuation bit each. */
static size_t put_number(uint8_t *out, int64_t value)
{
    uint64_t left = (uint64_t)(value < 0 ? -value : value);
    size_t n = 0;

    out[n++] = (uint8_t)((value < 0 ? 0x40u : 0) | (left & 0x3F));
    for (left >>= 6; left != 0; left >>= 7) {
        out[n - 1] |= 0x80;
        out[n++] = (uint8_t)(left & 0x7F);
    }
    return n;
}

/* What heatshrink is to compress. */
struct stream {
    const uint8_t *base, *to;
    uint8_t *data;
    size_t len, cap;
    size_t base_pos; /* where the decoder stands in the base */
    bool begun;
};

static int reserve(struct stream *s, size_t len)
{
    if (s->cap - s->len >= len) {
        return 0;
    }
    const size_t cap = 2 * s->cap + len;
    uint8_t *data = realloc(s->data, cap);

    if (data == NULL) {
        return -1;
    }
    s->data = data;
    s->cap = cap;
    return 0;
}

static void put(struct stream *s, int64_t number)
{
    s->len += put_number(s->data + s->len, number);
}

static int take_block(void *ctx, const struct delta_block *block)
{
    struct stream *s = ctx;

    if (reserve(s, 5 * NUMBER_MAX + block->similar + block->extra) != 0) {
        return -1;
    }
    if (!s->begun && block->base != 0) { /* an empty block, for the sake of its adjustment */
        put(s, 0);
        put(s, 0);
    }
    if (s->begun || block->base != 0) {
        put(s, (int64_t)block->base - (int64_t)s->base_pos);
    }
    s->begun = true;
    s->base_pos = block->base + block->similar;

    put(s, (int64_t)block->similar);
    for (size_t i = 0; i < block->similar; i++) {
        s->data[s->len++] = (uint8_t)(s->to[block->to + i] - s->base[block->base + i]);
    }
    put(s, (int64_t)block->extra);
    memcpy(s->data + s->len, s->to + block->to + block->similar, block->extra);
    s->len += block->extra;
    return 0;
}

static int make_stream(struct stream *s, size_t base_len, size_t to_len)
{
    if (reserve(s, to_len + NUMBER_MAX) != 0) {
        return -1;
    }
    put(s, 0); /* no data format patch */
    if (base_len == 0) {
        const struct delta_block whole = {.extra = to_len};

        if (take_block(s, &whole) != 0) {
            return -1;
        }
    } else if (delta_match(s->base, base_len, s->to, to_len, take_block, s) != 0) {
        return -1;
    }
    if (reserve(s, NUMBER_MAX) != 0) {
        return -1;
    }
    put(s, 0); /* the last block's adjustment */
    return 0;
}

/* --- The file ---------------------------------------------------------------------- */

/* The hash that devices compare with their running image's. */
static int base_hash(const uint8_t *base, size_t len, uint8_t sha256[AL_SHA256_SIZE], char *err,
                     size_t err_size)
{
    static const struct al_image_rules any_chip = {0};
    struct al_image_check check;
    struct al_image_info info;
    int result = al_image_check_begin(&check, &any_chip);

    if (result == 0) {
        /* What is wrong is told again at the end. */
        const int fed = al_image_check_feed(&check, base, len);

        result = al_image_check_end(&check, &info);
        result = fed != 0 ? fed : result;
    }
    if (result != 0) {
        snprintf(err, err_size, "the base is no whole app image: %s", al_image_fault_text(check.fault));
    } else if (!info.header.hash_appended) {
        snprintf(err, err_size, "the base has no appended SHA-256, by which devices would know it");
        result = AL_ERR_IMAGE;
    } else {
        memcpy(sha256, info.sha256, AL_SHA256_SIZE);
    }
    return result;
}

static int write_file(const uint8_t sha256[AL_SHA256_SIZE], const struct stream *s, size_t to_len,
                      uint8_t **out, size_t *out_len)
{
    uint8_t *packed = NULL;
    size_t packed_len;

    if (delta_heatshrink_encode(s->data, s->len, &packed, &packed_len) != 0) {
        return -1;
    }
    uint8_t *file = calloc(1, AL_ESP_DELTA_HEADER_SIZE + 2 + NUMBER_MAX + packed_len);

    if (file != NULL) {
        size_t len = AL_ESP_DELTA_HEADER_SIZE;

        al_put_le32(file, AL_ESP_DELTA_MAGIC);
        memcpy(file + 4, sha256, AL_SHA256_SIZE);
        file[len++] = TYPE_SEQUENTIAL_HEATSHRINK;
        len += put_number(file + len, (int64_t)to_len);
        file[len++] = DELTA_HEATSHRINK_PARAMETERS;
        memcpy(file + len, packed, packed_len);
        *out = file;
        *out_len = len + packed_len;
    }
    free(packed);
    return file != NULL ? 0 : -1;
}

int delta_esp_make(const uint8_t *base, size_t base_len, const uint8_t *to, size_t to_len, uint8_t **out,
                   size_t *out_len, char *err, size_t err_size)
{
    struct stream s = {.base = base, .to = to};
    uint8_t sha256[AL_SHA256_SIZE] = {0};

    if (to_len == 0 || to_len > AL_ESP_DELTA_MAX_SIZE || base_len > AL_ESP_DELTA_MAX_SIZE) {
        snprintf(err, err_size, "images have 1 byte to 64 MiB");
        return AL_ERR_SIZE;
    }
    int result = base_len != 0 ? base_hash(base, base_len, sha256, err, err_size) : 0;

    if (result != 0) {
        return result;
    }
    if (make_stream(&s, base_len, to_len) != 0 || write_file(sha256, &s, to_len, out, out_len) != 0) {
        snprintf(err, err_size, "out of memory");
        result = AL_ERR_STATE;
    }
    free(s.data);
    return result;
}
