/*
 * server.h - the update server as a library: start, say where, stop.
 *
 * The process that calls it owns signals: block SIGINT and SIGTERM before
 * srv_start(), so that only the caller's sigwait() sees them, and ignore SIGPIPE and
 * SIGXFSZ, so that a closed socket and a full disk come back as errors.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "airlift/signature.h"
#include "server/s3.h"

#define SRV_DEFAULT_LISTEN "127.0.0.1:8443"
#define SRV_DEFAULT_URL    "https://127.0.0.1:8443"

/* What may be uploaded: the largest image, and room for a signature sector behind it. */
#define SRV_UPLOAD_MAX (16u * 1024 * 1024 + 64u * 1024)

/* GET /v1/devices */
#define SRV_DEVICES_LIMIT  1000u /* devices in an answer at most */
#define SRV_DEVICES_SEARCH 64u   /* bytes of what is looked for at most */

/* A name that a product can have: [a-z0-9][a-z0-9._-]{0,63} */
bool srv_product_valid(const char *name);

#define SRV_TOKEN_SIZE 80u /* bytes, with the NUL */

struct srv_config {
    const char *listen;    /* "HOST:PORT" or "[IPv6]:PORT"; port 0: a free one */
    const char *data_dir;  /* made if missing */
    const char *cert_path; /* PEM chain and key; both NULL: the data directory's own pair, */
    const char *key_path;  /* made on the first start */
    unsigned patches_from; /* patches to the newest release start from so many older ones; 0: none are made */
    const char *bucket;    /* "s3://BUCKET[/PREFIX]" for artifacts; NULL: data_dir alone */
    const struct srv_s3_options *s3; /* for the bucket */
    unsigned link_seconds;           /* that a link to the bucket is valid, 1 to SRV_S3_EXPIRY_MAX */
    const uint8_t (*signer_keys)[AL_SIG_KEY_DIGEST_SIZE]; /* uploads must be signed by one of these keys, */
    unsigned n_signer_keys;                               /* named by digest; 0: need not be signed */
    unsigned request_timeout_ms; /* for a handshake and a request's headers; 0: 30 s */
};

struct srv_server;

/*
 * Start serving; returns once every listening socket is open.
 *
 * config  borrowed for the call
 * out     to be ended by srv_stop(); written on success only
 * err     on failure one line that says what failed, on what, and why
 *
 * First start: makes directories, certificate, database and admin token. Power
 * cut in the middle: the next start completes what is missing; a token that was
 * stored but never shown is replaced by srv_new_token().
 *
 * Returns 0 or -1.
 */
int srv_start(const struct srv_config *config, struct srv_server **out, char *err, size_t err_size);

/* What the caller tells its user. Valid until srv_stop(). */
const char *srv_url(const struct srv_server *s);             /* "https://127.0.0.1:43211" */
const char *srv_cert_path(const struct srv_server *s);       /* what clients pin with --ca */
const char *srv_new_admin_token(const struct srv_server *s); /* NULL unless this start made one */

/*
 * Accept no more, give running requests up to grace_ms to end, close, and put
 * the database's log into its file. Frees s.
 */
void srv_stop(struct srv_server *s, unsigned grace_ms);

/*
 * Replace the admin token; the old one stops working at once, also in a server
 * that is running on data_dir. Returns 0, or -1 with one line in err.
 */
int srv_new_token(const char *data_dir, char token[SRV_TOKEN_SIZE], char *err, size_t err_size);

/* $XDG_DATA_HOME/airlift or ~/.local/share/airlift. Returns 0, or -1 if neither variable is set. */
int srv_default_data_dir(char *out, size_t size);

#endif
