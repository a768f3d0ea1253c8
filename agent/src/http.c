#include "agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "esp_timer.h"

#include "url.h"

#define MAX_REDIRECTS  10u
#define RX_BUFFER_SIZE 2048
#define TX_BUFFER_SIZE ((int)AIRLIFT_MAX_URL + 512) /* the request line carries the URL */

/* Keep the two response headers that matter. One that is too long counts as absent. */
static esp_err_t on_http_event(esp_http_client_event_t *event)
{
    struct agent_http *http = event->user_data;

    if (event->event_id != HTTP_EVENT_ON_HEADER) {
        return ESP_OK;
    }
    const size_t len = strlen(event->header_value);

    if (strcasecmp(event->header_key, "ETag") == 0 && len < sizeof(http->etag)) {
        strcpy(http->etag, event->header_value);
    } else if (strcasecmp(event->header_key, "Content-Range") == 0 && len < sizeof(http->content_range)) {
        strcpy(http->content_range, event->header_value);
    }
    return ESP_OK;
}

/* What a server needs to know to offer a patch that serves. Others ignore it. */
static esp_err_t set_running(esp_http_client_handle_t client, const struct agent_running *running)
{
    char text[2 * AL_SHA256_SIZE + 1];

    for (unsigned i = 0; i < AL_SHA256_SIZE; i++) {
        snprintf(text + 2 * i, 3, "%02x", (unsigned)running->file.sha256[i]);
    }
    esp_err_t err = ESP_OK;
    if (running->file.size != 0) {
        err = esp_http_client_set_header(client, "Airlift-Running", text);
    }
    if (err == ESP_OK) {
        err = esp_http_client_set_header(client, "Airlift-Patch-Formats", running->formats);
    }
    snprintf(text, sizeof(text), "%" PRIu32, running->ram);
    return err == ESP_OK ? esp_http_client_set_header(client, "Airlift-Patch-RAM", text) : err;
}

static esp_err_t set_headers(esp_http_client_handle_t client, const struct agent_request *r)
{
    char range[sizeof("bytes=4294967295-4294967295")];
    esp_err_t err = ESP_OK;

    if (r->authorization != NULL) {
        err = esp_http_client_set_header(client, "Authorization", r->authorization);
    }
    if (err == ESP_OK && (r->from > 0 || r->count > 0)) {
        if (r->count > 0) {
            snprintf(range, sizeof(range), "bytes=%" PRIu32 "-%" PRIu32, r->from, r->from + r->count - 1);
        } else {
            snprintf(range, sizeof(range), "bytes=%" PRIu32 "-", r->from);
        }
        err = esp_http_client_set_header(client, "Range", range);
    }
    if (err == ESP_OK && r->running != NULL) {
        err = set_running(client, r->running);
    }
    if (err == ESP_OK && r->device != NULL) {
        err = esp_http_client_set_header(client, "Airlift-Device", r->device);
    }
    if (err == ESP_OK && r->device != NULL && r->version[0] != '\0') {
        err = esp_http_client_set_header(client, "Airlift-Version", r->version);
    }
    if (err == ESP_OK && r->failed != AIRLIFT_FAIL_NONE) {
        err = esp_http_client_set_header(client, "Airlift-Failure", airlift_fail_name(r->failed));
    }
    if (err == ESP_OK && r->from > 0 && r->if_range[0] != '\0') {
        err = esp_http_client_set_header(client, "If-Range", r->if_range);
    }
    return err;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Make the answer's Location the URL of the next request. */
static airlift_fail_t follow(struct agent *a, unsigned redirects)
{
    esp_http_client_handle_t client = a->http.client;
    char url[sizeof("https://x")];

    if (redirects > MAX_REDIRECTS) {
        return agent_fail(a, AIRLIFT_FAIL_URL, "more than %u redirects", MAX_REDIRECTS);
    }
    esp_err_t err = esp_http_client_set_redirection(client);
    if (err == ESP_OK) {
        err = esp_http_client_get_url(client, url, sizeof(url));
    }
    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_URL, "redirected, but not to a URL that may be followed (%s)",
                          esp_err_to_name(err));
    }
    if (!a->config.allow_http && !agent_url_is_https(url)) {
        return agent_fail(a, AIRLIFT_FAIL_URL, "redirected to plain HTTP, which is not allowed");
    }
    /* A presigned URL is refused if it comes with another authorization, and a
     * foreign server shall not see ours. Not being there is no error to us. */
    (void)esp_http_client_delete_header(client, "Authorization");
    (void)esp_http_client_delete_header(client, "Airlift-Device");
    (void)esp_http_client_delete_header(client, "Airlift-Version");
    (void)esp_http_client_close(client);
    return AIRLIFT_FAIL_NONE;
}

/* One request and its headers. */
static airlift_fail_t ask(struct agent *a)
{
    struct agent_http *http = &a->http;

    http->etag[0] = '\0';
    http->content_range[0] = '\0';

    const esp_err_t err = esp_http_client_open(http->client, 0);
    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "no connection to the server%s (%s)",
                          err == ESP_ERR_HTTP_CONNECT ? ", or it is not to be trusted" : "",
                          esp_err_to_name(err));
    }
    const int64_t length = esp_http_client_fetch_headers(http->client);
    if (length == -ESP_ERR_HTTP_EAGAIN) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "the server did not answer within %" PRIu32 " s",
                          http->timeout_s);
    }
    if (length < 0) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "the server closed the connection without an answer");
    }
    http->content_length = length;
    http->status = esp_http_client_get_status_code(http->client);
    return AIRLIFT_FAIL_NONE;
}

/* --- Shared with the other files ------------------------------------------ */

airlift_fail_t agent_http_get(struct agent *a, const struct agent_request *request)
{
    const esp_http_client_config_t config = {
        .url = request->url,
        .cert_pem = a->config.cert_pem,
        .crt_bundle_attach = a->config.crt_bundle_attach,
        .timeout_ms = (int)(request->timeout_s * 1000),
        .event_handler = on_http_event,
        .user_data = &a->http,
        .buffer_size = RX_BUFFER_SIZE,
        .buffer_size_tx = TX_BUFFER_SIZE,
        .user_agent = "airlift",
    };

    agent_http_close(a);
    a->http.timeout_s = request->timeout_s;
    a->http.client = esp_http_client_init(&config);
    if (a->http.client == NULL) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "no HTTP client: out of memory, or a bad URL");
    }
    if (set_headers(a->http.client, request) != ESP_OK) {
        agent_http_close(a);
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "no HTTP request: out of memory");
    }

    airlift_fail_t fail = ask(a);

    for (unsigned n = 1; fail == AIRLIFT_FAIL_NONE && is_redirect(a->http.status); n++) {
        fail = follow(a, n);
        if (fail == AIRLIFT_FAIL_NONE) {
            fail = ask(a);
        }
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        agent_http_close(a);
    }
    return fail;
}

uint32_t agent_http_read(struct agent *a, void *buf, uint32_t len)
{
    const int64_t deadline = esp_timer_get_time() + 2 * 1000000 * (int64_t)a->http.timeout_s;
    uint32_t got = 0;

    /* The deadline is for a server that sends a byte now and then: never silent, never done. */
    while (got < len && esp_timer_get_time() < deadline) {
        const int n = esp_http_client_read(a->http.client, (char *)buf + got, (int)(len - got));
        if (n <= 0) {
            break;
        }
        got += (uint32_t)n;
    }
    return got;
}

void agent_http_close(struct agent *a)
{
    if (a->http.client != NULL) {
        (void)esp_http_client_close(a->http.client);
        (void)esp_http_client_cleanup(a->http.client);
        a->http.client = NULL;
    }
}
