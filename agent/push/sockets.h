/*
 * sockets.h - what both listeners do with sockets: lwIP's, IPv4.
 */
#ifndef PUSH_SOCKETS_H
#define PUSH_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwip/sockets.h"

/* A listening socket, or -1 with errno. */
int push_listen(uint16_t port);

/* The next client, set up for quick answers; -1 if there is none. */
int push_accept(int listen_fd, struct sockaddr_in *peer);

bool push_is_loopback(const struct sockaddr_in *peer);

/* "10.0.0.7:1234" */
void push_name(const struct sockaddr_in *peer, char *out, size_t size);

/* All of it, within some seconds. */
bool push_send(int fd, const char *data, size_t len);

/*
 * Clients that have been told the last thing. A socket closed with unread bytes
 * takes the answer back (a reset), so each lingers until it closes, or for 2 s.
 */
#define PUSH_MAX_PARTINGS 4u

struct push_partings {
    int fd[PUSH_MAX_PARTINGS]; /* -1: free */
    int64_t until_us[PUSH_MAX_PARTINGS];
};

void push_partings_init(struct push_partings *p);
void push_part(struct push_partings *p, int fd);                                    /* takes fd over */
int push_partings_watch(const struct push_partings *p, fd_set *readable, int most); /* the largest fd */
void push_partings_serve(struct push_partings *p, const fd_set *readable);
void push_partings_end(struct push_partings *p);

#endif
