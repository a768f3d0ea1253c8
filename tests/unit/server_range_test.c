/*
 * server_range_test.c - Range, If-Range and If-None-Match.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/range.h"

static void expect_part(const char *header, uint64_t off, uint64_t len)
{
    uint64_t got_off = 0, got_len = 0;
    assert_int_equal(srv_range_parse(header, 1000, &got_off, &got_len), SRV_RANGE_PART);
    assert_int_equal(got_off, off);
    assert_int_equal(got_len, len);
}

static void expect(const char *header, enum srv_range want)
{
    uint64_t off, len;
    assert_int_equal(srv_range_parse(header, 1000, &off, &len), want);
}

static void test_range_takes_single_ranges(void **state)
{
    (void)state;
    expect_part("bytes=0-0", 0, 1);
    expect_part("bytes=0-", 0, 1000);
    expect_part("bytes=999-", 999, 1);
    expect_part("bytes=10-19", 10, 10);
    expect_part("bytes=990-99999999999999999999999", 990, 10);
    expect_part("bytes=-1", 999, 1);
    expect_part("bytes=-1000", 0, 1000);
    expect_part("bytes=-18446744073709551616", 0, 1000);
    expect_part("Bytes= 5-6 ", 5, 2);
}

static void test_range_behind_the_end_is_bad(void **state)
{
    (void)state;
    expect("bytes=1000-", SRV_RANGE_BAD);
    expect("bytes=1000-2000", SRV_RANGE_BAD);
    expect("bytes=18446744073709551616-", SRV_RANGE_BAD);
    expect("bytes=-0", SRV_RANGE_BAD);
    uint64_t off, len;
    assert_int_equal(srv_range_parse("bytes=-5", 0, &off, &len), SRV_RANGE_BAD);
}

static void test_range_ignores_what_it_cannot_serve(void **state)
{
    (void)state;
    static const char *const ignored[] = {"",          "bytes",         "bytes=",    "bytes=-",
                                          "bytes=a-b", "bytes=5",       "bytes=5-2", "bytes=0-1,5-6",
                                          "items=0-1", "bytes=0-1junk", "bytes=+1-2"};
    expect(NULL, SRV_RANGE_ALL);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        expect(ignored[i], SRV_RANGE_ALL);
    }
}

static void test_etag_list_is_compared_weakly(void **state)
{
    (void)state;
    assert_true(srv_etag_listed("\"abc\"", "\"abc\""));
    assert_true(srv_etag_listed("W/\"abc\"", "\"abc\""));
    assert_true(srv_etag_listed("\"x\", \"abc\"", "\"abc\""));
    assert_true(srv_etag_listed("\"a,b\" ,W/\"abc\"", "\"abc\""));
    assert_true(srv_etag_listed("*", "\"abc\""));
    assert_false(srv_etag_listed("", "\"abc\""));
    assert_false(srv_etag_listed("abc", "\"abc\""));
    assert_false(srv_etag_listed("\"abcd\"", "\"abc\""));
    assert_false(srv_etag_listed("\"ab\"", "\"abc\""));
    assert_false(srv_etag_listed("\"abc", "\"abc\""));
    assert_false(srv_etag_listed("\"x\" \"abc\"", "\"abc\""));
}

static void test_if_range_needs_the_strong_etag(void **state)
{
    (void)state;
    assert_true(srv_if_range_holds("\"abc\"", "\"abc\""));
    assert_false(srv_if_range_holds("W/\"abc\"", "\"abc\""));
    assert_false(srv_if_range_holds("Sat, 21 Nov 2026 10:00:00 GMT", "\"abc\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_takes_single_ranges),
        cmocka_unit_test(test_range_behind_the_end_is_bad),
        cmocka_unit_test(test_range_ignores_what_it_cannot_serve),
        cmocka_unit_test(test_etag_list_is_compared_weakly),
        cmocka_unit_test(test_if_range_needs_the_strong_etag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
