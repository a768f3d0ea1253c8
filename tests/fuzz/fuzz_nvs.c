/*
 * Any bytes as an NVS partition, then any operations: no crash, no program of a
 * 1 over a 0, and what was set is read back, also after the next boot.
 *
 * Input: the last 16 bytes are the operations. Before them, if the first byte is
 * even, the pages as they are; else orders to forge pages whose CRCs are right,
 * so that what they cover is looked at.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "nvs_nor.h"
#include "nvs_storage.h"

#define N_PAGES 4u
#define N_OPS   16u
#define N_KEYS  4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct nor nor;

static void require(bool claim)
{
    if (!claim)
        abort();
}

struct input {
    const uint8_t *data;
    size_t len;
};

static uint8_t take(struct input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->data++;
}

static void forge_header(uint8_t *page, struct input *in)
{
    static const uint32_t states[] = {NVS_PAGE_ACTIVE, NVS_PAGE_FULL, NVS_PAGE_FREEING, 0xFFFFFFFF};
    uint8_t order = take(in);
    al_put_le32(page, states[order & 3]);
    al_put_le32(page + 4, order >> 2 & 7);
    page[8] = order < 0xF0 ? 0xFE : order;
    al_put_le32(page + 28, al_crc32_idf(page + 4, 24));
}

/* One item at `entry`, of four bytes of orders; returns its span. Half of the spans are the right ones. */
static unsigned forge_item(uint8_t *page, unsigned entry, struct input *in)
{
    static const uint8_t types[] = {NVS_TYPE_U8,   NVS_TYPE_U32,     NVS_TYPE_STR,        NVS_TYPE_BLOB,
                                    NVS_TYPE_BLOB, NVS_TYPE_BLOB_V1, NVS_TYPE_BLOB_INDEX, 0x33};
    static const uint8_t chunks[] = {0x00, 0x01, 0x80, 0x81};
    uint8_t what = take(in), name = take(in), size = take(in), state = take(in);
    struct nvs_item item;
    char key[2] = {(char)('a' + name % N_KEYS), 0};
    uint8_t *raw = page + 64 + entry * NVS_ENTRY_SIZE;
    unsigned room = (NVS_N_ENTRIES - entry - 1) * NVS_ENTRY_SIZE;

    nvs_item_init(&item, what >> 3 & 1, types[what & 7], key);
    if (nvs_item_has_data(&item))
        nvs_item_set_data(&item, raw + NVS_ENTRY_SIZE, size < room ? size : room);
    else
        memcpy(item.value, (uint8_t[8]){size, 0, 0, 0, what >> 4 & 3, name & 0x80}, 6);
    if (item.type == NVS_TYPE_BLOB)
        item.chunk = chunks[name >> 2 & 3];
    if (what & 0x40)
        item.span = (uint8_t)(name >> 4);

    /* The engine encodes heads, on a page of its own. */
    static struct nor scratch;
    struct nvs_port port = nor_port(&scratch);
    struct nvs_page at = {0};
    nor_init(&scratch, 1);
    require(nvs_page_append(&port, &at, &item, raw, 0) == ESP_OK);
    memcpy(raw, scratch.bytes + 64, NVS_ENTRY_SIZE);

    unsigned span = item.span != 0 ? item.span : 1;
    for (unsigned i = entry; i < entry + span && i < NVS_N_ENTRIES; i++) {
        /* Written, but for one entry in some items. */
        unsigned bits = state >> 4 == i - entry ? state & 3u : 2u;
        page[32 + i / 4] &= (uint8_t) ~((3 - bits) << 2 * (i % 4));
    }
    return span;
}

static void forge_page(uint8_t *page, struct input *in)
{
    forge_header(page, in);
    unsigned n_items = take(in) & 31;
    unsigned entry = 0;
    for (unsigned i = 0; i < n_items && entry < NVS_N_ENTRIES; i++)
        entry += forge_item(page, entry, in);
}

/* Fill the flash, and say where the operations start. */
static size_t load_pages(const uint8_t *data, size_t len)
{
    size_t used = len > N_OPS ? len - N_OPS : 0;
    struct input in = {data, used};
    nor_init(&nor, N_PAGES);
    if (take(&in) % 2 == 0) {
        memcpy(nor.bytes, in.data, in.len < nor.size ? in.len : nor.size);
        return used;
    }
    for (unsigned p = 0; p < N_PAGES && in.len > 0; p++)
        forge_page(nor.bytes + p * NVS_PAGE_SIZE, &in);
    return used;
}

static struct nvs_storage *boot(void)
{
    struct nvs_port port = nor_port(&nor);
    struct nvs_storage *st = NULL;
    esp_err_t err = nvs_storage_open(&port, &st);
    require(err == ESP_OK || err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND);
    return st;
}

/* What an operation sets: its number, in every byte. */
static void check(struct nvs_storage *st, unsigned key, nvs_type_t type, size_t len, uint8_t salt)
{
    static uint8_t buf[3 * NVS_DATA_MAX];
    char name[2] = {(char)('a' + key), 0};
    size_t size;
    require(nvs_storage_get(st, 1, type, name, buf, sizeof(buf), &size) == ESP_OK && size == len);
    for (size_t i = 0; i + 1 < len; i++)
        require(buf[i] == salt);
}

struct expected {
    nvs_type_t type; /* 0: unknown, nothing was set */
    size_t len;
    uint8_t salt;
};

static void operate(struct nvs_storage *st, uint8_t op, uint8_t salt, struct expected *keys)
{
    static const nvs_type_t types[] = {NVS_TYPE_U8, NVS_TYPE_U32, NVS_TYPE_STR, NVS_TYPE_BLOB};
    static uint8_t buf[3 * NVS_DATA_MAX];
    unsigned key = op % N_KEYS;
    nvs_type_t type = types[op / N_KEYS % 4];
    char name[2] = {(char)('a' + key), 0};
    size_t size;
    uint8_t ns;
    esp_err_t err;
    switch (op / 16) {
    case 0:
        err = nvs_storage_erase_key(st, 1, name);
        require(err == ESP_OK || err == ESP_ERR_NVS_NOT_FOUND);
        keys[key].type = 0;
        break;
    case 1:
        require(nvs_storage_erase_ns(st, 1) == ESP_OK);
        memset(keys, 0, N_KEYS * sizeof(*keys));
        break;
    case 2:
        err = nvs_storage_get(st, op % 3, type, name, buf, salt, &size);
        require(err == ESP_OK || err == ESP_ERR_NVS_NOT_FOUND || err == ESP_ERR_NVS_INVALID_LENGTH);
        break;
    case 3:
        err = nvs_storage_namespace(st, name, true, &ns);
        require(err == ESP_OK || err == ESP_ERR_NVS_NOT_ENOUGH_SPACE);
        break;
    case 4:
        require(nvs_storage_purge(st) == ESP_OK);
        break;
    default:
        size = type == NVS_TYPE_U8    ? 1
               : type == NVS_TYPE_U32 ? 4
               : type == NVS_TYPE_STR ? 1 + salt * 8u
                                      : salt * 24u;
        memset(buf, salt, size);
        if (type == NVS_TYPE_STR)
            buf[size - 1] = 0;
        err = nvs_storage_set(st, 1, type, name, buf, size);
        require(err == ESP_OK || err == ESP_ERR_NVS_NOT_ENOUGH_SPACE);
        if (err == ESP_OK)
            keys[key] = (struct expected){.type = type, .len = size, .salt = salt};
    }
}

static void check_all(struct nvs_storage *st, const struct expected *keys)
{
    for (unsigned k = 0; k < N_KEYS; k++) {
        if (keys[k].type != 0)
            check(st, k, keys[k].type, keys[k].len, keys[k].salt);
    }
    require(nor.violations == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct expected keys[N_KEYS] = {0};
    size_t at = load_pages(data, len);
    struct nvs_storage *st = boot();
    if (st == NULL)
        return 0;
    for (; at < len; at++) {
        operate(st, data[at], (uint8_t)(at * 37 + data[at]), keys);
        if (at % 8 == 0)
            check_all(st, keys);
    }
    check_all(st, keys);
    nvs_storage_close(st);

    /* Each boot may finish the freeing of one page; then there is nothing left to mend. */
    for (unsigned i = 0; i <= N_PAGES; i++) {
        nor_power_on(&nor);
        st = boot();
        require(st != NULL);
        check_all(st, keys);
        nvs_storage_close(st);
    }
    require(nor.n_ops == 0);
    return 0;
}
