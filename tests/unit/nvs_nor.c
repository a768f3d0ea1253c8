#include "nvs_nor.h"

#include <stdio.h>
#include <string.h>

/* Is byte i of len one that the torn operation got to? Bits within it: see torn_mask(). */
static uint8_t torn_mask(enum nor_tear tear, uint32_t first, uint32_t n, uint32_t i, uint32_t *state)
{
    switch (tear) {
    case NOR_PREFIX:
        return i < n ? 0xFF : 0;
    case NOR_RANGE:
        return i >= first && i - first < n ? 0xFF : 0;
    case NOR_BYTES:
        return nor_random(state) & 1 ? 0xFF : 0;
    case NOR_BITS:
        return (uint8_t)nor_random(state);
    default:
        return 0;
    }
}

/* Where the mask is 1 the target's bits arrive, elsewhere the old ones stay. */
static void apply_torn(const struct nor *nor, uint8_t *at, const uint8_t *target, uint32_t len)
{
    uint32_t state = nor->seed * 2654435761u + (uint32_t)nor->n_ops + 1;
    uint32_t first = nor_random(&state) % len;
    uint32_t n = nor_random(&state) % len;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t mask = torn_mask(nor->tear, first, n, i, &state);
        uint8_t to = target != NULL ? target[i] : 0xFF;
        at[i] = (uint8_t)((at[i] & ~mask) | (to & mask));
    }
}

/* Count an operation. True if it is to be carried out; else *err is its result. */
static bool begin_op(struct nor *nor, uint8_t *at, const uint8_t *target, uint32_t len, esp_err_t *err)
{
    *err = ESP_FAIL;
    if (nor->dark)
        return false;
    nor->n_ops++;
    if (nor->n_ops == nor->cut_at) {
        apply_torn(nor, at, target, len);
        nor->dark = true;
        nor->cut_in_erase = target == NULL;
        return false;
    }
    if (nor->n_ops == nor->fail_at)
        return false;
    *err = ESP_OK;
    return true;
}

static esp_err_t nor_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct nor *nor = ctx;
    if (nor->dark || off > nor->size || len > nor->size - off)
        return ESP_FAIL;
    memcpy(buf, nor->bytes + off, len);
    return ESP_OK;
}

static esp_err_t nor_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    struct nor *nor = ctx;
    const uint8_t *from = buf;
    if (len == 0 || off > nor->size || len > nor->size - off)
        return ESP_FAIL;
    for (uint32_t i = 0; i < len; i++) {
        if ((nor->bytes[off + i] & from[i]) != from[i]) {
            fprintf(stderr, "program at 0x%x + %u needs a 1: 0x%02x over 0x%02x\n", off, i, from[i],
                    nor->bytes[off + i]);
            nor->violations++;
            return ESP_FAIL;
        }
    }
    esp_err_t err;
    if (begin_op(nor, nor->bytes + off, from, len, &err))
        memcpy(nor->bytes + off, from, len);
    return err;
}

static esp_err_t nor_erase(void *ctx, uint32_t off, uint32_t len)
{
    struct nor *nor = ctx;
    if (off % NVS_PAGE_SIZE != 0 || len % NVS_PAGE_SIZE != 0 || len == 0 || off > nor->size ||
        len > nor->size - off)
        return ESP_FAIL;
    esp_err_t err;
    if (begin_op(nor, nor->bytes + off, NULL, len, &err)) {
        memset(nor->bytes + off, 0xFF, len);
        for (uint32_t page = off / NVS_PAGE_SIZE; page < (off + len) / NVS_PAGE_SIZE; page++)
            nor->erases[page]++;
    }
    return err;
}

/* ---- public ---- */

void nor_init(struct nor *nor, unsigned n_pages)
{
    memset(nor, 0, sizeof(*nor));
    nor->size = n_pages * NVS_PAGE_SIZE;
    memset(nor->bytes, 0xFF, sizeof(nor->bytes));
}

void nor_power_on(struct nor *nor)
{
    nor->dark = false;
    nor->n_ops = 0;
    nor->cut_at = 0;
    nor->fail_at = 0;
}

struct nvs_port nor_port(struct nor *nor)
{
    return (struct nvs_port){
        .ctx = nor, .size = nor->size, .read = nor_read, .write = nor_write, .erase = nor_erase};
}

uint32_t nor_random(uint32_t *state)
{
    uint32_t x = *state != 0 ? *state : 0x9E3779B9u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}
