/*
 * esp_http_server.h - ESP-IDF's HTTP server, over the host's sockets.
 *
 * One task accepts connections, reads requests and calls handlers one after the
 * other, as on a chip: a handler that waits keeps everybody waiting. Limits are
 * a chip's: length of the URI (HTTPD_MAX_URI_LEN), of all headers together
 * (HTTPD_MAX_REQ_HDR_LEN), number of connections and of headers in a reply.
 *
 * The port is the host's. `airlift device run --port 80=8080` moves it where the
 * firmware's own can't be had: ports below 1024 belong to root, and two devices
 * of one firmware want the same.
 *
 * Not there: WebSockets (is_websocket is no field), HTTPS, requests whose body
 * comes in chunks (answered 411), the control port (nothing listens there).
 *
 * Handles are valid until httpd_stop(), requests until their handler returns. A
 * request is its handler's task's alone; what names a handle and a socket may be
 * called from any task.
 */
#pragma once

#include <http_parser.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "esp_err.h"
#include "esp_event.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ERR_HTTPD_BASE           0xB000
#define ESP_ERR_HTTPD_HANDLERS_FULL  (ESP_ERR_HTTPD_BASE + 1)
#define ESP_ERR_HTTPD_HANDLER_EXISTS (ESP_ERR_HTTPD_BASE + 2)
#define ESP_ERR_HTTPD_INVALID_REQ    (ESP_ERR_HTTPD_BASE + 3)
#define ESP_ERR_HTTPD_RESULT_TRUNC   (ESP_ERR_HTTPD_BASE + 4)
#define ESP_ERR_HTTPD_RESP_HDR       (ESP_ERR_HTTPD_BASE + 5)
#define ESP_ERR_HTTPD_RESP_SEND      (ESP_ERR_HTTPD_BASE + 6)
#define ESP_ERR_HTTPD_ALLOC_MEM      (ESP_ERR_HTTPD_BASE + 7)
#define ESP_ERR_HTTPD_TASK           (ESP_ERR_HTTPD_BASE + 8)

/* What sending and receiving return in place of a number of bytes. */
#define HTTPD_SOCK_ERR_FAIL    (-1)
#define HTTPD_SOCK_ERR_INVALID (-2)
#define HTTPD_SOCK_ERR_TIMEOUT (-3)

#define HTTPD_RESP_USE_STRLEN (-1)

#define HTTPD_200        "200 OK"
#define HTTPD_204        "204 No Content"
#define HTTPD_207        "207 Multi-Status"
#define HTTPD_400        "400 Bad Request"
#define HTTPD_404        "404 Not Found"
#define HTTPD_408        "408 Request Timeout"
#define HTTPD_500        "500 Internal Server Error"
#define HTTPD_TYPE_JSON  "application/json"
#define HTTPD_TYPE_TEXT  "text/html"
#define HTTPD_TYPE_OCTET "application/octet-stream"

#define HTTPD_MAX_REQ_HDR_LEN CONFIG_HTTPD_MAX_REQ_HDR_LEN
#define HTTPD_MAX_URI_LEN     CONFIG_HTTPD_MAX_URI_LEN
#define HTTPD_URI_ROOM        2048 /* the most that it can be configured to */

ESP_EVENT_DECLARE_BASE(ESP_HTTP_SERVER_EVENT);

/* Posted to the default event loop where there is one. */
typedef enum {
    HTTP_SERVER_EVENT_ERROR = 0,    /* httpd_err_code_t */
    HTTP_SERVER_EVENT_START,        /* none */
    HTTP_SERVER_EVENT_ON_CONNECTED, /* int: the socket, and for the next two */
    HTTP_SERVER_EVENT_ON_HEADER,
    HTTP_SERVER_EVENT_HEADERS_SENT,
    HTTP_SERVER_EVENT_ON_DATA,      /* esp_http_server_event_data */
    HTTP_SERVER_EVENT_SENT_DATA,    /* esp_http_server_event_data */
    HTTP_SERVER_EVENT_DISCONNECTED, /* int: the socket */
    HTTP_SERVER_EVENT_STOP,         /* none */
} esp_http_server_event_id_t;

typedef struct {
    int fd;
    int data_len;
} esp_http_server_event_data;

typedef void *httpd_handle_t;
typedef enum http_method httpd_method_t; /* HTTP_GET, HTTP_POST, ... */
#define HTTP_ANY INT_MAX                 /* for httpd_uri_t.method: each of them */

typedef void (*httpd_free_ctx_fn_t)(void *ctx);
typedef esp_err_t (*httpd_open_func_t)(httpd_handle_t hd, int sockfd);
typedef void (*httpd_close_func_t)(httpd_handle_t hd, int sockfd);
typedef bool (*httpd_uri_match_func_t)(const char *reference_uri, const char *uri_to_match,
                                       size_t match_upto);
typedef void (*httpd_work_fn_t)(void *arg);
typedef int (*httpd_send_func_t)(httpd_handle_t hd, int sockfd, const char *buf, size_t buf_len, int flags);
typedef int (*httpd_recv_func_t)(httpd_handle_t hd, int sockfd, char *buf, size_t buf_len, int flags);
typedef int (*httpd_pending_func_t)(httpd_handle_t hd, int sockfd);

typedef struct httpd_config {
    unsigned task_priority;
    size_t stack_size; /* and the two below: as for xTaskCreatePinnedToCore() */
    BaseType_t core_id;
    uint32_t task_caps;
    size_t max_req_hdr_len; /* of all headers of a request together */
    size_t max_uri_len;     /* at most HTTPD_URI_ROOM */
    uint16_t server_port;
    uint16_t ctrl_port; /* not used */
    uint16_t max_open_sockets;
    uint16_t max_uri_handlers;
    uint16_t max_resp_headers;
    uint16_t backlog_conn;
    bool lru_purge_enable;      /* a new connection closes the one that was idle longest; else it waits */
    uint16_t recv_wait_timeout; /* seconds */
    uint16_t send_wait_timeout; /* seconds */
    void *global_user_ctx;      /* freed by httpd_stop() with the next, or with free() */
    httpd_free_ctx_fn_t global_user_ctx_free_fn;
    void *global_transport_ctx; /* likewise */
    httpd_free_ctx_fn_t global_transport_ctx_free_fn;
    bool enable_so_linger;
    int linger_timeout; /* seconds */
    bool keep_alive_enable;
    int keep_alive_idle, keep_alive_interval, keep_alive_count;
    httpd_open_func_t open_fn;           /* not ESP_OK: the connection is closed again */
    httpd_close_func_t close_fn;         /* closes the socket itself */
    httpd_uri_match_func_t uri_match_fn; /* NULL: equal */
} httpd_config_t;

#define HTTPD_DEFAULT_CONFIG()                                                                             \
    {                                                                                                      \
        .task_priority = 5, .stack_size = 4096, .core_id = tskNO_AFFINITY, .task_caps = 0,                 \
        .max_req_hdr_len = HTTPD_MAX_REQ_HDR_LEN, .max_uri_len = HTTPD_MAX_URI_LEN, .server_port = 80,     \
        .ctrl_port = 32768, .max_open_sockets = 7, .max_uri_handlers = 8, .max_resp_headers = 8,           \
        .backlog_conn = 5, .lru_purge_enable = false, .recv_wait_timeout = 5, .send_wait_timeout = 5,      \
        .global_user_ctx = NULL, .global_user_ctx_free_fn = NULL, .global_transport_ctx = NULL,            \
        .global_transport_ctx_free_fn = NULL, .enable_so_linger = false, .linger_timeout = 0,              \
        .keep_alive_enable = false, .keep_alive_idle = 0, .keep_alive_interval = 0, .keep_alive_count = 0, \
        .open_fn = NULL, .close_fn = NULL, .uri_match_fn = NULL                                            \
    }

/* ESP_ERR_INVALID_ARG, ESP_ERR_HTTPD_ALLOC_MEM, ESP_ERR_HTTPD_TASK; ESP_FAIL: the port can't be had. */
esp_err_t httpd_start(httpd_handle_t *handle, const httpd_config_t *config);

/* Not from a handler. Returns when the task has ended and all connections are closed. */
esp_err_t httpd_stop(httpd_handle_t handle);

/* --- Requests ------------------------------------------------------------- */

typedef struct httpd_req {
    httpd_handle_t handle;
    int method;                   /* httpd_method_t */
    char uri[HTTPD_URI_ROOM + 1]; /* with the query */
    size_t content_len;           /* of the body */
    void *aux;                    /* the server's own */
    void *user_ctx;               /* that of httpd_uri_t */
    void *sess_ctx;               /* the connection's; what a handler puts here stays for the next request */
    httpd_free_ctx_fn_t free_ctx; /* frees sess_ctx when the connection ends; NULL: free() */
    bool ignore_sess_ctx_changes; /* what a handler put into sess_ctx is not freed and not kept */
} httpd_req_t;

typedef struct httpd_uri {
    const char *uri; /* copied */
    httpd_method_t method;
    esp_err_t (*handler)(httpd_req_t *r); /* not ESP_OK: the connection is closed */
    void *user_ctx;
} httpd_uri_t;

/* ESP_ERR_INVALID_ARG, ESP_ERR_HTTPD_HANDLERS_FULL, ESP_ERR_HTTPD_HANDLER_EXISTS, ESP_ERR_HTTPD_ALLOC_MEM. */
esp_err_t httpd_register_uri_handler(httpd_handle_t handle, const httpd_uri_t *uri_handler);
/* ESP_ERR_NOT_FOUND. The second: of all methods. */
esp_err_t httpd_unregister_uri_handler(httpd_handle_t handle, const char *uri, httpd_method_t method);
esp_err_t httpd_unregister_uri(httpd_handle_t handle, const char *uri);

/*
 * For httpd_config_t.uri_match_fn. At the end of a registered URI `*` stands for anything, and `?` makes the
 * character before it optional; `?*` is both.
 */
bool httpd_uri_match_wildcard(const char *uri_template, const char *uri_to_match, size_t match_upto);

typedef enum {
    HTTPD_500_INTERNAL_SERVER_ERROR = 0,
    HTTPD_501_METHOD_NOT_IMPLEMENTED,
    HTTPD_505_VERSION_NOT_SUPPORTED,
    HTTPD_400_BAD_REQUEST,
    HTTPD_401_UNAUTHORIZED,
    HTTPD_403_FORBIDDEN,
    HTTPD_404_NOT_FOUND,
    HTTPD_405_METHOD_NOT_ALLOWED,
    HTTPD_408_REQ_TIMEOUT,
    HTTPD_411_LENGTH_REQUIRED,
    HTTPD_413_CONTENT_TOO_LARGE,
    HTTPD_414_URI_TOO_LONG,
    HTTPD_431_REQ_HDR_FIELDS_TOO_LARGE,
    HTTPD_ERR_CODE_MAX
} httpd_err_code_t;

/* Called in place of the plain answer; not ESP_OK: the connection is closed. NULL takes it back. */
typedef esp_err_t (*httpd_err_handler_func_t)(httpd_req_t *req, httpd_err_code_t error);
esp_err_t httpd_register_err_handler(httpd_handle_t handle, httpd_err_code_t error,
                                     httpd_err_handler_func_t handler_fn);

int httpd_req_to_sockfd(httpd_req_t *r); /* -1 if r is no request */

/*
 * Some of the body, as it comes: up to buf_len bytes. 0: there is no more, or the sender has gone;
 * HTTPD_SOCK_ERR_TIMEOUT: nothing within recv_wait_timeout, ask again.
 */
int httpd_req_recv(httpd_req_t *r, char *buf, size_t buf_len);

/* Without the NUL; 0: no such header. Names in either case. */
size_t httpd_req_get_hdr_value_len(httpd_req_t *r, const char *field);
/* ESP_ERR_NOT_FOUND, ESP_ERR_HTTPD_RESULT_TRUNC (val has what fits, and a NUL), and so with those below. */
esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *r, const char *field, char *val, size_t val_size);
size_t httpd_req_get_url_query_len(httpd_req_t *r);
esp_err_t httpd_req_get_url_query_str(httpd_req_t *r, char *buf, size_t buf_len);
/* Of `a=1&b=2`; as sent, %XX is not decoded. */
esp_err_t httpd_query_key_value(const char *qry, const char *key, char *val, size_t val_size);
/* *val_size: room for the value, then what it takes with its NUL. */
esp_err_t httpd_req_get_cookie_val(httpd_req_t *req, const char *cookie_name, char *val, size_t *val_size);

/* --- Answers -------------------------------------------------------------- */

/* 200, text/html and no further header unless these say otherwise. Texts are borrowed until the answer is sent. */
esp_err_t httpd_resp_set_status(httpd_req_t *r, const char *status);
esp_err_t httpd_resp_set_type(httpd_req_t *r, const char *type);
esp_err_t httpd_resp_set_hdr(httpd_req_t *r, const char *field,
                             const char *value); /* ESP_ERR_HTTPD_RESP_HDR */

/* The whole answer; buf may be NULL for none. ESP_ERR_HTTPD_RESP_SEND. */
esp_err_t httpd_resp_send(httpd_req_t *r, const char *buf, ssize_t buf_len);
/* A piece of it; NULL or 0 bytes end it. */
esp_err_t httpd_resp_send_chunk(httpd_req_t *r, const char *buf, ssize_t buf_len);
/* An error's status with msg, or a sentence where that is NULL, as its body. */
esp_err_t httpd_resp_send_err(httpd_req_t *req, httpd_err_code_t error, const char *msg);
esp_err_t httpd_resp_send_custom_err(httpd_req_t *req, const char *status, const char *msg);

static inline esp_err_t httpd_resp_sendstr(httpd_req_t *r, const char *str)
{
    return httpd_resp_send(r, str, str == NULL ? 0 : HTTPD_RESP_USE_STRLEN);
}

static inline esp_err_t httpd_resp_sendstr_chunk(httpd_req_t *r, const char *str)
{
    return httpd_resp_send_chunk(r, str, str == NULL ? 0 : HTTPD_RESP_USE_STRLEN);
}

static inline esp_err_t httpd_resp_send_404(httpd_req_t *r)
{
    return httpd_resp_send_err(r, HTTPD_404_NOT_FOUND, NULL);
}

static inline esp_err_t httpd_resp_send_408(httpd_req_t *r)
{
    return httpd_resp_send_err(r, HTTPD_408_REQ_TIMEOUT, NULL);
}

static inline esp_err_t httpd_resp_send_500(httpd_req_t *r)
{
    return httpd_resp_send_err(r, HTTPD_500_INTERNAL_SERVER_ERROR, NULL);
}

/* Bytes as they are: the number that was sent, or HTTPD_SOCK_ERR_... */
int httpd_send(httpd_req_t *r, const char *buf, size_t buf_len);
int httpd_socket_send(httpd_handle_t hd, int sockfd, const char *buf, size_t buf_len, int flags);
int httpd_socket_recv(httpd_handle_t hd, int sockfd, char *buf, size_t buf_len, int flags);

/*
 * Go on with a request in another task, after its handler has returned ESP_OK: a copy that is the caller's
 * until it is completed. The connection's next request waits for that.
 */
esp_err_t httpd_req_async_handler_begin(httpd_req_t *r, httpd_req_t **out);
esp_err_t httpd_req_async_handler_complete(httpd_req_t *r);

/* --- Connections ---------------------------------------------------------- */

/* NULL, or ESP_ERR_NOT_FOUND, for a socket that is no connection. */
void *httpd_sess_get_ctx(httpd_handle_t handle, int sockfd);
void httpd_sess_set_ctx(httpd_handle_t handle, int sockfd, void *ctx, httpd_free_ctx_fn_t free_fn);
void *httpd_sess_get_transport_ctx(httpd_handle_t handle, int sockfd);
void httpd_sess_set_transport_ctx(httpd_handle_t handle, int sockfd, void *ctx, httpd_free_ctx_fn_t free_fn);
esp_err_t httpd_sess_set_send_override(httpd_handle_t hd, int sockfd, httpd_send_func_t send_func);
esp_err_t httpd_sess_set_recv_override(httpd_handle_t hd, int sockfd, httpd_recv_func_t recv_func);
esp_err_t httpd_sess_set_pending_override(httpd_handle_t hd, int sockfd, httpd_pending_func_t pending_func);
esp_err_t httpd_sess_trigger_close(httpd_handle_t handle, int sockfd);
esp_err_t httpd_sess_update_lru_counter(httpd_handle_t handle, int sockfd);

/* *fds: room, then how many there are. ESP_ERR_INVALID_ARG if there is not room for max_open_sockets. */
esp_err_t httpd_get_client_list(httpd_handle_t handle, size_t *fds, int *client_fds);

void *httpd_get_global_user_ctx(httpd_handle_t handle);
void *httpd_get_global_transport_ctx(httpd_handle_t handle);

/* Have the server's task call it, between requests. What is queued when the server stops is dropped. */
esp_err_t httpd_queue_work(httpd_handle_t handle, httpd_work_fn_t work, void *arg);

#ifdef __cplusplus
}
#endif
