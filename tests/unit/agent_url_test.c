#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "airlift.h"
#include "url.h"

static void test_url_takes_https_and_refuses_http_unless_allowed(void **state)
{
    (void)state;
    assert_true(agent_url_allowed("https://host/version.json", false));
    assert_true(agent_url_allowed("HTTPS://host:8443", false));
    assert_false(agent_url_allowed("http://host/version.json", false));
    assert_true(agent_url_allowed("http://host/version.json", true));
}

static void test_url_refuses_what_is_no_url(void **state)
{
    static const char *const bad[] = {"",
                                      "https://",
                                      "https:///x",
                                      "ftp://host/x",
                                      "host/x",
                                      "https://?x",
                                      "https://host/a b",
                                      "https://host/\r\nX: y",
                                      "https://h/\x7f",
                                      "file:///etc"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(agent_url_allowed(bad[i], true));
    }
}

static void test_url_may_be_4096_bytes_and_no_more(void **state)
{
    char url[AIRLIFT_MAX_URL + 2];

    (void)state;
    memset(url, 'a', sizeof(url));
    memcpy(url, "https://host/", 13);
    url[AIRLIFT_MAX_URL] = '\0';
    assert_true(agent_url_allowed(url, false));
    url[AIRLIFT_MAX_URL] = 'a';
    url[AIRLIFT_MAX_URL + 1] = '\0';
    assert_false(agent_url_allowed(url, false));
}

static void test_url_origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    assert_true(agent_url_same_origin("https://host/a", "https://HOST/b?c"));
    assert_true(agent_url_same_origin("https://host:1/a", "https://host:1"));
    assert_false(agent_url_same_origin("https://host/a", "https://host:8443/a"));
    assert_false(agent_url_same_origin("https://host/a", "http://host/a"));
    assert_false(agent_url_same_origin("https://host/a", "https://host.example/a"));
}

static void check_resolve(const char *base, const char *ref, const char *expected)
{
    char out[64];

    if (expected == NULL) {
        assert_false(agent_url_resolve(base, ref, out, sizeof(out)));
    } else {
        assert_true(agent_url_resolve(base, ref, out, sizeof(out)));
        assert_string_equal(out, expected);
    }
}

static void test_url_resolves_against_the_manifest(void **state)
{
    static const char base[] = "https://host:1/fw/version.json?key=a/b";

    (void)state;
    check_resolve(base, "https://other/x.bin", "https://other/x.bin");
    check_resolve(base, "x.bin", "https://host:1/fw/x.bin");
    check_resolve(base, "v/x.bin?sig=http://y", "https://host:1/fw/v/x.bin?sig=http://y");
    check_resolve(base, "/x.bin", "https://host:1/x.bin");
    check_resolve("https://host", "x.bin", "https://host/x.bin");
    check_resolve("https://host", "/x.bin", "https://host/x.bin");
    check_resolve(base, "//other/x.bin", NULL);
    check_resolve(base, "../x.bin", NULL);
    check_resolve(base, "?x", NULL);
    check_resolve(base, "", NULL);
}

static void test_url_that_does_not_fit_is_not_cut(void **state)
{
    char out[24];

    (void)state;
    assert_true(agent_url_resolve("https://host/a", "12345678.x", out, sizeof(out))); /* 23 and NUL */
    assert_false(agent_url_resolve("https://host/a", "12345678.xy", out, sizeof(out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_takes_https_and_refuses_http_unless_allowed),
        cmocka_unit_test(test_url_refuses_what_is_no_url),
        cmocka_unit_test(test_url_may_be_4096_bytes_and_no_more),
        cmocka_unit_test(test_url_origin_is_scheme_host_and_port),
        cmocka_unit_test(test_url_resolves_against_the_manifest),
        cmocka_unit_test(test_url_that_does_not_fit_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
