/*
 * http_exchange.h - one request and its response at a time, over libcurl.
 *
 * libcurl does TLS, framing and connections; it follows no redirects and answers
 * no 401, since ESP-IDF's client does that itself and shows each step. Nothing
 * of the caller's runs inside libcurl's callbacks: they only note what happened,
 * and the caller looks between waits.
 *
 * The sender is held back while a piece of the body lies here unread, so memory stays bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "esp_tls_errors.h"
#include "http_headers.h"

#define HTTP_MAX_RESPONSE_HEADERS 65536u /* bytes */

/* How connections are made and verified. Strings are borrowed for the life of the exchange object. */
struct http_transport {
    const char *ca_pem; /* trust exactly this; NULL: see system_ca */
    bool system_ca;     /* trust what the system trusts */
    bool skip_name_check;
    const char *client_cert, *client_key, *client_key_password;
    size_t client_cert_len, client_key_len; /* 0: a PEM string */
    long tls_min, tls_max;                  /* CURL_SSLVERSION_*; 0: any */
    bool keep_alive;
    int keep_alive_idle, keep_alive_interval, keep_alive_count;
    const char *interface_name; /* or NULL */
    int address_family;
    size_t piece_size; /* longest piece of a body that is taken in at once */
};

/* What is asked. Borrowed for the call that starts it. */
struct http_request {
    const char *method;
    const char *url;
    const char *connect_to; /* "::HOST:PORT" to connect there instead of to the URL's host, or NULL */
    const struct http_headers *headers;
    bool has_body;
    int64_t body_len; /* -1: not known beforehand */
    int timeout_ms;   /* to connect */
};

struct http_exchange {
    struct http_transport transport;
    CURLM *multi; /* holds the kept connection; NULL: none */
    CURL *easy;
    struct curl_slist *lines, *connect_to; /* of the request under way */
    char error[CURL_ERROR_SIZE];

    bool running;       /* handed to libcurl */
    bool connected;     /* the request has a connection ... */
    bool new_connected; /* ... made for it */
    bool sent;          /* request line and headers */
    bool has_headers;   /* of the response */
    bool done;          /* ended, well or badly: result */
    CURLcode result;
    uint64_t activity; /* grows with everything that happens */

    int status; /* -1: none yet */
    int minor;  /* HTTP/1.minor */
    size_t header_bytes;
    struct http_headers headers; /* of the response */
    int64_t content_length;      /* -1: none */
    bool chunked;
    bool headers_too_long, out_of_memory;

    char *piece; /* of the body: received, not yet taken */
    size_t piece_len, piece_off;
    int64_t taken; /* body bytes taken so far */
    bool paused;

    const char *upload; /* borrowed from whoever waits in http_exchange_write() */
    size_t upload_len;
    bool upload_end, upload_paused;
};

enum http_wait { HTTP_WAIT_OK, HTTP_WAIT_TIMEOUT };

/* Prepare; connects nowhere. False: no memory. */
bool http_exchange_init(struct http_exchange *ex, const struct http_transport *transport);
void http_exchange_free(struct http_exchange *ex);

/*
 * Begin a request, on the kept connection if there is one that fits. A
 * response that was not read to its end is dropped with its connection.
 * ESP_OK, ESP_ERR_NO_MEM. Everything else shows in `done` and `result`.
 */
esp_err_t http_exchange_start(struct http_exchange *ex, const struct http_request *request);

/* Wait for what the name says, or the end. The timeout counts from the last sign of life; connecting has its
 * own. */
enum http_wait http_exchange_wait_sent(struct http_exchange *ex, int timeout_ms);
enum http_wait http_exchange_wait_headers(struct http_exchange *ex, int timeout_ms);
enum http_wait http_exchange_wait_piece(struct http_exchange *ex, int timeout_ms);

/* Send body bytes. False: failed, or not within the timeout. */
bool http_exchange_write(struct http_exchange *ex, const char *data, size_t len, int timeout_ms);
/* The body (of unknown length) is complete. */
void http_exchange_write_end(struct http_exchange *ex);

/* Take up to max bytes of the piece that is here; *data is borrowed until the next call. 0: none is here. */
size_t http_exchange_take(struct http_exchange *ex, size_t max, const char **data);

/* The body was received and taken to its end. */
bool http_exchange_complete(const struct http_exchange *ex);

/* The server will keep the connection. */
bool http_exchange_persistent(const struct http_exchange *ex);

/* Drop the exchange and its connection. */
void http_exchange_close(struct http_exchange *ex);

/* What `result` means below HTTP. errno_out: an errno value, ENOTCONN if the peer closed. */
void http_exchange_last_error(const struct http_exchange *ex, esp_tls_last_error_t *tls, int *errno_out);
