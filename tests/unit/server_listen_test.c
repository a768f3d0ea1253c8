/*
 * server_listen_test.c - addresses to listen on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/listen.h"

static void test_listen_takes_host_and_port(void **state)
{
    (void)state;
    struct srv_listen at;
    char port[6], err[256];
    assert_int_equal(srv_listen_parse("127.0.0.1:8443", &at, port, err, sizeof err), 0);
    assert_string_equal(at.host, "127.0.0.1");
    assert_string_equal(port, "8443");
    assert_int_equal(srv_listen_parse("[::1]:0", &at, port, err, sizeof err), 0);
    assert_string_equal(at.host, "::1");
    static const char *const bad[] = {"",
                                      ":",
                                      ":8443",
                                      "8443",
                                      "localhost",
                                      "localhost:",
                                      "localhost:http",
                                      "::1:8443",
                                      "localhost:65536",
                                      "localhost:-1",
                                      "[]:1",
                                      "localhost:080443"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(srv_listen_parse(bad[i], &at, port, err, sizeof err), -1);
        assert_non_null(strstr(err, "HOST:PORT"));
    }
}

static void test_listen_shares_one_free_port_and_guards_it(void **state)
{
    (void)state;
    struct srv_listen at, second;
    int fd[3], other[1];
    char err[256];
    assert_int_equal(srv_listen_open("127.0.0.1:0", &at, fd, 3, err, sizeof err), 0);
    assert_int_not_equal(strcmp(at.authority, "127.0.0.1:0"), 0);
    assert_int_equal(srv_listen_open(at.authority, &second, other, 1, err, sizeof err), -1);
    assert_non_null(strstr(err, "in use"));
    for (int i = 0; i < 3; i++) {
        close(fd[i]);
    }
    assert_int_equal(srv_listen_open(at.authority, &second, other, 1, err, sizeof err), 0);
    close(other[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_takes_host_and_port),
        cmocka_unit_test(test_listen_shares_one_free_port_and_guards_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
