/*
 * process.h - one life of the app: start it, watch it, say how it ended.
 */
#ifndef DEVICE_PROCESS_H
#define DEVICE_PROCESS_H

#include <stdatomic.h>
#include <stdint.h>

#include "airlift/err.h"
#include "console.h"
#include "control.h"

/* All borrowed for the call. */
struct dev_process {
    int program_fd;                    /* what to execute, */
    const char *program_path;          /* or its path if program_fd is -1 */
    char *const *env;                  /* ends with NULL */
    int inherit_fd;                    /* a close-on-exec descriptor it gets all the same; -1: none */
    struct dev_console *console;       /* NULL: standard input and output as they are */
    struct dev_control *control;       /* served while the app runs; NULL: none */
    const _Atomic uint64_t *heartbeat; /* must grow, */
    double watchdog_s;                 /* at least once in that time; 0: need not */
    int signal_fd;                     /* readable (signalfd): stop now; -1: never */
};

struct dev_process_end {
    enum {
        DEV_END_RESTART,   /* exit status DEV_EXIT_RESTART */
        DEV_END_POWER_CUT, /* exit status DEV_EXIT_POWER_CUT */
        DEV_END_SLEEP,     /* exit status DEV_EXIT_SLEEP */
        DEV_END_EXIT,      /* any other; number: the status */
        DEV_END_SIGNAL,    /* number: the signal */
        DEV_END_WATCHDOG,  /* was silent for too long */
        DEV_END_STOPPED,   /* signal_fd became readable */
        DEV_END_ORDERED,   /* an order came in through `control`; it still waits there */
        DEV_END_NO_EXEC,   /* can't be executed; number: errno */
    } how;
    int number;
};

/*
 * Run the program to its end, in a process group of its own. Whatever is left
 * of the group is killed before this returns; if the calling process dies, so
 * does the program. The signal behind signal_fd is left there to be read.
 *
 * Returns 0, or AL_ERR_IO with errno if no process could be made or watched.
 */
AL_CHECK_RESULT int dev_process_run(const struct dev_process *p, struct dev_process_end *end);

#endif
