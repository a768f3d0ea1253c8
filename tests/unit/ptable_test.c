#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/crypto.h"
#include "airlift/ptable.h"
#include "airlift/ptable_csv.h"

#define FLASH_SIZE 0x400000u

/* --- Helpers -------------------------------------------------------------- */

static void read_vector(const char *name, uint8_t raw[AL_PTABLE_SIZE])
{
    char path[512];
    snprintf(path, sizeof path, AIRLIFT_TEST_DATA "/vectors/partitions/%s.bin", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(raw, 1, AL_PTABLE_SIZE, f), AL_PTABLE_SIZE);
    fclose(f);
}

static void put_entry(uint8_t *raw, unsigned i, uint8_t type, uint8_t subtype, uint32_t off, uint32_t size,
                      const char *label)
{
    uint8_t *rec = raw + i * AL_PTABLE_RECORD_SIZE;
    memset(rec, 0, AL_PTABLE_RECORD_SIZE);
    al_put_le16(rec, 0x50AA);
    rec[2] = type;
    rec[3] = subtype;
    al_put_le32(rec + 4, off);
    al_put_le32(rec + 8, size);
    memcpy(rec + 12, label, strlen(label));
}

/* The MD5 of the first `n` records, as record `i`. */
static void put_md5(uint8_t *raw, unsigned i, unsigned n)
{
    uint8_t *rec = raw + i * AL_PTABLE_RECORD_SIZE;
    struct al_hash h;
    memset(rec, 0xFF, AL_PTABLE_RECORD_SIZE);
    al_put_le16(rec, 0xEBEB);
    assert_int_equal(al_md5_init(&h), AL_OK);
    assert_int_equal(al_hash_update(&h, raw, (size_t)n * AL_PTABLE_RECORD_SIZE), AL_OK);
    assert_int_equal(al_hash_final(&h, rec + 16), AL_OK);
}

/* A flash of zeros but for a table, which can be made to fail at the n-th read. */
struct fake_flash {
    uint8_t raw[AL_PTABLE_SIZE];
    int reads_left;
};

static int fake_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct fake_flash *f = ctx;
    if (f->reads_left-- == 0) {
        return AL_ERR_IO;
    }
    assert_true(off >= AL_PTABLE_OFFSET && off + len <= AL_PTABLE_OFFSET + AL_PTABLE_SIZE);
    memcpy(buf, f->raw + (off - AL_PTABLE_OFFSET), len);
    return AL_OK;
}

static const uint8_t *full_table(uint8_t raw[AL_PTABLE_SIZE], unsigned n)
{
    memset(raw, 0xFF, AL_PTABLE_SIZE);
    for (unsigned i = 0; i < n; i++) {
        put_entry(raw, i, AL_TYPE_DATA, 0x40, 0x9000 + i * 0x1000, 0x1000, "x");
    }
    return raw;
}

/* --- Parsing ---------------------------------------------------------------- */

static void test_ptable_parse_reads_every_field(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;
    memset(raw, 0xFF, sizeof raw);
    put_entry(raw, 0, 0x42, 0x17, 0x12345678, 0x9ABC, "sixteen letters!");
    al_put_le32(raw + 28, 0x80000003);
    put_md5(raw, 1, 1);
    assert_int_equal(al_ptable_parse(raw, UINT32_MAX, &t), AL_OK);
    assert_int_equal(t.n, 1);
    assert_true(t.has_md5);
    assert_int_equal(t.part[0].type, 0x42);
    assert_int_equal(t.part[0].subtype, 0x17);
    assert_int_equal(t.part[0].off, 0x12345678);
    assert_int_equal(t.part[0].size, 0x9ABC);
    assert_int_equal(t.part[0].flags, 0x80000003);
    assert_string_equal(t.part[0].label, "sixteen letters!");
}

static void test_ptable_parse_does_not_ask_for_md5(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;
    assert_int_equal(al_ptable_parse(full_table(raw, 3), FLASH_SIZE, &t), AL_OK);
    assert_int_equal(t.n, 3);
    assert_false(t.has_md5);
}

static void test_ptable_parse_refuses_wrong_or_second_md5(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t = {.n = 77};
    full_table(raw, 3);
    put_md5(raw, 3, 3);
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_OK);
    put_md5(raw, 4, 4);
    t.n = 77;
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);
    put_md5(raw, 3, 2);
    memset(raw + 4 * 32, 0xFF, 32);
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);
    assert_int_equal(t.n, 77); /* written on success only */
}

static void test_ptable_parse_checks_each_entry_against_the_chip(void **state)
{
    (void)state;
    static const struct {
        uint32_t off, size;
        int expected;
    } cases[] = {
        {0x3FF000, 0x1000, AL_OK},
        {0x3FF000, 0x1001, AL_ERR_TABLE},
        {FLASH_SIZE, 0, AL_OK},
        {FLASH_SIZE + 1, 0, AL_ERR_TABLE},
        {0x1000, 0xFFFFF000, AL_ERR_TABLE}, /* the sum wraps */
        {0, FLASH_SIZE, AL_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t raw[AL_PTABLE_SIZE];
        struct al_ptable t;
        full_table(raw, 2);
        put_entry(raw, 1, AL_TYPE_APP, AL_SUB_APP_OTA_0, cases[i].off, cases[i].size, "a");
        assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), cases[i].expected);
    }
}

static void test_ptable_parse_ends_at_the_marker_only(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;

    full_table(raw, 2);
    memset(raw + 2 * 32 + 4, 0x5A, 28); /* only magic, type and subtype matter */
    memset(raw + 3 * 32, 0x00, 32);     /* and nothing behind it */
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_OK);
    assert_int_equal(t.n, 2);

    raw[2 * 32 + 3] = 0xFE;
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);
    raw[2 * 32 + 3] = 0xFF;
    raw[2 * 32 + 2] = 0xFE;
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);

    memset(raw, 0xFF, sizeof raw); /* erased flash is no table */
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);
    memset(raw, 0x00, sizeof raw);
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);
}

static void test_ptable_parse_needs_a_marker_within_96_records(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;
    assert_int_equal(al_ptable_parse(full_table(raw, 95), FLASH_SIZE, &t), AL_OK);
    assert_int_equal(t.n, 95);
    assert_int_equal(al_ptable_parse(full_table(raw, 96), FLASH_SIZE, &t), AL_ERR_TABLE);
    full_table(raw, 95);
    put_md5(raw, 95, 95);
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_ERR_TABLE);
    full_table(raw, 94);
    put_md5(raw, 94, 94);
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_OK);
    assert_int_equal(t.n, 94);
}

/* As the bootloader does: the digest takes the place of the entry behind it. */
static void test_ptable_parse_misreads_entries_behind_md5(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;
    full_table(raw, 2);
    put_md5(raw, 2, 2);
    put_entry(raw, 3, AL_TYPE_APP, AL_SUB_APP_OTA_0, 0x10000, 0x10000, "ota_0");
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_OK);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.part[2].type, 0xFF);
    assert_int_equal(t.part[2].off, UINT32_MAX);
    assert_null(al_ptable_find(&t, AL_TYPE_APP, AL_SUB_APP_OTA_0));
}

/* --- From flash ------------------------------------------------------------- */

static void test_ptable_read_gives_what_parse_gives(void **state)
{
    (void)state;
    struct fake_flash f = {.reads_left = -1};
    struct al_flash flash = {.ctx = &f, .size = FLASH_SIZE, .read = fake_read};
    struct al_ptable a, b;
    read_vector("pre_two_ota", f.raw);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    assert_int_equal(al_ptable_parse(f.raw, FLASH_SIZE, &a), AL_OK);
    assert_int_equal(al_ptable_read(&flash, AL_PTABLE_OFFSET, &b), AL_OK);
    assert_memory_equal(&a, &b, sizeof a);
    flash.size = 0x200000;
    assert_int_equal(al_ptable_read(&flash, AL_PTABLE_OFFSET, &b), AL_ERR_TABLE);
}

static void test_ptable_read_passes_errors_up(void **state)
{
    (void)state;
    struct fake_flash f = {.reads_left = -1};
    struct al_flash flash = {.ctx = &f, .size = FLASH_SIZE, .read = fake_read};
    struct al_ptable t = {.n = 77};
    read_vector("pre_two_ota", f.raw);
    assert_int_equal(al_ptable_read(&flash, FLASH_SIZE - AL_PTABLE_SIZE + 1, &t), AL_ERR_SIZE);
    assert_int_equal(al_ptable_read(&flash, UINT32_MAX, &t), AL_ERR_SIZE);
    int err = AL_ERR_IO, n = 0;
    for (; err != AL_OK; n++) {
        f.reads_left = n;
        err = al_ptable_read(&flash, AL_PTABLE_OFFSET, &t);
        assert_true(err == AL_OK || err == AL_ERR_IO);
    }
    assert_int_equal(n - 1, 8 + 6); /* 8 records to verify, 6 entries to take */
    assert_int_equal(t.n, 6);
}

/* --- Building ---------------------------------------------------------------- */

static void test_ptable_build_gives_back_the_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"pre_two_ota", "pre_two_ota_nomd5", "flags", "ota_all",
                                        "pre_singleapp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t raw[AL_PTABLE_SIZE], again[AL_PTABLE_SIZE];
        struct al_ptable t;
        read_vector(names[i], raw);
        assert_int_equal(al_ptable_parse(raw, UINT32_MAX, &t), AL_OK);
        assert_int_equal(al_ptable_build(&t, t.has_md5, again), AL_OK);
        assert_memory_equal(raw, again, sizeof raw);
    }
}

static void test_ptable_build_refuses_what_has_no_room_for_the_marker(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;
    assert_int_equal(al_ptable_parse(full_table(raw, 95), FLASH_SIZE, &t), AL_OK);
    assert_int_equal(al_ptable_build(&t, false, raw), AL_OK);
    assert_int_equal(al_ptable_build(&t, true, raw), AL_ERR_SIZE);
    t.n = 94;
    assert_int_equal(al_ptable_build(&t, true, raw), AL_OK);
    assert_int_equal(al_ptable_parse(raw, FLASH_SIZE, &t), AL_OK);
}

/* --- Finding ------------------------------------------------------------------ */

static void test_ptable_find_takes_the_first(void **state)
{
    (void)state;
    struct al_ptable t;
    assert_int_equal(al_ptable_predefined("two_ota_tee", &t), AL_OK);
    const struct al_part *nvs = al_ptable_find(&t, AL_TYPE_DATA, AL_SUB_DATA_NVS);
    assert_ptr_equal(nvs, al_ptable_find_label(&t, "secure_storage"));
    assert_null(al_ptable_find(&t, AL_TYPE_DATA, 0x81));
    assert_null(al_ptable_find_label(&t, "ota_"));
    assert_null(al_ptable_find_label(&t, "ota_00"));
    t.n--;
    assert_null(al_ptable_find_label(&t, "phy_init")); /* no longer in use */
    assert_null(al_ptable_find(&t, AL_TYPE_DATA, AL_SUB_DATA_PHY));
    assert_null(al_ptable_find_label(&t, "a label longer than sixteen bytes"));
}

static void test_ptable_count_slots_stops_at_a_gap(void **state)
{
    (void)state;
    uint8_t raw[AL_PTABLE_SIZE];
    struct al_ptable t;
    read_vector("ota_all", raw);
    assert_int_equal(al_ptable_parse(raw, UINT32_MAX, &t), AL_OK);
    assert_int_equal(al_ptable_count_slots(&t), 16);
    t.part[0] = t.part[1]; /* was otadata; the test app's subtype is that of an ota_16 */
    t.part[0].subtype = AL_SUB_APP_TEST;
    assert_int_equal(al_ptable_count_slots(&t), 16);
    t.part[4].subtype = AL_SUB_APP_TEST; /* was ota_3 */
    assert_int_equal(al_ptable_count_slots(&t), 3);
    assert_int_equal(al_ptable_predefined("singleapp", &t), AL_OK);
    assert_int_equal(al_ptable_count_slots(&t), 0);
}

/* --- Predefined --------------------------------------------------------------- */

static void test_ptable_predefined_are_espressifs(void **state)
{
    (void)state;
    unsigned n = 0;
    const char *name;
    for (; (name = al_ptable_predefined_name(n)) != NULL; n++) {
        struct al_ptable t;
        uint8_t raw[AL_PTABLE_SIZE], expected[AL_PTABLE_SIZE];
        char vector[64];
        assert_int_equal(al_ptable_predefined(name, &t), AL_OK);
        assert_int_equal(al_ptable_build(&t, true, raw), AL_OK);
        if (strncmp(name, "arduino_", 8) == 0) {
            continue;
        }
        snprintf(vector, sizeof vector, "pre_%s", name);
        read_vector(vector, expected);
        assert_memory_equal(raw, expected, sizeof raw);
    }
    assert_int_equal(n, 14);
    struct al_ptable t;
    assert_int_equal(al_ptable_predefined("two_ot", &t), AL_ERR_NOT_FOUND);
    assert_int_equal(al_ptable_predefined("", &t), AL_ERR_NOT_FOUND);
}

static void test_ptable_predefined_arduino_lies_where_arduino_puts_it(void **state)
{
    (void)state;
    struct al_ptable t;
    assert_int_equal(al_ptable_predefined("arduino_default", &t), AL_OK);
    assert_int_equal(al_ptable_find_label(&t, "otadata")->off, 0xE000);
    assert_int_equal(al_ptable_find_label(&t, "app1")->off, 0x150000);
    assert_int_equal(al_ptable_find_label(&t, "spiffs")->off, 0x290000);
    assert_int_equal(al_ptable_find_label(&t, "coredump")->off, 0x3F0000);
    assert_int_equal(al_ptable_count_slots(&t), 2);
    assert_int_equal(al_ptable_predefined("arduino_min_spiffs", &t), AL_OK);
    assert_int_equal(al_ptable_count_slots(&t), 2);
    assert_int_equal(al_ptable_find_label(&t, "app1")->off, 0x1F0000);
    assert_int_equal(al_ptable_find_label(&t, "spiffs")->off, 0x3D0000);
    assert_int_equal(al_ptable_find_label(&t, "spiffs")->size, 0x20000);
    assert_int_equal(al_ptable_find_label(&t, "coredump")->off, 0x3F0000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ptable_parse_reads_every_field),
        cmocka_unit_test(test_ptable_parse_does_not_ask_for_md5),
        cmocka_unit_test(test_ptable_parse_refuses_wrong_or_second_md5),
        cmocka_unit_test(test_ptable_parse_checks_each_entry_against_the_chip),
        cmocka_unit_test(test_ptable_parse_ends_at_the_marker_only),
        cmocka_unit_test(test_ptable_parse_needs_a_marker_within_96_records),
        cmocka_unit_test(test_ptable_parse_misreads_entries_behind_md5),
        cmocka_unit_test(test_ptable_read_gives_what_parse_gives),
        cmocka_unit_test(test_ptable_read_passes_errors_up),
        cmocka_unit_test(test_ptable_build_gives_back_the_bytes),
        cmocka_unit_test(test_ptable_build_refuses_what_has_no_room_for_the_marker),
        cmocka_unit_test(test_ptable_find_takes_the_first),
        cmocka_unit_test(test_ptable_count_slots_stops_at_a_gap),
        cmocka_unit_test(test_ptable_predefined_are_espressifs),
        cmocka_unit_test(test_ptable_predefined_arduino_lies_where_arduino_puts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
