/*
 * listen.h - listening sockets: one for each worker, on one address.
 */
#ifndef SERVER_API_LISTEN_H
#define SERVER_API_LISTEN_H

#include <stddef.h>

struct srv_listen {
    char host[256];      /* as given, without brackets */
    char authority[300]; /* "127.0.0.1:8443", "[::1]:8443": with the port that was bound */
};

/*
 * Open n sockets that share the address (SO_REUSEPORT), so that the kernel deals connections out evenly.
 *
 * where  "HOST:PORT" or "[IPv6]:PORT"; port 0: a free one
 * fd     written on success: n descriptors
 *
 * Returns 0, or -1 with one line in err: nothing is open then.
 */
int srv_listen_open(const char *where, struct srv_listen *out, int *fd, unsigned n, char *err,
                    size_t err_size);

/* Only take "HOST:PORT" apart: out->host. 0, or -1 with one line in err. */
int srv_listen_parse(const char *where, struct srv_listen *out, char port[6], char *err, size_t err_size);

#endif
