/*
 * console.h - what a person types goes to the app.
 *
 * The app runs in a process group of its own, so a terminal would stop it for
 * reading. The device reads in its place and hands the bytes on through a pipe,
 * which keeps what was not read across resets, as a UART's other end would.
 * Where standard input is no terminal the app simply inherits it.
 */
#ifndef DEVICE_CONSOLE_H
#define DEVICE_CONSOLE_H

struct dev_console {
    int app_fd;      /* the app's standard input; -1: inherit ours */
    int terminal_fd; /* to be polled and pumped; -1: nothing to do */
    int pipe_fd;
};

/* 0, or -1 with errno. */
int dev_console_open(struct dev_console *c);

/* Call when terminal_fd is readable. Never blocks. */
void dev_console_pump(struct dev_console *c);

void dev_console_close(struct dev_console *c);

#endif
