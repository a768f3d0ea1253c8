/*
 * push_net.c - sockets for the senders.
 */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/cmd.h"
#include "push.h"

#define CONNECT_MS 10000

int64_t push_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool push_parse_target(const char *text, uint16_t default_port, char *host, size_t size, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    uint32_t number = default_port;
    if (len == 0 || len >= size || memchr(text, ':', len) ||
        (colon && (!host_parse_number(colon + 1, &number) || number == 0 || number > 65535))) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}

enum push_outcome push_fail(struct push_job *job, enum push_outcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(job->err, sizeof job->err, format, args);
    va_end(args);
    return outcome;
}

bool push_resolve(struct push_job *job, struct sockaddr_in *out)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int why = getaddrinfo(job->host, NULL, &hints, &found);
    if (why) {
        push_fail(job, PUSH_LOST, "%s: %s", job->host, gai_strerror(why));
        return false;
    }
    memcpy(out, found->ai_addr, sizeof *out);
    out->sin_port = htons(job->port);
    freeaddrinfo(found);
    return true;
}

int push_wait(int fd, short events, int64_t timeout_ms)
{
    int64_t end = push_now_ms() + timeout_ms;
    for (;;) {
        int64_t left = end - push_now_ms();
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX);
        if (n >= 0 || errno != EINTR) {
            return n > 0 ? 1 : n;
        }
    }
}

/* 0, or what errno would say. */
static int finish_connecting(int fd)
{
    int why = 0, one = 1;
    socklen_t len = sizeof why;
    if (push_wait(fd, POLLOUT, CONNECT_MS) != 1) {
        return ETIMEDOUT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) == 0 && why) {
        return why;
    }
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ? errno : 0;
}

int push_connect(struct push_job *job)
{
    struct sockaddr_in to;
    if (!push_resolve(job, &to)) {
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        push_fail(job, PUSH_LOST, "%s", strerror(errno));
        return -1;
    }
    bool begun = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS;
    int why = begun ? finish_connecting(fd) : errno;
    if (why) {
        push_fail(job, PUSH_LOST, "%s port %u: %s", job->host, (unsigned)job->port, strerror(why));
        close(fd);
        return -1;
    }
    return fd;
}
