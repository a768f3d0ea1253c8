/*
 * console.h - a device's serial port: what the app prints, and what is typed to it.
 *
 * The app's standard output and error come through the device, which passes
 * them on to its own and keeps the last 64 KiB for `airlift device monitor`.
 * Where the device prints to a terminal the app sees one too (a pseudo terminal
 * that changes no byte), so it colours its log and writes line by line.
 *
 * The app runs in a process group of its own, so a terminal would stop it for
 * reading. The device reads in its place and hands the bytes on through a pipe,
 * which keeps what was not read across resets, as a UART's other end would.
 * Standard input that is no terminal is simply inherited by the app.
 *
 * Slow readers: the app waits for the device's standard output, as it would if
 * it wrote there itself; the device never does while an app runs.
 */
#ifndef DEVICE_CONSOLE_H
#define DEVICE_CONSOLE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DEV_CONSOLE_KEPT 65536u /* bytes of output, for monitors */
#define DEV_CONSOLE_FDS  3

struct dev_console {
    int app_fd;      /* the app's standard input; -1: inherit ours */
    int terminal_fd; /* to be polled and pumped; -1: nothing to do */
    int pipe_fd;     /* the other end of app_fd; -1: none */
    struct dev_console_stream {
        int app_fd;  /* the app's end; -1: inherit ours */
        int read_fd; /* ours; -1: shares the other stream's */
        int to_fd;   /* where it goes */
        bool waits;  /* for to_fd to take more */
    } out[2];        /* standard output, standard error */
    FILE *log;       /* for the device's own words; the same way */
    uint64_t total;  /* bytes of output so far */
    uint8_t kept[DEV_CONSOLE_KEPT];
};

/*
 * use_stdin  false: nothing is read from standard input; only monitors type
 *
 * 0, or -1 with errno. c must not move while it is open.
 */
int dev_console_open(struct dev_console *c, bool use_stdin);

/* What to poll for, and what to do when something is ready. Never blocks. */
void dev_console_poll(const struct dev_console *c, struct pollfd fds[DEV_CONSOLE_FDS]);
void dev_console_serve(struct dev_console *c, const struct pollfd fds[DEV_CONSOLE_FDS]);

/* The app has ended: pass on what it left, unless stop_fd becomes readable. */
void dev_console_drain(struct dev_console *c, int stop_fd);

/* Something typed. What the app does not read within 64 KiB is lost, as on a UART. False: it can't be typed to. */
bool dev_console_type(struct dev_console *c, const void *text, size_t len);

/*
 * Output from byte *at on: at most `size` bytes are copied, *at moves behind
 * them. What is no longer kept is skipped.
 */
size_t dev_console_read(const struct dev_console *c, uint64_t *at, void *buf, size_t size);

void dev_console_close(struct dev_console *c);

#endif
