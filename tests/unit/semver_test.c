#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "airlift/semver.h"

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

/* From oldest to newest: each is older than all that follow. */
static const char *const ordered[] = {
    "0.0.0-0",
    "0.0.0",
    "0.9.99",
    "0.15.0-b1",
    "0.15.0",
    "1.0.0-0.3.7",
    "1.0.0-1",
    "1.0.0-2",
    "1.0.0-11",
    "1.0.0-99999999999999999999",
    "1.0.0-100000000000000000000",
    "1.0.0--",
    "1.0.0-1a",
    "1.0.0-A",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.1.0",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.1.0-x",
    "1.1.0",
    "1.9.0",
    "1.10.0",
    "1.100.0",
    "2.0.0",
    "18446744073709551615.0.0",
    "18446744073709551616.0.0",
    "99999999999999999999999999999999.0.0",
    "100000000000000000000000000000000.0.0",
};

#define N_ORDERED (sizeof ordered / sizeof ordered[0])

static void test_semver_orders_by_section_11(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ORDERED; i++) {
        for (size_t k = 0; k < N_ORDERED; k++) {
            int expected = (i > k) - (i < k);
            if (sign(al_semver_compare(ordered[i], ordered[k])) != expected) {
                fail_msg("%s against %s: expected %d", ordered[i], ordered[k], expected);
            }
        }
    }
}

static void test_semver_ignores_build_metadata(void **state)
{
    (void)state;
    assert_int_equal(al_semver_compare("1.2.3+a", "1.2.3+b"), 0);
    assert_int_equal(al_semver_compare("1.2.3-rc+001", "1.2.3-rc"), 0);
    assert_true(al_semver_compare("1.2.3-rc+z", "1.2.3+a") < 0);
}

static void test_semver_accepts_versions_of_the_field(void **state)
{
    (void)state;
    assert_int_equal(al_semver_compare("v1.4", "1.4.0"), 0);
    assert_int_equal(al_semver_compare("2", "2.0.0"), 0);
    assert_int_equal(al_semver_compare("1.4-rc1", "1.4.0-rc1"), 0);
    assert_int_equal(al_semver_compare("1.4+x", "v1.4.0"), 0);
    assert_true(al_semver_compare("v3.9.8", "v3.9.9") < 0);
    assert_true(al_semver_compare("v1.0-3-gabcdef1", "v1.0") < 0);
}

static void test_semver_knows_what_is_no_version(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "v",          "vv1.0",    "V1.0",           "1.",
        "1.2.",     "1.2.3.4",    ".1.2",     "1..2",           "01.2.3",
        "1.02.3",   "1.2.03",     "1.2.3-",   "1.2.3+",         "1.2.3-.",
        "1.2.3-a.", "1.2.3-a..b", "1.2.3-01", "1.2.3-a.01",     "1.2.3+",
        "1.2.3+a.", "1.2.3+a+b",  "1.2.3 ",   " 1.2.3",         "1.2.3-a_b",
        "1.2.x",    "-1.2.3",     "latest",   "1.2.3-\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (al_semver_valid(bad[i])) {
            fail_msg("\"%s\" was taken for a version", bad[i]);
        }
        assert_true(al_semver_compare(bad[i], "0.0.0-0") < 0);
        assert_true(al_semver_compare("0.0.0-0", bad[i]) > 0);
        assert_int_equal(al_semver_compare(bad[i], bad[0]), 0);
    }
    assert_true(al_semver_valid("1.2.3-0a"));
    assert_true(al_semver_valid("1.2.3-a-b.--.0+0.00.a-"));
    assert_true(al_semver_valid("1.0.0+001"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_semver_orders_by_section_11),
        cmocka_unit_test(test_semver_ignores_build_metadata),
        cmocka_unit_test(test_semver_accepts_versions_of_the_field),
        cmocka_unit_test(test_semver_knows_what_is_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
