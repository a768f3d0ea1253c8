/*
 * unity_test_runner.h - test cases that register themselves, and a menu to run them from.
 *
 *     TEST_CASE("a blank slot has no description", "[ota]") { TEST_ASSERT_...; }
 *     TEST_CASE_MULTIPLE_STAGES("restart keeps the slot", "[ota][reset=SW_CPU_RESET]", first, second);
 *
 * A case of several stages is for what a reset lies between: the menu asks which function to run, and
 * whoever drives the console asks for the next one after the reset. Included by unity.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*test_func)(void);

typedef struct test_desc_t {
    const char *name;
    const char *desc; /* tags: "[group][timeout=30]" */
    test_func *fn;
    const char *file;
    int line;
    uint8_t test_fn_count;
    const char **test_fn_name; /* NULL if there is one function */
    struct test_desc_t *next;
} test_desc_t;

void unity_testcase_register(test_desc_t *desc);

/*
 * Run registered cases. They come in the order in which they were registered,
 * which within a file is that of their definition.
 */
void unity_run_all_tests(void);
void unity_run_test_by_name(const char *name);
void unity_run_test_by_index(int index); /* from 0 */
/* Those with this text among their tags; invert: those without. */
void unity_run_tests_by_tag(const char *tag, bool invert);

/*
 * The menu on the console; never returns. A line is a case's number, its "name" in
 * quotes, a [tag], ![tag] for all others, * for all, - for the last sum; an empty one shows the menu.
 */
void unity_run_menu(void);

int unity_get_test_count(void);
/* False if there is no such case. */
bool unity_get_test_info(int test_index, test_desc_t *out_info);

/* ---- Registering ---------------------------------------------------------- */

#define UNITY_JOIN_(a, b)    a##b
#define UNITY_EXPAND(a, b)   UNITY_JOIN_(a, b)
#define UNITY_TEST_UID(what) UNITY_EXPAND(what, __LINE__)

#define UNITY_COUNT_(...)                                   UNITY_TENTH_(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define UNITY_TENTH_(a, b, c, d, e, f, g, h, i, count, ...) count
#define UNITY_NAMES_1_(a)                                   #a
#define UNITY_NAMES_2_(a, ...)                              #a, UNITY_NAMES_1_(__VA_ARGS__)
#define UNITY_NAMES_3_(a, ...)                              #a, UNITY_NAMES_2_(__VA_ARGS__)
#define UNITY_NAMES_4_(a, ...)                              #a, UNITY_NAMES_3_(__VA_ARGS__)
#define UNITY_NAMES_5_(a, ...)                              #a, UNITY_NAMES_4_(__VA_ARGS__)
#define UNITY_NAMES_6_(a, ...)                              #a, UNITY_NAMES_5_(__VA_ARGS__)
#define UNITY_NAMES_7_(a, ...)                              #a, UNITY_NAMES_6_(__VA_ARGS__)
#define UNITY_NAMES_8_(a, ...)                              #a, UNITY_NAMES_7_(__VA_ARGS__)
#define UNITY_NAMES_9_(a, ...)                              #a, UNITY_NAMES_8_(__VA_ARGS__)
#define UNITY_NAMES_(count, ...)                            UNITY_EXPAND(UNITY_NAMES_, UNITY_EXPAND(count, _))(__VA_ARGS__)

/* Before main(): in C++ the fields have to come in this order. */
#define UNITY_REGISTER_(name_, desc_, functions, count, names)                                    \
    static void __attribute__((constructor)) UNITY_TEST_UID(test_reg_helper_)(void)               \
    {                                                                                             \
        static test_desc_t desc = {name_, desc_, functions, __FILE__, __LINE__, count, names, 0}; \
        unity_testcase_register(&desc);                                                           \
    }

#define TEST_CASE(name_, desc_)                                                        \
    static void UNITY_TEST_UID(test_func_)(void);                                      \
    static test_func UNITY_TEST_UID(test_functions_)[] = {UNITY_TEST_UID(test_func_)}; \
    UNITY_REGISTER_(name_, desc_, UNITY_TEST_UID(test_functions_), 1, 0)               \
    static void UNITY_TEST_UID(test_func_)(void)

#define UNITY_SEVERAL_(name_, desc_, ...)                                                     \
    static test_func UNITY_TEST_UID(test_functions_)[] = {__VA_ARGS__};                       \
    static const char *UNITY_TEST_UID(test_names_)[] = {                                      \
        UNITY_NAMES_(UNITY_COUNT_(__VA_ARGS__), __VA_ARGS__)};                                \
    UNITY_REGISTER_(name_, desc_, UNITY_TEST_UID(test_functions_), UNITY_COUNT_(__VA_ARGS__), \
                    UNITY_TEST_UID(test_names_))

/* Up to nine functions, one for each stage or device. */
#define TEST_CASE_MULTIPLE_STAGES(name_, desc_, ...) UNITY_SEVERAL_(name_, desc_ "[multi_stage]", __VA_ARGS__)
#define TEST_CASE_MULTIPLE_DEVICES(name_, desc_, ...) \
    UNITY_SEVERAL_(name_, desc_ "[multi_device]", __VA_ARGS__)

#ifdef __cplusplus
}
#endif
