/*
 * control_client.c - talk to a running device.
 */
#include "device/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "control_path.h"

#define ANSWER_MAX (256u * 1024) /* bytes; a status with 95 partitions has a tenth of that */

/* --- Where ------------------------------------------------------------------- */

bool dev_control_path(const struct stat *flash, unsigned n, bool make, struct sockaddr_un *out)
{
    char dir[sizeof out->sun_path];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int len;
    if (n == 0) {
        if (!runtime || *runtime != '/') {
            return false;
        }
        len = snprintf(dir, sizeof dir, "%s/airlift", runtime);
    } else {
        len = snprintf(dir, sizeof dir, "/tmp/airlift-%lu", (unsigned long)getuid());
    }
    if (len < 0 || (size_t)len >= sizeof dir || (make && mkdir(dir, 0700) && errno != EEXIST)) {
        return false;
    }
    struct stat st;
    if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 022)) {
        return false;
    }
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = snprintf(out->sun_path, sizeof out->sun_path, "%s/%x.%x-%llx", dir, major(flash->st_dev),
                   minor(flash->st_dev), (unsigned long long)flash->st_ino);
    return len > 0 && (size_t)len < sizeof out->sun_path;
}

/* --- Connecting -------------------------------------------------------------- */

int dev_control_connect(const char *flash_path, char *err, size_t err_size)
{
    struct stat st;
    struct sockaddr_un address;
    if (stat(flash_path, &st)) {
        snprintf(err, err_size, "%s: %s", flash_path, strerror(errno));
        return errno == ENOENT ? AL_ERR_NOT_FOUND : AL_ERR_IO;
    }
    for (unsigned n = 0; n < DEV_CONTROL_DIRS; n++) {
        if (!dev_control_path(&st, n, false, &address)) {
            continue;
        }
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
            return fd;
        }
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        /* Refused: the device that made the socket was killed. */
        if (fd < 0 || (why != ENOENT && why != ECONNREFUSED)) {
            snprintf(err, err_size, "%s: %s: %s", flash_path, address.sun_path, strerror(why));
            return AL_ERR_IO;
        }
    }
    snprintf(err, err_size, "%s: the device is off (airlift device run switches it on)", flash_path);
    return AL_ERR_STATE;
}

/* --- Asking ------------------------------------------------------------------ */

static bool send_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* Up to the newline, which is dropped. NULL with errno (0: the device hung up). */
static char *read_line(int fd)
{
    char *line = NULL;
    size_t len = 0, size = 0;
    for (;;) {
        if (len == size) {
            size = size ? size * 2 : 256;
            char *more = size <= ANSWER_MAX ? realloc(line, size) : NULL;
            if (!more) {
                free(line);
                errno = size > ANSWER_MAX ? EMSGSIZE : ENOMEM;
                return NULL;
            }
            line = more;
        }
        ssize_t n = recv(fd, line + len, 1, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int why = n < 0 ? errno : 0;
            free(line);
            errno = why;
            return NULL;
        }
        if (line[len] == '\n') {
            line[len] = '\0';
            return line;
        }
        len++;
    }
}

int dev_control_ask_fd(int fd, const char *request, char **text, char *err, size_t err_size)
{
    *text = NULL;
    errno = 0;
    char *line = NULL;
    if (send_all(fd, request, strlen(request)) && send_all(fd, "\n", 1)) {
        line = read_line(fd);
    }
    if (!line) {
        snprintf(err, err_size, "the device did not answer: %s", errno ? strerror(errno) : "it went off");
        return AL_ERR_IO;
    }
    bool ok = strncmp(line, "ok", 2) == 0 && (line[2] == ' ' || !line[2]);
    if (!ok) {
        snprintf(err, err_size, "%s", strncmp(line, "error ", 6) == 0 ? line + 6 : line);
        free(line);
        return AL_ERR_STATE;
    }
    memmove(line, line + (line[2] ? 3 : 2), strlen(line + (line[2] ? 3 : 2)) + 1);
    *text = line;
    return 0;
}

int dev_control_ask(const char *flash_path, const char *request, char **text, char *err, size_t err_size)
{
    *text = NULL;
    int fd = dev_control_connect(flash_path, err, err_size);
    if (fd < 0) {
        return fd;
    }
    int result = dev_control_ask_fd(fd, request, text, err, err_size);
    close(fd);
    return result;
}
