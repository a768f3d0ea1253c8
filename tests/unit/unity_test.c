/*
 * unity_test.c - each kind of assertion holds where it should, and says what is wrong where not.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unity.h"
#include "unity_test_utils.h"

static char *printed;

/* Run one function as a case; what it printed is in `printed`. True if it passed. */
static bool passes(UnityTestFunction function)
{
    FILE *console = stdout;
    size_t len;

    free(printed);
    stdout = open_memstream(&printed, &len);
    assert_non_null(stdout);
    UnityBegin("file.c");
    UnityDefaultTestRun(function, "case", 7);
    fclose(stdout);
    stdout = console;
    return Unity.TestFailures == 0 && Unity.TestIgnores == 0;
}

/* ---- What holds ----------------------------------------------------------------- */

static void all_that_hold(void)
{
    const uint8_t bytes[] = {1, 2, 255}, same_bytes[] = {1, 2, 255};
    const int ints[] = {-1, 2}, same_ints[] = {-1, 2};
    const char *const words[] = {"a", NULL}, *const same_words[] = {"a", NULL};
    const float floats[] = {1.0f, NAN}, near_floats[] = {1.000001f, NAN};

    TEST_ASSERT(1);
    TEST_ASSERT_TRUE(2);
    TEST_ASSERT_FALSE(0);
    TEST_ASSERT_NULL(NULL);
    TEST_ASSERT_NOT_NULL(bytes);
    TEST_ASSERT_EQUAL(-3, -3);
    TEST_ASSERT_EQUAL_UINT8(0x101, 1); /* as wide as its name says */
    TEST_ASSERT_EQUAL_INT8(255, -1);
    TEST_ASSERT_EQUAL_HEX32(0xFFFFFFFF, -1);
    TEST_ASSERT_EQUAL_UINT64(UINT64_MAX, UINT64_MAX);
    TEST_ASSERT_NOT_EQUAL(1, 2);
    TEST_ASSERT_NOT_EQUAL_INT(1, 2);
    TEST_ASSERT_GREATER_THAN(1, 2);
    TEST_ASSERT_GREATER_THAN_UINT64(1, UINT64_MAX);
    TEST_ASSERT_LESS_THAN_INT64(1, INT64_MIN);
    TEST_ASSERT_GREATER_OR_EQUAL(2, 2);
    TEST_ASSERT_LESS_OR_EQUAL_UINT32(2, 2);
    TEST_ASSERT_INT_WITHIN(3, -1, 2);
    TEST_ASSERT_UINT64_WITHIN(1, UINT64_MAX, UINT64_MAX - 1);
    TEST_ASSERT_INT64_WITHIN(UINT64_MAX, INT64_MIN, INT64_MAX);
    TEST_ASSERT_EQUAL_UINT8_ARRAY(bytes, same_bytes, 3);
    TEST_ASSERT_EQUAL_INT_ARRAY(ints, same_ints, 2);
    TEST_ASSERT_EACH_EQUAL_UINT8(1, bytes, 1);
    TEST_ASSERT_BITS(0xF0, 0xA5, 0xAF);
    TEST_ASSERT_BITS_HIGH(0x3, 7);
    TEST_ASSERT_BIT_LOW(3, 7);
    TEST_ASSERT_EQUAL_PTR(bytes, &bytes[0]);
    TEST_ASSERT_EQUAL_MEMORY(bytes, same_bytes, sizeof bytes);
    TEST_ASSERT_EQUAL_STRING("abc", "abc");
    TEST_ASSERT_EQUAL_STRING_LEN("abcd", "abce", 3);
    TEST_ASSERT_EQUAL_STRING_ARRAY(words, same_words, 2);
    TEST_ASSERT_EMPTY("");
    TEST_ASSERT_EQUAL_FLOAT(1.0f, 1.000001f);
    TEST_ASSERT_EQUAL_DOUBLE(INFINITY, INFINITY);
    TEST_ASSERT_DOUBLE_WITHIN(0.5, 1, 1.5);
    TEST_ASSERT_GREATER_THAN_FLOAT(1, 1.5f);
    TEST_ASSERT_EQUAL_FLOAT_ARRAY(floats, near_floats, 2);
    TEST_ASSERT_FLOAT_IS_NAN(NAN);
    TEST_ASSERT_DOUBLE_IS_NEG_INF(-INFINITY);
    TEST_ESP_OK(ESP_OK);
    TEST_ESP_ERR(ESP_ERR_NO_MEM, ESP_ERR_NO_MEM);
}

static void test_unity_assertions_hold(void **state)
{
    (void)state;
    assert_true(passes(all_that_hold));
    assert_string_equal(printed, "file.c:7:case:PASS\n");
}

/* ---- What does not ------------------------------------------------------------------ */

static int after; /* grows if a case went on behind its failure */

#define FAILING(number, assertion)     \
    static void failing_##number(void) \
    {                                  \
        assertion;                     \
        after++;                       \
    }

static const uint8_t some[] = {1, 2, 3}, others[] = {1, 2, 4};

FAILING(1, TEST_ASSERT_EQUAL(-3, 5))
FAILING(2, TEST_ASSERT_EQUAL_HEX8(0x10, 0x1F))
FAILING(3, TEST_ASSERT_EQUAL_INT_MESSAGE(1, 2, "as told"))
FAILING(4, TEST_ASSERT_GREATER_THAN(2, 2))
FAILING(5, TEST_ASSERT_LESS_THAN_UINT64(1, UINT64_MAX))
FAILING(6, TEST_ASSERT_INT_WITHIN(2, -1, 2))
FAILING(7, TEST_ASSERT_EQUAL_UINT8_ARRAY(some, others, 3))
FAILING(8, TEST_ASSERT_EACH_EQUAL_UINT8(1, some, 2))
FAILING(9, TEST_ASSERT_BITS(0x6, 0x2, 0x4))
FAILING(10, TEST_ASSERT_EQUAL_MEMORY(some, others, 3))
FAILING(11, TEST_ASSERT_EQUAL_STRING("abc", "abd"))
FAILING(12, TEST_ASSERT_EQUAL_STRING(NULL, "abd"))
FAILING(13, TEST_ASSERT_EQUAL_FLOAT(1.0f, 1.1f))
FAILING(14, TEST_ASSERT_NOT_EQUAL_FLOAT(1.0f, 1.0f))
FAILING(15, TEST_ASSERT_LESS_THAN_DOUBLE(1, 2))
FAILING(16, TEST_ASSERT_NULL(some))
FAILING(17, TEST_FAIL_MESSAGE("on purpose"))
FAILING(18, TEST_ASSERT_EQUAL_CHAR('a', 'b'))
FAILING(19, TEST_ASSERT_NOT_EQUAL(1, 1))
FAILING(20, TEST_ASSERT_EQUAL_HEX8_ARRAY(some, NULL, 3))
FAILING(21, TEST_ASSERT_NOT_EQUAL_UINT8(1, 0x101))
FAILING(22, TEST_ESP_OK(ESP_ERR_NOT_FOUND))
FAILING(23, TEST_ASSERT_EQUAL_INT8(-128, 127))
FAILING(24, TEST_ASSERT_GREATER_THAN_FLOAT(1, NAN))

static const struct {
    UnityTestFunction function;
    const char *says;
} failures[] = {
    {failing_1, "Expected -3 Was 5"},
    {failing_2, "Expected 0x10 Was 0x1F"},
    {failing_3, "Expected 1 Was 2. as told"},
    {failing_4, "Expected 2 to be greater than 2"},
    {failing_5, "Expected 18446744073709551615 to be less than 1"},
    {failing_6, "Values Not Within Delta 2 Expected -1 Was 2"},
    {failing_7, "Element 2 Expected 3 Was 4"},
    {failing_8, "Element 1 Expected 1 Was 2"},
    {failing_9, "Expected XXXXXXXXXXXXXXXXXXXXXXXXXXXXX01X Was XXXXXXXXXXXXXXXXXXXXXXXXXXXXX10X"},
    {failing_10, "Memory Mismatch. Element 0 Byte 2 Expected 0x03 Was 0x04"},
    {failing_11, "Expected 'abc' Was 'abd'"},
    {failing_12, "Expected 'NULL' Was 'abd'"},
    {failing_13, "Expected 1 Was 1.10000002"},
    {failing_14, "Expected Not 1 Was 1"},
    {failing_15, "Expected 2 to be less than 1"},
    {failing_16, " Expected NULL"},
    {failing_17, "on purpose"},
    {failing_18, "Expected 'a' Was 'b'"},
    {failing_19, " Expected Not-Equal"},
    {failing_20, "Actual pointer was NULL"},
    {failing_21, "Expected 1 to be not equal to 1"},
    {failing_22, "Expected 0x00000000 Was 0x00000105"},
    {failing_23, "Expected -128 Was 127"},
    {failing_24, "Expected nan to be greater than 1"},
};

static void test_unity_failure_ends_the_case_and_says_why(void **state)
{
    char end[256];

    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        (void)snprintf(end, sizeof end, ":case:FAIL: %s\n", failures[i].says);
        assert_false(passes(failures[i].function));
        assert_int_equal(Unity.TestFailures, 1);
        assert_int_equal(strncmp(printed, "file.c:", 7), 0);
        assert_string_equal(strstr(printed, ":case:"), end);
    }
    assert_int_equal(after, 0);
}

static void ignored(void)
{
    TEST_IGNORE_MESSAGE("no such chip");
    after++;
}

static void passed_early(void)
{
    TEST_PASS();
    after++;
}

static void test_unity_cases_may_be_ignored_or_left(void **state)
{
    (void)state;
    assert_false(passes(ignored));
    assert_int_equal(Unity.TestIgnores, 1);
    assert_non_null(strstr(printed, ":case:IGNORE: no such chip"));
    assert_true(passes(passed_early));
    assert_int_equal(after, 0);
}

/* ---- Registered cases ------------------------------------------------------------------ */

static char order[16];

TEST_CASE("first", "[a]")
{
    strcat(order, "1");
}

TEST_CASE("second", "[b][slow]")
{
    strcat(order, "2");
    TEST_ASSERT_TRUE_MESSAGE(false, "second fails");
}

static void one(void)
{
}

static void two(void)
{
}

TEST_CASE_MULTIPLE_STAGES("third", "[c]", one, two, one)

static void test_unity_cases_register_in_order_and_run_by_name_and_tag(void **state)
{
    test_desc_t info;

    (void)state;
    assert_int_equal(unity_get_test_count(), 3);
    assert_true(unity_get_test_info(2, &info));
    assert_string_equal(info.name, "third");
    assert_string_equal(info.desc, "[c][multi_stage]");
    assert_int_equal(info.test_fn_count, 3);
    assert_ptr_equal(info.fn[1], two);
    assert_string_equal(info.test_fn_name[1], "two");
    assert_false(unity_get_test_info(3, &info));
    assert_false(unity_get_test_info(-1, &info));
    UNITY_BEGIN();
    unity_run_tests_by_tag("[slow]", false);
    unity_run_test_by_name("first");
    unity_run_test_by_index(0);
    assert_string_equal(order, "211");
    assert_int_equal(UNITY_END(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unity_assertions_hold),
        cmocka_unit_test(test_unity_failure_ends_the_case_and_says_why),
        cmocka_unit_test(test_unity_cases_may_be_ignored_or_left),
        cmocka_unit_test(test_unity_cases_register_in_order_and_run_by_name_and_tag),
    };
    int failed = cmocka_run_group_tests_name("unity", tests, NULL, NULL);

    free(printed);
    return failed;
}
