/*
 * console.c - what a person types goes to the app.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int dev_console_open(struct dev_console *c)
{
    *c = (struct dev_console){.app_fd = -1, .terminal_fd = -1, .pipe_fd = -1};
    if (!isatty(STDIN_FILENO)) {
        return 0;
    }
    if (tcgetpgrp(STDIN_FILENO) != getpgrp()) {
        /* In the background a read would stop us: there is nobody to type anyway. */
        c->app_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return c->app_fd < 0 ? -1 : 0;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        return -1;
    }
    /* Only our end: the app expects a blocking standard input. */
    if (fcntl(ends[1], F_SETFL, O_NONBLOCK)) {
        int why = errno;
        close(ends[0]);
        close(ends[1]);
        errno = why;
        return -1;
    }
    c->app_fd = ends[0];
    c->pipe_fd = ends[1];
    c->terminal_fd = STDIN_FILENO;
    return 0;
}

void dev_console_pump(struct dev_console *c)
{
    char text[1024];
    ssize_t n = read(c->terminal_fd, text, sizeof text);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) { /* Ctrl-D, or the terminal is gone: the app reads an end of file */
        c->terminal_fd = -1;
        close(c->pipe_fd);
        c->pipe_fd = -1;
        return;
    }
    /* With the pipe full nobody has read for 64 KiB: what comes then is lost, as on a UART. */
    ssize_t written = write(c->pipe_fd, text, (size_t)n);
    (void)written;
}

void dev_console_close(struct dev_console *c)
{
    if (c->app_fd >= 0) {
        close(c->app_fd);
    }
    if (c->pipe_fd >= 0) {
        close(c->pipe_fd);
    }
    *c = (struct dev_console){.app_fd = -1, .terminal_fd = -1, .pipe_fd = -1};
}
