/*
 * cert.h - the server's certificate and key: read a pair, or make one to begin with.
 */
#ifndef SERVER_API_CERT_H
#define SERVER_API_CERT_H

#include <stddef.h>

struct srv_cert {
    char *cert_pem; /* owned, NUL-terminated */
    char *key_pem;
};

/*
 * Read both files and check that they belong together. 0, or -1 with one line in err.
 */
int srv_cert_load(struct srv_cert *c, const char *cert_path, const char *key_path, char *err,
                  size_t err_size);
void srv_cert_free(struct srv_cert *c);

/*
 * Make a development pair unless both files are there: ECDSA P-256, self-signed, ten years. It is its own
 * root, so a client that pins it needs nothing else. Valid for localhost, 127.0.0.1,
 * ::1, this machine's name, `host`, and, if `host` is a wildcard, the machine's addresses.
 *
 * Power cut: the key (mode 0600) is on the disk before the certificate; a key alone
 * is replaced together with it at the next start.
 *
 * Call before any thread is started (it narrows the umask for a moment).
 * Returns 0, or -1 with one line in err.
 */
int srv_cert_make(const char *cert_path, const char *key_path, const char *host, char *err, size_t err_size);

/* Log a warning if clients that connect to `host` would refuse the certificate. */
void srv_cert_warn_host(const struct srv_cert *c, const char *host);

#endif
