/*
 * console.c - a device's serial port.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* --- What was printed -------------------------------------------------------- */

static void keep(struct dev_console *c, const uint8_t *text, size_t len)
{
    while (len) {
        size_t at = c->total % DEV_CONSOLE_KEPT;
        size_t n = len < DEV_CONSOLE_KEPT - at ? len : DEV_CONSOLE_KEPT - at;
        memcpy(c->kept + at, text, n);
        c->total += n;
        text += n;
        len -= n;
    }
}

size_t dev_console_read(const struct dev_console *c, uint64_t *at, void *buf, size_t size)
{
    if (c->total - *at > DEV_CONSOLE_KEPT) {
        *at = c->total - DEV_CONSOLE_KEPT;
    }
    size_t from = *at % DEV_CONSOLE_KEPT, n = (size_t)(c->total - *at);
    n = n < size ? n : size;
    n = n < DEV_CONSOLE_KEPT - from ? n : DEV_CONSOLE_KEPT - from;
    memcpy(buf, c->kept + from, n);
    *at += n;
    return n;
}

/* Nobody there to read it (a closed or failing output) does not stop a device. */
static void pass_on(int fd, const uint8_t *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EAGAIN) { /* somebody else made it so */
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            (void)poll(&p, 1, -1);
            continue;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

static ssize_t write_log(void *console, const char *text, size_t len)
{
    keep(console, (const uint8_t *)text, len);
    pass_on(STDOUT_FILENO, (const uint8_t *)text, len);
    return (ssize_t)len;
}

/* --- Opening ------------------------------------------------------------------- */

static int set_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* A terminal at both ends that changes nothing of what goes through. */
static int open_terminal(int *ours, int *apps)
{
    char name[64];
    struct termios mode;
    *apps = -1;
    *ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*ours < 0) {
        return -1;
    }
    bool ok = grantpt(*ours) == 0 && unlockpt(*ours) == 0 && ptsname_r(*ours, name, sizeof name) == 0;
    if (ok) {
        *apps = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        ok = *apps >= 0 && tcgetattr(*apps, &mode) == 0;
    }
    if (ok) {
        cfmakeraw(&mode);
        ok = tcsetattr(*apps, TCSANOW, &mode) == 0;
    }
    if (!ok) {
        int why = errno;
        close(*ours);
        if (*apps >= 0) {
            close(*apps);
        }
        errno = why;
        return -1;
    }
    return 0;
}

static int open_stream(struct dev_console_stream *s, int to_fd)
{
    int ours, apps;
    if (!isatty(to_fd) || open_terminal(&ours, &apps)) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC)) {
            return -1;
        }
        ours = ends[0];
        apps = ends[1];
    }
    *s = (struct dev_console_stream){.app_fd = apps, .read_fd = ours, .to_fd = to_fd};
    return set_nonblocking(ours);
}

static bool same_file(int a, int b)
{
    struct stat sa, sb;
    return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int open_input(struct dev_console *c, bool use_stdin)
{
    if (use_stdin && !isatty(STDIN_FILENO)) {
        return 0;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        return -1;
    }
    c->app_fd = ends[0];
    c->pipe_fd = ends[1];
    /* In the background a read of the terminal would stop us. */
    if (use_stdin && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
        c->terminal_fd = STDIN_FILENO;
    }
    return set_nonblocking(c->pipe_fd); /* only our end: the app expects a blocking standard input */
}

int dev_console_open(struct dev_console *c, bool use_stdin)
{
    static const cookie_io_functions_t io = {.write = write_log};
    memset(c, 0, sizeof *c);
    c->app_fd = c->terminal_fd = c->pipe_fd = -1;
    for (unsigned i = 0; i < 2; i++) {
        c->out[i].app_fd = c->out[i].read_fd = -1;
    }
    bool ok = open_input(c, use_stdin) == 0 && open_stream(&c->out[0], STDOUT_FILENO) == 0;
    if (ok && same_file(STDOUT_FILENO, STDERR_FILENO)) {
        c->out[1].app_fd = c->out[0].app_fd; /* one stream: the order of what is written stays */
    } else if (ok) {
        ok = open_stream(&c->out[1], STDERR_FILENO) == 0;
    }
    c->log = ok ? fopencookie(c, "w", io) : NULL;
    if (!c->log) {
        int why = errno;
        dev_console_close(c);
        errno = why;
        return -1;
    }
    setvbuf(c->log, NULL, _IOLBF, BUFSIZ);
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

void dev_console_close(struct dev_console *c)
{
    if (c->log) {
        fclose(c->log);
        c->log = NULL;
    }
    if (c->out[1].app_fd == c->out[0].app_fd) {
        c->out[1].app_fd = -1;
    }
    for (unsigned i = 0; i < 2; i++) {
        close_fd(&c->out[i].app_fd);
        close_fd(&c->out[i].read_fd);
    }
    close_fd(&c->app_fd);
    close_fd(&c->pipe_fd);
    c->terminal_fd = -1;
}

/* --- Serving ------------------------------------------------------------------- */

bool dev_console_type(struct dev_console *c, const void *text, size_t len)
{
    if (c->pipe_fd < 0) {
        return false;
    }
    ssize_t written = write(c->pipe_fd, text, len);
    (void)written;
    return true;
}

static void read_terminal(struct dev_console *c)
{
    char text[1024];
    ssize_t n = read(c->terminal_fd, text, sizeof text);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) { /* Ctrl-D, or the terminal is gone: the app reads an end of file */
        c->terminal_fd = -1;
        close_fd(&c->pipe_fd);
        return;
    }
    dev_console_type(c, text, (size_t)n);
}

static bool takes_more(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) != 0; /* an error shows in the write */
}

/* One piece, which to_fd can take without blocking: no more than a pipe with any room has. False: nothing there. */
static bool pass_piece(struct dev_console *c, struct dev_console_stream *s)
{
    uint8_t text[PIPE_BUF];
    ssize_t n = read(s->read_fd, text, sizeof text);
    if (n <= 0) {
        return false;
    }
    keep(c, text, (size_t)n);
    pass_on(s->to_fd, text, (size_t)n);
    return true;
}

void dev_console_poll(const struct dev_console *c, struct pollfd fds[DEV_CONSOLE_FDS])
{
    for (unsigned i = 0; i < 2; i++) {
        const struct dev_console_stream *s = &c->out[i];
        fds[i] = s->waits ? (struct pollfd){.fd = s->to_fd, .events = POLLOUT}
                          : (struct pollfd){.fd = s->read_fd, .events = POLLIN};
    }
    fds[2] = (struct pollfd){.fd = c->terminal_fd, .events = POLLIN};
}

void dev_console_serve(struct dev_console *c, const struct pollfd fds[DEV_CONSOLE_FDS])
{
    for (unsigned i = 0; i < 2; i++) {
        struct dev_console_stream *s = &c->out[i];
        if (!fds[i].revents) {
            continue;
        }
        s->waits = !takes_more(s->to_fd);
        if (!s->waits) {
            pass_piece(c, s);
        }
    }
    if (fds[2].revents) {
        read_terminal(c);
    }
}

/* What was written to a terminal comes out at its other end a moment later; through a pipe at once. */
static bool has_more(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, isatty(fd) ? 10 : 0) > 0;
}

void dev_console_drain(struct dev_console *c, int stop_fd)
{
    for (unsigned i = 0; i < 2; i++) {
        struct dev_console_stream *s = &c->out[i];
        s->waits = false;
        while (s->read_fd >= 0 && has_more(s->read_fd)) {
            struct pollfd fds[] = {{.fd = s->to_fd, .events = POLLOUT}, {.fd = stop_fd, .events = POLLIN}};
            if (!takes_more(s->to_fd) && (poll(fds, 2, -1) < 0 || fds[1].revents)) {
                break;
            }
            if (!pass_piece(c, s)) {
                break;
            }
        }
    }
}
