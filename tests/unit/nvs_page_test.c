/*
 * NVS on flash: the bytes that are written, and what is made of damaged ones.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "nvs_nor.h"
#include "nvs_storage.h"

#define STATE_BITS 32u /* offset in a page */
#define ENTRY(i)   (64u + (i)*32u)

static struct nor nor;

static struct nvs_storage *open_with(esp_err_t want)
{
    struct nvs_port port = nor_port(&nor);
    struct nvs_storage *st = NULL;
    assert_int_equal(nvs_storage_open(&port, &st), want);
    return st;
}

static struct nvs_storage *reopen(struct nvs_storage *st)
{
    if (st != NULL)
        nvs_storage_close(st);
    return open_with(ESP_OK);
}

static struct nvs_storage *open_blank(unsigned n_pages)
{
    nor_init(&nor, n_pages);
    return open_with(ESP_OK);
}

static int close_all(struct nvs_storage *st)
{
    nvs_storage_close(st);
    assert_int_equal(nor.violations, 0);
    return 0;
}

static esp_err_t set_u32(struct nvs_storage *st, const char *key, uint32_t value)
{
    uint8_t raw[4];
    al_put_le32(raw, value);
    return nvs_storage_set(st, 1, NVS_TYPE_U32, key, raw, 4);
}

static esp_err_t get_u32(struct nvs_storage *st, const char *key, uint32_t *value)
{
    uint8_t raw[4];
    size_t size;
    esp_err_t err = nvs_storage_get(st, 1, NVS_TYPE_U32, key, raw, sizeof(raw), &size);
    if (err == ESP_OK)
        *value = al_get_le32(raw);
    return err;
}

static void assert_u32(struct nvs_storage *st, const char *key, uint32_t want)
{
    uint32_t value;
    assert_int_equal(get_u32(st, key, &value), ESP_OK);
    assert_int_equal(value, want);
}

static esp_err_t set_blob(struct nvs_storage *st, const char *key, size_t len, uint8_t salt)
{
    uint8_t *data = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7 + i / 256 + salt);
    esp_err_t err = nvs_storage_set(st, 1, NVS_TYPE_BLOB, key, data, len);
    free(data);
    return err;
}

static void assert_blob(struct nvs_storage *st, const char *key, size_t len, uint8_t salt)
{
    uint8_t *data = malloc(len + 1);
    size_t size;
    assert_int_equal(nvs_storage_get(st, 1, NVS_TYPE_BLOB, key, data, len, &size), ESP_OK);
    assert_int_equal(size, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(data[i], (uint8_t)(i * 7 + i / 256 + salt));
    free(data);
}

static void assert_gone(struct nvs_storage *st, const char *key)
{
    nvs_type_t type;
    assert_int_equal(nvs_storage_find_type(st, 1, key, &type), ESP_ERR_NVS_NOT_FOUND);
}

static unsigned state_of(unsigned page, unsigned entry)
{
    return (unsigned)nor.bytes[page * NVS_PAGE_SIZE + STATE_BITS + entry / 4] >> 2 * (entry % 4) & 3u;
}

/* Put an entry with a good CRC on flash and mark it written, as somebody else's NVS would. */
static void forge(unsigned page, unsigned entry, uint8_t ns, uint8_t type, uint8_t span, uint8_t chunk,
                  const char *key, const void *value)
{
    uint8_t *raw = nor.bytes + page * NVS_PAGE_SIZE + ENTRY(entry);
    memset(raw, 0, NVS_ENTRY_SIZE);
    raw[0] = ns;
    raw[1] = type;
    raw[2] = span;
    raw[3] = chunk;
    memcpy(raw + 8, key, strlen(key));
    memcpy(raw + 24, value, 8);
    uint8_t covered[28];
    memcpy(covered, raw, 4);
    memcpy(covered + 4, raw + 8, 24);
    al_put_le32(raw + 4, al_crc32_idf(covered, sizeof(covered)));
    for (unsigned i = entry; i < entry + span && i < NVS_N_ENTRIES; i++)
        nor.bytes[page * NVS_PAGE_SIZE + STATE_BITS + i / 4] &= (uint8_t) ~(1u << 2 * (i % 4));
}

static void forge_header(unsigned page, uint32_t state, uint32_t seq, uint8_t version)
{
    uint8_t *raw = nor.bytes + page * NVS_PAGE_SIZE;
    memset(raw, 0xFF, 32);
    al_put_le32(raw, state);
    al_put_le32(raw + 4, seq);
    raw[8] = version;
    al_put_le32(raw + 28, al_crc32_idf(raw + 4, 24));
}

/* ---- bytes ---- */

/* From flash-formats.md, 6.5: a page that Espressif's own parser accepts. */
static const char worked_page[] =
    "feffffff00000000fe" /* 19 x ff */ "ffffffffffffffffffffffffffffffffffffff842dbab9"
    "aaeaffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "000101ff7f3613a86f74615f726573756d7074696f6e000001ffffffffffffff"
    "010201ff6bbabeec6e76735f6f74615f77725f6c656e00004000ffffffffffff"
    "012102ff754778146e76735f6f74615f75726c00000000001000ffff7e7140a0"
    "68747470733a2f2f682f612e62696e00ffffffffffffffffffffffffffffffff"
    "01420200f587014762000000000000000000000000000000"
    "0300fffff0a60255"
    "010203ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "014801ffb4cf37ec62000000000000000000000000000000"
    "030000000100ffff";

static void worked_bytes(uint8_t out[NVS_PAGE_SIZE])
{
    memset(out, 0xFF, NVS_PAGE_SIZE);
    for (unsigned i = 0; worked_page[2 * i] != 0; i++) {
        char hex[3] = {worked_page[2 * i], worked_page[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(hex, NULL, 16);
    }
}

static void test_nvs_page_writes_the_worked_page(void **state)
{
    (void)state;
    uint8_t want[NVS_PAGE_SIZE];
    uint8_t ns;
    struct nvs_storage *st = open_blank(3);
    assert_int_equal(nvs_storage_namespace(st, "ota_resumption", true, &ns), ESP_OK);
    assert_int_equal(nvs_storage_set(st, ns, NVS_TYPE_U16, "nvs_ota_wr_len", "\x40\x00", 2), ESP_OK);
    assert_int_equal(nvs_storage_set(st, ns, NVS_TYPE_STR, "nvs_ota_url", "https://h/a.bin", 16), ESP_OK);
    assert_int_equal(nvs_storage_set(st, ns, NVS_TYPE_BLOB, "b", "\1\2\3", 3), ESP_OK);
    worked_bytes(want);
    assert_memory_equal(nor.bytes, want, NVS_PAGE_SIZE);
    for (uint32_t i = NVS_PAGE_SIZE; i < nor.size; i++)
        assert_int_equal(nor.bytes[i], 0xFF);
    close_all(st);
}

static void test_nvs_page_reads_the_worked_page(void **state)
{
    (void)state;
    nor_init(&nor, 3);
    worked_bytes(nor.bytes);
    struct nvs_storage *st = open_with(ESP_OK);
    uint8_t ns, buf[16];
    size_t size;
    assert_int_equal(nvs_storage_namespace(st, "ota_resumption", false, &ns), ESP_OK);
    assert_int_equal(ns, 1);
    assert_int_equal(nvs_storage_get(st, ns, NVS_TYPE_U16, "nvs_ota_wr_len", buf, 8, &size), ESP_OK);
    assert_memory_equal(buf, "\x40\x00", 2);
    assert_int_equal(nvs_storage_get(st, ns, NVS_TYPE_STR, "nvs_ota_url", buf, 16, &size), ESP_OK);
    assert_string_equal((char *)buf, "https://h/a.bin");
    assert_int_equal(nvs_storage_get(st, ns, NVS_TYPE_BLOB, "b", buf, 16, &size), ESP_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(buf, "\1\2\3", 3);
    assert_int_equal(nor.n_ops, 0);
    close_all(st);
}

static void test_nvs_page_full_page_is_followed_by_the_next_in_order(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(4);
    char key[16];
    for (unsigned i = 0; i < 127; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(set_u32(st, key, i), ESP_OK);
    }
    assert_int_equal(al_get_le32(nor.bytes), NVS_PAGE_FULL);
    assert_int_equal(al_get_le32(nor.bytes + NVS_PAGE_SIZE), NVS_PAGE_ACTIVE);
    assert_int_equal(al_get_le32(nor.bytes + NVS_PAGE_SIZE + 4), 1);
    assert_int_equal(state_of(1, 0), 2);
    assert_int_equal(state_of(1, 1), 3);
    close_all(st);
}

static void test_nvs_page_equal_value_costs_no_write(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(4);
    assert_int_equal(set_u32(st, "n", 7), ESP_OK);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", "same", 5), ESP_OK);
    assert_int_equal(set_blob(st, "b", 5000, 1), ESP_OK);
    nor_power_on(&nor);
    assert_int_equal(set_u32(st, "n", 7), ESP_OK);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", "same", 5), ESP_OK);
    assert_int_equal(set_blob(st, "b", 5000, 1), ESP_OK);
    assert_int_equal(nor.n_ops, 0);
    close_all(st);
}

static void test_nvs_page_blob_versions_alternate(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(6);
    uint8_t starts[3];
    for (unsigned i = 0; i < 3; i++) {
        struct nvs_cursor cur = {0};
        struct nvs_loc loc;
        assert_int_equal(set_blob(st, "b", 6000, (uint8_t)i), ESP_OK);
        do {
            assert_int_equal(nvs_storage_next(st, &cur, &loc), ESP_OK);
        } while (loc.item.type != NVS_TYPE_BLOB_INDEX);
        starts[i] = loc.item.value[5];
        assert_in_range(loc.item.value[4], 2, 3);
        st = reopen(st);
        assert_blob(st, "b", 6000, (uint8_t)i);
    }
    assert_memory_equal(starts, "\x00\x80\x00", 3);
    close_all(st);
}

/* ---- limits ---- */

static void test_nvs_page_limits_are_the_formats(void **state)
{
    (void)state;
    static char text[4001];
    memset(text, 'x', sizeof(text) - 1);
    struct nvs_storage *st = open_blank(4);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", text, 4001), ESP_ERR_NVS_VALUE_TOO_LONG);
    text[3999] = 0;
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", text, 4000), ESP_OK);
    assert_int_equal(set_blob(st, "b", 12001, 0), ESP_ERR_NVS_VALUE_TOO_LONG);
    assert_int_equal(set_blob(st, "b", 12000, 0), ESP_ERR_NVS_NOT_ENOUGH_SPACE);
    assert_int_equal(set_blob(st, "b", 0, 0), ESP_OK);
    st = reopen(st);
    assert_blob(st, "b", 0, 0);
    assert_int_equal(nvs_storage_erase_key(st, 1, "s"), ESP_OK);
    assert_int_equal(set_blob(st, "b", 11900, 3), ESP_OK);
    assert_blob(st, "b", 11900, 3);
    close_all(st);
}

static void test_nvs_page_254_namespaces_and_no_more(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(5);
    char name[16];
    uint8_t ns;
    for (unsigned i = 1; i <= 254; i++) {
        snprintf(name, sizeof(name), "ns%u", i);
        assert_int_equal(nvs_storage_namespace(st, name, true, &ns), ESP_OK);
        assert_int_equal(ns, i);
    }
    assert_int_equal(nvs_storage_namespace(st, "more", true, &ns), ESP_ERR_NVS_NOT_ENOUGH_SPACE);
    st = reopen(st);
    assert_int_equal(nvs_storage_namespace(st, "ns200", false, &ns), ESP_OK);
    assert_int_equal(ns, 200);
    close_all(st);
}

static void test_nvs_page_full_storage_refuses_without_wear_and_keeps_all(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    char key[16];
    unsigned n = 0;
    esp_err_t err;
    do {
        snprintf(key, sizeof(key), "k%u", n);
        err = set_u32(st, key, n);
    } while (err == ESP_OK && ++n);
    assert_int_equal(err, ESP_ERR_NVS_NOT_ENOUGH_SPACE);
    assert_int_equal(n, 252);
    nor_power_on(&nor);
    assert_int_equal(set_u32(st, "k3", 999), ESP_ERR_NVS_NOT_ENOUGH_SPACE);
    assert_int_equal(set_blob(st, "b", 10, 0), ESP_ERR_NVS_NOT_ENOUGH_SPACE);
    assert_int_equal(nor.n_ops, 0);
    st = reopen(st);
    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_u32(st, key, i);
    }
    assert_int_equal(nvs_storage_erase_key(st, 1, "k7"), ESP_OK);
    assert_int_equal(set_u32(st, "new", 1), ESP_OK);
    close_all(st);
}

/* Pages that are free take turns; one that holds something rests, as with ESP-IDF. */
static void test_nvs_page_erases_are_spread_over_free_pages(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(5);
    assert_int_equal(set_u32(st, "stays", 1), ESP_OK);
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(set_u32(st, "counter", i), ESP_OK);
    uint32_t least = UINT32_MAX, most = 0;
    for (unsigned i = 1; i < 5; i++) {
        least = nor.erases[i] < least ? nor.erases[i] : least;
        most = nor.erases[i] > most ? nor.erases[i] : most;
    }
    assert_in_range(least, 20000 / 126 / 4 - 2, most);
    assert_in_range(most, least, least + 1);
    assert_u32(st, "stays", 1);
    close_all(st);
}

/* ---- damage ---- */

static void test_nvs_page_too_small_or_without_free_page_is_refused(void **state)
{
    (void)state;
    nor_init(&nor, 2);
    open_with(ESP_ERR_NVS_NO_FREE_PAGES);
    nor_init(&nor, 3);
    for (unsigned i = 0; i < 3; i++)
        forge_header(i, NVS_PAGE_FULL, i, 0xFE);
    open_with(ESP_ERR_NVS_NO_FREE_PAGES);
}

static void test_nvs_page_newer_version_is_refused_and_version_1_read(void **state)
{
    (void)state;
    nor_init(&nor, 3);
    forge_header(0, NVS_PAGE_ACTIVE, 0, 0xFD);
    open_with(ESP_ERR_NVS_NEW_VERSION_FOUND);
    assert_int_equal(nor.n_ops, 0);
    nor_init(&nor, 3);
    forge_header(0, NVS_PAGE_ACTIVE, 0, 0xFF);
    forge(0, 0, 1, NVS_TYPE_U32, 1, 0xFF, "n", "\x05\0\0\0\xff\xff\xff\xff");
    struct nvs_storage *st = open_with(ESP_OK);
    assert_u32(st, "n", 5);
    close_all(st);
}

static void test_nvs_page_bad_header_crc_frees_the_page(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    assert_int_equal(set_u32(st, "n", 5), ESP_OK);
    nor.bytes[5] ^= 1;
    st = reopen(st);
    assert_gone(st, "n");
    assert_int_equal(set_u32(st, "n", 6), ESP_OK);
    st = reopen(st);
    assert_u32(st, "n", 6);
    close_all(st);
}

static void test_nvs_page_damaged_heads_are_erased_others_kept(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    assert_int_equal(set_u32(st, "a", 1), ESP_OK); /* entry 0 */
    assert_int_equal(set_u32(st, "b", 2), ESP_OK);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", "a string of more than one entry's bytes", 40),
                     ESP_OK); /* entries 2-4 */
    assert_int_equal(set_u32(st, "c", 3), ESP_OK);
    nor.bytes[ENTRY(0) + 24] ^= 4;                                   /* value, so the CRC is wrong */
    nor.bytes[STATE_BITS + 1] &= (uint8_t)~2u;                       /* entry 4, the string's last: erased */
    forge(0, 6, 1, 0x55, 1, 0xFF, "type", "\0\0\0\0\0\0\0");         /* no such type */
    forge(0, 7, 1, NVS_TYPE_STR, 9, 0xFF, "span", "\3\0\0\0\0\0\0"); /* span and size disagree */
    nor.bytes[STATE_BITS + 20 / 4] &= (uint8_t)~2u;                  /* entry 20: illegal */
    st = reopen(st);
    assert_gone(st, "a");
    assert_u32(st, "b", 2);
    assert_gone(st, "s");
    assert_u32(st, "c", 3);
    assert_gone(st, "type");
    assert_gone(st, "span");
    for (unsigned i = 2; i <= 4; i++)
        assert_int_equal(state_of(0, i), 0);
    assert_int_equal(state_of(0, 20), 0);
    assert_int_equal(set_u32(st, "d", 4), ESP_OK);
    st = reopen(st);
    assert_u32(st, "d", 4);
    close_all(st);
}

static void test_nvs_page_entries_being_programmed_are_skipped(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    assert_int_equal(set_u32(st, "a", 1), ESP_OK);
    nor.bytes[ENTRY(1) + 17] = 0x5F; /* first word still blank */
    st = reopen(st);
    assert_int_equal(state_of(0, 1), 0);
    assert_int_equal(set_u32(st, "b", 2), ESP_OK);
    assert_int_equal(state_of(0, 2), 2);
    assert_u32(st, "b", 2);
    close_all(st);
}

static void test_nvs_page_duplicate_keys_the_later_wins(void **state)
{
    (void)state;
    nor_init(&nor, 4);
    forge_header(0, NVS_PAGE_FULL, 4, 0xFE);
    forge(0, 3, 1, NVS_TYPE_U32, 1, 0xFF, "k", "\1\0\0\0\xff\xff\xff\xff");
    forge(0, 4, 1, NVS_TYPE_U32, 1, 0xFF, "other", "\1\0\0\0\xff\xff\xff\xff");
    forge_header(1, NVS_PAGE_ACTIVE, 5, 0xFE);
    forge(1, 0, 1, NVS_TYPE_U32, 1, 0xFF, "k", "\2\0\0\0\xff\xff\xff\xff");
    forge(1, 1, 1, NVS_TYPE_U32, 1, 0xFF, "k", "\3\0\0\0\xff\xff\xff\xff");
    struct nvs_storage *st = open_with(ESP_OK);
    assert_u32(st, "k", 3);
    assert_u32(st, "other", 1);
    assert_int_equal(state_of(0, 3), 0);
    assert_int_equal(state_of(1, 0), 0);
    assert_int_equal(state_of(0, 4), 2);
    close_all(st);
}

static void test_nvs_page_value_of_another_type_is_replaced(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    nvs_type_t type;
    uint32_t value;
    assert_int_equal(set_u32(st, "k", 1), ESP_OK);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "k", "text", 5), ESP_OK);
    assert_int_equal(nvs_storage_find_type(st, 1, "k", &type), ESP_OK);
    assert_int_equal(type, NVS_TYPE_STR);
    assert_int_equal(get_u32(st, "k", &value), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_storage_erase_key(st, 1, "k"), ESP_OK);
    assert_gone(st, "k");
    close_all(st);
}

static void test_nvs_page_data_with_wrong_crc_are_erased_when_read(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    uint8_t buf[200];
    size_t size;
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", "text", 5), ESP_OK); /* entries 0-1 */
    assert_int_equal(set_blob(st, "b", 100, 0), ESP_OK);                            /* 2-6, index 7 */
    nor.bytes[ENTRY(1) + 2] ^= 1;
    nor.bytes[ENTRY(4)] ^= 1;
    st = reopen(st);
    memset(buf, 0x77, sizeof(buf));
    assert_int_equal(nvs_storage_get(st, 1, NVS_TYPE_STR, "s", buf, sizeof(buf), &size),
                     ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_storage_get(st, 1, NVS_TYPE_BLOB, "b", buf, sizeof(buf), &size),
                     ESP_ERR_NVS_NOT_FOUND);
    for (unsigned i = 0; i < sizeof(buf); i++)
        assert_int_equal(buf[i], 0x77);
    for (unsigned i = 0; i <= 7; i++)
        assert_int_equal(state_of(0, i), 0);
    close_all(st);
}

static void test_nvs_page_blob_without_all_its_parts_is_erased(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(4);
    assert_int_equal(set_blob(st, "b", 100, 0), ESP_OK);    /* 0-4, index 5 */
    assert_int_equal(set_blob(st, "keep", 100, 0), ESP_OK); /* 6-10, index 11 */
    assert_int_equal(set_blob(st, "idx", 30, 0), ESP_OK);   /* 12-13, index 14 */
    nor.bytes[STATE_BITS] &= (uint8_t)~2u;                  /* chunk of b erased */
    nor.bytes[STATE_BITS + 14 / 4] &= (uint8_t) ~(2u << 4); /* index of idx erased */
    st = reopen(st);
    assert_gone(st, "b");
    assert_gone(st, "idx");
    assert_blob(st, "keep", 100, 0);
    assert_int_equal(state_of(0, 5), 0);
    assert_int_equal(state_of(0, 12), 0);
    assert_int_equal(state_of(0, 13), 0);
    close_all(st);
}

static void test_nvs_page_old_blobs_are_read_and_migrated(void **state)
{
    (void)state;
    uint8_t value[8] = {5, 0, 0xFF, 0xFF};
    uint8_t buf[8];
    size_t size;
    nvs_type_t type;
    nor_init(&nor, 3);
    forge_header(0, NVS_PAGE_ACTIVE, 0, 0xFF);
    al_put_le32(value + 4, al_crc32_idf("12345", 5));
    forge(0, 0, 1, NVS_TYPE_BLOB_V1, 2, 0xFF, "old", value);
    memcpy(nor.bytes + ENTRY(1), "12345", 5);
    struct nvs_storage *st = open_with(ESP_OK);
    assert_int_equal(nvs_storage_find_type(st, 1, "old", &type), ESP_OK);
    assert_int_equal(type, NVS_TYPE_BLOB);
    assert_int_equal(nvs_storage_get(st, 1, NVS_TYPE_BLOB, "old", buf, sizeof(buf), &size), ESP_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(buf, "12345", 5);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_BLOB, "old", "12345", 5), ESP_OK);
    assert_int_equal(state_of(0, 0), 0);
    assert_int_equal(nor.bytes[ENTRY(2) + 1], NVS_TYPE_BLOB);
    assert_int_equal(nor.bytes[ENTRY(4) + 1], NVS_TYPE_BLOB_INDEX);
    close_all(st);
}

static void test_nvs_page_interrupted_freeing_is_finished(void **state)
{
    (void)state;
    nor_init(&nor, 3);
    forge_header(0, NVS_PAGE_FREEING, 7, 0xFE);
    forge(0, 0, 1, NVS_TYPE_U32, 1, 0xFF, "a", "\1\0\0\0\xff\xff\xff\xff");
    forge(0, 9, 1, NVS_TYPE_U32, 1, 0xFF, "b", "\2\0\0\0\xff\xff\xff\xff");
    forge_header(1, NVS_PAGE_FULL, 8, 0xFE);
    forge(1, 0, 1, NVS_TYPE_U32, 1, 0xFF, "c", "\3\0\0\0\xff\xff\xff\xff");
    forge_header(2, NVS_PAGE_ACTIVE, 9, 0xFE); /* the unfinished copy */
    forge(2, 0, 1, NVS_TYPE_U32, 1, 0xFF, "a", "\1\0\0\0\xff\xff\xff\xff");
    struct nvs_storage *st = open_with(ESP_OK);
    assert_u32(st, "a", 1);
    assert_u32(st, "b", 2);
    assert_u32(st, "c", 3);
    assert_int_equal(al_get_le32(nor.bytes + 2 * NVS_PAGE_SIZE), NVS_PAGE_ACTIVE);
    assert_int_equal(al_get_le32(nor.bytes + 2 * NVS_PAGE_SIZE + 4), 10);
    assert_true(al_is_blank(nor.bytes, NVS_PAGE_SIZE));
    close_all(st);
}

static void test_nvs_page_state_rotten_to_freeing_loses_nothing(void **state)
{
    (void)state;
    nor_init(&nor, 3);
    forge_header(0, NVS_PAGE_FREEING, 7, 0xFE);
    forge(0, 0, 1, NVS_TYPE_U32, 1, 0xFF, "a", "\1\0\0\0\xff\xff\xff\xff");
    forge_header(1, NVS_PAGE_ACTIVE, 8, 0xFE);
    forge(1, 0, 1, NVS_TYPE_U32, 1, 0xFF, "b", "\2\0\0\0\xff\xff\xff\xff");
    struct nvs_storage *st = open_with(ESP_OK);
    assert_u32(st, "a", 1);
    assert_u32(st, "b", 2);
    close_all(st);
}

static void test_nvs_page_lost_namespace_is_not_given_away(void **state)
{
    (void)state;
    nor_init(&nor, 3);
    forge_header(0, NVS_PAGE_ACTIVE, 0, 0xFE);
    forge(0, 0, 1, NVS_TYPE_U32, 1, 0xFF, "k", "\1\0\0\0\xff\xff\xff\xff");
    struct nvs_storage *st = open_with(ESP_OK);
    uint8_t ns;
    assert_int_equal(nvs_storage_namespace(st, "new", true, &ns), ESP_OK);
    assert_int_equal(ns, 2);
    close_all(st);
}

/* ---- faults, read-only flash, purging ---- */

/* A flash operation fails: the call says so, writes stop, and a new load finds old or new. */
static void test_nvs_page_failing_flash_stops_writes_until_reloaded(void **state)
{
    (void)state;
    for (uint64_t at = 1;; at++) {
        struct nvs_storage *st = open_blank(3);
        assert_int_equal(set_blob(st, "b", 3000, 0), ESP_OK);
        assert_int_equal(set_u32(st, "n", 1), ESP_OK);
        nor_power_on(&nor);
        nor.fail_at = at;
        esp_err_t err = set_blob(st, "b", 3100, 1);
        if (err == ESP_OK) {
            assert_true(at > 10);
            close_all(st);
            return;
        }
        assert_int_equal(set_u32(st, "n", 2), ESP_ERR_NVS_INVALID_STATE);
        assert_u32(st, "n", 1);
        assert_int_equal(nvs_storage_load(st), ESP_OK);
        size_t size;
        assert_int_equal(nvs_storage_get(st, 1, NVS_TYPE_BLOB, "b", NULL, 0, &size), ESP_OK);
        assert_blob(st, "b", size, size == 3100);
        assert_true(err != ESP_ERR_NVS_REMOVE_FAILED || size == 3100);
        assert_int_equal(set_u32(st, "n", 2), ESP_OK);
        close_all(st);
    }
}

static void test_nvs_page_read_only_partition_is_never_written(void **state)
{
    (void)state;
    static uint8_t before[NVS_PAGE_SIZE];
    nor_init(&nor, 1);
    forge_header(0, NVS_PAGE_FULL, 0, 0xFE);
    forge(0, 0, 0, NVS_TYPE_U8, 1, 0xFF, "ns", "\1\xff\xff\xff\xff\xff\xff\xff");
    forge(0, 1, 1, NVS_TYPE_U32, 1, 0xFF, "k", "\1\0\0\0\xff\xff\xff\xff");
    forge(0, 2, 1, NVS_TYPE_U32, 1, 0xFF, "k", "\2\0\0\0\xff\xff\xff\xff");
    forge(0, 3, 1, 0x55, 1, 0xFF, "type", "\0\0\0\0\0\0\0");
    memcpy(before, nor.bytes, sizeof(before));

    struct nvs_port port = nor_port(&nor);
    port.readonly = true;
    struct nvs_storage *st;
    assert_int_equal(nvs_storage_open(&port, &st), ESP_OK);
    assert_u32(st, "k", 2);
    assert_gone(st, "type");
    assert_int_equal(set_u32(st, "k", 3), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_storage_erase_key(st, 1, "k"), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nor.n_ops, 0);
    assert_memory_equal(nor.bytes, before, sizeof(before));
    close_all(st);

    nor_init(&nor, 1); /* a blank one is just empty */
    assert_int_equal(nvs_storage_open(&port, &st), ESP_OK);
    assert_gone(st, "k");
    close_all(st);
}

static void test_nvs_page_purge_leaves_nothing_to_read(void **state)
{
    (void)state;
    struct nvs_storage *st = open_blank(3);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", "old secret", 11), ESP_OK);
    assert_int_equal(nvs_storage_set(st, 1, NVS_TYPE_STR, "s", "new secret", 11), ESP_OK);
    assert_memory_equal(nor.bytes + ENTRY(1), "old secret", 11);
    assert_int_equal(nvs_storage_purge(st), ESP_OK);
    for (unsigned i = 0; i < 2 * NVS_ENTRY_SIZE; i++)
        assert_int_equal(nor.bytes[ENTRY(0) + i], 0);
    st = reopen(st);
    char buf[11];
    size_t size;
    assert_int_equal(nvs_storage_get(st, 1, NVS_TYPE_STR, "s", buf, sizeof(buf), &size), ESP_OK);
    assert_string_equal(buf, "new secret");
    close_all(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nvs_page_writes_the_worked_page),
        cmocka_unit_test(test_nvs_page_reads_the_worked_page),
        cmocka_unit_test(test_nvs_page_full_page_is_followed_by_the_next_in_order),
        cmocka_unit_test(test_nvs_page_equal_value_costs_no_write),
        cmocka_unit_test(test_nvs_page_blob_versions_alternate),
        cmocka_unit_test(test_nvs_page_limits_are_the_formats),
        cmocka_unit_test(test_nvs_page_254_namespaces_and_no_more),
        cmocka_unit_test(test_nvs_page_full_storage_refuses_without_wear_and_keeps_all),
        cmocka_unit_test(test_nvs_page_erases_are_spread_over_free_pages),
        cmocka_unit_test(test_nvs_page_too_small_or_without_free_page_is_refused),
        cmocka_unit_test(test_nvs_page_newer_version_is_refused_and_version_1_read),
        cmocka_unit_test(test_nvs_page_bad_header_crc_frees_the_page),
        cmocka_unit_test(test_nvs_page_damaged_heads_are_erased_others_kept),
        cmocka_unit_test(test_nvs_page_entries_being_programmed_are_skipped),
        cmocka_unit_test(test_nvs_page_duplicate_keys_the_later_wins),
        cmocka_unit_test(test_nvs_page_value_of_another_type_is_replaced),
        cmocka_unit_test(test_nvs_page_data_with_wrong_crc_are_erased_when_read),
        cmocka_unit_test(test_nvs_page_blob_without_all_its_parts_is_erased),
        cmocka_unit_test(test_nvs_page_old_blobs_are_read_and_migrated),
        cmocka_unit_test(test_nvs_page_interrupted_freeing_is_finished),
        cmocka_unit_test(test_nvs_page_state_rotten_to_freeing_loses_nothing),
        cmocka_unit_test(test_nvs_page_lost_namespace_is_not_given_away),
        cmocka_unit_test(test_nvs_page_failing_flash_stops_writes_until_reloaded),
        cmocka_unit_test(test_nvs_page_read_only_partition_is_never_written),
        cmocka_unit_test(test_nvs_page_purge_leaves_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
