/*
 * http_client_priv.h - what a client is made of.
 */
#pragma once

#include "esp_http_client.h"
#include "esp_tls.h"
#include "http_auth.h"
#include "http_exchange.h"
#include "http_headers.h"
#include "http_url.h"

struct esp_http_client {
    /* from the configuration */
    struct http_transport transport;
    char *ca_pem; /* owned, transport.ca_pem */
    char *interface_name;
    char *common_name;
    char *client_key_password;
    bool trusted; /* there is something to verify a server with */
    int timeout_ms;
    int buffer_size, buffer_size_tx;
    bool disable_auto_redirect, is_async;
    int max_redirects, max_auth_retries;
    http_event_handle_cb event_handler;
    void *user_data;

    /* the next request */
    struct http_url url;
    esp_http_client_method_t method;
    struct http_headers headers;
    char *post_data; /* borrowed */
    int post_len;
    char *username, *password;
    esp_http_client_auth_type_t auth_type;
    struct http_challenge challenge;
    char *auth_data; /* by esp_http_client_set_auth_data() */

    /* the exchange under way */
    struct http_exchange ex;
    esp_http_state_t state;
    bool performing;   /* in the middle of perform, which returned EAGAIN */
    bool again;        /* perform has to make another request */
    bool is_connected; /* ON_CONNECTED was given, DISCONNECTED not yet */
    bool in_chunk;     /* between chunk_write_begin and _end */
    int64_t body_left; /* of the request; -1: unknown */
    int redirects, auth_retries;
    int last_errno;
    esp_tls_last_error_t tls_error;
};

/* http_client_config.c: init and cleanup are public; these set the request up. */
esp_err_t http_client_host_header(struct esp_http_client *client);
const char *http_client_method_name(esp_http_client_method_t method);
