/*
 * host_file_test.c - whole files, growable buffers, log lines, text from outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/file.h"
#include "host/log.h"
#include "host/text.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[2][256];
    static unsigned turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/airlift-file-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void test_host_file_buffer_stops_at_its_ceiling(void **state)
{
    (void)state;
    struct host_buf b;
    host_buf_init(&b, 10);
    assert_true(host_buf_append(&b, "12345", 5));
    assert_true(host_buf_printf(&b, "%d", 67890));
    assert_int_equal(b.len, 10);
    assert_string_equal((char *)b.data, "1234567890");
    assert_false(host_buf_append(&b, "x", 1));
    assert_false(host_buf_printf(&b, "%s", "x"));
    assert_string_equal((char *)b.data, "1234567890");
    assert_true(host_buf_append(&b, NULL, 0));
    host_buf_free(&b);
    assert_null(b.data);
}

static void test_host_file_buffer_grows(void **state)
{
    (void)state;
    struct host_buf b;
    host_buf_init(&b, 1u << 20);
    for (unsigned i = 0; i < 100000; i++) {
        assert_true(host_buf_append(&b, "ab", 2));
    }
    assert_int_equal(b.len, 200000);
    assert_int_equal(b.data[199999], 'b');
    assert_int_equal(b.data[200000], 0);
    host_buf_free(&b);
}

static void test_host_file_writes_and_reads_back(void **state)
{
    (void)state;
    char err[256];
    struct host_buf b;
    assert_int_equal(host_write_file(in_dir("a"), "hello\0x", 7, err, sizeof err), 0);
    assert_int_equal(host_read_file(in_dir("a"), 7, &b, err, sizeof err), 0);
    assert_int_equal(b.len, 7);
    assert_memory_equal(b.data, "hello\0x", 8);
    host_buf_free(&b);

    assert_int_equal(host_write_file(in_dir("empty"), NULL, 0, err, sizeof err), 0);
    assert_int_equal(host_read_file(in_dir("empty"), 7, &b, err, sizeof err), 0);
    assert_int_equal(b.len, 0);
    assert_string_equal((char *)b.data, "");
    host_buf_free(&b);
}

static void test_host_file_errors_name_the_file_and_the_reason(void **state)
{
    (void)state;
    char err[256], expected[256];
    struct host_buf b;
    assert_int_equal(host_read_file(in_dir("none"), 10, &b, err, sizeof err), -1);
    snprintf(expected, sizeof expected, "%s/none: No such file or directory", dir);
    assert_string_equal(err, expected);

    assert_int_equal(host_write_file(in_dir("11"), "12345678901", 11, err, sizeof err), 0);
    assert_int_equal(host_read_file(in_dir("11"), 10, &b, err, sizeof err), -1);
    snprintf(expected, sizeof expected, "%s/11: larger than 10 bytes", dir);
    assert_string_equal(err, expected);

    assert_int_equal(host_read_file("/dev/zero", 10, &b, err, sizeof err), -1);
    assert_string_equal(err, "/dev/zero: larger than 10 bytes");

    assert_int_equal(host_read_file(dir, 10, &b, err, sizeof err), -1);
    assert_non_null(strstr(err, "Is a directory"));

    assert_int_equal(host_write_file(in_dir("no/such/dir"), "x", 1, err, sizeof err), -1);
    assert_non_null(strstr(err, "/no/such/dir: No such file or directory"));
    assert_int_equal(host_write_file("/dev/full", "x", 1, err, sizeof err), -1);
    assert_string_equal(err, "/dev/full: No space left on device");
}

static void test_host_file_replacing_keeps_mode_and_link(void **state)
{
    (void)state;
    char err[256];
    struct stat st;
    assert_int_equal(host_write_file(in_dir("m"), "old", 3, err, sizeof err), 0);
    assert_int_equal(chmod(in_dir("m"), 0640), 0);
    assert_int_equal(symlink("m", in_dir("link")), 0);
    assert_int_equal(host_write_file(in_dir("link"), "new", 3, err, sizeof err), 0);
    assert_int_equal(lstat(in_dir("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_dir("m"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_size, 3);
}

static void test_host_file_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    char err[256];
    struct host_buf b;
    assert_int_equal(host_write_file(in_dir("keep"), "old", 3, err, sizeof err), 0);
    /* Nothing can be renamed over a directory; the temporary file must not stay either. */
    assert_int_equal(mkdir(in_dir("sub"), 0777), 0);
    assert_int_equal(host_write_file(in_dir("sub"), "x", 1, err, sizeof err), -1);
    char command[128];
    snprintf(command, sizeof command, "test -z \"$(find %s -name '*.tmp')\"", dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(host_read_file(in_dir("keep"), 10, &b, err, sizeof err), 0);
    assert_string_equal((char *)b.data, "old");
    host_buf_free(&b);
}

static void test_host_file_mkdirs_makes_the_whole_path(void **state)
{
    (void)state;
    char err[256];
    struct stat st;
    assert_int_equal(host_mkdirs(in_dir("x/y//z/"), 0755), 0);
    assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(host_mkdirs(in_dir("x/y"), 0755), 0);
    assert_int_equal(host_write_file(in_dir("x/file"), "", 0, err, sizeof err), 0);
    assert_int_equal(host_mkdirs(in_dir("x/file/y"), 0755), -1);
    assert_int_equal(host_mkdirs("", 0755), -1);
}

/* What host_log() writes, without the time. */
static void capture_log(char *out, size_t size, bool json, const char *value)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    host_log_setup(HOST_LOG_INFO, json);
    host_log(HOST_LOG_DEBUG, "hidden", NULL);
    host_log(HOST_LOG_WARN, "event", "key", value, "other", NULL, NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    size_t n = fread(out, 1, size - 1, file);
    out[n] = '\0';
    fclose(file);
}

static void test_host_file_log_quotes_what_needs_it(void **state)
{
    (void)state;
    char line[512];
    capture_log(line, sizeof line, false, "plain");
    assert_string_equal(strchr(line, 'Z') + 1, " warn  event key=plain other=-\n");
    capture_log(line, sizeof line, false, "two \"words\"\n\x01\xff");
    assert_string_equal(strchr(line, 'Z') + 1,
                        " warn  event key=\"two \\\"words\\\"\\n\\u0001\\ufffd\" other=-\n");
    capture_log(line, sizeof line, true, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xed\xa0\x80");
    assert_string_equal(strchr(line, 'Z') + 1,
                        "\",\"level\":\"warn\",\"event\":\"event\",\"key\":\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac "
                        "\\ufffd\\ufffd\\ufffd\",\"other\":\"-\"}\n");
}

static void test_host_text_is_made_fit_to_print(void **state)
{
    (void)state;
    char text[] = "gr\xc3\xbc\xc3\x9f\x1b[31m\n\xff\xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xe2\x82";
    host_text_utf8(text);
    assert_string_equal(text, "gr\xc3\xbc\xc3\x9f\x1b[31m\n???? ???? ?? ??");
    host_text_printable(text);
    assert_string_equal(text, "gr\xc3\xbc\xc3\x9f?[31m????? ???? ?? ??");
    char nothing[] = "";
    host_text_printable(nothing);
    assert_string_equal(nothing, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_file_buffer_stops_at_its_ceiling),
        cmocka_unit_test(test_host_file_buffer_grows),
        cmocka_unit_test(test_host_file_writes_and_reads_back),
        cmocka_unit_test(test_host_file_errors_name_the_file_and_the_reason),
        cmocka_unit_test(test_host_file_replacing_keeps_mode_and_link),
        cmocka_unit_test(test_host_file_failed_write_leaves_the_old_file),
        cmocka_unit_test(test_host_file_mkdirs_makes_the_whole_path),
        cmocka_unit_test(test_host_file_log_quotes_what_needs_it),
        cmocka_unit_test(test_host_text_is_made_fit_to_print),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
