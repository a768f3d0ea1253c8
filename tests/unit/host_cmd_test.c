/*
 * host_cmd_test.c - options, pages, suggestions, numbers.
 *
 * Mistakes and pages end the process, so those cases run in a child whose exit
 * code and output are collected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/cmd.h"

static const struct host_cmd row = {
    .noun = "thing",
    .verb = "make",
    .usage = "IN OUT [OPTIONS]",
    .summary = "make a thing",
    .help = "Makes a thing out of something else, which takes a line that is longer than eighty columns.\n"
            "\n"
            "Examples:\n"
            "  airlift thing make a b --size 4MB",
};

struct values {
    bool force, verbose;
    const char *name;
    uint32_t size, number;
    double seconds;
    struct host_list list;
    bool size_given;
};

static struct values values;

static const struct host_opt opts[] = {
    {"force", 'f', HOST_OPT_FLAG, &values.force, NULL, "Replace it.", NULL},
    {"verbose", 'v', HOST_OPT_FLAG, &values.verbose, NULL, "Talk.", NULL},
    {"name", 'o', HOST_OPT_TEXT, &values.name, "NAME", "What to call it.", NULL},
    {"size", 0, HOST_OPT_SIZE, &values.size, "SIZE", "How large.", &values.size_given},
    {"number", 0, HOST_OPT_NUMBER, &values.number, "N", "How many.", NULL},
    {"wait", 0, HOST_OPT_SECONDS, &values.seconds, "SECONDS", "How long.", NULL},
    {"gpio", 0, HOST_OPT_LIST, &values.list, "PIN=0|1", "A pin.", NULL},
    {0},
};

/* Split `line` at blanks and parse it; the words left over are in words[]. */
static char *words[160];

static int parse(char *line)
{
    int argc = 0;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        words[argc++] = word;
    }
    memset(&values, 0, sizeof values);
    return host_parse(&row, argc, words, opts);
}

struct child {
    int status;
    char out[8192], err[2048];
};

static void read_to_end(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    close(fd);
}

static struct child parse_in_child(const char *line)
{
    static struct child child;
    int out[2], err[2];
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        close(out[0]);
        close(err[0]);
        char copy[1024];
        snprintf(copy, sizeof copy, "%s", line);
        parse(copy);
        fflush(stdout);
        _exit(77);
    }
    close(out[1]);
    close(err[1]);
    read_to_end(out[0], child.out, sizeof child.out);
    read_to_end(err[0], child.err, sizeof child.err);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    child.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return child;
}

static void assert_refused(const char *line, const char *message)
{
    struct child child = parse_in_child(line);
    assert_int_equal(child.status, 2);
    assert_string_equal(child.out, "");
    char expected[512];
    snprintf(expected, sizeof expected, "airlift thing make: %s (see --help)\n", message);
    assert_string_equal(child.err, expected);
}

/* --- Numbers --------------------------------------------------------------- */

static void test_host_cmd_sizes_take_units_and_hex(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {{"0", 0},          {"4096", 4096},     {"4MB", 4u << 20},         {"4M", 4u << 20},
                {"64K", 65536},    {"1500K", 1536000}, {"0x10000", 0x10000},      {"1MiB", 1u << 20},
                {"3GB", 3u << 30}, {"12b", 12},        {"0xFFFFFFFF", UINT32_MAX}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint32_t value = 1;
        assert_true(host_parse_size(good[i].text, &value));
        assert_int_equal(value, good[i].value);
    }
    static const char *const bad[] = {"",  "K",   "-1",         "4 MB", " 4",   "4MX",
                                      "x", "0xg", "4294967296", "4GB",  "1.5M", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t value = 1234;
        assert_false(host_parse_size(bad[i], &value));
        assert_int_equal(value, 1234);
    }
}

static void test_host_cmd_numbers_are_decimal_or_hex(void **state)
{
    (void)state;
    uint32_t value;
    assert_true(host_parse_number("010", &value)); /* not octal */
    assert_int_equal(value, 10);
    assert_true(host_parse_number("0x1F", &value));
    assert_int_equal(value, 31);
    assert_false(host_parse_number("4K", &value));
    assert_false(host_parse_number("", &value));
    assert_false(host_parse_number("+1", &value));
}

static void test_host_cmd_sizes_print_in_the_largest_unit(void **state)
{
    (void)state;
    char text[24];
    host_print_size(4u << 20, text);
    assert_string_equal(text, "4M");
    host_print_size(65536, text);
    assert_string_equal(text, "64K");
    host_print_size(0x1001, text);
    assert_string_equal(text, "0x1001");
    host_print_size(0, text);
    assert_string_equal(text, "0x0");
}

/* --- Options --------------------------------------------------------------- */

static void test_host_cmd_options_may_stand_anywhere(void **state)
{
    (void)state;
    char line[] = "in --size 4MB out --force --gpio=1=0 --gpio 2=1 -o x=y --wait 1.5 --number=0x10";
    assert_int_equal(parse(line), 2);
    assert_string_equal(words[0], "in");
    assert_string_equal(words[1], "out");
    assert_int_equal(values.size, 4u << 20);
    assert_true(values.size_given);
    assert_true(values.force);
    assert_int_equal(values.list.n, 2);
    assert_string_equal(values.list.item[0], "1=0");
    assert_string_equal(values.list.item[1], "2=1");
    assert_string_equal(values.name, "x=y");
    assert_true(values.seconds > 1.4 && values.seconds < 1.6);
    assert_int_equal(values.number, 16);
}

static void test_host_cmd_letters_combine_and_take_values(void **state)
{
    (void)state;
    char line[] = "-fvoname - in";
    assert_int_equal(parse(line), 2);
    assert_true(values.force && values.verbose);
    assert_string_equal(values.name, "name");
    assert_string_equal(words[0], "-"); /* stdin is a word */
}

static void test_host_cmd_two_dashes_end_options(void **state)
{
    (void)state;
    char line[] = "a -- --force -o";
    assert_int_equal(parse(line), 3);
    assert_false(values.force);
    assert_string_equal(words[1], "--force");
    assert_string_equal(words[2], "-o");
}

static void test_host_cmd_mistakes_exit_2_with_one_line(void **state)
{
    (void)state;
    assert_refused("--nonsense", "unknown option --nonsense");
    assert_refused("--sise 4", "unknown option --sise, did you mean --size?");
    assert_refused("-x", "unknown option -x");
    assert_refused("--size", "--size needs SIZE");
    assert_refused("-o", "-o needs NAME");
    assert_refused("--size huge", "--size: 'huge' is not a size such as 4MB, 64K or 0x10000");
    assert_refused("--number 4K", "--number: '4K' is not a number");
    assert_refused("--wait -1", "--wait: '-1' is not a number of seconds");
    assert_refused("--wait nan", "--wait: 'nan' is not a number of seconds");
    assert_refused("--wait 1e300", "--wait: '1e300' is not a number of seconds");
    assert_refused("--force=yes", "--force takes no value");
}

static void test_host_cmd_more_than_64_list_items_are_refused(void **state)
{
    (void)state;
    char line[1024] = "";
    for (unsigned i = 0; i < 64; i++) {
        strcat(line, "--gpio 1 ");
    }
    char copy[1024];
    strcpy(copy, line);
    assert_int_equal(parse(copy), 0);
    assert_int_equal(values.list.n, 64);
    strcat(line, "--gpio 1");
    assert_refused(line, "--gpio is given more than 64 times");
}

/* --- The page -------------------------------------------------------------- */

static void test_host_cmd_page_has_all_sections(void **state)
{
    (void)state;
    struct child child = parse_in_child("in --help");
    assert_int_equal(child.status, 0);
    assert_string_equal(child.err, "");
    static const char *const parts[] = {
        "NAME\n       airlift thing make - make a thing\n",
        "SYNOPSIS\n       airlift thing make IN OUT [OPTIONS]\n",
        "DESCRIPTION\n       Makes a thing out of",
        "OPTIONS\n       -f, --force\n              Replace it.\n",
        "       --size SIZE\n              How large.\n",
        "EXAMPLES\n         airlift thing make a b --size 4MB\n",
        "EXIT STATUS\n       0      Done.\n",
    };
    const char *at = child.out;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        at = strstr(at, parts[i]);
        assert_non_null(at);
    }
    for (char *line = strtok(child.out, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 80);
    }
}

static void test_host_cmd_complete_lists_option_names(void **state)
{
    (void)state;
    struct child child = parse_in_child("--complete");
    assert_int_equal(child.status, 0);
    assert_string_equal(child.out,
                        "--force\n--verbose\n--name=\n--size=\n--number=\n--wait=\n--gpio=\n--help\n");
}

/* --- Suggestions and error lines ------------------------------------------- */

static void test_host_cmd_nearest_finds_typos_only(void **state)
{
    (void)state;
    static const char *const nouns[] = {"partitions", "image", "flash", "otadata", "boot", NULL};
    assert_string_equal(host_nearest("imgae", nouns), "image");
    assert_string_equal(host_nearest("partition", nouns), "partitions");
    assert_string_equal(host_nearest("Flash", nouns), "flash");
    assert_string_equal(host_nearest("ota", nouns), "otadata");
    assert_null(host_nearest("weather", nouns));
    assert_null(host_nearest("x", nouns));
    assert_null(host_nearest("", nouns));
    char longest[4096];
    memset(longest, 'i', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(host_nearest(longest, nouns));
}

static void test_host_cmd_fail_prints_one_line_whatever_is_in_it(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    int result = host_fail("%s: no", "a\nb\x1b[2J");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    char text[128];
    read_to_end(ends[0], text, sizeof text);
    assert_int_equal(result, 1);
    assert_string_equal(text, "airlift: a b [2J: no\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_cmd_sizes_take_units_and_hex),
        cmocka_unit_test(test_host_cmd_numbers_are_decimal_or_hex),
        cmocka_unit_test(test_host_cmd_sizes_print_in_the_largest_unit),
        cmocka_unit_test(test_host_cmd_options_may_stand_anywhere),
        cmocka_unit_test(test_host_cmd_letters_combine_and_take_values),
        cmocka_unit_test(test_host_cmd_two_dashes_end_options),
        cmocka_unit_test(test_host_cmd_mistakes_exit_2_with_one_line),
        cmocka_unit_test(test_host_cmd_more_than_64_list_items_are_refused),
        cmocka_unit_test(test_host_cmd_page_has_all_sections),
        cmocka_unit_test(test_host_cmd_complete_lists_option_names),
        cmocka_unit_test(test_host_cmd_nearest_finds_typos_only),
        cmocka_unit_test(test_host_cmd_fail_prints_one_line_whatever_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
