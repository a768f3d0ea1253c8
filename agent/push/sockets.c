#include "sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "esp_timer.h"

#define SEND_TIMEOUT_S 5
#define LINGER_US      2000000

int push_listen(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_ANY)}};
    const int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 2) != 0) {
        const int why = errno;

        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

int push_accept(int listen_fd, struct sockaddr_in *peer)
{
    const struct timeval limit = {.tv_sec = SEND_TIMEOUT_S};
    socklen_t len = sizeof(*peer);
    const int one = 1, fd = accept(listen_fd, (struct sockaddr *)peer, &len);

    if (fd >= 0 && (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool push_is_loopback(const struct sockaddr_in *peer)
{
    return ntohl(peer->sin_addr.s_addr) >> 24 == 127;
}

void push_name(const struct sockaddr_in *peer, char *out, size_t size)
{
    const uint32_t a = ntohl(peer->sin_addr.s_addr);

    snprintf(out, size, "%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32 ":%u", a >> 24, a >> 16 & 0xFF,
             a >> 8 & 0xFF, a & 0xFF, (unsigned)ntohs(peer->sin_port));
}

bool push_send(int fd, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* --- Partings -------------------------------------------------------------------- */

void push_partings_init(struct push_partings *p)
{
    for (unsigned i = 0; i < PUSH_MAX_PARTINGS; i++) {
        p->fd[i] = -1;
    }
}

static void let_go(struct push_partings *p, unsigned i)
{
    if (p->fd[i] >= 0) {
        (void)close(p->fd[i]);
        p->fd[i] = -1;
    }
}

void push_part(struct push_partings *p, int fd)
{
    unsigned oldest = 0;

    for (unsigned i = 0; i < PUSH_MAX_PARTINGS; i++) {
        if (p->fd[i] < 0) {
            oldest = i;
            break;
        }
        oldest = p->until_us[i] < p->until_us[oldest] ? i : oldest;
    }
    let_go(p, oldest);
    (void)shutdown(fd, SHUT_WR);
    p->fd[oldest] = fd;
    p->until_us[oldest] = esp_timer_get_time() + LINGER_US;
}

int push_partings_watch(const struct push_partings *p, fd_set *readable, int most)
{
    for (unsigned i = 0; i < PUSH_MAX_PARTINGS; i++) {
        if (p->fd[i] >= 0) {
            FD_SET(p->fd[i], readable);
            most = p->fd[i] > most ? p->fd[i] : most;
        }
    }
    return most;
}

void push_partings_serve(struct push_partings *p, const fd_set *readable)
{
    char ignored[256];

    for (unsigned i = 0; i < PUSH_MAX_PARTINGS; i++) {
        if (p->fd[i] >= 0 &&
            ((FD_ISSET(p->fd[i], readable) && recv(p->fd[i], ignored, sizeof(ignored), 0) <= 0) ||
             esp_timer_get_time() > p->until_us[i])) {
            let_go(p, i);
        }
    }
}

void push_partings_end(struct push_partings *p)
{
    for (unsigned i = 0; i < PUSH_MAX_PARTINGS; i++) {
        let_go(p, i);
    }
}
