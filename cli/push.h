/*
 * push.h - sending an image to a device that listens.
 */
#ifndef CLI_PUSH_H
#define CLI_PUSH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/file.h"
#include "host/progress.h"

#define PUSH_ERR_SIZE    512u
#define PUSH_SECRET_SIZE 1024u

/* How an attempt ended. */
enum push_outcome {
    PUSH_DONE,
    PUSH_LOST,    /* network, silence, or the device is busy: another attempt may do it */
    PUSH_REFUSED, /* the device's last word */
};

struct push_job {
    char host[256]; /* as the user wrote it, without the port */
    uint16_t port;
    const struct host_buf *image;
    uint8_t sha256[32];
    char md5[33];                     /* hex */
    const char *name;                 /* of the image's file */
    const char *secret;               /* key or password; NULL: none */
    char from_file[PUSH_SECRET_SIZE]; /* where it is, if a file has it */
    double timeout_s;                 /* silence taken for a lost connection */
    bool no_restart, force;           /* TCP */
    bool filesystem;                  /* Arduino */
    bool md5_password;                /* the device has the password as an MD5 */
    const char *host_ip;              /* Arduino: the address to listen at */
    uint16_t host_port;               /* Arduino: 0 any */

    struct host_progress progress;
    size_t acked;            /* bytes the device has taken, or had */
    size_t resumed;          /* of them, from an earlier attempt */
    bool old_device;         /* speaks the protocol of 2016 only */
    char err[PUSH_ERR_SIZE]; /* why it did not succeed */
};

enum push_outcome push_tcp_attempt(struct push_job *job);
enum push_outcome push_arduino_attempt(struct push_job *job);

/* --- push_net.c ------------------------------------------------------------ */

int64_t push_now_ms(void);

/* "HOST", "HOST:PORT", "[::1]:80" is not one: IPv4 and names. False: not of that form. */
bool push_parse_target(const char *text, uint16_t default_port, char *host, size_t size, uint16_t *port);

/* False with job->err. */
bool push_resolve(struct push_job *job, struct sockaddr_in *out);

/* Note what went wrong. Returns `outcome`. */
enum push_outcome push_fail(struct push_job *job, enum push_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A connected socket that does not block, or -1 with job->err. */
int push_connect(struct push_job *job);

/* Wait until `events` of poll() are there. 1; 0 after timeout_ms; -1. */
int push_wait(int fd, short events, int64_t timeout_ms);

#endif
