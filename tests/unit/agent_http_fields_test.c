#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_fields.h"

static void test_http_content_range_parses_exactly_one_form(void **state)
{
    static const char *const bad[] = {
        "",
        "bytes",
        "bytes */200",
        "bytes 100-199/*",
        "bytes 100-199/200 ",
        "bytes 100-199/199", /* last byte beyond the end */
        "bytes 200-199/300",
        "bytes -5-9/10",
        "bytes 1-2/4294967296",
        "bytes 1-2/18446744073709551619",
        "items 100-199/200",
        "bytes=100-199/200",
        "bytes 100-199",
        "bytes 100 - 199/200",
    };
    uint32_t first, last, total;

    (void)state;
    assert_true(agent_parse_content_range("bytes 100-199/200", &first, &last, &total));
    assert_true(first == 100 && last == 199 && total == 200);
    assert_true(agent_parse_content_range("Bytes 0-0/1", &first, &last, &total));
    assert_true(first == 0 && last == 0 && total == 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(agent_parse_content_range(bad[i], &first, &last, &total));
    }
}

static void test_http_etag_is_strong_only_in_plain_quotes(void **state)
{
    (void)state;
    assert_true(agent_etag_is_strong("\"abc-1\""));
    assert_false(agent_etag_is_strong("W/\"abc\""));
    assert_false(agent_etag_is_strong("abc"));
    assert_false(agent_etag_is_strong("\"\""));
    assert_false(agent_etag_is_strong("\""));
    assert_false(agent_etag_is_strong(""));
    assert_false(agent_etag_is_strong("\"a\"b\""));
    assert_false(agent_etag_is_strong("\"a\r\nX: y\""));
}

static void test_http_first_answer_must_be_200(void **state)
{
    (void)state;
    assert_int_equal(agent_judge_answer(200, 0, 0, "", "\"a\"", ""), AGENT_ANSWER_WHOLE);
    assert_int_equal(agent_judge_answer(206, 0, 0, "", "", "bytes 0-9/10"), AGENT_ANSWER_REFUSED);
    assert_int_equal(agent_judge_answer(416, 0, 0, "", "", ""), AGENT_ANSWER_REFUSED);
    assert_int_equal(agent_judge_answer(204, 0, 0, "", "", ""), AGENT_ANSWER_REFUSED);
    assert_int_equal(agent_judge_answer(404, 0, 0, "", "", ""), AGENT_ANSWER_REFUSED);
}

static void test_http_206_goes_on_only_if_it_fits(void **state)
{
    (void)state;
    assert_int_equal(agent_judge_answer(206, 100, 200, "\"a\"", "\"a\"", "bytes 100-199/200"),
                     AGENT_ANSWER_PART);
    assert_int_equal(agent_judge_answer(206, 100, 200, "\"a\"", "", "bytes 100-149/200"), AGENT_ANSWER_PART);
    assert_int_equal(agent_judge_answer(206, 100, 200, "", "\"b\"", "bytes 100-199/200"), AGENT_ANSWER_PART);
    /* another image, another place, another size, or not said */
    assert_int_equal(agent_judge_answer(206, 100, 200, "\"a\"", "\"b\"", "bytes 100-199/200"),
                     AGENT_ANSWER_RESTART);
    assert_int_equal(agent_judge_answer(206, 100, 200, "\"a\"", "\"a\"", "bytes 0-199/200"),
                     AGENT_ANSWER_RESTART);
    assert_int_equal(agent_judge_answer(206, 100, 200, "\"a\"", "\"a\"", "bytes 100-299/300"),
                     AGENT_ANSWER_RESTART);
    assert_int_equal(agent_judge_answer(206, 100, 200, "\"a\"", "\"a\"", ""), AGENT_ANSWER_RESTART);
}

static void test_http_200_or_416_to_a_range_begins_again(void **state)
{
    (void)state;
    assert_int_equal(agent_judge_answer(200, 100, 200, "\"a\"", "\"b\"", ""), AGENT_ANSWER_WHOLE);
    assert_int_equal(agent_judge_answer(416, 100, 200, "\"a\"", "", "bytes */50"), AGENT_ANSWER_RESTART);
    assert_int_equal(agent_judge_answer(403, 100, 200, "\"a\"", "", ""), AGENT_ANSWER_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_content_range_parses_exactly_one_form),
        cmocka_unit_test(test_http_etag_is_strong_only_in_plain_quotes),
        cmocka_unit_test(test_http_first_answer_must_be_200),
        cmocka_unit_test(test_http_206_goes_on_only_if_it_fits),
        cmocka_unit_test(test_http_200_or_416_to_a_range_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
