/*
 * device_monitor.c - airlift device monitor: the console of a running device.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "device/control.h"

#define KEY_LEAVE (']' & 0x1F)
#define KEY_MENU  ('T' & 0x1F)
#define KEY(c)    ((c)&0x1F)

const char cmd_device_monitor_help[] =
    "Shows what a running device prints, and types to it. Begins with the last 16 KiB of output; the "
    "device keeps 64 KiB. Any number of monitors can watch one device.\n"
    "\n"
    "On a terminal the keys are those of `idf.py monitor`:\n"
    "  Ctrl-]          leave; the device runs on\n"
    "  Ctrl-T Ctrl-R   press the reset button\n"
    "  Ctrl-T Ctrl-H   list the keys\n"
    "  Ctrl-T Ctrl-X   leave\n"
    "  Ctrl-T Ctrl-]   send Ctrl-] itself; Ctrl-T Ctrl-T sends Ctrl-T\n"
    "Everything else goes to the app, Ctrl-C too. Where standard input is no terminal all of it goes to "
    "the app. A device whose own standard input is a file or a pipe can't be typed to.\n"
    "\n"
    "Ends with status 0 when left, and when the device goes off.\n"
    "\n"
    "Examples:\n"
    "  airlift device run -d dev.bin && airlift device monitor dev.bin\n"
    "  airlift device monitor dev.bin --replay 64K </dev/null | grep 'rst:'";

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

struct monitor {
    const char *flash_path;
    int fd;
    bool raw;  /* the terminal is ours, and so are its keys */
    bool menu; /* Ctrl-T was pressed */
    bool leaves;
};

static void say(const char *text)
{
    fprintf(stderr, "--- %s\n", text);
}

static void send_all(struct monitor *m, const char *text, size_t len)
{
    while (len && !stopped) {
        ssize_t n = send(m->fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return; /* the end of the device shows in the next read */
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void press_reset(const struct monitor *m)
{
    char err[1024], *text;
    if (dev_control_ask(m->flash_path, "reset", &text, err, sizeof err)) {
        say(err);
        return;
    }
    free(text);
}

/* The key after Ctrl-T; a letter without Ctrl does as well. */
static void menu_key(struct monitor *m, char key)
{
    switch (key) {
    case KEY('R'):
    case 'r':
    case 'R':
        press_reset(m);
        break;
    case KEY('X'):
    case 'x':
    case 'X':
        m->leaves = true;
        break;
    case KEY_LEAVE:
    case KEY_MENU:
        send_all(m, &key, 1);
        break;
    case KEY('H'):
    case 'h':
    case 'H':
        say("Ctrl-] leave | Ctrl-T Ctrl-R reset | Ctrl-T Ctrl-X leave | Ctrl-T Ctrl-] or Ctrl-T: that key");
        break;
    default:
        say("no such key: Ctrl-T Ctrl-H lists them");
    }
}

static void type(struct monitor *m, const char *text, size_t len)
{
    if (!m->raw) {
        send_all(m, text, len);
        return;
    }
    for (size_t i = 0; i < len && !m->leaves; i++) {
        if (m->menu) {
            m->menu = false;
            menu_key(m, text[i]);
        } else if (text[i] == KEY_MENU) {
            m->menu = true;
        } else if (text[i] == KEY_LEAVE) {
            m->leaves = true;
        } else {
            send_all(m, &text[i], 1);
        }
    }
}

/* Until one side ends it. The exit code. */
static int watch(struct monitor *m)
{
    int keys = STDIN_FILENO;
    while (!m->leaves && !stopped) {
        char text[4096];
        struct pollfd fds[] = {{.fd = m->fd, .events = POLLIN}, {.fd = keys, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0) {
            continue; /* a signal */
        }
        if (fds[0].revents) {
            ssize_t n = recv(m->fd, text, sizeof text, 0);
            if (n <= 0) {
                say("the device is off");
                return 0;
            }
            if (fwrite(text, 1, (size_t)n, stdout) != (size_t)n || fflush(stdout)) {
                return host_fail("standard output: %s", strerror(errno));
            }
        }
        if (fds[1].revents) {
            ssize_t n = read(keys, text, sizeof text);
            if (n > 0) {
                type(m, text, (size_t)n);
            } else if (n == 0 || errno != EINTR) {
                keys = -1; /* nobody types any more; the rest is still to be seen */
            }
        }
    }
    return 0;
}

int cmd_device_monitor(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_device[CMD_DEVICE_MONITOR];
    uint32_t replay = 16384;
    const struct host_opt opts[] = {
        {"replay", 0, HOST_OPT_SIZE, &replay, "SIZE",
         "Begin with so much of what was printed before; 16K by default, 0 for nothing.", NULL},
        {0},
    };
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    char err[1024], request[32], *text;
    struct monitor m = {.flash_path = argv[0]};
    m.fd = dev_control_connect(argv[0], err, sizeof err);
    if (m.fd < 0) {
        return host_fail("%s", err);
    }
    snprintf(request, sizeof request, "monitor %u", (unsigned)replay);
    if (dev_control_ask_fd(m.fd, request, &text, err, sizeof err)) {
        close(m.fd);
        return host_fail("%s: %s", argv[0], err);
    }
    bool typable = strcmp(text, "input") == 0;
    free(text);

    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    struct termios before, mode;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0) {
        mode = before;
        mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
        m.raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0;
    }
    if (m.raw) {
        fprintf(stderr, "--- airlift monitor on %s | Quit: Ctrl-] | Menu: Ctrl-T | Help: Ctrl-T Ctrl-H ---\n",
                argv[0]);
    }
    if (!typable && isatty(STDIN_FILENO)) {
        say("what is typed does not reach the app: the device's standard input is a file or a pipe");
    }
    int status = watch(&m);
    if (m.raw) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
    close(m.fd);
    return status;
}
