/*
 * http_url.h - a URL in parts.
 */
#pragma once

#include <stdbool.h>

#include "esp_err.h"

/* Owned strings. query is NULL if there is none; the fragment is dropped. */
struct http_url {
    char *scheme; /* lower case */
    char *host;
    char *path;
    char *query;
    int port;       /* the scheme's default if the URL names none */
    char *username; /* NULL: not in the URL */
    char *password;
};

/*
 * Parse `text`, relative to `base` (may be NULL) if it is not absolute. `out` is written on success only
 * and may be `base`, which is freed then. No length limit; percent signs stay as they are.
 *
 * lenient  encode blanks and other stray bytes, as servers leave them in Location, rather than refuse
 *
 * Returns ESP_OK, ESP_ERR_INVALID_ARG (not a URL), ESP_ERR_NO_MEM.
 */
esp_err_t http_url_parse(const struct http_url *base, const char *text, bool lenient, struct http_url *out);

/* The same from separate parts. ESP_ERR_NO_MEM. */
esp_err_t http_url_from_parts(bool tls, const char *host, int port, const char *path, const char *query,
                              struct http_url *out);

bool http_url_is_tls(const struct http_url *url);
int http_url_default_port(const char *scheme);

/* The Host header, to be freed: with the port unless it is the scheme's own. NULL: no memory. */
char *http_url_host_header(const struct http_url *url);

/* The whole URL again, with `host` in place of its own if not NULL. To be freed. NULL: no memory. */
char *http_url_text(const struct http_url *url, const char *host);

void http_url_free(struct http_url *url);
