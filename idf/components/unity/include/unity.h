/*
 * unity.h - the assertions of the Unity test framework, as firmware tests for ESP-IDF call them.
 *
 * An assertion that fails prints FILE:LINE:TEST:FAIL with what was expected and ends the test case.
 * One that fails in another task than the test's can't end it, and aborts the firmware instead.
 * Test cases register themselves and run from a menu on the console: unity_test_runner.h.
 * Names are Unity's (http://www.throwtheswitch.org/unity) and ESP-IDF's; the code is airlift's own.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unity_config.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t UNITY_INT;
typedef uint64_t UNITY_UINT;
typedef unsigned UNITY_LINE_TYPE;
typedef unsigned UNITY_COUNTER_TYPE;
typedef void (*UnityTestFunction)(void);

/* The run so far, and the test case that runs. */
struct UNITY_STORAGE_T {
    const char *TestFile;
    const char *CurrentTestName;
    const char *CurrentDetail1, *CurrentDetail2;
    UNITY_LINE_TYPE CurrentTestLineNumber;
    UNITY_COUNTER_TYPE NumberOfTests, TestFailures, TestIgnores;
    UNITY_COUNTER_TYPE CurrentTestFailed, CurrentTestIgnored;
    jmp_buf AbortFrame;
};

extern struct UNITY_STORAGE_T Unity;

/* Before and after each test case; weak: define your own. */
void setUp(void);
void tearDown(void);

/* Start counting; print the sum and return the number of failures. */
void UnityBegin(const char *filename);
int UnityEnd(void);
#define UNITY_BEGIN() UnityBegin(__FILE__)
#define UNITY_END()   UnityEnd()

/* Run one function as a test case. */
void UnityDefaultTestRun(UnityTestFunction function, const char *name, int line);
#define RUN_TEST(function) UnityDefaultTestRun(function, #function, __LINE__)

/* The steps of which that is made. */
bool unity_protect(void);
void UnityConcludeTest(void);
void unity_abort_test(void) __attribute__((noreturn));
#define TEST_PROTECT() (unity_protect(), setjmp(Unity.AbortFrame) == 0)
#define TEST_ABORT()   unity_abort_test()

void UnityPrint(const char *text);
void UnityPrintNumber(UNITY_INT number);
void UnityPrintNumberUnsigned(UNITY_UINT number);
#define UNITY_PRINT_EOL() UNITY_OUTPUT_CHAR('\n')

/* ---- What assertions call ------------------------------------------------- */

enum unity_relation {
    UNITY_EQUAL,
    UNITY_NOT_EQUAL,
    UNITY_GREATER,
    UNITY_LESS,
    UNITY_GREATER_OR_EQUAL,
    UNITY_LESS_OR_EQUAL,
};

/* How a number is compared and printed: kind | bytes. */
enum unity_style {
    UNITY_SIGNED = 0x10,
    UNITY_UNSIGNED = 0x20,
    UNITY_IN_HEX = 0x40,
    UNITY_AS_CHAR = 0x80,
};

#define UNITY_STYLE_INT      (UNITY_SIGNED | 8)
#define UNITY_STYLE_INT8     (UNITY_SIGNED | 1)
#define UNITY_STYLE_INT16    (UNITY_SIGNED | 2)
#define UNITY_STYLE_INT32    (UNITY_SIGNED | 4)
#define UNITY_STYLE_INT64    (UNITY_SIGNED | 8)
#define UNITY_STYLE_UINT     (UNITY_UNSIGNED | 8)
#define UNITY_STYLE_UINT8    (UNITY_UNSIGNED | 1)
#define UNITY_STYLE_UINT16   (UNITY_UNSIGNED | 2)
#define UNITY_STYLE_UINT32   (UNITY_UNSIGNED | 4)
#define UNITY_STYLE_UINT64   (UNITY_UNSIGNED | 8)
#define UNITY_STYLE_HEX8     (UNITY_IN_HEX | 1)
#define UNITY_STYLE_HEX16    (UNITY_IN_HEX | 2)
#define UNITY_STYLE_HEX32    (UNITY_IN_HEX | 4)
#define UNITY_STYLE_HEX64    (UNITY_IN_HEX | 8)
#define UNITY_STYLE_CHAR     (UNITY_AS_CHAR | 1)
/* An array of int has elements of that size, whatever single values are compared in. */
#define UNITY_ELEMENT_INT    (UNITY_SIGNED | sizeof(int))
#define UNITY_ELEMENT_INT8   UNITY_STYLE_INT8
#define UNITY_ELEMENT_INT16  UNITY_STYLE_INT16
#define UNITY_ELEMENT_INT32  UNITY_STYLE_INT32
#define UNITY_ELEMENT_INT64  UNITY_STYLE_INT64
#define UNITY_ELEMENT_UINT   (UNITY_UNSIGNED | sizeof(unsigned))
#define UNITY_ELEMENT_UINT8  UNITY_STYLE_UINT8
#define UNITY_ELEMENT_UINT16 UNITY_STYLE_UINT16
#define UNITY_ELEMENT_UINT32 UNITY_STYLE_UINT32
#define UNITY_ELEMENT_UINT64 UNITY_STYLE_UINT64
#define UNITY_ELEMENT_HEX8   UNITY_STYLE_HEX8
#define UNITY_ELEMENT_HEX16  UNITY_STYLE_HEX16
#define UNITY_ELEMENT_HEX32  UNITY_STYLE_HEX32
#define UNITY_ELEMENT_HEX64  UNITY_STYLE_HEX64
#define UNITY_ELEMENT_CHAR   UNITY_STYLE_CHAR

/* message: printed behind the failure; may be NULL. */
void unity_check(bool holds, const char *failure, const char *message, UNITY_LINE_TYPE line);
void unity_check_number(enum unity_relation relation, unsigned style, UNITY_INT expected, UNITY_INT actual,
                        const char *message, UNITY_LINE_TYPE line);
void unity_check_within(unsigned style, UNITY_UINT delta, UNITY_INT expected, UNITY_INT actual,
                        const char *message, UNITY_LINE_TYPE line);
/* n elements; each: `expected` is one element, for all of `actual`. */
void unity_check_array(unsigned style, bool each, const void *expected, const void *actual, size_t n,
                       const char *message, UNITY_LINE_TYPE line);
void unity_check_bits(UNITY_UINT mask, UNITY_UINT expected, UNITY_UINT actual, const char *message,
                      UNITY_LINE_TYPE line);
void unity_check_memory(bool each, const void *expected, const void *actual, size_t len, size_t n,
                        const char *message, UNITY_LINE_TYPE line);
/* max_len: of each string, PTRDIFF_MAX for all. */
void unity_check_string(const char *expected, const char *actual, size_t max_len, const char *message,
                        UNITY_LINE_TYPE line);
void unity_check_strings(const char *const *expected, const char *const *actual, size_t n,
                         const char *message, UNITY_LINE_TYPE line);
void unity_check_double(enum unity_relation relation, double expected, double actual, const char *message,
                        UNITY_LINE_TYPE line);
/* Equal means within 1e-5 (float) or 1e-12 (double) of the expected value's size, as in Unity. */
void unity_check_double_within(double delta, double expected, double actual, bool inside, const char *message,
                               UNITY_LINE_TYPE line);
void unity_check_doubles(const double *expected, const double *actual, size_t n, const char *message,
                         UNITY_LINE_TYPE line);
void unity_check_floats(const float *expected, const float *actual, size_t n, const char *message,
                        UNITY_LINE_TYPE line);
void UnityFail(const char *message, UNITY_LINE_TYPE line) __attribute__((noreturn));
void UnityIgnore(const char *message, UNITY_LINE_TYPE line) __attribute__((noreturn));
void UnityMessage(const char *message, UNITY_LINE_TYPE line);

/* A value of the width that its style says: (UNITY_INT)(uint8_t)(x). */
#define UNITY_AS_INT(x)    ((UNITY_INT)(x))
#define UNITY_AS_INT8(x)   ((UNITY_INT)(int8_t)(x))
#define UNITY_AS_INT16(x)  ((UNITY_INT)(int16_t)(x))
#define UNITY_AS_INT32(x)  ((UNITY_INT)(int32_t)(x))
#define UNITY_AS_INT64(x)  ((UNITY_INT)(x))
#define UNITY_AS_UINT(x)   ((UNITY_INT)(UNITY_UINT)(x))
#define UNITY_AS_UINT8(x)  ((UNITY_INT)(uint8_t)(x))
#define UNITY_AS_UINT16(x) ((UNITY_INT)(uint16_t)(x))
#define UNITY_AS_UINT32(x) ((UNITY_INT)(uint32_t)(x))
#define UNITY_AS_UINT64(x) ((UNITY_INT)(UNITY_UINT)(x))
#define UNITY_AS_HEX8(x)   UNITY_AS_UINT8(x)
#define UNITY_AS_HEX16(x)  UNITY_AS_UINT16(x)
#define UNITY_AS_HEX32(x)  UNITY_AS_UINT32(x)
#define UNITY_AS_HEX64(x)  UNITY_AS_UINT64(x)
#define UNITY_AS_CHAR(x)   UNITY_AS_INT8(x)

#define UNITY_NUMBER_(relation, style, expected, actual, message)                         \
    unity_check_number(UNITY_##relation, UNITY_STYLE_##style, UNITY_AS_##style(expected), \
                       UNITY_AS_##style(actual), message, (UNITY_LINE_TYPE)__LINE__)
#define UNITY_WITHIN_(style, delta, expected, actual, message)                               \
    unity_check_within(UNITY_STYLE_##style, (UNITY_UINT)(delta), UNITY_AS_##style(expected), \
                       UNITY_AS_##style(actual), message, (UNITY_LINE_TYPE)__LINE__)
#define UNITY_ARRAY_(style, expected, actual, n, message)                                   \
    unity_check_array(UNITY_ELEMENT_##style, false, expected, actual, (size_t)(n), message, \
                      (UNITY_LINE_TYPE)__LINE__)
/* Little endian: the low bytes of the widest form are the element. */
#define UNITY_EACH_(style, expected, actual, n, message)                                               \
    do {                                                                                               \
        UNITY_INT unity_expected_ = UNITY_AS_##style(expected);                                        \
        unity_check_array(UNITY_ELEMENT_##style, true, &unity_expected_, actual, (size_t)(n), message, \
                          (UNITY_LINE_TYPE)__LINE__);                                                  \
    } while (0)
#define UNITY_TRUE_(condition, failure, message) \
    unity_check((condition) ? true : false, failure, message, (UNITY_LINE_TYPE)__LINE__)

#include "unity_numbers.h"

/* ---- Conditions ------------------------------------------------------------ */

#define TEST_ASSERT_MESSAGE(condition, message) \
    UNITY_TRUE_(condition, " Expression Evaluated To FALSE", message)
#define TEST_ASSERT_TRUE_MESSAGE(condition, message) \
    UNITY_TRUE_(condition, " Expected TRUE Was FALSE", message)
#define TEST_ASSERT_FALSE_MESSAGE(condition, message) \
    UNITY_TRUE_(!(condition), " Expected FALSE Was TRUE", message)
#define TEST_ASSERT_UNLESS_MESSAGE(condition, message) \
    UNITY_TRUE_(!(condition), " Expression Evaluated To TRUE", message)
#define TEST_ASSERT_NULL_MESSAGE(pointer, message) UNITY_TRUE_((pointer) == NULL, " Expected NULL", message)
#define TEST_ASSERT_NOT_NULL_MESSAGE(pointer, message) \
    UNITY_TRUE_((pointer) != NULL, " Expected Non-NULL", message)
#define TEST_ASSERT_EMPTY_MESSAGE(string, message) UNITY_TRUE_((string)[0] == 0, " Expected Empty", message)
#define TEST_ASSERT_NOT_EMPTY_MESSAGE(string, message) \
    UNITY_TRUE_((string)[0] != 0, " Expected Non-Empty", message)
#define TEST_ASSERT_NOT_EQUAL_MESSAGE(expected, actual, message) \
    UNITY_TRUE_((expected) != (actual), " Expected Not-Equal", message)

#define TEST_ASSERT(condition)                  TEST_ASSERT_MESSAGE(condition, NULL)
#define TEST_ASSERT_TRUE(condition)             TEST_ASSERT_TRUE_MESSAGE(condition, NULL)
#define TEST_ASSERT_FALSE(condition)            TEST_ASSERT_FALSE_MESSAGE(condition, NULL)
#define TEST_ASSERT_UNLESS(condition)           TEST_ASSERT_UNLESS_MESSAGE(condition, NULL)
#define TEST_ASSERT_NULL(pointer)               TEST_ASSERT_NULL_MESSAGE(pointer, NULL)
#define TEST_ASSERT_NOT_NULL(pointer)           TEST_ASSERT_NOT_NULL_MESSAGE(pointer, NULL)
#define TEST_ASSERT_EMPTY(string)               TEST_ASSERT_EMPTY_MESSAGE(string, NULL)
#define TEST_ASSERT_NOT_EMPTY(string)           TEST_ASSERT_NOT_EMPTY_MESSAGE(string, NULL)
#define TEST_ASSERT_NOT_EQUAL(expected, actual) TEST_ASSERT_NOT_EQUAL_MESSAGE(expected, actual, NULL)

/* ---- Verdicts --------------------------------------------------------------- */

#define TEST_FAIL_MESSAGE(message)   UnityFail(message, (UNITY_LINE_TYPE)__LINE__)
#define TEST_FAIL()                  TEST_FAIL_MESSAGE(NULL)
#define TEST_IGNORE_MESSAGE(message) UnityIgnore(message, (UNITY_LINE_TYPE)__LINE__)
#define TEST_IGNORE()                TEST_IGNORE_MESSAGE(NULL)
#define TEST_PASS_MESSAGE(message)                        \
    do {                                                  \
        UnityMessage(message, (UNITY_LINE_TYPE)__LINE__); \
        TEST_ABORT();                                     \
    } while (0)
#define TEST_PASS()           TEST_ABORT()
#define TEST_MESSAGE(message) UnityMessage(message, (UNITY_LINE_TYPE)__LINE__)
#define TEST_ONLY()

/* ---- Bits, pointers, memory, strings ------------------------------------------ */

#define TEST_ASSERT_BITS_MESSAGE(mask, expected, actual, message)                               \
    unity_check_bits((UNITY_UINT)(mask), (UNITY_UINT)(expected), (UNITY_UINT)(actual), message, \
                     (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_BITS_HIGH_MESSAGE(mask, actual, message) \
    TEST_ASSERT_BITS_MESSAGE(mask, UINT64_MAX, actual, message)
#define TEST_ASSERT_BITS_LOW_MESSAGE(mask, actual, message) TEST_ASSERT_BITS_MESSAGE(mask, 0, actual, message)
#define TEST_ASSERT_BIT_HIGH_MESSAGE(bit, actual, message) \
    TEST_ASSERT_BITS_HIGH_MESSAGE((UNITY_UINT)1 << (bit), actual, message)
#define TEST_ASSERT_BIT_LOW_MESSAGE(bit, actual, message) \
    TEST_ASSERT_BITS_LOW_MESSAGE((UNITY_UINT)1 << (bit), actual, message)
#define TEST_ASSERT_EQUAL_PTR_MESSAGE(expected, actual, message)                         \
    unity_check_number(UNITY_EQUAL, UNITY_STYLE_HEX64, (UNITY_INT)(uintptr_t)(expected), \
                       (UNITY_INT)(uintptr_t)(actual), message, (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EQUAL_MEMORY_MESSAGE(expected, actual, len, message) \
    unity_check_memory(false, expected, actual, (size_t)(len), 1, message, (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EQUAL_MEMORY_ARRAY_MESSAGE(expected, actual, len, n, message)    \
    unity_check_memory(false, expected, actual, (size_t)(len), (size_t)(n), message, \
                       (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EACH_EQUAL_MEMORY_MESSAGE(expected, actual, len, n, message) \
    unity_check_memory(true, expected, actual, (size_t)(len), (size_t)(n), message, (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EQUAL_PTR_ARRAY_MESSAGE(expected, actual, n, message)               \
    unity_check_array(UNITY_STYLE_HEX64, false, expected, actual, (size_t)(n), message, \
                      (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EQUAL_STRING_MESSAGE(expected, actual, message)                            \
    unity_check_string((const char *)(expected), (const char *)(actual), PTRDIFF_MAX, message, \
                       (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EQUAL_STRING_LEN_MESSAGE(expected, actual, len, message)                     \
    unity_check_string((const char *)(expected), (const char *)(actual), (size_t)(len), message, \
                       (UNITY_LINE_TYPE)__LINE__)
#define TEST_ASSERT_EQUAL_STRING_ARRAY_MESSAGE(expected, actual, n, message)                         \
    unity_check_strings((const char *const *)(expected), (const char *const *)(actual), (size_t)(n), \
                        message, (UNITY_LINE_TYPE)__LINE__)

#define TEST_ASSERT_BITS(mask, expected, actual) TEST_ASSERT_BITS_MESSAGE(mask, expected, actual, NULL)
#define TEST_ASSERT_BITS_HIGH(mask, actual)      TEST_ASSERT_BITS_HIGH_MESSAGE(mask, actual, NULL)
#define TEST_ASSERT_BITS_LOW(mask, actual)       TEST_ASSERT_BITS_LOW_MESSAGE(mask, actual, NULL)
#define TEST_ASSERT_BIT_HIGH(bit, actual)        TEST_ASSERT_BIT_HIGH_MESSAGE(bit, actual, NULL)
#define TEST_ASSERT_BIT_LOW(bit, actual)         TEST_ASSERT_BIT_LOW_MESSAGE(bit, actual, NULL)
#define TEST_ASSERT_EQUAL_PTR(expected, actual)  TEST_ASSERT_EQUAL_PTR_MESSAGE(expected, actual, NULL)
#define TEST_ASSERT_EQUAL_MEMORY(expected, actual, len) \
    TEST_ASSERT_EQUAL_MEMORY_MESSAGE(expected, actual, len, NULL)
#define TEST_ASSERT_EQUAL_MEMORY_ARRAY(expected, actual, len, n) \
    TEST_ASSERT_EQUAL_MEMORY_ARRAY_MESSAGE(expected, actual, len, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_MEMORY(expected, actual, len, n) \
    TEST_ASSERT_EACH_EQUAL_MEMORY_MESSAGE(expected, actual, len, n, NULL)
#define TEST_ASSERT_EQUAL_PTR_ARRAY(expected, actual, n) \
    TEST_ASSERT_EQUAL_PTR_ARRAY_MESSAGE(expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_STRING(expected, actual) TEST_ASSERT_EQUAL_STRING_MESSAGE(expected, actual, NULL)
#define TEST_ASSERT_EQUAL_STRING_LEN(expected, actual, len) \
    TEST_ASSERT_EQUAL_STRING_LEN_MESSAGE(expected, actual, len, NULL)
#define TEST_ASSERT_EQUAL_STRING_ARRAY(expected, actual, n) \
    TEST_ASSERT_EQUAL_STRING_ARRAY_MESSAGE(expected, actual, n, NULL)

/* ---- Fractions ------------------------------------------------------------------ */

#define UNITY_FLOAT_WITHIN_(delta, expected, actual, inside, message)                                 \
    unity_check_double_within((double)(delta), (double)(expected), (double)(actual), inside, message, \
                              (UNITY_LINE_TYPE)__LINE__)
#define UNITY_FLOAT_(relation, expected, actual, message)                               \
    unity_check_double(UNITY_##relation, (double)(expected), (double)(actual), message, \
                       (UNITY_LINE_TYPE)__LINE__)
#define UNITY_SHARE_(share, x) (((double)(x) < 0 ? -(double)(x) : (double)(x)) * (share))

#define TEST_ASSERT_FLOAT_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_FLOAT_WITHIN_(delta, (float)(expected), (float)(actual), true, message)
#define TEST_ASSERT_FLOAT_NOT_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_FLOAT_WITHIN_(delta, (float)(expected), (float)(actual), false, message)
#define TEST_ASSERT_EQUAL_FLOAT_MESSAGE(expected, actual, message) \
    UNITY_FLOAT_WITHIN_(UNITY_SHARE_(1e-5, expected), (float)(expected), (float)(actual), true, message)
#define TEST_ASSERT_NOT_EQUAL_FLOAT_MESSAGE(expected, actual, message) \
    UNITY_FLOAT_WITHIN_(UNITY_SHARE_(1e-5, expected), (float)(expected), (float)(actual), false, message)
#define TEST_ASSERT_GREATER_THAN_FLOAT_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(GREATER, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_FLOAT_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(LESS, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_FLOAT_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(GREATER_OR_EQUAL, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_FLOAT_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(LESS_OR_EQUAL, threshold, actual, message)
#define TEST_ASSERT_EQUAL_FLOAT_ARRAY_MESSAGE(expected, actual, n, message) \
    unity_check_floats(expected, actual, (size_t)(n), message, (UNITY_LINE_TYPE)__LINE__)

#define TEST_ASSERT_DOUBLE_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_FLOAT_WITHIN_(delta, expected, actual, true, message)
#define TEST_ASSERT_DOUBLE_NOT_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_FLOAT_WITHIN_(delta, expected, actual, false, message)
#define TEST_ASSERT_EQUAL_DOUBLE_MESSAGE(expected, actual, message) \
    UNITY_FLOAT_WITHIN_(UNITY_SHARE_(1e-12, expected), expected, actual, true, message)
#define TEST_ASSERT_NOT_EQUAL_DOUBLE_MESSAGE(expected, actual, message) \
    UNITY_FLOAT_WITHIN_(UNITY_SHARE_(1e-12, expected), expected, actual, false, message)
#define TEST_ASSERT_GREATER_THAN_DOUBLE_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(GREATER, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_DOUBLE_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(LESS, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_DOUBLE_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(GREATER_OR_EQUAL, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_DOUBLE_MESSAGE(threshold, actual, message) \
    UNITY_FLOAT_(LESS_OR_EQUAL, threshold, actual, message)
#define TEST_ASSERT_EQUAL_DOUBLE_ARRAY_MESSAGE(expected, actual, n, message) \
    unity_check_doubles(expected, actual, (size_t)(n), message, (UNITY_LINE_TYPE)__LINE__)

#define TEST_ASSERT_FLOAT_WITHIN(delta, expected, actual) \
    TEST_ASSERT_FLOAT_WITHIN_MESSAGE(delta, expected, actual, NULL)
#define TEST_ASSERT_FLOAT_NOT_WITHIN(delta, expected, actual) \
    TEST_ASSERT_FLOAT_NOT_WITHIN_MESSAGE(delta, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_FLOAT(expected, actual) TEST_ASSERT_EQUAL_FLOAT_MESSAGE(expected, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_FLOAT(expected, actual) \
    TEST_ASSERT_NOT_EQUAL_FLOAT_MESSAGE(expected, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_FLOAT(threshold, actual) \
    TEST_ASSERT_GREATER_THAN_FLOAT_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_FLOAT(threshold, actual) \
    TEST_ASSERT_LESS_THAN_FLOAT_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_FLOAT(threshold, actual) \
    TEST_ASSERT_GREATER_OR_EQUAL_FLOAT_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_FLOAT(threshold, actual) \
    TEST_ASSERT_LESS_OR_EQUAL_FLOAT_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_EQUAL_FLOAT_ARRAY(expected, actual, n) \
    TEST_ASSERT_EQUAL_FLOAT_ARRAY_MESSAGE(expected, actual, n, NULL)
#define TEST_ASSERT_DOUBLE_WITHIN(delta, expected, actual) \
    TEST_ASSERT_DOUBLE_WITHIN_MESSAGE(delta, expected, actual, NULL)
#define TEST_ASSERT_DOUBLE_NOT_WITHIN(delta, expected, actual) \
    TEST_ASSERT_DOUBLE_NOT_WITHIN_MESSAGE(delta, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_DOUBLE(expected, actual) TEST_ASSERT_EQUAL_DOUBLE_MESSAGE(expected, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_DOUBLE(expected, actual) \
    TEST_ASSERT_NOT_EQUAL_DOUBLE_MESSAGE(expected, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_DOUBLE(threshold, actual) \
    TEST_ASSERT_GREATER_THAN_DOUBLE_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_DOUBLE(threshold, actual) \
    TEST_ASSERT_LESS_THAN_DOUBLE_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_DOUBLE(threshold, actual) \
    TEST_ASSERT_GREATER_OR_EQUAL_DOUBLE_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_DOUBLE(threshold, actual) \
    TEST_ASSERT_LESS_OR_EQUAL_DOUBLE_MESSAGE(threshold, actual, NULL)
#define TEST_ASSERT_EQUAL_DOUBLE_ARRAY(expected, actual, n) \
    TEST_ASSERT_EQUAL_DOUBLE_ARRAY_MESSAGE(expected, actual, n, NULL)

#define TEST_ASSERT_FLOAT_IS_INF(actual) \
    UNITY_TRUE_(__builtin_isinf_sign(actual) > 0, " Expected Infinity", NULL)
#define TEST_ASSERT_FLOAT_IS_NEG_INF(actual) \
    UNITY_TRUE_(__builtin_isinf_sign(actual) < 0, " Expected Negative Infinity", NULL)
#define TEST_ASSERT_FLOAT_IS_NAN(actual)     UNITY_TRUE_(__builtin_isnan(actual), " Expected NaN", NULL)
#define TEST_ASSERT_FLOAT_IS_NOT_NAN(actual) UNITY_TRUE_(!__builtin_isnan(actual), " Expected Not NaN", NULL)
#define TEST_ASSERT_FLOAT_IS_DETERMINATE(actual) \
    UNITY_TRUE_(__builtin_isfinite(actual), " Expected Determinate", NULL)
#define TEST_ASSERT_DOUBLE_IS_INF(actual)         TEST_ASSERT_FLOAT_IS_INF(actual)
#define TEST_ASSERT_DOUBLE_IS_NEG_INF(actual)     TEST_ASSERT_FLOAT_IS_NEG_INF(actual)
#define TEST_ASSERT_DOUBLE_IS_NAN(actual)         TEST_ASSERT_FLOAT_IS_NAN(actual)
#define TEST_ASSERT_DOUBLE_IS_NOT_NAN(actual)     TEST_ASSERT_FLOAT_IS_NOT_NAN(actual)
#define TEST_ASSERT_DOUBLE_IS_DETERMINATE(actual) TEST_ASSERT_FLOAT_IS_DETERMINATE(actual)

#ifdef __cplusplus
}
#endif
