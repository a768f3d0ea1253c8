/*
 * client.c - publishing, and asking, by libcurl.
 */
#include "server/client.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/file.h"
#include "host/log.h"

#define ATTEMPTS            3
#define ANSWER_MAX          (4096u * 1024u)
#define CONNECT_TIMEOUT_SEC 10L
#define STALL_TIMEOUT_SEC   60L

struct transfer {
    const struct srv_upload_request *request; /* without an image it asks only */
    struct host_buf url;
    struct host_buf answer;
};

static size_t on_answer(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    return host_buf_append(&t->answer, data, size * n) ? size * n : 0;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total;
    const struct transfer *t = ctx;
    if (t->request->progress) {
        t->request->progress(t->request->progress_ctx, (uint64_t)up);
    }
    return 0;
}

/* Append "&name=value", value escaped. */
static bool add_query(CURL *curl, struct host_buf *url, const char *name, const char *value)
{
    char *escaped = curl_easy_escape(curl, value, 0);
    const char *separator = strchr((const char *)url->data, '?') ? "&" : "?";
    bool ok = escaped && host_buf_printf(url, "%s%s=%s", separator, name, escaped);
    curl_free(escaped);
    return ok;
}

static bool add_path(struct host_buf *url, const char *server, const char *path)
{
    size_t len = strlen(server);
    while (len && server[len - 1] == '/') {
        len--;
    }
    return host_buf_printf(url, "%.*s%s", (int)len, server, path);
}

/* What publishing and the question before it have in common. */
static bool add_product(CURL *curl, const struct srv_upload_request *r, const char *version, const char *what,
                        struct host_buf *url)
{
    char *product = curl_easy_escape(curl, r->product, 0);
    bool ok = product && add_path(url, r->server, "/v1/products/") &&
              host_buf_printf(url, "%s/%s", product, what) &&
              (!r->mandatory || add_query(curl, url, "mandatory", "true")) &&
              (!r->confirm || add_query(curl, url, "confirm", "true")) &&
              (!version || add_query(curl, url, "version", version)) &&
              (!r->notes || add_query(curl, url, "notes", r->notes));
    curl_free(product);
    return ok;
}

static bool add_claim(CURL *curl, const struct srv_upload_claim *claim, struct host_buf *url)
{
    char number[16], signers[SRV_SIGNERS_TEXT];
    snprintf(number, sizeof number, "%lu", (unsigned long)claim->secure_version);
    bool ok = add_query(curl, url, "chip", claim->chip) && add_query(curl, url, "secure_version", number) &&
              add_query(curl, url, "sha256", claim->sha256);
    srv_signers_write(&claim->signers, signers);
    return ok && (!*signers || add_query(curl, url, "signers", signers));
}

static struct curl_slist *make_headers(const char *token)
{
    struct host_buf line;
    host_buf_init(&line, 4096);
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    if (list && host_buf_printf(&line, "Authorization: Bearer %s", token)) {
        struct curl_slist *longer = curl_slist_append(list, (const char *)line.data);
        if (longer) {
            host_buf_free(&line);
            return longer;
        }
    }
    curl_slist_free_all(list);
    host_buf_free(&line);
    return NULL;
}

static bool set_up(CURL *curl, struct transfer *t, struct curl_slist *headers, char *curl_error)
{
    const struct srv_upload_request *r = t->request;
    return curl_easy_setopt(curl, CURLOPT_URL, t->url.data) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           (!r->image ||
            (curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->image) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len) == CURLE_OK)) &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_SEC) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, curl_error) == CURLE_OK &&
           (!r->ca_path || curl_easy_setopt(curl, CURLOPT_CAINFO, r->ca_path) == CURLE_OK);
}

/* Might the same request succeed a moment later? */
static bool is_passing(CURLcode code, long status)
{
    switch (code) {
    case CURLE_OK:
        return status == 502 || status == 503 || status == 504;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return true;
    default:
        return false;
    }
}

static void explain_curl(const struct srv_upload_request *r, CURLcode code, const char *curl_error, char *err,
                         size_t err_size)
{
    const char *why = curl_error[0] ? curl_error : curl_easy_strerror(code);
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        snprintf(err, err_size,
                 "%s: its certificate is not trusted (%s); give the server's cert.pem with --ca", r->server,
                 why);
    } else if (code == CURLE_SSL_CACERT_BADFILE) {
        snprintf(err, err_size, "%s: not a file of PEM certificates", r->ca_path ? r->ca_path : "CA store");
    } else if (code == CURLE_UNSUPPORTED_PROTOCOL) {
        snprintf(err, err_size, "%s: the server's address must begin with https://", r->server);
    } else {
        snprintf(err, err_size, "%s: %s", r->server, why);
    }
}

static void explain_answer(const struct srv_upload_request *r, long status, const char *text,
                           struct srv_upload_answer *out, char *err, size_t err_size)
{
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "code"));
    out->unconfirmed = code && strcmp(code, "needs_confirmation") == 0;
    if (message) {
        snprintf(err, err_size, "%s refused: %s", r->server, message);
    } else {
        snprintf(err, err_size, "%s answered %ld, and not as an airlift server does", r->server, status);
    }
    cJSON_Delete(json);
}

/* One attempt after the other. Returns 0, or -1 with err. */
static int perform(CURL *curl, struct transfer *t, const char *curl_error, struct srv_upload_answer *out,
                   char *err, size_t err_size)
{
    const struct srv_upload_request *r = t->request;
    for (int attempt = 1;; attempt++) {
        host_buf_free(&t->answer);
        host_buf_init(&t->answer, ANSWER_MAX);
        CURLcode code = curl_easy_perform(curl);
        long status = 0;
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && (status == 200 || status == 201) && t->answer.data) {
            out->created = status == 201;
            out->document = (char *)t->answer.data; /* passes to the caller */
            host_buf_init(&t->answer, ANSWER_MAX);
            return 0;
        }
        /* A server that refuses in mid-upload may close before all is sent; its reason counts. */
        if (status >= 400) {
            explain_answer(r, status, (const char *)t->answer.data, out, err, err_size);
            code = CURLE_OK;
        } else if (code == CURLE_OK) {
            explain_answer(r, status, NULL, out, err, err_size);
        } else {
            explain_curl(r, code, curl_error, err, err_size);
        }
        if (attempt == ATTEMPTS || !is_passing(code, status)) {
            return -1;
        }
        host_log(HOST_LOG_WARN, r->image ? "publish_again" : "ask_again", "reason", err, NULL);
        nanosleep(&(struct timespec){.tv_sec = attempt}, NULL);
    }
}

/* Begin: NULL when memory runs out. */
static CURL *start(struct transfer *t, const struct srv_upload_request *request)
{
    *t = (struct transfer){.request = request};
    host_buf_init(&t->url, 32u * 1024u);
    host_buf_init(&t->answer, ANSWER_MAX);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
}

/* Send it and end; `ready`: the address is whole. */
static int finish(CURL *curl, struct transfer *t, bool ready, struct srv_upload_answer *out, char *err,
                  size_t err_size)
{
    char curl_error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = ready ? make_headers(t->request->token) : NULL;
    int result = -1;
    if (!headers || !set_up(curl, t, headers, curl_error)) {
        snprintf(err, err_size, "%s: the request could not be put together", t->request->server);
    } else {
        result = perform(curl, t, curl_error, out, err, err_size);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    host_buf_free(&t->url);
    host_buf_free(&t->answer);
    return result;
}

int srv_client_publish(const struct srv_upload_request *request, struct srv_upload_answer *out, char *err,
                       size_t err_size)
{
    struct transfer t;
    CURL *curl = start(&t, request);
    bool ready = curl && add_product(curl, request, request->version, "releases", &t.url);
    return finish(curl, &t, ready, out, err, err_size);
}

int srv_client_check(const struct srv_upload_request *request, const struct srv_upload_claim *claim,
                     struct srv_upload_answer *out, char *err, size_t err_size)
{
    struct transfer t;
    struct srv_upload_request question = *request;
    question.image = NULL;
    question.progress = NULL;
    CURL *curl = start(&t, &question);
    bool ready =
        curl && add_product(curl, request, claim->version, "check", &t.url) && add_claim(curl, claim, &t.url);
    return finish(curl, &t, ready, out, err, err_size);
}

int srv_client_get(const char *server, const char *ca_path, const char *token, const char *path,
                   char **document, char *err, size_t err_size)
{
    const struct srv_upload_request request = {.server = server, .ca_path = ca_path, .token = token};
    struct srv_upload_answer answer = {0};
    struct transfer t;
    CURL *curl = start(&t, &request);
    int result = finish(curl, &t, curl && add_path(&t.url, server, path), &answer, err, err_size);
    *document = answer.document;
    return result;
}
