/*
 * What ArduinoOTA's datagrams and proofs are, and what the light shows. Vectors from an independent implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arduino_proto.h"
#include "led.h"
#include "words.h"

#define MD5_TEXT "9dd4e461268c8034f5c8564e155c67a6"

static bool parse(const char *text, struct push_invitation *out)
{
    return push_parse_invitation(text, strlen(text), out);
}

static void test_invitation_is_four_words_and_nothing_else(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "0",
        "0 1000 100\n",
        "1 1000 100 " MD5_TEXT "\n",
        "200 1000 100 " MD5_TEXT "\n",
        "-0 1000 100 " MD5_TEXT "\n",
        "0 0 100 " MD5_TEXT "\n",
        "0 65536 100 " MD5_TEXT "\n",
        "0 1000 0 " MD5_TEXT "\n",
        "0 1000 10000000000 " MD5_TEXT "\n",
        "0 1000 100 " MD5_TEXT "0\n",
        "0 1000 100 x" MD5_TEXT "\n",
        "0 1000 100 " MD5_TEXT " 1\n",
        "0x0 1000 100 " MD5_TEXT "\n",
    };
    struct push_invitation got;

    (void)state;
    assert_true(parse("0 40000 1503936 " MD5_TEXT "\n", &got));
    assert_true(!got.filesystem && got.port == 40000 && got.size == 1503936 && got.md5[0] == 0x9d &&
                got.md5[15] == 0xa6);
    assert_true(parse("100 1 1 " MD5_TEXT "\n", &got));
    assert_true(got.filesystem && got.port == 1 && got.size == 1);
    assert_true(parse("0 65535 999999999 " MD5_TEXT, &got)); /* the end of line may be missing */
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(parse(bad[i], &got));
    }
    assert_false(
        push_parse_invitation("0 1000 100 " MD5_TEXT "\0", sizeof("0 1000 100 " MD5_TEXT "\0"), &got));
}

static void test_proof_has_the_lengths_of_its_scheme(void **state)
{
    static const char legacy[] = "200 3f379fc6d7eddf0357cc65505b1e8236 3251fd697d8d9d0dfc0b4fbd8ba02739\n";
    struct push_proof got;

    (void)state;
    assert_true(push_parse_proof(legacy, sizeof(legacy) - 1, PUSH_SCHEME_MD5, &got));
    assert_string_equal(got.cnonce, "3f379fc6d7eddf0357cc65505b1e8236");
    assert_string_equal(got.response, "3251fd697d8d9d0dfc0b4fbd8ba02739");
    assert_false(push_parse_proof(legacy, sizeof(legacy) - 1, PUSH_SCHEME_SHA256, &got));
    assert_false(push_parse_proof("201 a b\n", 8, PUSH_SCHEME_MD5, &got));
    assert_false(push_parse_proof("200 a\n", 6, PUSH_SCHEME_MD5, &got));
}

static void test_response_of_the_legacy_scheme(void **state)
{
    char p[PUSH_HEX256_SIZE], cnonce[PUSH_HEX256_SIZE], response[PUSH_HEX256_SIZE];

    (void)state;
    assert_true(push_md5_hex("fw.bin1000" MD5_TEXT "192.168.4.1", cnonce));
    assert_string_equal(cnonce, "3f379fc6d7eddf0357cc65505b1e8236");
    assert_true(push_password_hash(PUSH_SCHEME_MD5, "a-real-password", p));
    assert_string_equal(p, "34f3019046f1d1793091b080627a8dbb");
    assert_true(
        push_expected_response(PUSH_SCHEME_MD5, p, "e10adc3949ba59abbe56e057f20f883e", cnonce, response));
    assert_string_equal(response, "3251fd697d8d9d0dfc0b4fbd8ba02739");
}

static void test_response_of_the_current_scheme(void **state)
{
    char p[PUSH_HEX256_SIZE], nonce[PUSH_HEX256_SIZE], cnonce[PUSH_HEX256_SIZE], response[PUSH_HEX256_SIZE];
    uint8_t bytes[32];

    (void)state;
    memset(bytes, 0xab, sizeof(bytes));
    push_hex(bytes, sizeof(bytes), nonce);
    memset(bytes, 0xcd, sizeof(bytes));
    push_hex(bytes, sizeof(bytes), cnonce);
    assert_true(push_password_hash(PUSH_SCHEME_SHA256, "a-real-password", p));
    assert_string_equal(p, "980061b57e53c2de71a544b88d868652220a5f638b654459743bc497df202f9e");
    assert_true(push_expected_response(PUSH_SCHEME_SHA256, p, nonce, cnonce, response));
    assert_string_equal(response, "4d63ba8b1efa8949a0c5caefe7e8bc77db582e5531bdf2667c663394b4551b93");
}

static void test_light_flashes_once_for_each_thing_that_is_so(void **state)
{
    (void)state;
    assert_int_equal(push_led_flashes(false, false), 1);
    assert_int_equal(push_led_flashes(true, false), 2);
    assert_int_equal(push_led_flashes(false, true), 3);
    assert_int_equal(push_led_flashes(true, true), 4);
    assert_int_equal(push_led_cycle_ms(4), 4 * 400 + 1000);
    for (unsigned flashes = 1; flashes <= 4; flashes++) {
        unsigned rises = 0;

        for (uint32_t ms = 1; ms < push_led_cycle_ms(flashes); ms++) {
            rises += push_led_is_lit(flashes, ms) && !push_led_is_lit(flashes, ms - 1);
        }
        assert_int_equal(rises + 1, flashes); /* it begins lit */
        assert_true(push_led_is_lit(flashes, 199) && !push_led_is_lit(flashes, 200));
        assert_false(push_led_is_lit(flashes, flashes * 400));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invitation_is_four_words_and_nothing_else),
        cmocka_unit_test(test_proof_has_the_lengths_of_its_scheme),
        cmocka_unit_test(test_response_of_the_legacy_scheme),
        cmocka_unit_test(test_response_of_the_current_scheme),
        cmocka_unit_test(test_light_flashes_once_for_each_thing_that_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
