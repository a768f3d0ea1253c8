/* http_exchange.c - one request and its response at a time, over libcurl. */
#include "http_exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "../esp-tls/tls_trust.h"
#include "idf_runtime.h"

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- callbacks: note what happened --------------------------------------- */

static void parse_status_line(struct http_exchange *ex, const char *line, size_t len)
{
    char text[32];
    size_t n = len < sizeof text - 1 ? len : sizeof text - 1;

    memcpy(text, line, n);
    text[n] = '\0';
    http_headers_clear(&ex->headers);
    ex->header_bytes = 0;
    ex->minor = 0;
    if (sscanf(text, "HTTP/1.%d %d", &ex->minor, &ex->status) != 2) {
        ex->status = -1;
    }
}

/* The blank line: what the headers say about the body. */
static void headers_end(struct http_exchange *ex)
{
    if (ex->status >= 100 && ex->status < 200) {
        return; /* an interim answer; the real one follows */
    }
    const char *encoding = http_headers_get(&ex->headers, "Transfer-Encoding");
    const char *length = http_headers_get(&ex->headers, "Content-Length");
    ex->chunked = encoding != NULL && strcasecmp(encoding, "chunked") == 0;
    ex->content_length = -1;
    if (!ex->chunked && length != NULL) {
        char *end;
        long long value = strtoll(length, &end, 10);
        ex->content_length = end != length && value >= 0 ? value : -1;
    }
    ex->has_headers = true;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct http_exchange *ex = ctx;
    size_t len = size * n;

    ex->activity++;
    if (ex->has_headers) {
        return len; /* trailers of a chunked body */
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        parse_status_line(ex, line, len);
        return len;
    }
    ex->header_bytes += len;
    if (ex->header_bytes > HTTP_MAX_RESPONSE_HEADERS) {
        ex->headers_too_long = true;
        return 0;
    }
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    if (len == 0) {
        headers_end(ex);
        return size * n;
    }
    const char *colon = memchr(line, ':', len);
    if (colon == NULL) {
        return size * n;
    }
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    if (http_headers_add(&ex->headers, line, (size_t)(colon - line), value, (size_t)(end - value)) !=
        ESP_OK) {
        ex->out_of_memory = true;
        return 0;
    }
    return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct http_exchange *ex = ctx;
    size_t len = size * n;

    if (ex->piece_off < ex->piece_len) {
        ex->paused = true; /* libcurl offers the same bytes again when it goes on */
        return CURL_WRITEFUNC_PAUSE;
    }
    ex->activity++;
    if (len > CURL_MAX_WRITE_SIZE) {
        return 0;
    }
    memcpy(ex->piece, data, len);
    ex->piece_len = len;
    ex->piece_off = 0;
    return len;
}

static size_t on_upload(char *out, size_t size, size_t n, void *ctx)
{
    struct http_exchange *ex = ctx;
    size_t len = size * n;

    if (ex->upload_len == 0) {
        if (ex->upload_end) {
            return 0;
        }
        ex->upload_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    ex->activity++;
    len = len < ex->upload_len ? len : ex->upload_len;
    memcpy(out, ex->upload, len);
    ex->upload += len;
    ex->upload_len -= len;
    return len;
}

static int on_connected(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
    struct http_exchange *ex = ctx;
    long made = 0;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    ex->activity++;
    ex->connected = true;
    if (curl_easy_getinfo(ex->easy, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK && made > 0) {
        ex->new_connected = true;
    }
    return CURL_PREREQFUNC_OK;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t len, void *ctx)
{
    struct http_exchange *ex = ctx;

    (void)easy, (void)data, (void)len;
    if (type == CURLINFO_HEADER_OUT) {
        ex->activity++;
        ex->sent = true;
    }
    return 0;
}

static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    const struct http_exchange *ex = ctx;

    if (purpose == CURLSOCKTYPE_IPCXN && ex->transport.keep_alive) {
        /* A socket without probes still works. libcurl sets the other options itself. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &ex->transport.keep_alive_count,
                         sizeof ex->transport.keep_alive_count);
    }
    return CURL_SOCKOPT_OK;
}

/* ---- setting up a request ------------------------------------------------ */

static CURLcode set_blob(CURL *easy, CURLoption option, const char *data, size_t len)
{
    struct curl_blob blob = {.data = (void *)(uintptr_t)data, .len = len, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

/* A certificate or key: its bytes and what they are. */
static CURLcode set_own(CURL *easy, CURLoption blob, CURLoption type, const char *data, size_t len)
{
    bool der = tls_is_der(data, len);
    size_t text_len = der ? len : len == 0 ? strlen(data) : strnlen(data, len);
    CURLcode result = set_blob(easy, blob, data, text_len);
    return result != CURLE_OK ? result : curl_easy_setopt(easy, type, der ? "DER" : "PEM");
}

static CURLcode set_tls(CURL *easy, const struct http_transport *transport)
{
    CURLcode result = CURLE_OK;
#define SET(option, value) (result = result != CURLE_OK ? result : curl_easy_setopt(easy, option, value))
    /* libcurl's defaults are the system's certificates; they come back only when asked for. */
    SET(CURLOPT_CAPATH, NULL);
    if (transport->ca_pem != NULL) {
        SET(CURLOPT_CAINFO, NULL);
        result = result != CURLE_OK
                     ? result
                     : set_blob(easy, CURLOPT_CAINFO_BLOB, transport->ca_pem, strlen(transport->ca_pem));
    } else if (!transport->system_ca) {
        SET(CURLOPT_CAINFO, NULL);
    } else if (tls_system_ca_file() != NULL) {
        SET(CURLOPT_CAINFO, tls_system_ca_file());
    }
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, transport->skip_name_check ? 0L : 2L);
    SET(CURLOPT_SSLVERSION, transport->tls_min | transport->tls_max);
    if (transport->client_cert != NULL && result == CURLE_OK) {
        result = set_own(easy, CURLOPT_SSLCERT_BLOB, CURLOPT_SSLCERTTYPE, transport->client_cert,
                         transport->client_cert_len);
    }
    if (transport->client_key != NULL && result == CURLE_OK) {
        result = set_own(easy, CURLOPT_SSLKEY_BLOB, CURLOPT_SSLKEYTYPE, transport->client_key,
                         transport->client_key_len);
        SET(CURLOPT_KEYPASSWD, transport->client_key_password);
    }
    return result;
}

static CURLcode set_connection(CURL *easy, struct http_exchange *ex)
{
    const struct http_transport *transport = &ex->transport;
    CURLcode result = CURLE_OK;
    long family = transport->address_family == AF_INET    ? CURL_IPRESOLVE_V4
                  : transport->address_family == AF_INET6 ? CURL_IPRESOLVE_V6
                                                          : CURL_IPRESOLVE_WHATEVER;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, ""); /* a device has no environment to take one from */
    SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_IPRESOLVE, family);
    SET(CURLOPT_BUFFERSIZE, (long)transport->piece_size);
    SET(CURLOPT_ERRORBUFFER, ex->error);
    SET(CURLOPT_PRIVATE, ex);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, ex);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, ex);
    SET(CURLOPT_READFUNCTION, on_upload);
    SET(CURLOPT_READDATA, ex);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, ex);
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, ex);
    SET(CURLOPT_VERBOSE, 1L); /* or on_debug is not called */
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_SOCKOPTDATA, ex);
    if (transport->keep_alive) {
        SET(CURLOPT_TCP_KEEPALIVE, 1L);
        SET(CURLOPT_TCP_KEEPIDLE, (long)transport->keep_alive_idle);
        SET(CURLOPT_TCP_KEEPINTVL, (long)transport->keep_alive_interval);
    }
    if (transport->interface_name != NULL) {
        SET(CURLOPT_INTERFACE, transport->interface_name);
    }
    return result != CURLE_OK ? result : set_tls(easy, transport);
}

static CURLcode set_request(CURL *easy, struct http_exchange *ex, const struct http_request *request)
{
    CURLcode result = CURLE_OK;

    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_CONNECT_TO, ex->connect_to);
    SET(CURLOPT_HTTPHEADER, ex->lines);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (request->has_body) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_len);
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    }
#undef SET
    return result;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = line != NULL ? curl_slist_append(*list, line) : NULL;

    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

/* Headers as libcurl wants them, without those it would add of its own accord. */
static bool make_lines(struct http_exchange *ex, const struct http_request *request)
{
    static const char *const unwanted[] = {"Accept", "Expect", "User-Agent"};

    for (size_t i = 0; i < request->headers->n; i++) {
        const struct http_header *header = &request->headers->items[i];
        if (request->has_body && strcasecmp(header->name, "Content-Length") == 0) {
            continue; /* from body_len */
        }
        char *line = NULL;
        /* "Name;" is how an empty value is said. */
        int len = header->value[0] != '\0' ? asprintf(&line, "%s: %s", header->name, header->value)
                                           : asprintf(&line, "%s;", header->name);
        bool added = len >= 0 && add_line(&ex->lines, line);
        if (len >= 0) {
            free(line);
        }
        if (!added) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "%s:", unwanted[i]);
        if (http_headers_get(request->headers, unwanted[i]) == NULL && !add_line(&ex->lines, line)) {
            return false;
        }
    }
    return request->connect_to == NULL || add_line(&ex->connect_to, request->connect_to);
}

/* ---- driving it ---------------------------------------------------------- */

/* Let libcurl do what it can without waiting. */
static void turn(struct http_exchange *ex)
{
    int still_running, left;
    CURLMsg *message;

    if (!ex->running || ex->done) {
        return;
    }
    CURLMcode result = curl_multi_perform(ex->multi, &still_running);
    if (result != CURLM_OK) {
        ex->done = true;
        ex->result = result == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
        return;
    }
    while ((message = curl_multi_info_read(ex->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            ex->done = true;
            ex->result = message->data.result;
        }
    }
}

/* Turn until `ready`, the end, or silence for timeout_ms. */
static enum http_wait wait_for(struct http_exchange *ex, bool (*ready)(const struct http_exchange *),
                               int timeout_ms)
{
    uint64_t seen = ex->activity;
    int64_t last = now_ms();

    for (;;) {
        turn(ex);
        if (ready(ex) || ex->done || !ex->running) {
            return HTTP_WAIT_OK;
        }
        int64_t now = now_ms();
        if (ex->activity != seen) {
            seen = ex->activity;
            last = now;
        }
        /* Before there is a connection libcurl keeps the time: names, TCP and TLS count together. */
        int64_t left = ex->connected || timeout_ms == 0 ? last + timeout_ms - now : 1000;
        if (left <= 0) {
            return HTTP_WAIT_TIMEOUT;
        }
        idf_block_enter();
        (void)curl_multi_poll(ex->multi, NULL, 0, (int)left, NULL);
        idf_block_exit();
    }
}

static bool is_sent(const struct http_exchange *ex)
{
    return ex->sent;
}

static bool is_answered(const struct http_exchange *ex)
{
    return ex->has_headers;
}

static bool has_piece(const struct http_exchange *ex)
{
    return ex->piece_off < ex->piece_len;
}

static bool is_uploaded(const struct http_exchange *ex)
{
    return ex->upload_len == 0;
}

static void go_on(struct http_exchange *ex)
{
    if (ex->running && !ex->done && (ex->paused || ex->upload_paused)) {
        ex->paused = false;
        ex->upload_paused = false;
        /* May call on_body and on_upload, which may pause again. */
        CURLcode result = curl_easy_pause(ex->easy, CURLPAUSE_CONT);
        if (result != CURLE_OK) {
            ex->done = true;
            ex->result = result;
        }
    }
}

/* Take the finished or abandoned request out of libcurl, which keeps or closes its connection accordingly. */
static void stop(struct http_exchange *ex)
{
    if (ex->running) {
        if (!ex->done && http_exchange_complete(ex)) {
            turn(ex); /* the body is here; let it notice, so that the connection is kept */
        }
        (void)curl_multi_remove_handle(ex->multi, ex->easy);
        ex->running = false;
    }
    curl_slist_free_all(ex->lines);
    curl_slist_free_all(ex->connect_to);
    ex->lines = NULL;
    ex->connect_to = NULL;
}

/* ---- for the client ------------------------------------------------------ */

bool http_exchange_init(struct http_exchange *ex, const struct http_transport *transport)
{
    (void)pthread_once(&curl_once, curl_start);
    memset(ex, 0, sizeof *ex);
    ex->transport = *transport;
    ex->status = -1;
    ex->content_length = -1;
    ex->easy = curl_easy_init();
    ex->piece = malloc(CURL_MAX_WRITE_SIZE);
    return ex->easy != NULL && ex->piece != NULL;
}

void http_exchange_close(struct http_exchange *ex)
{
    stop(ex);
    if (ex->multi != NULL) {
        (void)curl_multi_cleanup(ex->multi);
        ex->multi = NULL;
    }
    ex->piece_len = ex->piece_off = 0;
}

void http_exchange_free(struct http_exchange *ex)
{
    http_exchange_close(ex);
    http_headers_clear(&ex->headers);
    curl_easy_cleanup(ex->easy);
    free(ex->piece);
    memset(ex, 0, sizeof *ex);
}

esp_err_t http_exchange_start(struct http_exchange *ex, const struct http_request *request)
{
    stop(ex);
    http_headers_clear(&ex->headers);
    struct http_exchange fresh = {
        .transport = ex->transport,
        .multi = ex->multi,
        .easy = ex->easy,
        .piece = ex->piece,
        .status = -1,
        .content_length = -1,
        .upload_end = request->has_body && request->body_len == 0,
    };
    *ex = fresh;
    if (ex->multi == NULL) {
        ex->multi = curl_multi_init();
    }
    curl_easy_reset(ex->easy);
    if (ex->multi == NULL || !make_lines(ex, request) || set_connection(ex->easy, ex) != CURLE_OK ||
        set_request(ex->easy, ex, request) != CURLE_OK ||
        curl_multi_add_handle(ex->multi, ex->easy) != CURLM_OK) {
        stop(ex);
        return ESP_ERR_NO_MEM;
    }
    ex->running = true;
    return ESP_OK;
}

enum http_wait http_exchange_wait_sent(struct http_exchange *ex, int timeout_ms)
{
    return wait_for(ex, is_sent, timeout_ms);
}

enum http_wait http_exchange_wait_headers(struct http_exchange *ex, int timeout_ms)
{
    return wait_for(ex, is_answered, timeout_ms);
}

enum http_wait http_exchange_wait_piece(struct http_exchange *ex, int timeout_ms)
{
    if (has_piece(ex)) {
        return HTTP_WAIT_OK;
    }
    go_on(ex);
    return wait_for(ex, has_piece, timeout_ms);
}

bool http_exchange_write(struct http_exchange *ex, const char *data, size_t len, int timeout_ms)
{
    ex->upload = data;
    ex->upload_len = len;
    go_on(ex);
    (void)wait_for(ex, is_uploaded, timeout_ms);
    bool all = ex->upload_len == 0;
    ex->upload = NULL;
    ex->upload_len = 0;
    return all && !(ex->done && ex->result != CURLE_OK);
}

void http_exchange_write_end(struct http_exchange *ex)
{
    ex->upload_end = true;
    go_on(ex);
}

size_t http_exchange_take(struct http_exchange *ex, size_t max, const char **data)
{
    size_t here = ex->piece_len - ex->piece_off;
    size_t n = here < max ? here : max;

    *data = ex->piece + ex->piece_off;
    ex->piece_off += n;
    ex->taken += (int64_t)n;
    return n;
}

bool http_exchange_complete(const struct http_exchange *ex)
{
    if (!ex->has_headers || has_piece(ex)) {
        return false;
    }
    if (ex->content_length >= 0 && ex->taken == ex->content_length) {
        return true;
    }
    return ex->done && ex->result == CURLE_OK;
}

bool http_exchange_persistent(const struct http_exchange *ex)
{
    const char *connection = http_headers_get(&ex->headers, "Connection");

    if (!ex->has_headers) {
        return false;
    }
    if (connection != NULL) {
        return strcasecmp(connection, "close") != 0;
    }
    return ex->minor >= 1;
}

void http_exchange_last_error(const struct http_exchange *ex, esp_tls_last_error_t *tls, int *errno_out)
{
    long os_errno = 0, verify = 0;

    (void)curl_easy_getinfo(ex->easy, CURLINFO_OS_ERRNO, &os_errno);
    (void)curl_easy_getinfo(ex->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    memset(tls, 0, sizeof *tls);
    *errno_out = (int)os_errno;
    switch (ex->result) {
    case CURLE_OK:
        *errno_out = 0;
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
        tls->last_error = ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME;
        break;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        tls->last_error = ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST;
        break;
    case CURLE_OPERATION_TIMEDOUT:
        tls->last_error = ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT;
        break;
    case CURLE_SSL_CACERT_BADFILE:
        tls->last_error = ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED;
        break;
    case CURLE_SSL_CERTPROBLEM:
        tls->last_error = ESP_ERR_MBEDTLS_SSL_CONF_OWN_CERT_FAILED;
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        tls->last_error = ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED;
        /* A wrong name is refused after the chain was found good. */
        tls->esp_tls_flags = verify != 0 ? (int)verify : ex->result == CURLE_PEER_FAILED_VERIFICATION ? 1 : 0;
        break;
    case CURLE_RECV_ERROR:
        tls->last_error = ESP_ERR_MBEDTLS_SSL_READ_FAILED;
        *errno_out = os_errno != 0 ? (int)os_errno : ENOTCONN;
        break;
    case CURLE_SEND_ERROR:
        tls->last_error = ESP_ERR_MBEDTLS_SSL_WRITE_FAILED;
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        tls->last_error = ESP_ERR_ESP_TLS_TCP_CLOSED_FIN;
        *errno_out = ENOTCONN;
        break;
    default: /* above TLS: what came is not HTTP */
        tls->last_error = ESP_FAIL;
        break;
    }
    tls->esp_tls_error_code = (int)ex->result;
}
