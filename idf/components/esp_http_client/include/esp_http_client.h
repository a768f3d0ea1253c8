/*
 * esp_http_client.h - ESP-IDF's HTTP client, over libcurl.
 *
 * Two ways to use a client:
 *
 *   esp_http_client_perform()   the whole exchange in one call; the body comes as HTTP_EVENT_ON_DATA.
 *                               Redirects are followed and 401 answered with the credentials.
 *   open, write, fetch_headers, read, close
 *                               the exchange step by step; redirects and 401 are the caller's
 *                               business: esp_http_client_set_redirection(), esp_http_client_add_auth().
 *
 * Trust: an https URL needs cert_pem, use_global_ca_store or crt_bundle_attach,
 * else connecting fails. cert_pem means exactly that certificate, never the system's.
 *
 * Memory: a response is held back at the sender while nobody reads; at most two
 * pieces of buffer_size (1 KiB at least) and 64 KiB of headers are in memory.
 *
 * Threads: one thread at a time per client; different clients are independent.
 * Event handlers run in the thread that made the call and may call
 * anything here except perform, open and cleanup.
 */
#pragma once

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "esp_err.h"
#include "esp_event.h"
#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DEFAULT_HTTP_BUF_SIZE (512)

/* Posted to the default event loop, if there is one, beside the calls of event_handler. */
ESP_EVENT_DECLARE_BASE(ESP_HTTP_CLIENT_EVENT);

typedef struct esp_http_client *esp_http_client_handle_t;
typedef struct esp_http_client_event *esp_http_client_event_handle_t;
struct ifreq;

typedef enum {
    HTTP_EVENT_ERROR = 0,    /* data: esp_tls_error_handle_t */
    HTTP_EVENT_ON_CONNECTED, /* a new connection is up; not when one is used again */
    HTTP_EVENT_HEADERS_SENT,
    HTTP_EVENT_HEADER_SENT = HTTP_EVENT_HEADERS_SENT,
    HTTP_EVENT_ON_HEADER, /* header_key, header_value */
    HTTP_EVENT_ON_HEADERS_COMPLETE,
    HTTP_EVENT_ON_STATUS_CODE, /* before the headers; ask esp_http_client_get_status_code() */
    HTTP_EVENT_ON_DATA,        /* data, data_len: the next piece of the body */
    HTTP_EVENT_ON_FINISH,      /* perform only: the response has ended */
    HTTP_EVENT_DISCONNECTED,   /* data: esp_tls_error_handle_t */
    HTTP_EVENT_REDIRECT,       /* perform with disable_auto_redirect: a 30x arrived */
} esp_http_client_event_id_t;

typedef struct esp_http_client_event {
    esp_http_client_event_id_t event_id;
    esp_http_client_handle_t client;
    void *data; /* borrowed for the call, as are the strings */
    int data_len;
    void *user_data; /* of the configuration */
    char *header_key;
    char *header_value;
} esp_http_client_event_t;

/* Data of ESP_HTTP_CLIENT_EVENT / HTTP_EVENT_ON_DATA; other ids carry the client handle. */
typedef struct esp_http_client_on_data {
    esp_http_client_handle_t client;
    int64_t data_process; /* body bytes so far */
} esp_http_client_on_data_t;

/* Data of ESP_HTTP_CLIENT_EVENT / HTTP_EVENT_REDIRECT. */
typedef struct esp_http_client_redirect_event_data {
    esp_http_client_handle_t client;
    int status_code;
} esp_http_client_redirect_event_data_t;

typedef enum {
    HTTP_TRANSPORT_UNKNOWN = 0x0,
    HTTP_TRANSPORT_OVER_TCP,
    HTTP_TRANSPORT_OVER_SSL,
} esp_http_client_transport_t;

typedef enum {
    ESP_HTTP_CLIENT_TLS_VER_ANY = 0,
    ESP_HTTP_CLIENT_TLS_VER_TLS_1_2 = 0x1,
    ESP_HTTP_CLIENT_TLS_VER_TLS_1_3 = 0x2,
    ESP_HTTP_CLIENT_TLS_VER_MAX,
} esp_http_client_proto_ver_t;

/* The result is ignored, as in ESP-IDF. */
typedef esp_err_t (*http_event_handle_cb)(esp_http_client_event_t *evt);

typedef enum {
    HTTP_TLS_DYN_BUF_RX_STATIC = 1,
    HTTP_TLS_DYN_BUF_STRATEGY_MAX,
} esp_http_client_tls_dyn_buf_strategy_t;

typedef enum {
    HTTP_METHOD_GET = 0,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_NOTIFY,
    HTTP_METHOD_SUBSCRIBE,
    HTTP_METHOD_UNSUBSCRIBE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_COPY,
    HTTP_METHOD_MOVE,
    HTTP_METHOD_LOCK,
    HTTP_METHOD_UNLOCK,
    HTTP_METHOD_PROPFIND,
    HTTP_METHOD_PROPPATCH,
    HTTP_METHOD_MKCOL,
    HTTP_METHOD_REPORT,
    HTTP_METHOD_MAX,
} esp_http_client_method_t;

typedef enum {
    HTTP_AUTH_TYPE_NONE = 0,
    HTTP_AUTH_TYPE_BASIC,
    HTTP_AUTH_TYPE_DIGEST,
} esp_http_client_auth_type_t;

/* Address family a host name is resolved to. */
typedef enum {
    HTTP_ADDR_TYPE_UNSPEC = AF_UNSPEC,
    HTTP_ADDR_TYPE_INET = AF_INET,
    HTTP_ADDR_TYPE_INET6 = AF_INET6,
} esp_http_client_addr_type_t;

/* How far the exchange has come: esp_http_client_get_state(). */
typedef enum {
    HTTP_STATE_UNINIT = 0,
    HTTP_STATE_INIT,
    HTTP_STATE_CONNECTING,
    HTTP_STATE_CONNECTED,
    HTTP_STATE_REQ_COMPLETE_HEADER,
    HTTP_STATE_REQ_COMPLETE_DATA,
    HTTP_STATE_RES_COMPLETE_HEADER,
    HTTP_STATE_RES_ON_DATA_START,
    HTTP_STATE_RES_COMPLETE_DATA,
    HTTP_STATE_CLOSE,
} esp_http_state_t;

/*
 * What a client is made from. Zeroed fields are defaults. Strings are copied by
 * init, except certificates and keys, which must live as long as the client.
 * Certificates: PEM with length 0 or counting the terminating NUL, or DER with its length.
 */
typedef struct {
    const char *url;  /* everything in one; wins over the fields below */
    const char *host; /* with path: the other way to say it */
    int port;         /* default 80, or 443 over TLS */
    const char *username;
    const char *password;
    esp_http_client_auth_type_t auth_type; /* BASIC is sent at once; else after a 401 that asks for it */
    const char *path;
    const char *query;
    const char *cert_pem; /* trust anchor(s) of the server's certificate */
    size_t cert_len;
    const char *client_cert_pem;
    size_t client_cert_len;
    const char *client_key_pem;
    size_t client_key_len;
    const char *client_key_password;
    size_t client_key_password_len;
    esp_http_client_proto_ver_t tls_version;
    const char *user_agent; /* default "ESP32 HTTP Client/1.0" */
    esp_http_client_method_t method;
    int timeout_ms; /* of connecting and of each wait for data; default 5000 */
    bool disable_auto_redirect;
    int max_redirection_count;     /* default 10 */
    int max_authorization_retries; /* default 10; -1: none */
    http_event_handle_cb event_handler;
    esp_http_client_transport_t transport_type; /* with host and path */
    int buffer_size;                            /* pieces of HTTP_EVENT_ON_DATA are no longer; default 512 */
    int buffer_size_tx;                         /* must hold the request line, and each header; default 512 */
    void *user_data;
    bool is_async;                              /* perform returns ESP_ERR_HTTP_EAGAIN instead of waiting */
    bool use_global_ca_store;                   /* esp_tls_set_global_ca_store() */
    bool skip_cert_common_name_check;           /* the chain is still verified */
    const char *common_name;                    /* the certificate must be for this name, not for the host */
    esp_err_t (*crt_bundle_attach)(void *conf); /* esp_crt_bundle_attach */
    bool keep_alive_enable;                     /* TCP probes */
    int keep_alive_idle;                        /* seconds; default 5 */
    int keep_alive_interval;                    /* seconds; default 5 */
    int keep_alive_count;                       /* default 3 */
    struct ifreq *if_name; /* of the host, to bind to; one of the device's own is any; copied */
    esp_http_client_addr_type_t addr_type;
    bool save_client_session; /* a client resumes its TLS sessions in any case */
    esp_http_client_tls_dyn_buf_strategy_t tls_dyn_buf_strategy; /* of a chip's TLS; no meaning on Linux */
} esp_http_client_config_t;

typedef enum {
    HttpStatus_Ok = 200,
    HttpStatus_PartialContent = 206,
    HttpStatus_MultipleChoices = 300,
    HttpStatus_MovedPermanently = 301,
    HttpStatus_Found = 302,
    HttpStatus_SeeOther = 303,
    HttpStatus_NotModified = 304,
    HttpStatus_TemporaryRedirect = 307,
    HttpStatus_PermanentRedirect = 308,
    HttpStatus_BadRequest = 400,
    HttpStatus_Unauthorized = 401,
    HttpStatus_Forbidden = 403,
    HttpStatus_NotFound = 404,
    HttpStatus_RangeNotSatisfiable = 416,
    HttpStatus_InternalError = 500,
} HttpStatus_Code;

#define ESP_ERR_HTTP_BASE                  (0x7000)
#define ESP_ERR_HTTP_MAX_REDIRECT          (ESP_ERR_HTTP_BASE + 1)  /* more redirects than allowed */
#define ESP_ERR_HTTP_CONNECT               (ESP_ERR_HTTP_BASE + 2)  /* no connection, or TLS refused it */
#define ESP_ERR_HTTP_WRITE_DATA            (ESP_ERR_HTTP_BASE + 3)  /* the request could not be sent */
#define ESP_ERR_HTTP_FETCH_HEADER          (ESP_ERR_HTTP_BASE + 4)  /* what came back is not HTTP */
#define ESP_ERR_HTTP_INVALID_TRANSPORT     (ESP_ERR_HTTP_BASE + 5)  /* neither http nor https */
#define ESP_ERR_HTTP_CONNECTING            (ESP_ERR_HTTP_BASE + 6)  /* is_async: not connected yet */
#define ESP_ERR_HTTP_EAGAIN                (ESP_ERR_HTTP_BASE + 7)  /* timed out; may be tried again */
#define ESP_ERR_HTTP_CONNECTION_CLOSED     (ESP_ERR_HTTP_BASE + 8)  /* closed before a response */
#define ESP_ERR_HTTP_NOT_MODIFIED          (ESP_ERR_HTTP_BASE + 9)  /* 304 */
#define ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE (ESP_ERR_HTTP_BASE + 10) /* 416, or the range was ignored */
#define ESP_ERR_HTTP_READ_TIMEOUT          (ESP_ERR_HTTP_BASE + 11) /* perform: the body stopped coming */
#define ESP_ERR_HTTP_INCOMPLETE_DATA       (ESP_ERR_HTTP_BASE + 12) /* perform: the body ended early */
#define ESP_ERR_HTTP_REDIRECT_DOWNGRADE    (ESP_ERR_HTTP_BASE + 13) /* https redirects to http */
#define ESP_ERR_HTTP_HEADER_TOO_LONG       (ESP_ERR_HTTP_BASE + 14) /* a header exceeds buffer_size_tx */

/* ---- lifecycle ----------------------------------------------------------- */

/* Make a client. Connects nowhere yet. NULL: no URL, a bad one, or out of memory. End with cleanup. */
esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config);

/* Close and free. ESP_FAIL if client is NULL. */
esp_err_t esp_http_client_cleanup(esp_http_client_handle_t client);

/* ---- the whole exchange -------------------------------------------------- */

/*
 * Send the request (with the post field as body), receive the response, follow
 * redirects. A status of 400 or 500 is a success here: look at the status. The
 * connection is kept for the next request if the server allows.
 *
 * Returns ESP_OK, ESP_ERR_HTTP_EAGAIN (no response in time, or is_async), or
 * another ESP_ERR_HTTP_*; ESP_FAIL if the request line exceeds buffer_size_tx.
 */
esp_err_t esp_http_client_perform(esp_http_client_handle_t client);

/* ---- step by step -------------------------------------------------------- */

/*
 * Connect, unless the last exchange left a usable connection, and send the
 * request line and headers.
 *
 * write_len  Content-Length of the body that esp_http_client_write() will send;
 *            -1: the caller sends it in chunks (chunk_write_begin and _end)
 *
 * Returns as perform.
 */
esp_err_t esp_http_client_open(esp_http_client_handle_t client, int write_len);

/* Send body bytes. Returns len, or -1: no open request, more than write_len, or it could not be sent. */
int esp_http_client_write(esp_http_client_handle_t client, const char *buffer, int len);

/* After open(-1): start a chunk of len bytes; end it, and the body with the last one. ESP_OK, or -1. */
int esp_http_client_chunk_write_begin(esp_http_client_handle_t client, const int len);
int esp_http_client_chunk_write_end(esp_http_client_handle_t client, bool last_chunk);

/*
 * Wait for the response's headers.
 *
 * Returns the Content-Length; 0 if there is none (chunked, or until the
 * connection closes); -1 failed; -ESP_ERR_HTTP_EAGAIN if none came within the timeout: call again to wait on.
 */
int64_t esp_http_client_fetch_headers(esp_http_client_handle_t client);

/*
 * Read body bytes, waiting until `len` have come, the body ends or the timeout passes.
 *
 * Returns how many (less than len at the end or after a pause); 0 at the end of the body; -1 if the
 * connection failed or closed early; -ESP_ERR_HTTP_EAGAIN if nothing came in time: call again to wait on.
 */
int esp_http_client_read(esp_http_client_handle_t client, char *buffer, int len);

/* The same, repeated until the buffer is full or read returns 0 or less. Returns the bytes read. */
int esp_http_client_read_response(esp_http_client_handle_t client, char *buffer, int len);

/* Read the rest of the body and drop it. *len (may be NULL): how much. ESP_FAIL, ESP_ERR_INVALID_ARG. */
esp_err_t esp_http_client_flush_response(esp_http_client_handle_t client, int *len);

/* Forget body bytes that were received but not read. ESP_ERR_INVALID_ARG. */
esp_err_t esp_http_client_clear_response_buffer(esp_http_client_handle_t client);

/* Close the connection; the client and its headers stay. */
esp_err_t esp_http_client_close(esp_http_client_handle_t client);

/* Break off an exchange; the client can make others. ESP_ERR_INVALID_ARG; ESP_ERR_INVALID_STATE: none. */
esp_err_t esp_http_client_cancel_request(esp_http_client_handle_t client);

/* open() in two halves, for a kept connection: forget the last response; send the next request. */
esp_err_t esp_http_client_prepare(esp_http_client_handle_t client);
esp_err_t esp_http_client_request_send(esp_http_client_handle_t client, int write_len);

/* ---- request ------------------------------------------------------------- */

/*
 * The next request goes to `url`; a relative one is resolved against the
 * current. Another host or port closes the connection. ESP_ERR_INVALID_ARG: not a URL.
 */
esp_err_t esp_http_client_set_url(esp_http_client_handle_t client, const char *url);

/* scheme://host/path of the current URL (no port, no query), cut to len. ESP_ERR_INVALID_ARG. */
esp_err_t esp_http_client_get_url(esp_http_client_handle_t client, char *url, const int len);

esp_err_t esp_http_client_set_method(esp_http_client_handle_t client, esp_http_client_method_t method);

/* Body for perform; borrowed. NULL: none. Sets Content-Type to a form's if there is none. */
esp_err_t esp_http_client_set_post_field(esp_http_client_handle_t client, const char *data, int len);
int esp_http_client_get_post_field(esp_http_client_handle_t client, char **data);

/* Set a request header (copied); value NULL deletes it. ESP_ERR_INVALID_ARG, ESP_ERR_NO_MEM. */
esp_err_t esp_http_client_set_header(esp_http_client_handle_t client, const char *key, const char *value);

/* *value: the request header, borrowed, or NULL. */
esp_err_t esp_http_client_get_header(esp_http_client_handle_t client, const char *key, char **value);
esp_err_t esp_http_client_delete_header(esp_http_client_handle_t client, const char *key);
esp_err_t esp_http_client_delete_all_headers(esp_http_client_handle_t client);

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t client, int timeout_ms);
esp_err_t esp_http_client_set_user_data(esp_http_client_handle_t client, void *data);
esp_err_t esp_http_client_get_user_data(esp_http_client_handle_t client, void **data);

/* ---- credentials and redirects ------------------------------------------- */

esp_err_t esp_http_client_set_username(esp_http_client_handle_t client, const char *username);
esp_err_t esp_http_client_get_username(esp_http_client_handle_t client, char **value);
esp_err_t esp_http_client_set_password(esp_http_client_handle_t client, const char *password);
esp_err_t esp_http_client_get_password(esp_http_client_handle_t client, char **value);
esp_err_t esp_http_client_set_authtype(esp_http_client_handle_t client,
                                       esp_http_client_auth_type_t auth_type);

/* A WWW-Authenticate value to act on, found by the caller (some servers use another header). */
esp_err_t esp_http_client_set_auth_data(esp_http_client_handle_t client, const char *auth_data, int len);

/*
 * After a 401: let the next request carry what its WWW-Authenticate asks for.
 * Returns ESP_OK; ESP_ERR_INVALID_ARG; ESP_ERR_INVALID_STATE without a response; ESP_FAIL if the retries are
 * used up, nothing was asked for, or neither Basic nor Digest.
 */
esp_err_t esp_http_client_add_auth(esp_http_client_handle_t client);

/*
 * After a 30x: make its Location the current URL. To another host, Authorization
 * and the credentials stay behind. ESP_ERR_INVALID_ARG: no Location, or not a URL;
 * ESP_ERR_HTTP_REDIRECT_DOWNGRADE: from https to http, the URL stays as it was.
 */
esp_err_t esp_http_client_set_redirection(esp_http_client_handle_t client);
esp_err_t esp_http_client_reset_redirect_counter(esp_http_client_handle_t client);

/* ---- response ------------------------------------------------------------ */

int esp_http_client_get_status_code(esp_http_client_handle_t client); /* -1: none yet */

/* Content-Length; -1 if the response has none. */
int64_t esp_http_client_get_content_length(esp_http_client_handle_t client);

/* The total in Content-Range ("bytes a-b/TOTAL"); -1 if there is none. */
int64_t esp_http_client_get_content_range(esp_http_client_handle_t client);

/* *value: a response header, borrowed until the next request, or NULL. ESP_ERR_INVALID_ARG. */
esp_err_t esp_http_client_get_response_header(esp_http_client_handle_t client, const char *key, char **value);

/* True without Content-Length: chunked, or ended by closing. */
bool esp_http_client_is_chunked_response(esp_http_client_handle_t client);

/* Size of the newest piece of a chunked body (a chunk or part of one). ESP_FAIL if it isn't chunked. */
esp_err_t esp_http_client_get_chunk_length(esp_http_client_handle_t client, int *len);

/* True once the whole body was received and read. */
bool esp_http_client_is_complete_data_received(esp_http_client_handle_t client);

/* True if the connection stays open after this response. */
bool esp_http_client_is_persistent_connection(esp_http_client_handle_t client);

esp_http_state_t esp_http_client_get_state(esp_http_client_handle_t client);
esp_http_client_transport_t esp_http_client_get_transport_type(esp_http_client_handle_t client);

/* errno of the last failure; ENOTCONN: the peer closed; 0: none; -1 if client is NULL. */
int esp_http_client_get_errno(esp_http_client_handle_t client);

/* As esp_tls_get_and_clear_last_error(), for this client. */
esp_err_t esp_http_client_get_and_clear_last_tls_error(esp_http_client_handle_t client,
                                                       int *esp_tls_error_code, int *esp_tls_flags);

#ifdef __cplusplus
}
#endif
