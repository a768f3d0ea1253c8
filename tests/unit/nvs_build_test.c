/*
 * What `airlift provision` writes: the generator's bytes, and what firmware reads from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/ptable.h"
#include "device/nor_flash.h"
#include "nvs.h"
#include "nvs_build.h"
#include "nvs_entries.h"
#include "nvs_flash.h"

#define SIZE 0x6000u

static struct nvs_build b;
static char err[512];

static int begin(void **state)
{
    (void)state;
    return (int)nvs_build_init(&b, SIZE, NVS_BUILD_V2);
}

static int end(void **state)
{
    (void)state;
    nvs_build_free(&b);
    return 0;
}

static void add(const char *key, const char *encoding, const char *value)
{
    assert_int_equal(nvs_entry_add(&b, key, encoding, value, strlen(value), err, sizeof err), 0);
}

/* --- Bytes ----------------------------------------------------------------- */

/* A page that Espressif's parser accepts; docs/nvs.md has its layout. */
static void test_nvs_build_makes_the_known_page(void **state)
{
    (void)state;
    static const uint8_t head[] = {0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xfe},
                         crc[] = {0x84, 0x2d, 0xba, 0xb9}, bitmap[] = {0xaa, 0xea, 0xff};
    static const uint8_t entries[] = {
        0x00, 0x01, 0x01, 0xff, 0x7f, 0x36, 0x13, 0xa8, 'o',  't',  'a',  '_',  'r',  'e',  's',  'u',
        'm',  'p',  't',  'i',  'o',  'n',  0x00, 0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0x01, 0x02, 0x01, 0xff, 0x6b, 0xba, 0xbe, 0xec, 'n',  'v',  's',  '_',  'o',  't',  'a',  '_',
        'w',  'r',  '_',  'l',  'e',  'n',  0x00, 0x00, 0x40, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0x01, 0x21, 0x02, 0xff, 0x75, 0x47, 0x78, 0x14, 'n',  'v',  's',  '_',  'o',  't',  'a',  '_',
        'u',  'r',  'l',  0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0xff, 0xff, 0x7e, 0x71, 0x40, 0xa0,
    };
    static const uint8_t chunk[] = {0x01, 0x42, 0x02, 0x00, 0xf5, 0x87, 0x01, 0x47, 'b'},
                         index[] = {0x01, 0x48, 0x01, 0xff, 0xb4, 0xcf, 0x37, 0xec, 'b'},
                         index_value[] = {3, 0, 0, 0, 1, 0, 0xff, 0xff};
    assert_int_equal(nvs_build_namespace(&b, "ota_resumption"), 0);
    add("nvs_ota_wr_len", "u16", "64");
    add("nvs_ota_url", "string", "https://h/a.bin");
    add("b", "hex2bin", "010203");

    const uint8_t *bytes;
    size_t len;
    nvs_build_finish(&b, &bytes, &len);
    assert_int_equal(len, SIZE);
    assert_memory_equal(bytes, head, sizeof head);
    assert_memory_equal(bytes + 28, crc, sizeof crc);
    assert_memory_equal(bytes + 32, bitmap, sizeof bitmap);
    assert_memory_equal(bytes + 64, entries, sizeof entries);
    assert_string_equal((const char *)bytes + 0xa0, "https://h/a.bin");
    assert_memory_equal(bytes + 0xc0, chunk, sizeof chunk);
    assert_memory_equal(bytes + 0xe0, "\1\2\3\xff", 4);
    assert_memory_equal(bytes + 0x100, index, sizeof index);
    assert_memory_equal(bytes + 0x118, index_value, sizeof index_value);
    for (size_t i = 0x120; i < len; i++) {
        assert_int_equal(bytes[i], 0xFF);
    }
}

static void test_nvs_build_opens_pages_as_the_generator_does(void **state)
{
    (void)state;
    char key[16];
    assert_int_equal(nvs_build_namespace(&b, "n"), 0); /* entry 0 */
    for (int i = 0; i < 123; i++) {                    /* 1 .. 123 */
        snprintf(key, sizeof key, "k%d", i);
        add(key, "u8", "1");
    }
    add("s", "string", "x"); /* two entries: 126 would be full, so it opens a page */
    assert_int_equal(b.n_pages, 2);
    assert_int_equal(b.entry, 2);
    assert_int_equal(al_get_le32(b.bytes), 0xFFFFFFFCu); /* full */
    assert_int_equal(al_get_le32(b.bytes + 4096), 0xFFFFFFFEu);
    assert_int_equal(al_get_le32(b.bytes + 4096 + 4), 1); /* its sequence number */
}

static void test_nvs_build_keeps_a_page_free(void **state)
{
    (void)state;
    static char text[3900];
    char key[16];
    memset(text, 'x', sizeof text);
    assert_int_equal(nvs_build_namespace(&b, "n"), 0);
    for (int i = 0; i < 5; i++) { /* a string a page; the sixth page stays free */
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(nvs_build_string(&b, key, text, sizeof text), 0);
    }
    assert_int_equal(nvs_build_string(&b, "more", text, sizeof text), NVS_BUILD_FULL);
}

static void test_nvs_build_of_few_pages_is_read_only(void **state)
{
    (void)state;
    struct nvs_build small;
    const uint8_t *bytes;
    size_t len;
    assert_int_equal(nvs_build_init(&small, 0x2000, NVS_BUILD_V2), 0);
    assert_int_equal(nvs_build_namespace(&small, "n"), 0);
    nvs_build_finish(&small, &bytes, &len);
    assert_int_equal(len, 4096); /* only what is used */
    nvs_build_free(&small);
}

/* --- Mistakes -------------------------------------------------------------- */

static void refused(const char *key, const char *encoding, const char *value)
{
    err[0] = '\0';
    assert_int_equal(nvs_entry_add(&b, key, encoding, value, strlen(value), err, sizeof err), -1);
    assert_true(err[0]);
}

static void test_nvs_entries_are_checked(void **state)
{
    (void)state;
    static char longest[4001];
    refused("k", "u8", "1"); /* before any namespace */
    assert_int_equal(nvs_build_namespace(&b, "n"), 0);
    refused("k", "u8", "256");
    refused("k", "u8", "-1");
    refused("k", "i8", "-129");
    refused("k", "i64", "-9223372036854775809");
    refused("k", "u64", "18446744073709551616");
    refused("k", "u32", "");
    refused("k", "u32", "1x");
    refused("k", "hex2bin", "123");
    refused("k", "hex2bin", "1g");
    refused("k", "base64", "a");
    refused("k", "float", "1");
    refused("a_key_too_long__", "u8", "1");
    refused("", "u8", "1");
    add("k", "i8", "-128");
    refused("k", "u8", "1"); /* twice */
    memset(longest, 'x', 4000);
    refused("s", "string", longest);
    longest[3999] = '\0';
    add("s", "string", longest);
}

/* --- Read by firmware ------------------------------------------------------ */

static char dir[] = "/tmp/nvs_build_test_XXXXXX", path[64];

static void make_flash(void)
{
    static struct al_ptable table = {
        .n = 2,
        .part = {
            {.off = 0x9000, .size = SIZE, .type = AL_TYPE_DATA, .subtype = AL_SUB_DATA_NVS, .label = "nvs"},
            {.off = 0x10000,
             .size = 0x10000,
             .type = AL_TYPE_APP,
             .subtype = AL_SUB_APP_FACTORY,
             .label = "factory"}}};
    uint8_t raw[AL_PTABLE_SIZE];
    struct dev_flash *flash;
    const uint8_t *bytes;
    size_t len;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/flash.bin", dir);
    assert_int_equal(al_ptable_build(&table, true, raw), 0);
    assert_int_equal(dev_flash_create(path, 0x40000, err, sizeof err), 0);
    assert_int_equal(dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err), 0);
    const struct al_flash *port = dev_flash_port(flash);
    nvs_build_finish(&b, &bytes, &len);
    assert_int_equal(port->write(port->ctx, AL_PTABLE_OFFSET, raw, sizeof raw), 0);
    assert_int_equal(port->write(port->ctx, 0x9000, bytes, (uint32_t)len), 0);
    dev_flash_close(flash);
    setenv("AIRLIFT_FLASH", path, 1);
    setenv("AIRLIFT_RUNNING", "factory", 1);
}

static void test_nvs_build_is_read_by_firmware(void **state)
{
    (void)state;
    static uint8_t blob[9000], got[9000];
    char text[64];
    size_t len = sizeof text, n = sizeof got;
    int64_t i64;
    uint8_t u8;
    nvs_handle_t nvs;
    for (size_t i = 0; i < sizeof blob; i++) {
        blob[i] = (uint8_t)(i * 7 + i / 256);
    }
    assert_int_equal(nvs_build_namespace(&b, "one"), 0);
    add("smallest", "i64", "-9223372036854775808");
    add("text", "string", "a \"quoted\" text");
    assert_int_equal(nvs_build_blob(&b, "large", blob, sizeof blob), 0);
    assert_int_equal(nvs_build_blob(&b, "empty", blob, 0), 0);
    assert_int_equal(nvs_build_namespace(&b, "two"), 0);
    add("text", "u8", "0x2A");
    assert_int_equal(nvs_build_namespace(&b, "one"), 0); /* back to it */
    add("later", "base64", "AQID\nBA==");

    make_flash();
    assert_int_equal(nvs_flash_init(), ESP_OK);
    assert_int_equal(nvs_open("one", NVS_READONLY, &nvs), ESP_OK);
    assert_int_equal(nvs_get_i64(nvs, "smallest", &i64), ESP_OK);
    assert_true(i64 == INT64_MIN);
    assert_int_equal(nvs_get_str(nvs, "text", text, &len), ESP_OK);
    assert_string_equal(text, "a \"quoted\" text");
    assert_int_equal(nvs_get_blob(nvs, "large", got, &n), ESP_OK);
    assert_int_equal(n, sizeof blob);
    assert_memory_equal(got, blob, sizeof blob);
    n = sizeof got;
    assert_int_equal(nvs_get_blob(nvs, "empty", got, &n), ESP_OK);
    assert_int_equal(n, 0);
    n = sizeof got;
    assert_int_equal(nvs_get_blob(nvs, "later", got, &n), ESP_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(got, "\1\2\3\4", 4);
    nvs_close(nvs);
    assert_int_equal(nvs_open("two", NVS_READWRITE, &nvs), ESP_OK);
    assert_int_equal(nvs_get_u8(nvs, "text", &u8), ESP_OK);
    assert_int_equal(u8, 42);
    assert_int_equal(nvs_set_str(nvs, "more", "written by firmware"), ESP_OK);
    nvs_close(nvs);
    assert_int_equal(nvs_flash_deinit(), ESP_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nvs_build_makes_the_known_page, begin, end),
        cmocka_unit_test_setup_teardown(test_nvs_build_opens_pages_as_the_generator_does, begin, end),
        cmocka_unit_test_setup_teardown(test_nvs_build_keeps_a_page_free, begin, end),
        cmocka_unit_test(test_nvs_build_of_few_pages_is_read_only),
        cmocka_unit_test_setup_teardown(test_nvs_entries_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(test_nvs_build_is_read_by_firmware, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
