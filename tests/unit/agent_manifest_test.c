#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest.h"

#define BASE "https://host/fw/version.json"
#define SHA  "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define MD5  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static struct agent_manifest m;
static char why[AGENT_TEXT_SIZE];

static airlift_fail_t parse(const char *text)
{
    return agent_manifest_parse(text, strlen(text), BASE, false, &m, why);
}

/* Refused for this reason, with words that contain `hint`. */
static void check_refused(const char *text, airlift_fail_t reason, const char *hint)
{
    why[0] = '\0';
    assert_int_equal(parse(text), reason);
    if (strstr(why, hint) == NULL) {
        fail_msg("\"%s\" does not contain \"%s\"", why, hint);
    }
}

static void test_manifest_takes_all_fields(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{\"version\":\"1.4.3\",\"url\":\"1.4.3.bin\",\"sha256\":\"" SHA "\",\"md5\":\"" MD5
              "\",\"size\":1503936,\"mandatory\":true,\"secure_version\":3,\"notes\":[1,{\"a\":null}]}"),
        AIRLIFT_FAIL_NONE);
    assert_string_equal(m.version, "1.4.3");
    assert_string_equal(m.url, "https://host/fw/1.4.3.bin");
    assert_true(m.has_sha256 && m.sha256[1] == 1 && m.sha256[31] == 0x1F);
    assert_true(m.has_md5 && m.md5[0] == 0xF0 && m.md5[15] == 0xFF);
    assert_int_equal(m.size, 1503936);
    assert_true(m.has_secure_version && m.secure_version == 3);
    assert_true(m.mandatory);
}

static void test_manifest_needs_only_version_and_url(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"https://x/y\",\"md5\":\"\",\"sha256\":null}"),
                     AIRLIFT_FAIL_NONE);
    assert_false(m.has_sha256 || m.has_md5 || m.mandatory || m.has_secure_version);
    assert_int_equal(m.size, 0);
}

static void test_manifest_with_empty_version_or_url_offers_nothing(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"version\":\"\",\"url\":\"https://x/y\"}"), AIRLIFT_FAIL_NONE);
    assert_string_equal(m.version, "");
    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"\"}"), AIRLIFT_FAIL_NONE);
    assert_string_equal(m.version, "");
}

static void test_manifest_that_is_no_json_object_is_refused(void **state)
{
    (void)state;
    check_refused("", AIRLIFT_FAIL_MANIFEST, "not JSON");
    check_refused("<html>404</html>", AIRLIFT_FAIL_MANIFEST, "not JSON");
    check_refused("{\"version\":\"1.4.3\",", AIRLIFT_FAIL_MANIFEST, "not JSON");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\"} and more", AIRLIFT_FAIL_MANIFEST, "not JSON");
    check_refused("[\"1.4.3\"]", AIRLIFT_FAIL_MANIFEST, "no object");
    check_refused("\"1.4.3\"", AIRLIFT_FAIL_MANIFEST, "no object");
}

static void test_manifest_lacking_fields_is_refused(void **state)
{
    (void)state;
    check_refused("{}", AIRLIFT_FAIL_MANIFEST, "version");
    check_refused("{\"url\":\"https://x/y\"}", AIRLIFT_FAIL_MANIFEST, "version");
    check_refused("{\"version\":\"1.4.3\"}", AIRLIFT_FAIL_MANIFEST, "url");
}

static void test_manifest_with_fields_of_wrong_type_is_refused(void **state)
{
    (void)state;
    check_refused("{\"version\":143,\"url\":\"u\"}", AIRLIFT_FAIL_MANIFEST, "version");
    check_refused("{\"version\":\"1.4.3\",\"url\":{}}", AIRLIFT_FAIL_MANIFEST, "url");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":\"12\"}", AIRLIFT_FAIL_MANIFEST, "size");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":-1}", AIRLIFT_FAIL_MANIFEST, "size");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":0}", AIRLIFT_FAIL_MANIFEST, "size");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":1.5}", AIRLIFT_FAIL_MANIFEST, "size");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":1e99}", AIRLIFT_FAIL_MANIFEST, "size");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"sha256\":5}", AIRLIFT_FAIL_MANIFEST, "sha256");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"sha256\":\"00\"}", AIRLIFT_FAIL_MANIFEST, "64 hex");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"md5\":\"" MD5 "00\"}", AIRLIFT_FAIL_MANIFEST,
                  "32 hex");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"md5\":\"g0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\"}",
                  AIRLIFT_FAIL_MANIFEST, "md5");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"u\",\"mandatory\":\"yes\"}", AIRLIFT_FAIL_MANIFEST,
                  "mandatory");
}

static void test_manifest_version_must_be_semantic_and_fit(void **state)
{
    (void)state;
    check_refused("{\"version\":\"latest\",\"url\":\"u\"}", AIRLIFT_FAIL_VERSION, "latest");
    check_refused("{\"version\":\"1.4.3-0123456789012345678901234567890\",\"url\":\"u\"}",
                  AIRLIFT_FAIL_VERSION, "longer");
}

static void test_manifest_url_must_be_allowed(void **state)
{
    char *text = malloc(AIRLIFT_MAX_URL + 100);
    char *url = malloc(AIRLIFT_MAX_URL + 2);

    (void)state;
    assert_non_null(text);
    assert_non_null(url);
    check_refused("{\"version\":\"1.4.3\",\"url\":\"http://x/y\"}", AIRLIFT_FAIL_URL, "plain HTTP");
    check_refused("{\"version\":\"1.4.3\",\"url\":\"ftp://x/y\"}", AIRLIFT_FAIL_URL, "not an HTTPS");

    memset(url, 'a', AIRLIFT_MAX_URL + 1);
    memcpy(url, "https://x/", 10);
    url[AIRLIFT_MAX_URL] = '\0';
    sprintf(text, "{\"version\":\"1.4.3\",\"url\":\"%s\"}", url);
    assert_int_equal(parse(text), AIRLIFT_FAIL_NONE);
    assert_string_equal(m.url, url);
    url[AIRLIFT_MAX_URL] = 'a';
    url[AIRLIFT_MAX_URL + 1] = '\0';
    sprintf(text, "{\"version\":\"1.4.3\",\"url\":\"%s\"}", url);
    check_refused(text, AIRLIFT_FAIL_URL, "too long");
    free(url);
    free(text);
}

static void test_manifest_that_would_fill_the_heap_is_refused_unparsed(void **state)
{
    char text[AIRLIFT_MAX_MANIFEST + 1];

    (void)state;
    memset(text, '[', AIRLIFT_MAX_MANIFEST);
    text[AIRLIFT_MAX_MANIFEST] = '\0';
    check_refused(text, AIRLIFT_FAIL_MANIFEST, "values");
    for (size_t i = 1; i < AIRLIFT_MAX_MANIFEST; i++) {
        text[i] = i % 2 != 0 ? '1' : ',';
    }
    check_refused(text, AIRLIFT_FAIL_MANIFEST, "values");

    /* Commas within a string are no values. */
    strcpy(text, "{\"version\":\"1.4.3\",\"url\":\"u\",\"notes\":\"\\\"");
    for (unsigned i = 0; i < 200; i++) {
        strcat(text, ",");
    }
    strcat(text, "\"}");
    assert_int_equal(parse(text), AIRLIFT_FAIL_NONE);
}

static void test_manifest_identity_is_the_sha256_or_else_what_is_known(void **state)
{
    uint8_t a[AL_SHA256_SIZE], b[AL_SHA256_SIZE];

    (void)state;
    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"u\",\"sha256\":\"" SHA "\"}"),
                     AIRLIFT_FAIL_NONE);
    assert_int_equal(agent_manifest_identity(&m, a), 0);
    assert_memory_equal(a, m.sha256, sizeof(a));

    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":7}"), AIRLIFT_FAIL_NONE);
    assert_int_equal(agent_manifest_identity(&m, a), 0);
    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"elsewhere\",\"size\":7}"), AIRLIFT_FAIL_NONE);
    assert_int_equal(agent_manifest_identity(&m, b), 0);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":8}"), AIRLIFT_FAIL_NONE);
    assert_int_equal(agent_manifest_identity(&m, b), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(parse("{\"version\":\"1.4.3\",\"url\":\"u\",\"size\":7,\"md5\":\"" MD5 "\"}"),
                     AIRLIFT_FAIL_NONE);
    assert_int_equal(agent_manifest_identity(&m, b), 0);
    assert_memory_not_equal(a, b, sizeof(a));
}

/* --- Patches ---------------------------------------------------------------- */

#define FROM "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define REST "\",\"url\":\"p\",\"sha256\":\"" SHA "\",\"format\":\"f1\",\"ram\":12288,"

static struct agent_patch patch;

/* The patch found among these entries, by its size; 0: none. */
static uint32_t find(const char *entries)
{
    static char text[4096];
    struct agent_patch_needs needs = {.format = {{"f0", 512, 700}, {"f1", 20480, 5000}},
                                      .from = {.size = 1000}};

    for (unsigned i = 0; i < AL_SHA256_SIZE; i++) {
        needs.from.sha256[i] = (uint8_t)(i == 0 ? 0xFF : i);
    }
    snprintf(text, sizeof(text), "{\"version\":\"1.4.3\",\"url\":\"a\",\"patches\":%s}", entries);
    assert_int_equal(parse(text), AIRLIFT_FAIL_NONE); /* an image is offered in any case */
    agent_manifest_find_patch(text, strlen(text), BASE, false, &needs, &patch);
    return patch.size;
}

static void test_manifest_smallest_patch_that_serves_is_found(void **state)
{
    (void)state;
    assert_int_equal(find("[{\"from\":\"" FROM REST "\"from_size\":1000,\"size\":900},"
                          "{\"from\":\"" FROM REST "\"from_size\":1000,\"size\":800},"
                          "{\"x\":\"" REST "\"size\":850},"
                          "{\"from\":\"" SHA REST "\"from_size\":1000,\"size\":100}]"),
                     800);
    assert_string_equal(patch.url, "https://host/fw/p");
    assert_int_equal(patch.sha256[31], 0x1F);
    assert_false(patch.whole);
    assert_int_equal(patch.format, 1);
    assert_int_equal(find("[{\"x\":\"" REST "\"size\":850}]"), 850);
    assert_true(patch.whole);
}

static void test_manifest_patches_that_do_not_serve_are_passed_over(void **state)
{
    static const char *const useless[] = {
        "null",
        "7",
        "{}",
        "[]",
        "[null,3,\"x\",[]]",
        "[{\"from\":\"" FROM REST "\"from_size\":1001,\"size\":900}]", /* another file */
        "[{\"from\":\"" FROM REST "\"size\":900}]",
        "[{\"from\":\"ff\",\"x\":\"" REST "\"from_size\":1000,\"size\":900}]",
        "[{\"from\":7,\"x\":\"" REST "\"from_size\":1000,\"size\":900}]",
        "[{\"x\":\"" REST "\"size\":5001}]", /* no room */
        "[{\"x\":\"" REST "\"size\":-1}]",
        "[{\"x\":\"" REST "\"size\":1.5}]",
        "[{\"x\":\"" REST "\"size\":\"9\"}]",
        "[{\"ram\":20481,\"x\":\"" REST "\"size\":900}]",
        "[{\"format\":\"f2\",\"x\":\"" REST "\"size\":900}]",
        "[{\"url\":\"http://host/p\",\"x\":\"" REST "\"size\":900}]",
        "[{\"sha256\":\"00\",\"x\":\"" REST "\"size\":900}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        if (find(useless[i]) != 0) {
            fail_msg("taken: %s", useless[i]);
        }
        assert_string_equal(patch.url, "");
    }
}

/* Blocks of the patch found beside this field; 0: none. */
static uint32_t find_blocks(const char *blocks)
{
    static char entries[2048];

    snprintf(entries, sizeof(entries), "[{\"x\":\"" REST "\"size\":850}],\"blocks\":%s", blocks);
    assert_int_equal(find(entries), 850); /* the patch serves in any case */
    return patch.blocks.n;
}

static void test_manifest_blocks_are_taken_if_they_are_right(void **state)
{
    static const char *const useless[] = {
        "null",
        "7",
        "{}",
        "{\"size\":65536}",
        "{\"size\":65536,\"sha256\":\"\"}",
        "{\"size\":65536,\"sha256\":7}",
        "{\"size\":65536,\"sha256\":\"0123456789abcde\"}",
        "{\"size\":65536,\"sha256\":\"0123456789abcdex\"}",
        "{\"size\":65537,\"sha256\":\"0123456789abcdef\"}",
        "{\"size\":0,\"sha256\":\"0123456789abcdef\"}",
        "{\"sha256\":\"0123456789abcdef\"}",
    };
    char text[64 + 16 * (AGENT_BLOCKS_MAX + 1)];

    (void)state;
    assert_int_equal(find_blocks("{\"size\":65536,\"sha256\":\"0123456789abcdefFEDCBA9876543210\"}"), 2);
    assert_int_equal(patch.blocks.size, 65536);
    assert_int_equal(patch.blocks.sha256[0][7], 0xEF);
    assert_int_equal(patch.blocks.sha256[1][0], 0xFE);
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        assert_int_equal(find_blocks(useless[i]), 0);
    }
    for (unsigned extra = 0; extra < 2; extra++) {
        snprintf(text, sizeof(text), "{\"size\":4096,\"sha256\":\"%0*d\"}",
                 (int)(16 * (AGENT_BLOCKS_MAX + extra)), 0);
        assert_int_equal(find_blocks(text), extra ? 0 : AGENT_BLOCKS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_takes_all_fields),
        cmocka_unit_test(test_manifest_needs_only_version_and_url),
        cmocka_unit_test(test_manifest_with_empty_version_or_url_offers_nothing),
        cmocka_unit_test(test_manifest_that_is_no_json_object_is_refused),
        cmocka_unit_test(test_manifest_lacking_fields_is_refused),
        cmocka_unit_test(test_manifest_with_fields_of_wrong_type_is_refused),
        cmocka_unit_test(test_manifest_version_must_be_semantic_and_fit),
        cmocka_unit_test(test_manifest_url_must_be_allowed),
        cmocka_unit_test(test_manifest_that_would_fill_the_heap_is_refused_unparsed),
        cmocka_unit_test(test_manifest_identity_is_the_sha256_or_else_what_is_known),
        cmocka_unit_test(test_manifest_smallest_patch_that_serves_is_found),
        cmocka_unit_test(test_manifest_patches_that_do_not_serve_are_passed_over),
        cmocka_unit_test(test_manifest_blocks_are_taken_if_they_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
