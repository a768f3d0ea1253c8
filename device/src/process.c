/*
 * process.c - one life of the app.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/shared.h"

#define TICK_MS 100 /* the heart is looked at so often, or 8 times in a watchdog period */

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- Start ----------------------------------------------------------------- */

/* In the child, between fork and exec: async-signal-safe calls only. Tells errno to `report`. */
static _Noreturn void become_program(const struct dev_process *p, pid_t parent, int report)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) { /* it died before prctl() */
        _exit(1);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    bool ready = p->inherit_fd < 0 || fcntl(p->inherit_fd, F_SETFD, 0) == 0;
    if (p->console) {
        const int fds[] = {p->console->app_fd, p->console->out[0].app_fd, p->console->out[1].app_fd};
        for (int i = 0; i < 3; i++) {
            ready = ready && (fds[i] < 0 || dup2(fds[i], i) >= 0);
        }
    }
    if (ready && p->program_fd >= 0) {
        char name[] = "app";
        char *argv[] = {name, NULL};
        fexecve(p->program_fd, argv, p->env);
    } else if (ready) {
        char *argv[] = {(char *)p->program_path, NULL}; /* exec does not write to it */
        execve(p->program_path, argv, p->env);
    }
    int why = errno;
    ssize_t n = write(report, &why, sizeof why);
    (void)n;
    _exit(1);
}

/* 0 with *pid, or -1 with errno. *exec_errno is not 0 if the program can't be executed. */
static int start(const struct dev_process *p, pid_t *pid, int *exec_errno)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC)) {
        return -1;
    }
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0) {
        become_program(p, parent, report[1]);
    }
    int why = errno;
    close(report[1]);
    if (*pid < 0) {
        close(report[0]);
        errno = why;
        return -1;
    }
    setpgid(*pid, *pid); /* here as well: the group must exist before anybody signals it */
    /* End of file: exec closed the other end, the program runs. */
    *exec_errno = 0;
    ssize_t n;
    do {
        n = read(report[0], exec_errno, sizeof *exec_errno);
    } while (n < 0 && errno == EINTR);
    close(report[0]);
    return 0;
}

/* --- Watch ----------------------------------------------------------------- */

/*
 * Until the process ends (DEV_END_EXIT), or there is a reason to end it. 0 or -1.
 *
 * Silence is summed up tick by tick, each counted as two ticks at most: when
 * the whole machine stood still, the app was not silent.
 */
static int watch(const struct dev_process *p, int pidfd, struct dev_process_end *end)
{
    double tick_s = TICK_MS / 1000.0;
    if (p->watchdog_s > 0 && p->watchdog_s / 8 < tick_s) {
        tick_s = p->watchdog_s / 8;
    }
    uint64_t beat = atomic_load(p->heartbeat);
    double silent_s = 0, last = now_s();
    for (;;) {
        struct pollfd fds[3 + DEV_CONSOLE_FDS] = {
            {.fd = pidfd, .events = POLLIN},
            {.fd = p->signal_fd, .events = POLLIN},
            {.fd = p->control ? dev_control_fd(p->control) : -1, .events = POLLIN},
        };
        nfds_t n = 3;
        if (p->console) {
            dev_console_poll(p->console, fds + n);
            n += DEV_CONSOLE_FDS;
        }
        int timeout_ms = p->watchdog_s > 0 ? (int)(tick_s * 1000) + 1 : -1;
        if (poll(fds, n, timeout_ms) < 0) {
            if (errno != EINTR) {
                return -1;
            }
            continue;
        }
        if (p->console) {
            dev_console_serve(p->console, fds + 3);
        }
        if (fds[0].revents) {
            end->how = DEV_END_EXIT;
            return 0;
        }
        if (fds[1].revents) {
            end->how = DEV_END_STOPPED;
            return 0;
        }
        /* Also without a word from a client: monitors get what was printed just now. */
        if (p->control && dev_control_serve(p->control)) {
            end->how = DEV_END_ORDERED;
            return 0;
        }
        if (p->watchdog_s > 0) {
            double now = now_s();
            silent_s += fmin(now - last, 2 * tick_s);
            last = now;
            uint64_t seen = atomic_load(p->heartbeat);
            if (seen != beat) {
                beat = seen;
                silent_s = 0;
            } else if (silent_s > p->watchdog_s) {
                end->how = DEV_END_WATCHDOG;
                return 0;
            }
        }
    }
}

/* --- End ------------------------------------------------------------------- */

/*
 * Kill what is left and collect the status. The leader is awaited before it is
 * reaped, so its group's number can't have been given away when we signal it.
 */
static int finish(pid_t pid, int *status)
{
    siginfo_t info;
    kill(-pid, SIGKILL);
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT)) {
        if (errno != EINTR) {
            return -1;
        }
    }
    kill(-pid, SIGKILL); /* what it may have started since */
    while (waitpid(pid, status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static void classify(int status, struct dev_process_end *end)
{
    if (WIFSIGNALED(status)) {
        end->how = DEV_END_SIGNAL;
        end->number = WTERMSIG(status);
        return;
    }
    end->number = WEXITSTATUS(status);
    end->how = end->number == DEV_EXIT_RESTART     ? DEV_END_RESTART
               : end->number == DEV_EXIT_POWER_CUT ? DEV_END_POWER_CUT
               : end->number == DEV_EXIT_SLEEP     ? DEV_END_SLEEP
                                                   : DEV_END_EXIT;
}

int dev_process_run(const struct dev_process *p, struct dev_process_end *end)
{
    pid_t pid;
    int exec_errno, status;
    *end = (struct dev_process_end){.how = DEV_END_EXIT};
    if (start(p, &pid, &exec_errno)) {
        return AL_ERR_IO;
    }
    int pidfd = -1;
    int result = 0, why = 0;
    if (!exec_errno) {
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0 || watch(p, pidfd, end)) {
            why = errno;
            result = AL_ERR_IO;
        }
    }
    if (finish(pid, &status) && !result) {
        why = errno;
        result = AL_ERR_IO;
    }
    if (pidfd >= 0) {
        close(pidfd);
    }
    if (p->console) {
        dev_console_drain(p->console, p->signal_fd);
    }
    if (result) {
        errno = why;
        return result;
    }
    if (exec_errno) {
        *end = (struct dev_process_end){.how = DEV_END_NO_EXEC, .number = exec_errno};
    } else if (end->how == DEV_END_EXIT) {
        classify(status, end);
    }
    return 0;
}
