#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A sanitizer's shadow memory takes terabytes of address space, all of them unused. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_MEMORY 0
#else
#define LIMIT_MEMORY 1
#endif

int srv_child_file(struct srv_child_file *f, const void *data, size_t len)
{
    const char *p = data;
    /* Not closed on exec: the child opens it through its own table. Nothing else in the server starts programs. */
    f->fd = memfd_create("airlift", 0);
    if (f->fd < 0) {
        return -1;
    }
    snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd);
    while (len) {
        ssize_t n = write(f->fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            srv_child_file_close(f);
            return -1;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

void srv_child_file_close(struct srv_child_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

/* Between fork and exec: only what is safe in a child of a process with threads. */
static _Noreturn void become(char *const argv[], int out, int err, size_t memory_max, unsigned seconds_max)
{
    struct rlimit memory = {memory_max, memory_max}, seconds = {seconds_max, seconds_max};
    sigset_t none;
    sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
        setpriority(PRIO_PROCESS, 0, 19) == 0 && setrlimit(RLIMIT_CPU, &seconds) == 0 &&
        (!LIMIT_MEMORY || setrlimit(RLIMIT_AS, &memory) == 0) && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(err, STDERR_FILENO) >= 0) {
        execv("/proc/self/exe", argv);
    }
    _exit(127);
}

pid_t srv_child_start(char *const argv[], int out, int err, size_t memory_max, unsigned seconds_max)
{
    pid_t pid = fork();
    if (pid == 0) {
        become(argv, out, err, memory_max, seconds_max);
    }
    return pid;
}
