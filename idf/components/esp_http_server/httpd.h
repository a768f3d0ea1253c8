/*
 * httpd.h - what the parts of the HTTP server share.
 *
 *   httpd_main.c   the task: connections come, are served and go; work from other tasks
 *   httpd_sess.c   one connection: its bytes, its contexts
 *   httpd_head.c   a request's head, by http_parser
 *   httpd_uri.c    handlers, and which one a request is for
 *   httpd_req.c    what handlers ask of a request
 *   httpd_resp.c   what they answer
 */
#pragma once

#include <pthread.h>

#include "esp_http_server.h"
#include "freertos/semphr.h"

#define HTTPD_HEADERS_MAX 64

struct httpd_server;

struct httpd_sess {
    struct httpd_server *server;
    int fd; /* -1: free */
    _Atomic uint64_t used_at;
    _Atomic bool is_async;   /* a request of it is with another task */
    _Atomic bool must_close; /* when that is done */
    void *ctx, *transport_ctx;
    httpd_free_ctx_fn_t free_ctx, free_transport_ctx;
    httpd_send_func_t send;
    httpd_recv_func_t recv;
    httpd_pending_func_t pending;
    char *left; /* bytes that came behind a head */
    size_t left_off, left_len, left_room;
};

struct httpd_header {
    const char *name, *value;
    size_t name_len, value_len;
};

/* httpd_req_t.aux: a request that is being served. */
struct httpd_aux {
    struct httpd_sess *sess;
    char *head; /* the request line and the headers, which point into it */
    size_t head_len;
    struct httpd_header header[HTTPD_HEADERS_MAX];
    unsigned n_headers;
    bool is_value; /* the parser has seen the last header's value begin */
    const char *uri;
    size_t uri_len;
    bool is_complete; /* the head */
    bool too_many;    /* headers */
    bool keep_alive;
    uint64_t remaining; /* of the body */
    const char *status, *type;
    struct httpd_resp_header {
        const char *name, *value;
    } * resp; /* max_resp_headers of them */
    unsigned n_resp;
    bool chunked;     /* the head of a chunked answer has been sent */
    bool handed_over; /* to another task: what is left is its business */
};

struct httpd_work {
    struct httpd_work *next;
    httpd_work_fn_t run;
    void *arg;
};

struct httpd_server {
    httpd_config_t config;
    int listener, wake; /* wake: an eventfd */
    SemaphoreHandle_t ended;
    pthread_mutex_t lock; /* of all below */
    bool stop;
    uint64_t clock;          /* counts uses of connections */
    struct httpd_sess *sess; /* max_open_sockets of them */
    httpd_uri_t *uri;        /* max_uri_handlers of them */
    unsigned n_uris;
    httpd_err_handler_func_t on_error[HTTPD_ERR_CODE_MAX];
    struct httpd_work *work, **work_end;
};

void httpd_wake(struct httpd_server *s);
void httpd_event(esp_http_server_event_id_t id, const void *data, size_t size);

/* Take in a connection, or give it up; with neither the lock nor a request of it in work. */
void httpd_sess_open(struct httpd_sess *sess, int fd);
void httpd_sess_close(struct httpd_sess *sess);

/* With the lock: the connection with that socket, or NULL. */
struct httpd_sess *httpd_sess_find(struct httpd_server *s, int fd);

/* Bytes, or HTTPD_SOCK_ERR_...; receiving begins with what came behind a head. Sending sends all. */
int httpd_sess_recv(struct httpd_sess *sess, char *buf, size_t len);
int httpd_sess_send(struct httpd_sess *sess, const char *buf, size_t len);
/* Bytes that came too early, for the next httpd_sess_recv(). False without memory. */
bool httpd_sess_put_back(struct httpd_sess *sess, const char *buf, size_t len);
/* Something has come already that no socket will tell of. */
bool httpd_sess_has_left(struct httpd_sess *sess);

/* Read a head into *aux and *r. -1: answered by what *error says; 0: there is none, the sender has gone; 1. */
int httpd_head_read(httpd_req_t *r, httpd_err_code_t *error);

/* Read one request, have it served, and what is left of it discarded. False: the connection is to be closed. */
bool httpd_serve(struct httpd_sess *sess);
void httpd_aux_free(struct httpd_aux *aux);

/* Find the handler, call it. */
esp_err_t httpd_dispatch(httpd_req_t *r);
/* Answer with an error, by the handler registered for it. */
esp_err_t httpd_answer_error(httpd_req_t *r, httpd_err_code_t error);
