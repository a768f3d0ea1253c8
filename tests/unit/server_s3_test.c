/*
 * server_s3_test.c - links to objects, the language of the AWS files, answers in XML.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s3/s3_ini.h"
#include "s3/s3_listing.h"
#include "s3/s3_sign.h"

/* The example in AWS's documentation of Signature V4; its bucket, key and keys are not secret. */
static char access_key[] = "AKIAIOSFODNN7EXAMPLE", secret_key[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            us_east_1[] = "us-east-1", bucket[] = "examplebucket", key[] = "test.txt";

static void test_presign_makes_the_documented_link(void **state)
{
    (void)state;
    struct srv_s3 s3 = {.access_key = access_key, .secret_key = secret_key, .region = us_east_1};
    const struct srv_s3_uri uri = {bucket, key};
    struct host_buf url;
    char err[200];
    host_buf_init(&url, SRV_S3_URL_MAX);
    assert_int_equal(srv_s3_presign(&s3, "GET", &uri, 1369353600, 86400, &url, err, sizeof err), 0);
    assert_string_equal(
        (const char *)url.data,
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    host_buf_free(&url);
}

static void test_presign_refuses_what_the_store_would(void **state)
{
    (void)state;
    struct srv_s3 s3 = {.access_key = access_key, .secret_key = secret_key, .region = us_east_1};
    char none[] = "", err[200];
    struct host_buf url;
    host_buf_init(&url, SRV_S3_URL_MAX);
    const struct srv_s3_uri uri = {bucket, key}, no_key = {bucket, none};
    assert_int_equal(srv_s3_presign(&s3, "GET", &uri, 0, 0, &url, err, sizeof err), -1);
    assert_int_equal(srv_s3_presign(&s3, "GET", &uri, 0, SRV_S3_EXPIRY_MAX + 1, &url, err, sizeof err), -1);
    assert_int_equal(srv_s3_presign(&s3, "GET", &no_key, 0, 60, &url, err, sizeof err), -1);
    assert_int_equal(url.len, 0);
    host_buf_free(&url);
}

static void expect_uri(const char *text, const char *want_bucket, const char *want_key)
{
    struct srv_s3_uri uri;
    char err[1600];
    int result = srv_s3_uri_parse(text, &uri, err, sizeof err);
    assert_int_equal(result, want_bucket ? 0 : -1);
    if (want_bucket) {
        assert_string_equal(uri.bucket, want_bucket);
        assert_string_equal(uri.key, want_key);
        srv_s3_uri_free(&uri);
    }
}

static void test_uri_names_bucket_and_key(void **state)
{
    char longest[6 + 1 + 1024 + 2] = "s3://b/";
    (void)state;
    expect_uri("s3://b", "b", "");
    expect_uri("s3://b/", "b", "");
    expect_uri("s3://b/k/l?m", "b", "k/l?m");
    expect_uri("s3://b//k", "b", "/k");
    expect_uri("s3:///k", NULL, NULL);
    expect_uri("s3://a b/k", NULL, NULL);
    expect_uri("http://b/k", NULL, NULL);
    memset(longest + 7, 'k', 1024);
    expect_uri(longest, "b", longest + 7);
    memset(longest + 7, 'k', 1025);
    expect_uri(longest, NULL, NULL);
}

static void expect_key(const char *text, const char *section, const char *parent, const char *want)
{
    char *value;
    assert_true(srv_s3_ini_get(text, section, parent, "k", &value));
    if (want) {
        assert_non_null(value);
        assert_string_equal(value, want);
    } else {
        assert_null(value);
    }
    free(value);
}

static void test_ini_finds_keys_in_their_section(void **state)
{
    (void)state;
    const char *text =
        "k = outside\n[one]\n# k = comment\n; k = comment\nK = a = b # no comment\r\n"
        "[ two ]\nk=1\nk=2\ns3 =\n  k = nested\n  x = 1\nother =\n k = elsewhere\n[three]\nk =\n[four";
    expect_key(text, "one", NULL, "a = b # no comment");
    expect_key(text, "two", NULL, "2");
    expect_key(text, "two", "s3", "nested");
    expect_key(text, "two", "other", "elsewhere");
    expect_key(text, "three", NULL, "");
    expect_key(text, "one", "s3", NULL);
    expect_key(text, "four", NULL, NULL);
    expect_key("", "one", NULL, NULL);
    assert_true(srv_s3_ini_has_section(text, "two"));
    assert_false(srv_s3_ini_has_section(text, "five"));
}

/* --- XML ------------------------------------------------------------------- */

struct seen {
    unsigned n;
    char keys[100];
    uint64_t size;
};

static bool see(void *ctx, const struct srv_s3_object *object)
{
    struct seen *s = ctx;
    s->n++;
    strcat(strcat(s->keys, object->key), "|");
    s->size += object->size;
    return s->n < 3;
}

static bool parse_page(const char *xml, struct seen *seen, char **continuation)
{
    struct srv_s3_page page = {.each = see, .ctx = seen};
    memset(seen, 0, sizeof *seen);
    bool ok = srv_s3_page_parse(xml, strlen(xml), &page);
    if (continuation) {
        *continuation = page.continuation;
    } else {
        free(page.continuation);
    }
    return ok;
}

#define PAGE(inside)                                                                                 \
    "<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>" inside \
    "</ListBucketResult>"
#define OBJECT(k, s)                                                   \
    "<Contents><Key>" k "</Key><LastModified>t</LastModified><Size>" s \
    "</Size><Owner><ID>x</ID></Owner></Contents>"

static void test_page_gives_objects_and_the_way_on(void **state)
{
    (void)state;
    struct seen seen;
    char *next;
    assert_true(parse_page(
        PAGE(OBJECT("a&amp;b", "7") OBJECT("c", "8") "<NextContinuationToken>t/=</NextContinuationToken>"),
        &seen, &next));
    assert_string_equal(seen.keys, "a&b|c|");
    assert_int_equal(seen.size, 15);
    assert_string_equal(next, "t/=");
    free(next);
    assert_true(parse_page(PAGE(""), &seen, &next));
    assert_null(next);
    /* Told to stop, it gives no more. */
    assert_true(
        parse_page(PAGE(OBJECT("1", "1") OBJECT("2", "1") OBJECT("3", "1") OBJECT("4", "1")), &seen, NULL));
    assert_int_equal(seen.n, 3);
}

static void test_page_refuses_other_answers(void **state)
{
    (void)state;
    struct seen seen;
    assert_false(parse_page("", &seen, NULL));
    assert_false(parse_page("<html></html>", &seen, NULL));
    assert_false(parse_page(PAGE("<Contents><Key>a</Key></Contents>"), &seen, NULL));
    assert_false(parse_page(PAGE(OBJECT("a", "x")), &seen, NULL));
    assert_false(parse_page("<!DOCTYPE l [<!ENTITY a 'b'>]>" PAGE(OBJECT("&a;", "1")), &seen, NULL));
    assert_false(parse_page("<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>", &seen, NULL));
}

static void test_error_is_one_line(void **state)
{
    (void)state;
    const char *xml = "<Error><Code>AccessDenied</Code><Message>Request\nhas expired</Message></Error>";
    char out[100];
    srv_s3_error_parse(xml, strlen(xml), out, sizeof out);
    assert_string_equal(out, "AccessDenied: Request has expired");
    srv_s3_error_parse("nonsense", 8, out, sizeof out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presign_makes_the_documented_link),
        cmocka_unit_test(test_presign_refuses_what_the_store_would),
        cmocka_unit_test(test_uri_names_bucket_and_key),
        cmocka_unit_test(test_ini_finds_keys_in_their_section),
        cmocka_unit_test(test_page_gives_objects_and_the_way_on),
        cmocka_unit_test(test_page_refuses_other_answers),
        cmocka_unit_test(test_error_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
