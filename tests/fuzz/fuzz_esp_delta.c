/*
 * Patches for esp_delta_ota: nothing is read outside of the base, no more is written than announced,
 * and how the bytes are cut into pieces makes no difference.
 *
 * Input: one byte for the pieces' size, then the patch without its header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/esp_delta.h"

#define BASE_LEN 3000u
#define MAX_LEN  20000u

struct device {
    uint32_t written, sum;
};

static int device_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    if (off > BASE_LEN || len > BASE_LEN - off) {
        abort();
    }
    for (uint32_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = (uint8_t)((off + i) * 7);
    }
    return 0;
}

static int device_write(void *ctx, const void *buf, uint32_t len)
{
    struct device *d = ctx;

    if (len == 0 || len > AL_ESP_DELTA_PIECE || len > MAX_LEN - d->written) {
        abort();
    }
    for (uint32_t i = 0; i < len; i++) {
        d->sum = d->sum * 31 + ((const uint8_t *)buf)[i];
    }
    d->written += len;
    return 0;
}

static int apply(const uint8_t *patch, size_t len, size_t step, struct device *d)
{
    const struct al_esp_delta_io io = {d, BASE_LEN, MAX_LEN, device_read, device_write};
    struct al_esp_delta a;
    uint8_t header[AL_ESP_DELTA_HEADER_SIZE] = {0};

    memset(d, 0, sizeof(*d));
    al_put_le32(header, AL_ESP_DELTA_MAGIC);
    al_esp_delta_begin(&a, &io);
    int err = al_esp_delta_feed(&a, header, sizeof(header));

    for (size_t at = 0; at < len && err == 0; at += step) {
        err = al_esp_delta_feed(&a, patch + at, step < len - at ? step : len - at);
    }
    if (err == 0) {
        err = al_esp_delta_end(&a);
    }
    if (d->written > a.to_len || (err == 0 && d->written != a.to_len)) {
        abort();
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct device whole, pieces;

    if (size < 2) {
        return 0;
    }
    const int first = apply(data + 1, size - 1, size, &whole);
    const int second = apply(data + 1, size - 1, 1u + data[0], &pieces);

    if (first != second || memcmp(&whole, &pieces, sizeof(whole)) != 0) {
        abort();
    }
    return 0;
}
