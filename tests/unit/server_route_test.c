/*
 * server_route_test.c - paths, and the words in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/route.h"

#define SHA     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 64 */

static void test_route_names_each_resource(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum srv_resource resource;
        const char *product, *version, *sha256, *file;
    } good[] = {
        {"/v1/health", SRV_RES_HEALTH, "", "", "", ""},
        {"/v1/products/demo/releases", SRV_RES_RELEASES, "demo", "", "", ""},
        {"/v1/products/" LONGEST "/releases", SRV_RES_RELEASES, LONGEST, "", "", ""},
        {"/v1/products/demo/check", SRV_RES_CHECK, "demo", "", "", ""},
        {"/v1/products/demo/releases/1.4.3-rc.1+b5", SRV_RES_RELEASE, "demo", "1.4.3-rc.1+b5", "", ""},
        {"/firmware/a.b_c-d/version.json", SRV_RES_MANIFEST, "a.b_c-d", "", "", ""},
        {"/firmware/demo/update", SRV_RES_HTTPUPDATE, "demo", "", "", ""},
        {"/firmware/demo/1.4.3.bin", SRV_RES_FIRMWARE, "demo", "1.4.3", "", ""},
        {"/firmware/demo/v1.bin", SRV_RES_FIRMWARE, "demo", "v1", "", ""},
        {"/v1/artifacts/" SHA, SRV_RES_ARTIFACT, "", "", SHA, ""},
        {"/v1/products", SRV_RES_PRODUCTS, "", "", "", ""},
        {"/", SRV_RES_PAGE, "", "", "", "index.html"},
        {"/web/main.js", SRV_RES_PAGE, "", "", "", "main.js"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct srv_path path;
        srv_path_parse(good[i].path, &path);
        assert_int_equal(path.resource, good[i].resource);
        assert_string_equal(path.product, good[i].product);
        assert_string_equal(path.version, good[i].version);
        assert_string_equal(path.sha256, good[i].sha256);
        assert_string_equal(path.file, good[i].file);
    }
}

static void test_route_knows_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "/web",
        "/web/",
        "/web/a/b",
        "/web/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/v1/products/x",
        "*",
        "v1/health",
        "/v1/health/",
        "/v1//health",
        "/v1/products/",
        "/v1/products/demo",
        "/v1/products/demo/check/",
        "/v1/products/demo/checks",
        "/v1/products/demo/releases/",
        "/v1/products/demo/releasesx",
        "/v1/products/demo/releases/nonsense",
        "/v1/products/demo/releases/1.0.0/x",
        "/v1/products/demo/releases/../../secret",
        "/firmware/demo",
        "/firmware/demo/",
        "/firmware/demo/.bin",
        "/firmware/demo/x.bin",
        "/firmware/demo/1.0.0.BIN",
        "/firmware/../version.json",
        "/firmware/demo/../../../etc/passwd",
        "/firmware/demo/version.json/",
        "/firmware/" LONGEST "a/version.json",
        "/v1/artifacts/",
        "/v1/artifacts/" SHA "0",
        "/v1/artifacts/" SHA "/",
        "/v1/artifacts/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "/v1/artifacts/../../../../../../../../../../../../../../../../etc/passwd",
        "https://host/v1/health",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct srv_path path;
        srv_path_parse(bad[i], &path);
        assert_int_equal(path.resource, SRV_RES_NONE);
    }
}

static void test_route_says_when_only_the_product_is_wrong(void **state)
{
    (void)state;
    static const char *const bad[] = {"/v1/products/Demo/releases", "/v1/products//releases",
                                      "/v1/products/.x/releases", "/v1/products/a b/releases/1.0.0",
                                      "/v1/products/" LONGEST "a/releases"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct srv_path path;
        srv_path_parse(bad[i], &path);
        assert_int_equal(path.resource, SRV_RES_BAD_PRODUCT);
    }
}

static void test_route_versions_are_orderable_and_safe(void **state)
{
    (void)state;
    assert_true(srv_version_valid("1.4.3"));
    assert_true(srv_version_valid("v1.4"));
    assert_true(srv_version_valid("1.0.0-alpha.1+exp.sha.5114f85"));
    assert_false(srv_version_valid(""));
    assert_false(srv_version_valid("esp-idf: v4.4.3 6407ecb3f8"));
    assert_false(srv_version_valid("b1c75d1-dirty"));
    assert_false(srv_version_valid("1.0.0/.."));
    assert_false(srv_version_valid("1.0.0-123456789012345678901234567")); /* 33 characters */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_names_each_resource),
        cmocka_unit_test(test_route_knows_nothing_else),
        cmocka_unit_test(test_route_says_when_only_the_product_is_wrong),
        cmocka_unit_test(test_route_versions_are_orderable_and_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
