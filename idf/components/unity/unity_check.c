/* unity_check.c - what the assertions compare. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "unity.h"

#define TEXT_MAX  192
#define VALUE_MAX 32

/* Ends the test case: " Expected 1 Was 2. message". */
__attribute__((format(printf, 3, 4))) _Noreturn static void fail(const char *message, UNITY_LINE_TYPE line,
                                                                 const char *format, ...)
{
    char text[TEXT_MAX * 2];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, TEXT_MAX, format, args);
    va_end(args);
    if (n >= 0 && message != NULL) {
        size_t len = n < TEXT_MAX ? (size_t)n : TEXT_MAX - 1;

        (void)snprintf(text + len, sizeof text - len, ". %s", message);
    }
    UnityFail(text, line);
}

void unity_check(bool holds, const char *failure, const char *message, UNITY_LINE_TYPE line)
{
    if (!holds) {
        fail(message, line, "%s", failure);
    }
}

/* ---- Numbers ----------------------------------------------------------------- */

static const char *const relation_words[] = {"",
                                             "to be not equal to ",
                                             "to be greater than ",
                                             "to be less than ",
                                             "to be greater or equal to ",
                                             "to be less or equal to "};

static bool is_signed(unsigned style)
{
    return (style & (UNITY_SIGNED | UNITY_AS_CHAR)) != 0;
}

static void print_number(char out[VALUE_MAX], unsigned style, UNITY_INT number)
{
    int digits = (int)(style & 0xF) * 2;

    if ((style & UNITY_IN_HEX) != 0) {
        uint64_t shown = (uint64_t)number;

        if (digits < 16) {
            shown &= (UINT64_C(1) << digits * 4) - 1;
        }
        (void)snprintf(out, VALUE_MAX, "0x%0*" PRIX64, digits, shown);
    } else if ((style & UNITY_AS_CHAR) != 0 && number >= ' ' && number <= '~') {
        (void)snprintf(out, VALUE_MAX, "'%c'", (char)number);
    } else if (is_signed(style)) {
        (void)snprintf(out, VALUE_MAX, "%" PRId64, number);
    } else {
        (void)snprintf(out, VALUE_MAX, "%" PRIu64, (uint64_t)number);
    }
}

/* -1, 0 or 1. */
static int compare(unsigned style, UNITY_INT a, UNITY_INT b)
{
    if (is_signed(style)) {
        return a < b ? -1 : a > b;
    }
    return (uint64_t)a < (uint64_t)b ? -1 : (uint64_t)a > (uint64_t)b;
}

/* order: of the actual value beside the expected one. */
static bool holds(enum unity_relation relation, int order)
{
    switch (relation) {
    case UNITY_EQUAL:
        return order == 0;
    case UNITY_NOT_EQUAL:
        return order != 0;
    case UNITY_GREATER:
        return order > 0;
    case UNITY_LESS:
        return order < 0;
    case UNITY_GREATER_OR_EQUAL:
        return order >= 0;
    case UNITY_LESS_OR_EQUAL:
        return order <= 0;
    }
    return false;
}

void unity_check_number(enum unity_relation relation, unsigned style, UNITY_INT expected, UNITY_INT actual,
                        const char *message, UNITY_LINE_TYPE line)
{
    char want[VALUE_MAX], got[VALUE_MAX];

    if (holds(relation, compare(style, actual, expected))) {
        return;
    }
    print_number(want, style, expected);
    print_number(got, style, actual);
    if (relation == UNITY_EQUAL) {
        fail(message, line, "Expected %s Was %s", want, got);
    }
    fail(message, line, "Expected %s %s%s", got, relation_words[relation], want);
}

void unity_check_within(unsigned style, UNITY_UINT delta, UNITY_INT expected, UNITY_INT actual,
                        const char *message, UNITY_LINE_TYPE line)
{
    char want[VALUE_MAX], got[VALUE_MAX];
    /* Modulo 2^64 the larger minus the smaller is right whatever the signs. */
    uint64_t distance = compare(style, actual, expected) >= 0 ? (uint64_t)actual - (uint64_t)expected
                                                              : (uint64_t)expected - (uint64_t)actual;

    if (distance <= delta) {
        return;
    }
    print_number(want, style, expected);
    print_number(got, style, actual);
    fail(message, line, "Values Not Within Delta %" PRIu64 " Expected %s Was %s", delta, want, got);
}

/* Little endian, as everything this runs on. */
static UNITY_INT element(unsigned style, const void *array, size_t i)
{
    size_t size = style & 0xF;
    uint64_t value = 0;
    unsigned unused_bits = 64 - (unsigned)size * 8;

    memcpy(&value, (const uint8_t *)array + i * size, size);
    if (is_signed(style) && unused_bits > 0) {
        return (UNITY_INT)(value << unused_bits) >> unused_bits;
    }
    return (UNITY_INT)value;
}

/* Fails unless both are arrays or there is nothing to compare; true: compare them. */
static bool both_there(const void *expected, const void *actual, const char *message, UNITY_LINE_TYPE line)
{
    if (expected == actual) {
        return false;
    }
    if (expected == NULL || actual == NULL) {
        fail(message, line, "%s pointer was NULL", expected == NULL ? "Expected" : "Actual");
    }
    return true;
}

void unity_check_array(unsigned style, bool each, const void *expected, const void *actual, size_t n,
                       const char *message, UNITY_LINE_TYPE line)
{
    char want[VALUE_MAX], got[VALUE_MAX];

    if (n == 0) {
        fail(message, line, "You Asked Me To Compare Nothing, Which Was Pointless");
    }
    if (!both_there(expected, actual, message, line)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        UNITY_INT e = element(style, expected, each ? 0 : i), a = element(style, actual, i);

        if (e != a) {
            print_number(want, style, e);
            print_number(got, style, a);
            fail(message, line, "Element %zu Expected %s Was %s", i, want, got);
        }
    }
}

void unity_check_bits(UNITY_UINT mask, UNITY_UINT expected, UNITY_UINT actual, const char *message,
                      UNITY_LINE_TYPE line)
{
    char want[65], got[65];
    unsigned width = mask > UINT32_MAX ? 64 : 32;

    if ((expected & mask) == (actual & mask)) {
        return;
    }
    for (unsigned i = 0; i < width; i++) {
        unsigned bit = width - 1 - i;

        want[i] = (mask >> bit & 1) == 0 ? 'X' : (expected >> bit & 1) != 0 ? '1' : '0';
        got[i] = (mask >> bit & 1) == 0 ? 'X' : (actual >> bit & 1) != 0 ? '1' : '0';
    }
    want[width] = got[width] = '\0';
    fail(message, line, "Expected %s Was %s", want, got);
}

/* ---- Memory and strings ---------------------------------------------------------- */

void unity_check_memory(bool each, const void *expected, const void *actual, size_t len, size_t n,
                        const char *message, UNITY_LINE_TYPE line)
{
    if (len == 0 || n == 0) {
        fail(message, line, "You Asked Me To Compare Nothing, Which Was Pointless");
    }
    if (!both_there(expected, actual, message, line)) {
        return;
    }
    for (size_t i = 0; i < len * n; i++) {
        uint8_t e = ((const uint8_t *)expected)[each ? i % len : i], a = ((const uint8_t *)actual)[i];

        if (e != a) {
            fail(message, line, "Memory Mismatch. Element %zu Byte %zu Expected 0x%02X Was 0x%02X", i / len,
                 i % len, e, a);
        }
    }
}

static bool same_text(const char *a, const char *b, size_t max_len)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strncmp(a, b, max_len) == 0;
}

#define SHOWN(text) (text) == NULL ? "NULL" : (text)

void unity_check_string(const char *expected, const char *actual, size_t max_len, const char *message,
                        UNITY_LINE_TYPE line)
{
    if (!same_text(expected, actual, max_len)) {
        fail(message, line, "Expected '%.80s' Was '%.80s'", SHOWN(expected), SHOWN(actual));
    }
}

void unity_check_strings(const char *const *expected, const char *const *actual, size_t n,
                         const char *message, UNITY_LINE_TYPE line)
{
    if (n == 0) {
        fail(message, line, "You Asked Me To Compare Nothing, Which Was Pointless");
    }
    if (!both_there(expected, actual, message, line)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!same_text(expected[i], actual[i], PTRDIFF_MAX)) {
            fail(message, line, "Element %zu Expected '%.70s' Was '%.70s'", i, SHOWN(expected[i]),
                 SHOWN(actual[i]));
        }
    }
}

/* ---- Fractions ---------------------------------------------------------------------- */

/* Infinities and NaN are equal to their like. */
static bool near(double delta, double expected, double actual)
{
    if (isnan(expected) || isnan(actual)) {
        return isnan(expected) && isnan(actual);
    }
    if (isinf(expected) || isinf(actual)) {
        return isinf(expected) && isinf(actual) && signbit(expected) == signbit(actual);
    }
    return fabs(actual - expected) <= fabs(delta);
}

void unity_check_double(enum unity_relation relation, double expected, double actual, const char *message,
                        UNITY_LINE_TYPE line)
{
    bool ordered = !isnan(expected) && !isnan(actual);

    if (!ordered || !holds(relation, actual < expected ? -1 : actual > expected)) {
        fail(message, line, "Expected %.9g %s%.9g", actual, relation_words[relation], expected);
    }
}

void unity_check_double_within(double delta, double expected, double actual, bool inside, const char *message,
                               UNITY_LINE_TYPE line)
{
    if (near(delta, expected, actual) != inside) {
        fail(message, line, "Expected %s%.9g Was %.9g", inside ? "" : "Not ", expected, actual);
    }
}

static void check_element(double precision, double expected, double actual, size_t i, const char *message,
                          UNITY_LINE_TYPE line)
{
    if (!near(expected * precision, expected, actual)) {
        fail(message, line, "Element %zu Expected %.9g Was %.9g", i, expected, actual);
    }
}

void unity_check_doubles(const double *expected, const double *actual, size_t n, const char *message,
                         UNITY_LINE_TYPE line)
{
    if (both_there(expected, actual, message, line)) {
        for (size_t i = 0; i < n; i++) {
            check_element(1e-12, expected[i], actual[i], i, message, line);
        }
    }
}

void unity_check_floats(const float *expected, const float *actual, size_t n, const char *message,
                        UNITY_LINE_TYPE line)
{
    if (both_there(expected, actual, message, line)) {
        for (size_t i = 0; i < n; i++) {
            check_element(1e-5, (double)expected[i], (double)actual[i], i, message, line);
        }
    }
}
