/*
 * request.h - one HTTP request, from its first line to its log line.
 *
 *   AWAIT_HEADERS -> AWAIT_BODY -> ANSWERED     the usual way
 *         |      `-> DISCARD ---^               refused, but the client is still sending: its body is
 *         `---------------------^               read and dropped, so that it gets to read the answer
 *
 * Whatever is refused is refused once, by the first srv_refuse(); the answer follows when
 * the connection can take it.
 *
 * Threads: a request lives in its worker's thread.
 */
#ifndef SERVER_API_REQUEST_H
#define SERVER_API_REQUEST_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../artifact/artifact.h"
#include "../patch/maker.h"
#include "../store/store.h"
#include "fleet.h"
#include "metrics.h"
#include "route.h"
#include "watch.h"

/* What all workers share. */
struct srv_context {
    struct srv_watch watch;
    struct srv_artifacts artifacts;
    struct srv_metrics metrics;
    struct srv_fleet fleet;
    struct srv_maker maker;
    uint8_t (*signer_keys)[AL_SIG_KEY_DIGEST_SIZE]; /* owned: an image must be signed by one of these */
    unsigned n_signer_keys;                         /* 0: need not be signed */
    char authority[300];   /* "127.0.0.1:8443": stands in where a request has no Host */
    atomic_uint n_running; /* requests between their headers and the end of their answers */
    atomic_uint n_puts;    /* uploads on their way into the bucket; see put.h */
    atomic_bool stopping;
};

/* One thread of libmicrohttpd, with its own listening socket and database connection. */
struct srv_worker {
    struct srv_context *context;
    struct srv_store *store;
    struct MHD_Daemon *daemon;
    int listen_fd;
};

enum srv_request_state { SRV_AWAIT_HEADERS, SRV_AWAIT_BODY, SRV_DISCARD, SRV_ANSWERED };

/* Why a request is refused; status 0: it is not. */
struct srv_refusal {
    unsigned status;
    const char *code; /* for programs: static, lower_case */
    char message[1200];
    const char *header; /* one more header, or NULL */
    char header_value[80];
};

struct srv_request {
    struct srv_worker *worker;
    struct srv_conn *conn;
    struct MHD_Connection *mhd;
    const struct srv_handler *handler;
    enum srv_request_state state;
    struct srv_path path;
    char method[12];  /* cut, for the log */
    char target[160]; /* path as sent, without query, cut */
    int64_t start_ms;
    uint64_t body_len; /* Content-Length; 0 without */
    bool chunked;      /* a body of unknown length follows; it is refused */
    uint64_t dropped;  /* bytes of a refused body so far */
    bool has_nul;      /* "%00" in the path or query: what stands behind it would be lost */
    bool counted;      /* in n_running */
    bool close;        /* the connection ends with the answer */
    struct srv_refusal refusal;
    struct srv_publish *publish; /* owned; only while an image is being published */
    unsigned status;             /* of the answer */
    uint64_t answer_len;
    /* Of the artifact that the answer is part of, and of the image it leads to. */
    uint32_t artifact_size, artifact_full;
    char artifact_image[65]; /* SHA-256 */
};

/* What a method does on a resource. */
struct srv_handler {
    enum srv_resource resource;
    const char *method;                     /* "GET" also serves HEAD */
    bool admin;                             /* needs the admin token */
    uint64_t body_max;                      /* longer bodies are refused before their first byte */
    void (*begin)(struct srv_request *req); /* NULL, or called before the body; may refuse */
    void (*body)(struct srv_request *req, const void *data, size_t len);
    enum MHD_Result (*answer)(struct srv_request *req);
};

/* Refuse, unless that has happened already. */
void srv_refuse(struct srv_request *req, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For SRV_FULL, SRV_DOWN and SRV_FAILED: 507, 503 or 500. */
void srv_refuse_status(struct srv_request *req, enum srv_status status);

/* A request header or query argument, NULL if absent. Borrowed from the connection. */
const char *srv_header(const struct srv_request *req, const char *name);
const char *srv_query(const struct srv_request *req, const char *name);

/* 1 to 18 decimal digits; false for anything else. */
bool srv_parse_number(const char *text, uint64_t *out);

/* Has the client what has this ETag already, by its If-None-Match? The answer is 304 then. */
bool srv_is_unchanged(const struct srv_request *req, const char *etag);

/* libmicrohttpd's callbacks for requests; `worker` is a struct srv_worker. */
void *srv_on_uri(void *worker, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result srv_on_request(void *worker, struct MHD_Connection *mhd, const char *url, const char *method,
                               const char *version, const char *data, size_t *size, void **request);
void srv_on_completed(void *worker, struct MHD_Connection *mhd, void **request,
                      enum MHD_RequestTerminationCode how);

/* A connection began or ended; called before its socket is closed. */
void srv_on_connection(struct srv_context *context, struct MHD_Connection *mhd, void **conn,
                       enum MHD_ConnectionNotificationCode what);

#endif
