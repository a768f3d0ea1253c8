/*
 * host_hex_test.c - bytes as hexadecimal text, and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/hex.h"

static void test_host_hex_prints_every_byte(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256] = {0};
    char text[513];
    for (unsigned i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    host_hex_print(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 506, "fdfeff");
    assert_true(host_hex_parse(text, back, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
    host_hex_print(bytes, 0, text);
    assert_string_equal(text, "");
}

static void test_host_hex_takes_exactly_its_digits(void **state)
{
    (void)state;
    uint8_t out[2] = {7, 7};
    static const char *const bad[] = {"", "abc", "abcdef", "abcg", " abc", "0xab", "ab:c", "-1ff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(host_hex_parse(bad[i], out, sizeof out));
        assert_int_equal(out[0] | out[1], 7);
    }
    assert_true(host_hex_parse("aF09", out, sizeof out));
    assert_int_equal(out[0], 0xAF);
    assert_int_equal(out[1], 0x09);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_hex_prints_every_byte),
        cmocka_unit_test(test_host_hex_takes_exactly_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
