/*
 * http_auth.h - the Authorization header: Basic and Digest (RFC 7617, RFC 7616).
 */
#pragma once

#include <stddef.h>

#include "esp_err.h"
#include "esp_http_client.h"

/* What a WWW-Authenticate header asks for. Owned strings; NULL: not given. */
struct http_challenge {
    esp_http_client_auth_type_t type;
    char *realm;
    char *nonce;
    char *opaque;
    char *algorithm;
    bool qop_auth;
    unsigned n_used; /* requests made with this nonce */
};

/* Parse; the old contents are freed. ESP_FAIL: neither Basic nor Digest, or a digest we can't compute. */
esp_err_t http_challenge_parse(struct http_challenge *challenge, const char *text);
void http_challenge_free(struct http_challenge *challenge);

/*
 * The Authorization value for a request, to be freed. NULL: no memory, or no challenge for a digest.
 *
 * uri  path and query as they will be sent
 */
char *http_authorization(struct http_challenge *challenge, esp_http_client_auth_type_t type,
                         const char *username, const char *password, const char *method, const char *uri);
