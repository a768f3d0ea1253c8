/* unity_runner.c - registered test cases, and the menu. Texts are those that test drivers for ESP-IDF wait for. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_system.h"
#include "unity.h"

#define LINE_MAX_LEN 256

static test_desc_t *first;
static test_desc_t **next = &first; /* where the next one is entered */

void unity_testcase_register(test_desc_t *desc)
{
    desc->next = NULL;
    *next = desc;
    next = &desc->next;
}

static const test_desc_t *test_at(int index)
{
    const test_desc_t *test = index >= 0 ? first : NULL;

    while (test != NULL && index-- > 0) {
        test = test->next;
    }
    return test;
}

int unity_get_test_count(void)
{
    int n = 0;

    for (const test_desc_t *test = first; test != NULL; test = test->next) {
        n++;
    }
    return n;
}

bool unity_get_test_info(int test_index, test_desc_t *out_info)
{
    const test_desc_t *test = test_at(test_index);

    if (test != NULL) {
        *out_info = *test;
    }
    return test != NULL;
}

/* ---- Running ------------------------------------------------------------------- */

static void print_stages(const test_desc_t *test)
{
    for (int i = 0; i < test->test_fn_count; i++) {
        printf("\t(%d)\t\"%s\"\n", i + 1, test->test_fn_name[i]);
    }
}

/* Which function to run, from the console; -1 for one that is not there. */
static int ask_for_stage(const test_desc_t *test)
{
    char line[LINE_MAX_LEN];
    int choice;

    do {
        printf("%s\n", test->name);
        print_stages(test);
        unity_gets(line, sizeof line);
    } while (line[0] == '\0');
    choice = atoi(line);
    if (choice < 1 || choice > test->test_fn_count) {
        printf("Invalid selection, your should input number 1-%d\n", test->test_fn_count);
        return -1;
    }
    return choice - 1;
}

/* A case that may leak is followed by a reset, and so is each stage of one. */
static void reset_after(const test_desc_t *test, int stage)
{
    if (strstr(test->desc, "[leaks") == NULL) {
        return;
    }
    if (strstr(test->desc, "[multi_device]") != NULL || stage + 1 >= test->test_fn_count) {
        (void)UNITY_END();
        printf("Enter next test, or 'enter' to see menu\n");
    }
    esp_restart();
}

static void run(const test_desc_t *test)
{
    int stage = 0;

    printf("Running %s...\n", test->name);
    unity_flush();
    Unity.TestFile = test->file;
    Unity.CurrentDetail1 = test->desc;
    if (test->test_fn_count > 1) {
        stage = ask_for_stage(test);
    }
    if (stage >= 0) {
        UnityDefaultTestRun(test->fn[stage], test->name, test->line);
        reset_after(test, stage);
    }
}

void unity_run_all_tests(void)
{
    for (const test_desc_t *test = first; test != NULL; test = test->next) {
        run(test);
    }
}

void unity_run_test_by_name(const char *name)
{
    for (const test_desc_t *test = first; test != NULL; test = test->next) {
        if (strcmp(test->name, name) == 0) {
            run(test);
        }
    }
}

void unity_run_test_by_index(int index)
{
    const test_desc_t *test = test_at(index);

    if (test != NULL) {
        run(test);
    }
}

void unity_run_tests_by_tag(const char *tag, bool invert)
{
    printf("Running tests %smatching '%s'...\n", invert ? "NOT " : "", tag);
    for (const test_desc_t *test = first; test != NULL; test = test->next) {
        if ((strstr(test->desc, tag) != NULL) != invert) {
            run(test);
        }
    }
}

/* ---- The menu --------------------------------------------------------------------- */

static void print_menu(void)
{
    int n = 0;

    printf("\n\nHere's the test menu, pick your combo:\n");
    for (const test_desc_t *test = first; test != NULL; test = test->next) {
        printf("(%d)\t\"%s\" %s\n", ++n, test->name, test->desc);
        if (test->test_fn_count > 1) {
            print_stages(test);
        }
    }
    printf("\nEnter test for running.\n");
    unity_flush();
}

static void run_numbered(const char *line)
{
    unity_exec_time_start();
    unity_run_test_by_index(atoi(line) - 1);
    unity_exec_time_stop();
    printf("Test ran in %ums\n", (unsigned)unity_exec_time_get_ms());
}

static void run_choice(char *line)
{
    bool invert = line[0] == '!';
    char *end;

    line += invert;
    end = strrchr(line, '"');
    if (line[0] == '*') {
        unity_run_all_tests();
    } else if (line[0] == '[') {
        unity_run_tests_by_tag(line, invert);
    } else if (line[0] == '"' && end > line) {
        *end = '\0';
        unity_run_test_by_name(line + 1);
    } else if (isdigit((unsigned char)line[0])) {
        run_numbered(line);
    }
}

void unity_run_menu(void)
{
    char line[LINE_MAX_LEN];

    printf("\n\nPress ENTER to see the list of tests.\n");
    for (;;) {
        size_t len;

        unity_gets(line, sizeof line);
        len = strlen(line);
        while (len > 0 && isspace((unsigned char)line[len - 1])) {
            line[--len] = '\0';
        }
        if (len == 0) {
            print_menu();
        } else if (line[0] == '-') {
            (void)UNITY_END();
        } else {
            UNITY_BEGIN();
            run_choice(line);
            (void)UNITY_END();
            printf("Enter next test, or 'enter' to see menu\n");
            unity_flush();
        }
    }
}
