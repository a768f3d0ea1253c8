/*
 * s3_client.c - requests to an S3 store, signed and carried by libcurl.
 */
#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/hex.h"
#include "host/log.h"
#include "s3_listing.h"
#include "s3_sign.h"

#define ATTEMPTS            3
#define ANSWER_MAX          (4u * 1024u * 1024u) /* a page of 1000 keys of 1 KiB fits */
#define CONNECT_TIMEOUT_SEC 5L
#define STALL_TIMEOUT_SEC   20L
#define EMPTY_SHA256        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* One request; what is sent comes from memory or from a descriptor. */
struct request {
    const struct srv_s3 *s3;
    const struct srv_s3_uri *uri;
    const char *method;
    const char *query; /* behind the '?', its parameters sorted and encoded; NULL: none */
    const char *sha256_hex;
    const char *content_type;
    const uint8_t *data; /* NULL: from fd */
    int fd;
    uint64_t len, sent;
    int out_fd; /* where a body goes that is no error; -1: into `answer` */
    bool write_failed;
    const struct srv_s3_progress *progress;
    struct host_buf answer;
    CURL *curl;
    long status;
    uint64_t answer_len;
};

/* --- libcurl's callbacks --------------------------------------------------- */

static size_t on_send(char *to, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    uint64_t left = r->len - r->sent, room = size * n;
    size_t len = (size_t)(left < room ? left : room);
    if (r->data) {
        memcpy(to, r->data + r->sent, len);
    } else {
        ssize_t got = pread(r->fd, to, len, (off_t)r->sent);
        if (got < 0 || (size_t)got != len) {
            return CURL_READFUNC_ABORT;
        }
    }
    r->sent += len;
    return len;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct request *r = ctx;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > r->len) {
        return CURL_SEEKFUNC_FAIL;
    }
    r->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_receive(char *data, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    long status = 0;
    size_t len = size * n;
    (void)curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
    if (r->out_fd < 0 || status != 200) {
        return host_buf_append(&r->answer, data, len) ? len : 0;
    }
    for (size_t done = 0; done < len;) {
        ssize_t put = write(r->out_fd, data + done, len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            r->write_failed = true;
            return 0;
        }
        done += (size_t)put;
    }
    return len;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct request *r = ctx;
    (void)down_total, (void)up_total;
    if (r->progress) {
        r->progress->update(r->progress->ctx, (uint64_t)(r->out_fd >= 0 ? down : up));
    }
    return 0;
}

/* --- One request ----------------------------------------------------------- */

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct host_buf line;
    host_buf_init(&line, 16u * 1024u);
    bool ok = host_buf_printf(&line, "%s: %s", name, value);
    struct curl_slist *longer = ok ? curl_slist_append(*list, (const char *)line.data) : NULL;
    host_buf_free(&line);
    if (longer) {
        *list = longer;
    }
    return longer != NULL;
}

static bool add_headers(const struct request *r, struct curl_slist **list)
{
    return add_header(list, "x-amz-content-sha256", r->sha256_hex) &&
           (!r->content_type || add_header(list, "Content-Type", r->content_type)) &&
           (!r->s3->session_token || add_header(list, "x-amz-security-token", r->s3->session_token));
}

static bool make_url(const struct request *r, struct host_buf *url)
{
    struct srv_s3_address a;
    bool ok =
        srv_s3_address(r->s3, r->uri, &a) == 0 &&
        host_buf_printf(url, "%s://%s%s%s%s", (const char *)a.scheme.data, (const char *)a.authority.data,
                        (const char *)a.path.data, r->query ? "?" : "", r->query ? r->query : "");
    srv_s3_address_free(&a);
    return ok;
}

static bool set_method(struct request *r, CURL *curl)
{
    if (strcmp(r->method, "PUT") == 0) {
        return curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->len) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_READDATA, r) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SEEKDATA, r) == CURLE_OK;
    }
    if (strcmp(r->method, "HEAD") == 0) {
        return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    return strcmp(r->method, "GET") == 0 ||
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK;
}

static bool set_up(struct request *r, CURL *curl, const char *url, struct curl_slist *headers,
                   char *curl_error)
{
    struct host_buf signer, user;
    host_buf_init(&signer, 1024);
    host_buf_init(&user, 8192);
    bool ok = host_buf_printf(&signer, "aws:amz:%s:s3", r->s3->region) &&
              host_buf_printf(&user, "%s:%s", r->s3->access_key, r->s3->secret_key) &&
              curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, (const char *)signer.data) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_USERPWD, (const char *)user.data) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK && set_method(r, curl) &&
              curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_receive) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEDATA, r) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_XFERINFODATA, r) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_SEC) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, curl_error) == CURLE_OK &&
              (!r->s3->ca_path || curl_easy_setopt(curl, CURLOPT_CAINFO, r->s3->ca_path) == CURLE_OK);
    if (user.data) {
        explicit_bzero(user.data, user.len);
    }
    host_buf_free(&signer);
    host_buf_free(&user);
    return ok;
}

static enum srv_s3_result explain_status(const struct request *r, char *err, size_t err_size)
{
    char reason[512];
    srv_s3_error_parse(r->answer.data ? (const char *)r->answer.data : "", r->answer.len, reason,
                       sizeof reason);
    snprintf(err, err_size, SRV_S3_URI_SCHEME "%s/%s: the store answered %ld%s%s", r->uri->bucket,
             r->uri->key, r->status, *reason ? ", " : "", reason);
    return r->status == 404                       ? SRV_S3_NOT_FOUND
           : r->status >= 500 || r->status == 429 ? SRV_S3_DOWN
                                                  : SRV_S3_REFUSED;
}

static enum srv_s3_result explain_curl(const struct request *r, CURLcode code, const char *curl_error,
                                       char *err, size_t err_size)
{
    const char *where = r->s3->endpoint ? r->s3->endpoint : "Amazon S3";
    if (r->write_failed) {
        snprintf(err, err_size, SRV_S3_URI_SCHEME "%s/%s: writing what was received: %s", r->uri->bucket,
                 r->uri->key, strerror(errno));
        return SRV_S3_REFUSED;
    }
    snprintf(err, err_size, "%s: %s", where, *curl_error ? curl_error : curl_easy_strerror(code));
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return SRV_S3_REFUSED;
    default:
        return SRV_S3_DOWN;
    }
}

static enum srv_s3_result attempt(struct request *r, const char *url, char *err, size_t err_size)
{
    char curl_error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    enum srv_s3_result result;
    host_buf_free(&r->answer);
    host_buf_init(&r->answer, ANSWER_MAX);
    r->sent = 0;
    r->status = 0;
    r->curl = curl_easy_init();
    if (!r->curl || !add_headers(r, &headers) || !set_up(r, r->curl, url, headers, curl_error)) {
        snprintf(err, err_size, "the request to the S3 store could not be put together");
        result = SRV_S3_REFUSED;
    } else {
        CURLcode code = curl_easy_perform(r->curl);
        curl_off_t len = 0;
        (void)curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &r->status);
        if (curl_easy_getinfo(r->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len) == CURLE_OK && len > 0) {
            r->answer_len = (uint64_t)len;
        }
        /* A store that refuses in mid-upload may close before all is sent; its reason counts. */
        if (r->status >= 300) {
            result = explain_status(r, err, err_size);
        } else if (code != CURLE_OK) {
            result = explain_curl(r, code, curl_error, err, err_size);
        } else {
            result = SRV_S3_OK;
        }
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(r->curl);
    return result;
}

static enum srv_s3_result perform(struct request *r, char *err, size_t err_size)
{
    struct host_buf url;
    enum srv_s3_result result = SRV_S3_REFUSED;
    host_buf_init(&url, 32u * 1024u);
    host_buf_init(&r->answer, ANSWER_MAX);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !make_url(r, &url)) {
        snprintf(err, err_size, "the request to the S3 store could not be put together");
    } else {
        for (int n = 1;; n++) {
            result = attempt(r, (const char *)url.data, err, err_size);
            /* What a download has written can't be taken back. */
            if (result != SRV_S3_DOWN || n == ATTEMPTS || r->out_fd >= 0) {
                break;
            }
            host_log(HOST_LOG_WARN, "s3_again", "reason", err, NULL);
            nanosleep(&(struct timespec){.tv_nsec = 300000000 * n}, NULL);
        }
    }
    host_buf_free(&url);
    return result;
}

/* --- Public ---------------------------------------------------------------- */

/* Send it, drop the answer. */
static enum srv_s3_result finish(struct request *r, char *err, size_t err_size)
{
    enum srv_s3_result result = perform(r, err, err_size);
    host_buf_free(&r->answer);
    return result;
}

enum srv_s3_result srv_s3_put_fd(const struct srv_s3 *s3, const struct srv_s3_uri *uri, int fd, uint64_t len,
                                 const char *sha256_hex, const char *content_type,
                                 const struct srv_s3_progress *progress, char *err, size_t err_size)
{
    struct request r = {.s3 = s3,
                        .uri = uri,
                        .method = "PUT",
                        .sha256_hex = sha256_hex,
                        .fd = fd,
                        .len = len,
                        .content_type = content_type,
                        .progress = progress,
                        .out_fd = -1};
    return finish(&r, err, err_size);
}

enum srv_s3_result srv_s3_put(const struct srv_s3 *s3, const struct srv_s3_uri *uri, const void *data,
                              size_t len, const char *content_type, const struct srv_s3_progress *progress,
                              char *err, size_t err_size)
{
    uint8_t digest[32];
    char hex[65];
    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        snprintf(err, err_size, "the hash failed");
        return SRV_S3_REFUSED;
    }
    host_hex_print(digest, sizeof digest, hex);
    struct request r = {.s3 = s3,
                        .uri = uri,
                        .method = "PUT",
                        .sha256_hex = hex,
                        .data = data,
                        .len = len,
                        .content_type = content_type,
                        .progress = progress,
                        .out_fd = -1};
    return finish(&r, err, err_size);
}

enum srv_s3_result srv_s3_get_fd(const struct srv_s3 *s3, const struct srv_s3_uri *uri, int fd,
                                 const struct srv_s3_progress *progress, char *err, size_t err_size)
{
    struct request r = {.s3 = s3,
                        .uri = uri,
                        .method = "GET",
                        .sha256_hex = EMPTY_SHA256,
                        .progress = progress,
                        .out_fd = fd};
    return finish(&r, err, err_size);
}

enum srv_s3_result srv_s3_head(const struct srv_s3 *s3, const struct srv_s3_uri *uri, uint64_t *size,
                               char *err, size_t err_size)
{
    struct request r = {.s3 = s3, .uri = uri, .method = "HEAD", .sha256_hex = EMPTY_SHA256, .out_fd = -1};
    enum srv_s3_result result = perform(&r, err, err_size);
    *size = r.answer_len;
    host_buf_free(&r.answer);
    return result;
}

enum srv_s3_result srv_s3_delete(const struct srv_s3 *s3, const struct srv_s3_uri *uri, char *err,
                                 size_t err_size)
{
    struct request r = {.s3 = s3, .uri = uri, .method = "DELETE", .sha256_hex = EMPTY_SHA256, .out_fd = -1};
    return finish(&r, err, err_size);
}

/* One page: parameters in the order of their names. */
static enum srv_s3_result list_page(const struct srv_s3 *s3, const struct srv_s3_uri *bucket,
                                    const char *prefix, struct srv_s3_page *page, char *err, size_t err_size)
{
    struct host_buf query;
    struct request r = {.s3 = s3, .uri = bucket, .method = "GET", .sha256_hex = EMPTY_SHA256, .out_fd = -1};
    enum srv_s3_result result = SRV_S3_REFUSED;
    host_buf_init(&query, 16u * 1024u);
    bool ok = (!page->continuation ||
               (host_buf_printf(&query, "continuation-token=") &&
                srv_s3_encode(&query, page->continuation, false) && host_buf_printf(&query, "&"))) &&
              host_buf_printf(&query, "list-type=2&prefix=") && srv_s3_encode(&query, prefix, false);
    free(page->continuation);
    page->continuation = NULL;
    if (!ok) {
        snprintf(err, err_size, "the request to the S3 store could not be put together");
    } else {
        r.query = (const char *)query.data;
        result = perform(&r, err, err_size);
        if (result == SRV_S3_OK &&
            !srv_s3_page_parse(r.answer.data ? (const char *)r.answer.data : "", r.answer.len, page)) {
            snprintf(err, err_size, SRV_S3_URI_SCHEME "%s: the answer is not a listing", bucket->bucket);
            result = SRV_S3_REFUSED;
        }
    }
    host_buf_free(&query);
    host_buf_free(&r.answer);
    return result;
}

enum srv_s3_result srv_s3_list(const struct srv_s3 *s3, const struct srv_s3_uri *uri,
                               bool (*each)(void *ctx, const struct srv_s3_object *object), void *ctx,
                               char *err, size_t err_size)
{
    struct srv_s3_page page = {.each = each, .ctx = ctx};
    static char no_key[] = "";
    const struct srv_s3_uri bucket = {.bucket = uri->bucket, .key = no_key};
    enum srv_s3_result result;
    do {
        result = list_page(s3, &bucket, uri->key, &page, err, err_size);
    } while (result == SRV_S3_OK && page.continuation && !page.stopped);
    free(page.continuation);
    return result;
}
