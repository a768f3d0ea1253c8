/*
 * control_test.c - the control socket, without a device behind it.
 *
 * Server and clients share one thread: a client sends, the server is served, the
 * client reads what is there. Anything that would block fails the test.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../device/src/control.h"
#include "../../device/src/control_path.h"
#include "device/control.h"

static char dir[64];
static char flash_path[128];
static struct stat flash;
static struct dev_shared *shared;
static int shared_fd;
static struct dev_console console;
static int typed_fd; /* what the app would read */
static struct dev_control *control;

static char *fake_status(void *ctx)
{
    (void)ctx;
    return strdup("{\"pid\":1}");
}

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/airlift-control-XXXXXX");
    if (!mkdtemp(dir) || setenv("XDG_RUNTIME_DIR", dir, 1)) {
        return -1;
    }
    snprintf(flash_path, sizeof flash_path, "%s/x.bin", dir);
    FILE *file = fopen(flash_path, "w");
    if (!file || fclose(file) || stat(flash_path, &flash)) {
        return -1;
    }
    int ends[2];
    shared = dev_shared_create(&shared_fd);
    if (!shared || pipe(ends)) {
        return -1;
    }
    memset(&console, 0, sizeof console);
    typed_fd = ends[0];
    console.pipe_fd = ends[1];
    const struct dev_control_device device = {.shared = shared, .console = &console, .status = fake_status};
    return dev_control_open(&control, &flash, &device);
}

static int tear_down(void **state)
{
    (void)state;
    dev_control_close(control);
    dev_shared_destroy(shared, shared_fd);
    close(typed_fd);
    close(console.pipe_fd);
    char sockets[128];
    snprintf(sockets, sizeof sockets, "%s/airlift", dir);
    return rmdir(sockets) || unlink(flash_path) || rmdir(dir); /* fails if a socket is left */
}

/* --- Clients ----------------------------------------------------------------- */

static int join(void)
{
    char err[256];
    int fd = dev_control_connect(flash_path, err, sizeof err);
    assert_true(fd >= 0);
    assert_false(dev_control_serve(control));
    return fd;
}

static bool tell(int fd, const void *text, size_t len)
{
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT), len);
    return dev_control_serve(control);
}

static int join_and_tell(const char *text)
{
    int fd = join();
    assert_false(tell(fd, text, strlen(text)));
    return fd;
}

static void assert_hears(int fd, const char *expected)
{
    char text[4096] = "";
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    assert_true(n >= 0);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

static void assert_hears_nothing(int fd)
{
    char c;
    assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
}

static void assert_hung_up(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET)); /* reset: it had sent more than was read */
    close(fd);
}

static void assert_answers(const char *request, const char *answer)
{
    int fd = join_and_tell(request);
    assert_hears(fd, answer);
    assert_hung_up(fd);
}

static void print_out(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        console.kept[console.total++ % DEV_CONSOLE_KEPT] = (uint8_t)text[i];
    }
}

/* --- Requests ---------------------------------------------------------------- */

static void test_control_status_is_answered_at_once(void **state)
{
    (void)state;
    assert_answers("status\n", "ok {\"pid\":1}\n");
    assert_answers("status\r\n", "ok {\"pid\":1}\n");
}

static void test_control_gpio_drives_inputs(void **state)
{
    (void)state;
    assert_answers("gpio 4 1\n", "ok\n");
    assert_int_equal(atomic_load(&shared->gpio_in[4]), 1);
    assert_answers("gpio 4 0\n", "ok\n");
    assert_int_equal(atomic_load(&shared->gpio_in[4]), 0);
    assert_answers("gpio 4 z\n", "ok\n");
    assert_int_equal(atomic_load(&shared->gpio_in[4]), -1);
    static const char *const wrong[] = {"gpio \n",     "gpio 4\n",    "gpio 64 1\n", "gpio 4 2\n",
                                        "gpio 4 10\n", "gpio -1 1\n", "gpio 4 1 x\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_answers(wrong[i], "error gpio: write gpio PIN 0, 1 or z\n");
    }
}

static void test_control_garbage_is_refused(void **state)
{
    (void)state;
    assert_answers("\n", "error unknown request\n");
    assert_answers("statuss\n", "error unknown request\n");
    assert_answers("reset now\n", "error unknown request\n");
    assert_answers("\x01\xff\xfe\n", "error unknown request\n");
    int fd = join();
    assert_false(tell(fd, "\0\0\0\n", 4));
    assert_hears(fd, "error unknown request\n");
    assert_hung_up(fd);

    char endless[4 * DEV_CONTROL_LINE_MAX];
    memset(endless, 'x', sizeof endless);
    fd = join();
    assert_false(tell(fd, endless, sizeof endless));
    assert_hears(fd, "error the request is too long\n");
    assert_hung_up(fd);
}

static void test_control_half_a_line_is_waited_for(void **state)
{
    (void)state;
    int fd = join_and_tell("sta");
    assert_hears_nothing(fd);
    assert_answers("status\n", "ok {\"pid\":1}\n"); /* it stands in nobody's way */
    assert_false(tell(fd, "tus\n", 4));
    assert_hears(fd, "ok {\"pid\":1}\n");
    assert_hung_up(fd);

    fd = join_and_tell("rese"); /* and one that never gets whole is no order */
    close(fd);
    assert_false(dev_control_serve(control));
}

/* --- Orders ------------------------------------------------------------------ */

static void test_control_orders_are_taken_once_and_answered_when_done(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum dev_order order;
    } orders[] = {
        {"reset\n", DEV_ORDER_RESET},
        {"power-cycle\n", DEV_ORDER_POWER_CYCLE},
        {"off\n", DEV_ORDER_OFF},
        {"erase-flash\n", DEV_ORDER_ERASE_FLASH},
        {"erase-otadata\n", DEV_ORDER_ERASE_OTADATA},
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        int fd = join();
        assert_true(tell(fd, orders[i].line, strlen(orders[i].line)));
        assert_int_equal(dev_control_take(control), orders[i].order);
        assert_int_equal(dev_control_take(control), DEV_ORDER_NONE);
        assert_false(dev_control_serve(control));
        assert_hears_nothing(fd);
        assert_answers("reset\n", "error the device is busy with another command\n");
        dev_control_done(control, i != 3, i == 3 ? "no" : i == 4 ? "done" : "");
        assert_hears(fd, i == 3 ? "error no\n" : i == 4 ? "ok done\n" : "ok\n");
        assert_hung_up(fd);
    }
    dev_control_done(control, true, "nobody asked");
}

static void test_control_an_order_outlives_who_gave_it(void **state)
{
    (void)state;
    int fd = join();
    assert_true(tell(fd, "reset\n", 6));
    close(fd);
    assert_true(dev_control_serve(control));
    assert_int_equal(dev_control_take(control), DEV_ORDER_RESET);
    dev_control_done(control, true, "");
    assert_answers("status\n", "ok {\"pid\":1}\n");
}

static void test_control_who_says_no_more_may_still_listen(void **state)
{
    (void)state;
    int fd = join();
    assert_int_equal(send(fd, "reset\n", 6, 0), 6);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(dev_control_serve(control));
    assert_true(dev_control_serve(control));
    assert_int_equal(dev_control_take(control), DEV_ORDER_RESET);
    dev_control_done(control, true, "");
    assert_hears(fd, "ok\n");
    assert_hung_up(fd);
}

/* --- Crowds ------------------------------------------------------------------ */

static void test_control_idle_clients_make_room(void **state)
{
    (void)state;
    int idle[3 * DEV_CONTROL_CLIENTS];
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        idle[i] = join_and_tell("half a line");
    }
    assert_answers("status\n", "ok {\"pid\":1}\n");
    assert_hung_up(idle[0]); /* the oldest went first */
    idle[0] = -1;
    assert_hears_nothing(idle[sizeof idle / sizeof idle[0] - 1]);
    for (size_t i = 1; i < sizeof idle / sizeof idle[0]; i++) {
        close(idle[i]);
    }
}

static void test_control_monitors_keep_their_places(void **state)
{
    (void)state;
    int monitor[DEV_CONTROL_CLIENTS];
    for (size_t i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        monitor[i] = join_and_tell("monitor\n");
        assert_hears(monitor[i], "ok input\n");
    }
    assert_hung_up(join()); /* nobody makes room */
    print_out("hello\n", 6);
    assert_false(dev_control_serve(control));
    for (size_t i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        assert_hears(monitor[i], "hello\n");
        close(monitor[i]);
    }
    assert_false(dev_control_serve(control));
    assert_answers("status\n", "ok {\"pid\":1}\n");
}

/* --- Monitors ---------------------------------------------------------------- */

static void test_control_monitors_see_the_past_and_type(void **state)
{
    (void)state;
    print_out("one two three\n", 14);
    int fd = join_and_tell("monitor 6\n");
    assert_hears(fd, "ok input\nthree\n");
    assert_false(tell(fd, "ls\n", 3));
    char text[8] = "";
    assert_int_equal(read(typed_fd, text, sizeof text - 1), 3);
    assert_string_equal(text, "ls\n");
    close(fd);

    int pipe_fd = console.pipe_fd;
    console.pipe_fd = -1; /* as with standard input from a file */
    fd = join_and_tell("monitor\n");
    assert_hears(fd, "ok no-input\n");
    assert_false(tell(fd, "ls\n", 3));
    console.pipe_fd = pipe_fd;
    close(fd);
}

static void test_control_a_monitor_that_does_not_read_loses_the_oldest(void **state)
{
    (void)state;
    int fd = join_and_tell("monitor\n");
    assert_hears(fd, "ok input\n");
    char line[16];
    for (unsigned i = 0; i < 200000; i++) { /* 1.8 MB: more than socket and ring hold */
        snprintf(line, sizeof line, "%08u\n", i);
        print_out(line, 9);
        if (i % 100 == 0) {
            assert_false(dev_control_serve(control)); /* never blocks */
        }
    }
    static char text[4 << 20];
    size_t len = 0;
    ssize_t n;
    do {
        assert_false(dev_control_serve(control));
        n = recv(fd, text + len, sizeof text - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    assert_true(len < 1800000);
    assert_memory_equal(text, "00000000\n", 9);
    /* What was kept last came whole and in order. */
    for (unsigned i = 1; i <= 7000; i++) {
        snprintf(line, sizeof line, "%08u\n", 200000 - i);
        assert_memory_equal(text + len - 9 * i, line, 9);
    }
    close(fd);
}

/* --- The socket -------------------------------------------------------------- */

static void test_control_socket_of_a_killed_device_is_replaced(void **state)
{
    (void)state;
    const struct dev_control_device device = {.shared = shared, .console = &console, .status = fake_status};
    struct dev_control *killed = control;
    assert_int_equal(dev_control_open(&control, &flash, &device), 0);
    assert_answers("status\n", "ok {\"pid\":1}\n");
    struct dev_control *second = control;
    control = killed;
    dev_control_close(second);
    char err[256];
    assert_int_equal(dev_control_connect(flash_path, err, sizeof err), AL_ERR_STATE);
    assert_non_null(strstr(err, "the device is off"));
}

static void test_control_without_a_runtime_directory_is_in_tmp(void **state)
{
    (void)state;
    struct sockaddr_un address;
    char expected[64];
    snprintf(expected, sizeof expected, "/tmp/airlift-%lu/", (unsigned long)getuid());
    unsetenv("XDG_RUNTIME_DIR");
    assert_false(dev_control_path(&flash, 0, true, &address));
    assert_true(dev_control_path(&flash, 1, true, &address));
    assert_memory_equal(address.sun_path, expected, strlen(expected));
    setenv("XDG_RUNTIME_DIR", dir, 1);
    char sockets[128];
    snprintf(sockets, sizeof sockets, "%s/airlift", dir);
    assert_int_equal(chmod(sockets, 0722), 0);
    assert_false(dev_control_path(&flash, 0, false, &address)); /* others could put a socket there */
    assert_int_equal(chmod(sockets, 0700), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_control_status_is_answered_at_once),
        CASE(test_control_gpio_drives_inputs),
        CASE(test_control_garbage_is_refused),
        CASE(test_control_half_a_line_is_waited_for),
        CASE(test_control_orders_are_taken_once_and_answered_when_done),
        CASE(test_control_an_order_outlives_who_gave_it),
        CASE(test_control_who_says_no_more_may_still_listen),
        CASE(test_control_idle_clients_make_room),
        CASE(test_control_monitors_keep_their_places),
        CASE(test_control_monitors_see_the_past_and_type),
        CASE(test_control_a_monitor_that_does_not_read_loses_the_oldest),
        CASE(test_control_socket_of_a_killed_device_is_replaced),
        CASE(test_control_without_a_runtime_directory_is_in_tmp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
