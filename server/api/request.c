/*
 * request.c - checks that come before any handler, the table of handlers, and the log line.
 */
#include "request.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "handlers.h"
#include "host/log.h"
#include "range.h"
#include "reply.h"
#include "server/server.h"
#include "token.h"

/*
 * A refused body is still read up to this length: answering early would close the socket under an uploading
 * client, which then reports a broken connection in place of the reason. Twice
 * what could be accepted; whoever sends more without asking first (Expect: 100-continue) is cut off.
 */
#define DRAIN_MAX (2u * SRV_UPLOAD_MAX)

static const struct srv_handler handlers[] = {
    {SRV_RES_HEALTH, "GET", false, 0, NULL, NULL, srv_health_answer},
    {SRV_RES_METRICS, "GET", true, 0, NULL, NULL, srv_metrics_answer},
    {SRV_RES_STATS, "GET", true, 0, NULL, NULL, srv_stats_answer},
    {SRV_RES_PAGE, "GET", false, 0, NULL, NULL, srv_page_answer},
    {SRV_RES_PRODUCTS, "GET", true, 0, NULL, NULL, srv_products_answer},
    {SRV_RES_DEVICES, "GET", true, 0, NULL, NULL, srv_devices_answer},
    {SRV_RES_RELEASES, "GET", false, 0, NULL, NULL, srv_list_answer},
    {SRV_RES_RELEASES, "POST", true, SRV_UPLOAD_MAX, srv_publish_begin, srv_publish_body, srv_publish_answer},
    {SRV_RES_CHECK, "GET", true, 0, NULL, NULL, srv_check_answer},
    {SRV_RES_RELEASE, "GET", false, 0, NULL, NULL, srv_release_answer},
    {SRV_RES_RELEASE, "DELETE", true, 0, NULL, NULL, srv_withdraw_answer},
    {SRV_RES_MANIFEST, "GET", false, 0, NULL, NULL, srv_manifest_answer},
    {SRV_RES_HTTPUPDATE, "GET", false, 0, NULL, NULL, srv_httpupdate_answer},
    {SRV_RES_FIRMWARE, "GET", false, 0, NULL, NULL, srv_firmware_answer},
    {SRV_RES_ARTIFACT, "GET", false, 0, NULL, NULL, srv_artifact_answer},
};
#define N_HANDLERS (sizeof handlers / sizeof handlers[0])

/* --- Refusing -------------------------------------------------------------- */

void srv_refuse(struct srv_request *req, unsigned status, const char *code, const char *format, ...)
{
    struct srv_refusal *refusal = &req->refusal;
    if (refusal->status) {
        return;
    }
    refusal->status = status;
    refusal->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(refusal->message, sizeof refusal->message, format, args);
    va_end(args);
}

void srv_refuse_status(struct srv_request *req, enum srv_status status)
{
    if (status == SRV_FULL) {
        srv_refuse(req, 507, "storage_full", "the server's disk is full; nothing was stored");
    } else if (status == SRV_DOWN) {
        srv_refuse(req, 503, "storage_down",
                   "the bucket behind the server can't be reached; try again later");
    } else {
        srv_refuse(req, 500, "internal", "the server failed; its log says why");
    }
}

const char *srv_header(const struct srv_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

const char *srv_query(const struct srv_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->mhd, MHD_GET_ARGUMENT_KIND, name);
}

bool srv_parse_number(const char *text, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    *out = 0;
    if (digits == 0 || digits > 18 || text[digits]) {
        return false;
    }
    *out = strtoull(text, NULL, 10);
    return true;
}

bool srv_is_unchanged(const struct srv_request *req, const char *etag)
{
    const char *header = srv_header(req, "If-None-Match");
    return header && srv_etag_listed(header, etag);
}

/* --- Checks on the header block -------------------------------------------- */

struct header_census {
    unsigned n_content_length, n_transfer_encoding, n_host, n_authorization;
    bool bad_name;
};

static bool is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr("!#$%&'*+-.^_`|~", name[i])) {
            return false;
        }
    }
    return len > 0;
}

static bool name_is(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                    const char *value, size_t value_size)
{
    (void)kind, (void)value, (void)value_size;
    struct header_census *census = ctx;
    census->n_content_length += name_is(name, name_size, "Content-Length");
    census->n_transfer_encoding += name_is(name, name_size, "Transfer-Encoding");
    census->n_host += name_is(name, name_size, "Host");
    census->n_authorization += name_is(name, name_size, "Authorization");
    census->bad_name |= !is_token(name, name_size);
    return MHD_YES;
}

/* A name or address, as it may stand in a URL. */
static bool host_valid(const char *host)
{
    size_t len = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]");
    return len > 0 && len < 256 && !host[len];
}

/*
 * Refuse what two parsers in a row (a proxy's and ours) could read as different requests.
 * Such a connection can't be trusted to be in step, so it is closed.
 */
static void check_framing(struct srv_request *req, const char *version)
{
    struct header_census census = {0};
    MHD_get_connection_values_n(req->mhd, MHD_HEADER_KIND, count_header, &census);
    const char *host = srv_header(req, "Host");
    const char *length = srv_header(req, "Content-Length");
    const char *encoding = srv_header(req, "Transfer-Encoding");
    req->chunked = encoding && strcasecmp(encoding, "chunked") == 0;
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0) {
        srv_refuse(req, 505, "http_version", "this server speaks HTTP/1.1 and HTTP/1.0");
    } else if (census.bad_name) {
        srv_refuse(req, 400, "bad_request", "a header's name holds a character that is not allowed there");
    } else if (census.n_content_length > 1 || census.n_host > 1 || census.n_authorization > 1) {
        srv_refuse(req, 400, "bad_request", "Content-Length, Host and Authorization may be sent only once");
    } else if (census.n_transfer_encoding && (census.n_content_length || census.n_transfer_encoding > 1)) {
        srv_refuse(req, 400, "bad_request", "Content-Length and Transfer-Encoding exclude each other");
    } else if (encoding && !req->chunked) {
        srv_refuse(req, 400, "bad_request", "Transfer-Encoding is not chunked");
    } else if (host && !host_valid(host)) {
        srv_refuse(req, 400, "bad_request", "Host is not a host name or address");
    } else if (length && !srv_parse_number(length, &req->body_len)) {
        srv_refuse(req, 400, "bad_request", "Content-Length is not a number of bytes");
    } else if (req->has_nul) {
        srv_refuse(req, 400, "bad_request", "the address holds a NUL");
    }
    req->close = req->refusal.status != 0;
}

/* --- Routing --------------------------------------------------------------- */

static void find_handler(struct srv_request *req, const char *method)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    char allow[sizeof req->refusal.header_value] = "";
    size_t used = 0;
    for (size_t i = 0; i < N_HANDLERS; i++) {
        const struct srv_handler *h = &handlers[i];
        if (h->resource != req->path.resource) {
            continue;
        }
        if (strcmp(h->method, wanted) == 0) {
            req->handler = h;
            return;
        }
        used += (size_t)snprintf(allow + used, sizeof allow - used, "%s%s%s", used ? ", " : "", h->method,
                                 strcmp(h->method, "GET") == 0 ? ", HEAD" : "");
    }
    if (used) {
        srv_refuse(req, 405, "method_not_allowed", "%s is not possible here, only %s", req->method, allow);
        req->refusal.header = "Allow";
        strcpy(req->refusal.header_value, allow);
    } else if (req->path.resource == SRV_RES_BAD_PRODUCT) {
        srv_refuse(req, 400, "bad_product",
                   "a product's name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit");
    } else {
        srv_refuse(req, 404, "not_found", "there is nothing at this path");
    }
}

static void check_token(struct srv_request *req)
{
    const char *authorization = srv_header(req, "Authorization");
    enum srv_status status = srv_token_check(req->worker->store, SRV_ROLE_ADMIN, authorization);
    if (status == SRV_OK) {
        return;
    }
    if (status != SRV_NOT_FOUND) {
        srv_refuse_status(req, status);
        return;
    }
    srv_refuse(req, 401, "unauthorized", "%s",
               authorization ? "this is not the admin token"
                             : "this needs the admin token: Authorization: Bearer ...");
    req->refusal.header = "WWW-Authenticate";
    strcpy(req->refusal.header_value,
           authorization ? "Bearer realm=\"airlift\", error=\"invalid_token\"" : "Bearer realm=\"airlift\"");
}

static void check_length(struct srv_request *req)
{
    uint64_t max = req->handler->body_max;
    if (req->chunked) {
        srv_refuse(req, 411, "length_required",
                   "send Content-Length: bodies of unknown length are not taken");
    } else if (max && !srv_header(req, "Content-Length")) {
        srv_refuse(req, 411, "length_required", "send Content-Length");
        req->close = true;
    } else if (req->body_len > max) {
        srv_refuse(req, 413, "too_large", "the body is %llu bytes long, the limit here is %llu",
                   (unsigned long long)req->body_len, (unsigned long long)max);
    }
}

/* --- The request's life ---------------------------------------------------- */

/* What was received is not wanted any more; by the time the client reads so, it is gone. */
static void drop_upload(struct srv_request *req)
{
    srv_publish_free(req->publish);
    req->publish = NULL;
}

/* All headers are there: decide whether the body is wanted. */
static enum MHD_Result begin(struct srv_request *req, const char *url, const char *method,
                             const char *version)
{
    snprintf(req->method, sizeof req->method, "%s", method);
    atomic_fetch_add(&req->worker->context->n_running, 1);
    req->counted = true;

    check_framing(req, version);
    if (!req->refusal.status) {
        srv_path_parse(url, &req->path);
        find_handler(req, method);
    }
    if (!req->refusal.status && req->handler->admin) {
        check_token(req);
    }
    if (!req->refusal.status) {
        check_length(req);
    }
    if (!req->refusal.status && req->handler->begin) {
        req->handler->begin(req);
    }

    req->state = req->refusal.status ? SRV_DISCARD : SRV_AWAIT_BODY;
    if (req->refusal.status) {
        drop_upload(req);
    }
    bool waits_for_word = srv_header(req, "Expect") != NULL;
    bool answer_now = req->refusal.status && (req->close || waits_for_word || req->body_len > DRAIN_MAX);
    if (answer_now) {
        req->close =
            req->close || req->chunked || req->body_len > 0; /* the body would be read as the next request */
        return srv_reply_refusal(req);
    }
    srv_watch_extend(&req->worker->context->watch, req->conn, req->body_len);
    return MHD_YES;
}

enum MHD_Result srv_on_request(void *worker, struct MHD_Connection *mhd, const char *url, const char *method,
                               const char *version, const char *data, size_t *size, void **request)
{
    (void)worker, (void)mhd;
    struct srv_request *req = *request;
    if (!req) {
        return MHD_NO; /* memory ran out when it came in */
    }
    if (req->state == SRV_AWAIT_HEADERS) {
        return begin(req, url, method, version);
    }
    if (*size) {
        if (req->state == SRV_AWAIT_BODY && req->handler->body) {
            req->handler->body(req, data, *size);
            if (req->refusal.status) {
                req->state = SRV_DISCARD;
                drop_upload(req);
            }
        }
        if (req->state == SRV_DISCARD && (req->dropped += *size) > DRAIN_MAX) {
            return MHD_NO; /* only a chunked body gets here */
        }
        *size = 0;
        return MHD_YES;
    }
    if (req->state == SRV_ANSWERED) {
        return MHD_YES;
    }
    if (!req->refusal.status) {
        enum MHD_Result result = req->handler->answer(req);
        if (!req->refusal.status) {
            return result;
        }
        drop_upload(req);
    }
    return srv_reply_refusal(req);
}

void *srv_on_uri(void *worker, const char *uri, struct MHD_Connection *mhd)
{
    struct srv_worker *w = worker;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct srv_request *req = info && info->socket_context ? calloc(1, sizeof *req) : NULL;
    if (!req) {
        return NULL;
    }
    req->worker = w;
    req->conn = info->socket_context;
    req->mhd = mhd;
    req->start_ms = srv_now_ms();
    req->has_nul = strstr(uri, "%00") != NULL;
    snprintf(req->target, sizeof req->target, "%.*s", (int)strcspn(uri, "?"), uri);
    srv_watch_extend(&w->context->watch, req->conn, 0);
    return req;
}

static void log_request(const struct srv_request *req, bool whole)
{
    char status[16], bytes[24], ms[24];
    snprintf(status, sizeof status, "%u", req->status);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)req->answer_len);
    snprintf(ms, sizeof ms, "%lld", (long long)(srv_now_ms() - req->start_ms));
    const char *outcome = whole ? "done" : atomic_load(&req->conn->expired) ? "timeout" : "aborted";
    host_log(HOST_LOG_INFO, "request", "method", req->method[0] ? req->method : NULL, "path", req->target,
             "status", req->status ? status : NULL, "bytes", bytes, "ms", ms, "peer", req->conn->peer,
             "outcome", outcome, NULL);
}

static void count_request(const struct srv_request *req, bool whole)
{
    struct srv_metrics *m = &req->worker->context->metrics;
    unsigned digit = req->status / 100;
    atomic_fetch_add(&m->requests[digit < 6 ? digit : 0], 1);
    if (whole && req->artifact_size && (req->status == 200 || req->status == 206)) {
        srv_metrics_artifact(m, req->answer_len, req->artifact_size, req->artifact_image, req->artifact_full);
    }
}

void srv_on_completed(void *worker, struct MHD_Connection *mhd, void **request,
                      enum MHD_RequestTerminationCode how)
{
    (void)mhd;
    struct srv_worker *w = worker;
    struct srv_request *req = *request;
    if (!req) {
        return;
    }
    log_request(req, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    count_request(req, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    srv_publish_free(req->publish);
    srv_watch_idle(req->conn);
    if (req->counted) {
        atomic_fetch_sub(&w->context->n_running, 1);
    }
    free(req);
    *request = NULL;
}

/* --- Connections ----------------------------------------------------------- */

static void print_peer(struct MHD_Connection *mhd, char *out, size_t size)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    char text[INET6_ADDRSTRLEN] = "?";
    snprintf(out, size, "?");
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(out, size, "%s:%u", text, (unsigned)ntohs(in->sin_port));
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        snprintf(out, size, "[%s]:%u", text, (unsigned)ntohs(in6->sin6_port));
    }
}

void srv_on_connection(struct srv_context *context, struct MHD_Connection *mhd, void **conn,
                       enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        /* Called before the socket is closed, so the watch never shuts down another's descriptor. */
        if (*conn) {
            srv_watch_remove(&context->watch, *conn);
            free(*conn);
            *conn = NULL;
        }
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct srv_conn *c = info ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        return; /* requests on it are refused in srv_on_uri() */
    }
    c->fd = info->connect_fd;
    print_peer(mhd, c->peer, sizeof c->peer);
    srv_watch_add(&context->watch, c);
    *conn = c;
}
