#include "ram_flash.h"

#include <stdio.h>

#include "airlift/bytes.h"
#include "test_image.h"

static uint8_t image[96 * 1024];
static struct ram_flash ram;

static const struct al_image_rules any = {0};

/* Verdict on `len` bytes fed in pieces of `step`. */
static int feed(const uint8_t *data, uint32_t len, uint32_t step, struct al_image_check *c)
{
    int err = al_image_check_begin(c, &any);

    for (uint32_t at = 0; err == 0 && at < len; at += step) {
        err = al_image_check_feed(c, data + at, len - at < step ? len - at : step);
    }
    if (err != 0) {
        al_image_check_abort(c);
        return err;
    }
    return al_image_check_end(c, NULL);
}

/* The worked image of docs/formats.md: 352 bytes, as esptool makes it. */
static void test_image_build_makes_the_worked_image(void **state)
{
    struct al_image_new what = {.header = {.n_segments = 2,
                                           .spi_mode = 2,
                                           .spi_size = 2,
                                           .entry = 0x40080400,
                                           .max_rev = 399,
                                           .hash_appended = true},
                                .desc = {.version = "1.4.3",
                                         .project = "airlift-demo",
                                         .time = "12:34:56",
                                         .date = "Jan  1 2026",
                                         .idf_ver = "v6.0",
                                         .max_blk_rev = 199,
                                         .mmu_page_log2 = 16}};
    static const uint8_t want[32] = {0x77, 0x64, 0xfb, 0xaf, 0xf2, 0xd9, 0x34, 0x7e, 0x18, 0xac, 0x5d,
                                     0xc3, 0xfa, 0x01, 0xa4, 0xf8, 0x4d, 0xbd, 0x8c, 0x5a, 0x58, 0x7f,
                                     0xb1, 0x81, 0xc4, 0x1f, 0x4f, 0xd3, 0x57, 0x83, 0xf6, 0x4e};
    struct al_image_check c;
    struct al_hash hash;
    uint8_t sum;

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        what.desc.elf_sha256[i] = (uint8_t)i;
    }
    al_image_build_prefix(&what, 0x3F400020, AL_IMAGE_DESC_SIZE, image);
    al_put_le32(image + 0x120, 0x40080000);
    al_put_le32(image + 0x124, 16);
    for (unsigned i = 0; i < 16; i++) {
        image[0x128 + i] = (uint8_t)i;
    }
    sum = al_image_checksum(al_image_checksum(0xEF, image + 0x20, 256), image + 0x128, 16);
    assert_int_equal(sum, 0x46);
    assert_int_equal(al_sha256_init(&hash), 0);
    assert_int_equal(al_hash_update(&hash, image, 0x138), 0);
    assert_int_equal(al_image_build_tail(&hash, 0x138, sum, image + 0x138), 8 + 32);
    assert_memory_equal(image + 0x140, want, sizeof(want));
    assert_int_equal(feed(image, 0x160, 0x160, &c), 0);
    assert_int_equal(c.info.len, 352);
    assert_string_equal(c.info.desc.version, "1.4.3");
    assert_string_equal(c.info.desc.project, "airlift-demo");
    assert_int_equal(c.info.segment[1].load_addr, 0x40080000);
}

static void test_image_stream_verdict_does_not_depend_on_pieces(void **state)
{
    uint32_t len = test_image(image, "1.0.0", 0, 1024);
    struct al_image_check c;

    (void)state;
    for (uint32_t step = 1; step <= len; step++) {
        assert_int_equal(feed(image, len, step, &c), 0);
        assert_int_equal(c.info.len, len);
    }
    image[700] ^= 1;
    for (uint32_t step = 1; step <= len; step++) {
        assert_int_equal(feed(image, len, step, &c), AL_ERR_IMAGE);
        assert_int_equal(c.fault, AL_IMAGE_BAD_CHECKSUM);
    }
}

static void test_image_every_truncation_is_refused(void **state)
{
    uint32_t len = test_image(image, "1.0.0", 0, 1024);
    struct al_image_check c;

    (void)state;
    for (uint32_t n = 0; n < len; n++) {
        assert_int_equal(feed(image, n, 97, &c), AL_ERR_IMAGE);
    }
}

/*
 * One bit is beyond the format's own means: with "hash appended" cleared, nothing
 * covers the header any more. Signatures close that.
 */
static void test_image_every_bit_flip_is_refused(void **state)
{
    uint32_t len = test_image(image, "1.0.0", 0, 512);
    struct al_image_check c;

    (void)state;
    for (uint32_t bit = 0; bit < len * 8; bit++) {
        image[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if ((feed(image, len, 4096, &c) == 0) != (bit == 23 * 8)) {
            fail_msg("bit %u of byte 0x%x", bit % 8, bit / 8);
        }
        image[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_image_bytes_behind_the_end_are_ignored(void **state)
{
    uint32_t len = test_image(image, "1.0.0", 0, 512);
    struct al_image_check c;

    (void)state;
    memset(image + len, 0xA5, 5000);
    assert_int_equal(feed(image, len + 5000, 333, &c), 0);
    assert_true(al_image_check_done(&c));
    assert_int_equal(c.info.len, len);
}

static void test_image_rules_name_the_fault(void **state)
{
    struct al_image_rules rules = {.chip = al_chip_by_name("esp32s3")};
    uint32_t len = test_image(image, "1.0.0", 0, 512);
    struct al_image_check c;

    (void)state;
    assert_int_equal(al_image_check_begin(&c, &rules), 0);
    assert_int_equal(al_image_check_feed(&c, image, len), AL_ERR_CHIP);
    assert_int_equal(c.fault, AL_IMAGE_WRONG_CHIP);
    /* And it stays refused, whatever comes. */
    assert_int_equal(al_image_check_feed(&c, image, len), AL_ERR_CHIP);
    assert_int_equal(al_image_check_end(&c, NULL), AL_ERR_CHIP);

    rules = (struct al_image_rules){.part_size = len - 1};
    assert_int_equal(al_image_check_begin(&c, &rules), 0);
    assert_int_equal(al_image_check_feed(&c, image, len), AL_ERR_IMAGE);
    assert_int_equal(c.fault, AL_IMAGE_TOO_LONG);

    rules = (struct al_image_rules){.part_size = AL_IMAGE_MAX_LEN + 1};
    assert_int_equal(al_image_check_begin(&c, &rules), AL_ERR_IMAGE);
    assert_int_equal(c.fault, AL_IMAGE_PART_TOO_LARGE);

    rules = (struct al_image_rules){.chip = al_chip_by_name("esp32c3"), .flash_off = 0x1000};
    assert_int_equal(al_image_check_begin(&c, &rules), 0);
    assert_int_equal(al_image_check_feed(&c, image, len), AL_ERR_IMAGE);
    assert_int_equal(c.fault, AL_IMAGE_SEGMENT_MAP);
}

static void test_image_verify_reads_each_byte_once(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    uint32_t len = test_image(image, "1.0.0", 0, 20000);
    struct al_image_rules rules = {.flash_off = 0x10000, .part_size = 0x10000};
    static uint8_t buf[AL_SECTOR_SIZE];
    struct al_image_check c;

    (void)state;
    memcpy(ram.bytes + 0x10000, image, len);
    ram.fail_read_at = 1000; /* only to count */
    assert_int_equal(al_image_verify(&flash, &rules, &c, buf, sizeof(buf)), 0);
    assert_int_equal(ram.n_reads, (len + sizeof(buf) - 1) / sizeof(buf));
}

static void test_image_verify_passes_on_read_errors(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    uint32_t len = test_image(image, "1.0.0", 0, 20000);
    struct al_image_rules rules = {.flash_off = 0x10000};
    static uint8_t buf[AL_SECTOR_SIZE];
    struct al_image_check c;

    (void)state;
    memcpy(ram.bytes + 0x10000, image, len);
    for (unsigned n = 1; n <= 5; n++) {
        ram.n_reads = 0;
        ram.fail_read_at = n;
        assert_int_equal(al_image_verify(&flash, &rules, &c, buf, sizeof(buf)), AL_ERR_IO);
    }
}

static void test_image_that_runs_off_the_chip_is_refused(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    uint32_t len = test_image(image, "1.0.0", 0, 70000);
    struct al_image_rules rules = {.flash_off = RAM_FLASH_SIZE - 0x10000};
    static uint8_t buf[AL_SECTOR_SIZE];
    struct al_image_check c;

    (void)state;
    memcpy(ram.bytes + rules.flash_off, image, RAM_FLASH_SIZE - rules.flash_off);
    assert_true(len > RAM_FLASH_SIZE - rules.flash_off);
    assert_int_equal(al_image_verify(&flash, &rules, &c, buf, sizeof(buf)), AL_ERR_IMAGE);
    assert_int_equal(c.fault, AL_IMAGE_TRUNCATED);
    rules.flash_off = 0xFFFF0000u;
    assert_int_equal(al_image_verify(&flash, &rules, &c, buf, sizeof(buf)), AL_ERR_IMAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_build_makes_the_worked_image),
        cmocka_unit_test(test_image_stream_verdict_does_not_depend_on_pieces),
        cmocka_unit_test(test_image_every_truncation_is_refused),
        cmocka_unit_test(test_image_every_bit_flip_is_refused),
        cmocka_unit_test(test_image_bytes_behind_the_end_are_ignored),
        cmocka_unit_test(test_image_rules_name_the_fault),
        cmocka_unit_test(test_image_verify_reads_each_byte_once),
        cmocka_unit_test(test_image_verify_passes_on_read_errors),
        cmocka_unit_test(test_image_that_runs_off_the_chip_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
