/*
 * file.c - whole files and growable buffers.
 */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- Buffers --------------------------------------------------------------- */

void host_buf_init(struct host_buf *b, size_t max)
{
    *b = (struct host_buf){.max = max};
}

/* Make room for `extra` bytes and the NUL. */
static bool reserve(struct host_buf *b, size_t extra)
{
    if (extra > b->max - b->len) {
        return false;
    }
    size_t need = b->len + extra + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap < 256 ? 256 : b->cap;
    while (cap < need) {
        cap *= 2;
    }
    uint8_t *data = realloc(b->data, cap);
    if (!data) {
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

bool host_buf_append(struct host_buf *b, const void *data, size_t len)
{
    if (!reserve(b, len)) {
        return false;
    }
    if (len) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
    return true;
}

bool host_buf_printf(struct host_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool ok = len >= 0 && reserve(b, (size_t)len);
    if (ok) {
        vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
    return ok;
}

void host_buf_free(struct host_buf *b)
{
    free(b->data);
    *b = (struct host_buf){.max = b->max};
}

/* --- Reading --------------------------------------------------------------- */

int host_read_file(const char *path, size_t max, struct host_buf *out, char *err, size_t err_size)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    host_buf_init(out, max);
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(err, err_size, "%s: %s", name, strerror(errno));
        return -1;
    }

    int result = -1;
    struct stat st;
    size_t guess = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
    if (guess > max) {
        snprintf(err, err_size, "%s: larger than %zu bytes", name, max);
        goto out;
    }
    if (!reserve(out, guess)) {
        snprintf(err, err_size, "%s: %s", name, strerror(ENOMEM));
        goto out;
    }
    out->data[0] = '\0';
    for (;;) {
        uint8_t piece[16384];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            snprintf(err, err_size, "%s: %s", name, strerror(errno));
            goto out;
        }
        if (n == 0) {
            break;
        }
        if (!host_buf_append(out, piece, (size_t)n)) {
            if ((size_t)n > max - out->len) {
                snprintf(err, err_size, "%s: larger than %zu bytes", name, max);
            } else {
                snprintf(err, err_size, "%s: %s", name, strerror(ENOMEM));
            }
            goto out;
        }
    }
    result = 0;
out:
    if (!is_stdin) {
        close(fd);
    }
    if (result) {
        host_buf_free(out);
    }
    return result;
}

/* --- Writing --------------------------------------------------------------- */

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Make the renaming itself durable. */
static int sync_directory_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, path, len);
    dir[len] = '\0';
    int fd = open(!slash ? "." : len ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    /* Some file systems can't sync a directory and say so with EINVAL. */
    int result = fsync(fd) && errno != EINVAL ? -1 : 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

/* A pipe or device takes the bytes as they come: nothing to replace there. */
static int write_stream(int fd, const void *data, size_t len)
{
    if (fd < 0) {
        return -1;
    }
    int result = write_all(fd, data, len);
    int saved = errno;
    if (fd != STDOUT_FILENO && close(fd) && !result) {
        return -1;
    }
    errno = saved;
    return result;
}

static int replace_file(const char *path, const struct stat *old, mode_t mode, const void *data, size_t len)
{
    static atomic_uint serial;
    char tmp[PATH_MAX];
    int n = snprintf(tmp, sizeof tmp, "%s.%ld-%u.tmp", path, (long)getpid(), atomic_fetch_add(&serial, 1));
    if (n < 0 || (size_t)n >= sizeof tmp) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return -1;
    }
    /* Synced before it gets its name: a power cut leaves the old file or all of the new one. */
    bool ok =
        (!old || fchmod(fd, old->st_mode & 07777) == 0) && write_all(fd, data, len) == 0 && fsync(fd) == 0;
    int saved = errno;
    if (close(fd) && ok) {
        ok = false;
        saved = errno;
    }
    if (ok && rename(tmp, path)) {
        ok = false;
        saved = errno;
    }
    if (!ok) {
        unlink(tmp);
        errno = saved;
        return -1;
    }
    return sync_directory_of(path);
}

/* mode: of a file that is new */
static int write_file(const char *path, mode_t mode, const void *data, size_t len, char *err, size_t err_size)
{
    bool is_stdout = strcmp(path, "-") == 0;
    int result;
    struct stat st;
    if (is_stdout) {
        fflush(stdout); /* what was printed before comes first */
        result = write_stream(STDOUT_FILENO, data, len);
    } else if (stat(path, &st)) {
        result = errno == ENOENT ? replace_file(path, NULL, mode, data, len) : -1;
    } else if (S_ISREG(st.st_mode)) {
        /* A symbolic link stays one: replace what it points to. */
        char *real = realpath(path, NULL);
        result = real ? replace_file(real, &st, mode, data, len) : -1;
        int saved = errno;
        free(real);
        errno = saved;
    } else {
        result = write_stream(open(path, O_WRONLY | O_CLOEXEC), data, len);
    }
    if (result) {
        snprintf(err, err_size, "%s: %s", is_stdout ? "standard output" : path, strerror(errno));
    }
    return result;
}

int host_write_file(const char *path, const void *data, size_t len, char *err, size_t err_size)
{
    return write_file(path, 0666, data, len, err, err_size);
}

int host_write_secret(const char *path, const void *data, size_t len, char *err, size_t err_size)
{
    return write_file(path, 0600, data, len, err, err_size);
}

int host_mkdirs(const char *path, unsigned mode)
{
    char partial[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof partial) {
        errno = len ? ENAMETOOLONG : ENOENT;
        return -1;
    }
    memcpy(partial, path, len + 1);
    for (char *p = partial + 1;; p++) {
        if (*p && *p != '/') {
            continue;
        }
        char keep = *p;
        *p = '\0';
        if (mkdir(partial, mode)) {
            struct stat st;
            int why = errno;
            if (why != EEXIST || stat(partial, &st)) {
                return -1;
            }
            if (!S_ISDIR(st.st_mode)) {
                errno = ENOTDIR;
                return -1;
            }
        }
        *p = keep;
        if (!keep) {
            return 0;
        }
    }
}
