/*
 * child.h - run this program once more, on bytes instead of files.
 */
#ifndef SERVER_PATCH_CHILD_H
#define SERVER_PATCH_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a child reads: bytes in an anonymous file. */
struct srv_child_file {
    int fd;        /* -1: none */
    char path[32]; /* what the child opens */
};

/* Make one; data may be NULL for an empty one. 0 or -1 with errno. */
int srv_child_file(struct srv_child_file *f, const void *data, size_t len);
void srv_child_file_close(struct srv_child_file *f);

/*
 * Start /proc/self/exe with these arguments (argv[0] included, ended by NULL), at the lowest priority, with
 * limits on address space and processor time, `out` as its standard output and `err` as its standard error.
 * It dies with the thread that starts it. Files made above are open in it. Returns its pid, or -1 with errno.
 */
pid_t srv_child_start(char *const argv[], int out, int err, size_t memory_max, unsigned seconds_max);

#endif
