/*
 * tls_trust.h - what a TLS connection is verified against (inside idf/ only).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "esp_err.h"

/* What crt_bundle_attach is called with. */
struct tls_trust {
    bool bundle; /* set by esp_crt_bundle_attach() */
};

/*
 * The bundle as PEM, to be freed by the caller, if it is anything else than the
 * system's certificates: the project's own ones, with or without the system's.
 * *out is NULL if it is just the system's. False: no memory.
 */
bool tls_bundle_pem(char **out);

/* The system's certificates: SSL_CERT_FILE, or NULL for libcurl's built-in place. */
const char *tls_system_ca_file(void);

/* The global store as PEM, to be freed by the caller; NULL if there is none, or no memory. */
char *tls_global_ca_pem(void);

/* True if these bytes are DER. len 0 means a PEM string. */
bool tls_is_der(const char *cert, size_t len);

/*
 * Certificate(s) as a PEM string, to be freed by the caller. NULL: no memory.
 *
 * cert, len  PEM (len 0, or counting the NUL) or DER; not checked any further
 */
char *tls_cert_to_pem(const char *cert, size_t len);
