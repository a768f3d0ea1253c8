/*
 * listen.c - listening sockets.
 */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

int srv_listen_parse(const char *where, struct srv_listen *out, char port[6], char *err, size_t err_size)
{
    const char *colon = strrchr(where, ':');
    const char *host = where;
    size_t host_len = colon ? (size_t)(colon - where) : 0;
    if (host_len > 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    } else if (memchr(host, ':', host_len) || memchr(host, '[', host_len)) {
        host_len = 0; /* an IPv6 address needs brackets */
    }
    size_t port_len = colon ? strlen(colon + 1) : 0;
    bool port_ok = port_len > 0 && port_len < 6 && strspn(colon + 1, "0123456789") == port_len &&
                   strtoul(colon + 1, NULL, 10) <= 65535;
    if (!port_ok || host_len == 0 || host_len >= sizeof out->host) {
        snprintf(err, err_size,
                 "cannot listen on '%s': give HOST:PORT, such as 127.0.0.1:8443, 0.0.0.0:8443 or [::1]:0",
                 where);
        return -1;
    }
    memcpy(out->host, host, host_len);
    out->host[host_len] = '\0';
    strcpy(port, colon + 1);
    return 0;
}

static in_port_t get_port(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                                          : ((const struct sockaddr_in *)(const void *)address)->sin_port;
}

/* A bound socket, or -1 with errno. `shared`: others of this process may bind the same address. */
static int bound_socket(const struct sockaddr_storage *address, socklen_t len, bool shared)
{
    const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(fd, (const struct sockaddr *)address, len) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/*
 * With SO_REUSEPORT a second server of the same user would quietly get half of the connections. So the
 * address is first bound without it, which fails while anybody listens there.
 */
static int check_free(const struct sockaddr_storage *address, socklen_t len)
{
    int fd = bound_socket(address, len, false);
    if (fd < 0) {
        return -1;
    }
    int result = listen(fd, 1);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

/* Open all sockets; the first decides the port. Returns how many are open: n, or fewer with errno. */
static unsigned open_all(struct sockaddr_storage *address, socklen_t len, int *fd, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        fd[i] = bound_socket(address, len, true);
        if (fd[i] < 0) {
            return i;
        }
        socklen_t got = sizeof *address;
        if (listen(fd[i], BACKLOG) != 0 || getsockname(fd[i], (struct sockaddr *)address, &got) != 0) {
            int error = errno;
            close(fd[i]);
            errno = error;
            return i;
        }
    }
    return n;
}

int srv_listen_open(const char *where, struct srv_listen *out, int *fd, unsigned n, char *err,
                    size_t err_size)
{
    char port[6];
    if (srv_listen_parse(where, out, port, err, err_size) != 0) {
        return -1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    int gai = getaddrinfo(out->host, port, &hints, &found);
    if (gai != 0) {
        snprintf(err, err_size, "cannot listen on %s: %s", where, gai_strerror(gai));
        return -1;
    }
    struct sockaddr_storage address = {0};
    socklen_t len = found->ai_addrlen;
    memcpy(&address, found->ai_addr, len);
    freeaddrinfo(found);

    bool any_port = get_port(&address) == 0;
    unsigned n_open = any_port || check_free(&address, len) == 0 ? open_all(&address, len, fd, n) : 0;
    if (n_open < n) {
        snprintf(err, err_size, "cannot listen on %s: %s", where, strerror(errno));
        while (n_open) {
            close(fd[--n_open]);
        }
        return -1;
    }
    bool v6 = strchr(out->host, ':') != NULL;
    snprintf(out->authority, sizeof out->authority, "%s%s%s:%u", v6 ? "[" : "", out->host, v6 ? "]" : "",
             (unsigned)ntohs(get_port(&address)));
    return 0;
}
