#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/chip.h"
#include "airlift/crc32.h"

static void test_crc32_keeps_both_conventions_apart(void **state)
{
    (void)state;
    assert_int_equal(al_crc32_idf("123456789", 9), 0xD202D277);
    assert_int_equal(al_crc32_zlib(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(al_crc32_zlib(al_crc32_zlib(0, "1234", 4), "56789", 5), 0xCBF43926);
    assert_int_equal(al_crc32_zlib(0, "", 0), 0);
}

static void test_bytes_are_little_endian(void **state)
{
    uint8_t raw[4];

    (void)state;
    al_put_le32(raw, 0x12345678);
    assert_memory_equal(raw, "\x78\x56\x34\x12", 4);
    assert_int_equal(al_get_le32(raw), 0x12345678);
    assert_int_equal(al_get_le16(raw), 0x5678);
    assert_false(al_is_blank(raw, 4));
    assert_true(al_is_blank("\xff\xff\xff", 3));
}

static void test_chip_is_found_by_name_and_id(void **state)
{
    (void)state;
    assert_int_equal(al_chip_by_name("esp32c3")->id, 5);
    assert_string_equal(al_chip_by_id(9)->name, "esp32s3");
    assert_string_equal(al_chip_by_id(AL_CHIP_LINUX)->name, "linux");
    assert_null(al_chip_by_name("esp32c"));
    assert_null(al_chip_by_name("esp32c33"));
    assert_null(al_chip_by_id(0x1234));
    for (unsigned i = 0; al_chip_at(i) != NULL; i++) {
        assert_ptr_equal(al_chip_by_name(al_chip_at(i)->name), al_chip_at(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32_keeps_both_conventions_apart),
        cmocka_unit_test(test_bytes_are_little_endian),
        cmocka_unit_test(test_chip_is_found_by_name_and_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
