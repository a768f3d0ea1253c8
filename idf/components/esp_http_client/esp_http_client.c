/* esp_http_client.c - the exchange: step by step, and in one go. */
#include "esp_http_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "esp_tls.h"
#include "http_client_priv.h"

ESP_EVENT_DEFINE_BASE(ESP_HTTP_CLIENT_EVENT);

#define EVENT_POST_TIMEOUT_MS 2000

static const char *const TAG = "HTTP_CLIENT";

/* ---- telling others ------------------------------------------------------ */

static void post_event(struct esp_http_client *client, esp_http_client_event_id_t id)
{
    const esp_http_client_on_data_t on_data = {client, client->ex.taken};
    const esp_http_client_redirect_event_data_t redirect = {client, client->ex.status};
    const void *data = &client;
    size_t size = sizeof client;

    if (id == HTTP_EVENT_ON_DATA) {
        data = &on_data;
        size = sizeof on_data;
    } else if (id == HTTP_EVENT_REDIRECT) {
        data = &redirect;
        size = sizeof redirect;
    }
    esp_err_t err =
        esp_event_post(ESP_HTTP_CLIENT_EVENT, (int32_t)id, data, size, pdMS_TO_TICKS(EVENT_POST_TIMEOUT_MS));
    if (err != ESP_OK && err != ESP_ERR_INVALID_STATE) { /* no default loop: nobody asked */
        ESP_LOGE(TAG, "event %d was not posted: %s", (int)id, esp_err_to_name(err));
    }
}

static void give_event(struct esp_http_client *client, esp_http_client_event_id_t id, void *data, int len,
                       struct http_header *header)
{
    if (client->event_handler != NULL) {
        esp_http_client_event_t event = {
            .event_id = id,
            .client = client,
            .data = data,
            .data_len = len,
            .user_data = client->user_data,
            .header_key = header != NULL ? header->name : NULL,
            .header_value = header != NULL ? header->value : NULL,
        };
        (void)client->event_handler(&event);
    }
    post_event(client, id);
}

static void simple_event(struct esp_http_client *client, esp_http_client_event_id_t id)
{
    bool with_error = id == HTTP_EVENT_ERROR || id == HTTP_EVENT_DISCONNECTED;
    give_event(client, id, with_error ? &client->tls_error : NULL, 0, NULL);
}

/* Report `err`, which ends the exchange. */
static esp_err_t failed(struct esp_http_client *client, esp_err_t err)
{
    if (client->ex.done && client->ex.result != CURLE_OK) {
        http_exchange_last_error(&client->ex, &client->tls_error, &client->last_errno);
        const char *text =
            client->ex.error[0] != '\0' ? client->ex.error : curl_easy_strerror(client->ex.result);
        ESP_LOGE(TAG, "%s: %s", client->url.host, text);
    }
    simple_event(client, HTTP_EVENT_ERROR);
    return err;
}

/* ---- sending a request --------------------------------------------------- */

static bool sends_length_anyway(esp_http_client_method_t method)
{
    return method != HTTP_METHOD_GET && method != HTTP_METHOD_HEAD && method != HTTP_METHOD_DELETE;
}

static esp_err_t set_authorization(struct esp_http_client *client, const char *uri)
{
    if (client->username == NULL || client->auth_type == HTTP_AUTH_TYPE_NONE) {
        return ESP_OK;
    }
    if (client->auth_type == HTTP_AUTH_TYPE_DIGEST && client->challenge.nonce == NULL) {
        return ESP_OK; /* the server's 401 brings the nonce */
    }
    char *value = http_authorization(&client->challenge, client->auth_type, client->username,
                                     client->password != NULL ? client->password : "",
                                     http_client_method_name(client->method), uri);
    if (value == NULL) {
        return ESP_ERR_NO_MEM;
    }
    esp_err_t err = http_headers_set(&client->headers, "Authorization", value);
    free(value);
    return err;
}

/*
 * On a chip the request line and each header must fit the transmit buffer; a
 * firmware whose buffer is too small for its long URL must fail here too, not
 * only in the field.
 */
static esp_err_t check_buffer(const struct esp_http_client *client, const char *uri)
{
    size_t size = (size_t)client->buffer_size_tx;
    size_t line = strlen(http_client_method_name(client->method)) + strlen(uri) + strlen("  HTTP/1.1\r\n");

    if (line >= size) {
        ESP_LOGE(TAG, "the request line needs %zu bytes, buffer_size_tx is %zu", line, size);
        return ESP_FAIL;
    }
    for (size_t i = 0; i < client->headers.n; i++) {
        const struct http_header *header = &client->headers.items[i];
        size_t len = strlen(header->name) + strlen(header->value) + strlen(": \r\n\r\n");
        if ((i == 0 ? line : 0) + len >= size) {
            ESP_LOGE(TAG, "header %s does not fit buffer_size_tx, %zu bytes", header->name, size);
            return ESP_ERR_HTTP_HEADER_TOO_LONG;
        }
    }
    return ESP_OK;
}

static esp_err_t check_transport(struct esp_http_client *client)
{
    esp_http_client_transport_t type = esp_http_client_get_transport_type(client);

    if (type == HTTP_TRANSPORT_UNKNOWN) {
        ESP_LOGE(TAG, "neither http nor https: %s", client->url.scheme);
        return ESP_ERR_HTTP_INVALID_TRANSPORT;
    }
    if (type == HTTP_TRANSPORT_OVER_SSL && !client->trusted) {
        ESP_LOGE(TAG, "https, but nothing is configured to verify the server with");
        client->tls_error.last_error = ESP_ERR_MBEDTLS_SSL_SETUP_FAILED;
        return ESP_ERR_HTTP_CONNECT;
    }
    return ESP_OK;
}

/* Hand the request to libcurl. */
static esp_err_t start(struct esp_http_client *client, int write_len)
{
    char *uri = NULL, *url = NULL, *connect_to = NULL;
    const struct http_url *to = &client->url;
    bool other_name = client->common_name != NULL && http_url_is_tls(to);

    client->last_errno = 0;
    memset(&client->tls_error, 0, sizeof client->tls_error);
    esp_err_t err = check_transport(client);
    if (err != ESP_OK) {
        return err;
    }
    err = ESP_ERR_NO_MEM;
    if (asprintf(&uri, "%s%s%s", to->path, to->query != NULL ? "?" : "", to->query != NULL ? to->query : "") <
        0) {
        return err;
    }
    /* TLS checks the name in the URL; the connection still goes to the host. */
    url = http_url_text(to, other_name ? client->common_name : NULL);
    if (url == NULL || (other_name && asprintf(&connect_to, "::%s:%d", to->host, to->port) < 0) ||
        set_authorization(client, uri) != ESP_OK) {
        goto out;
    }
    if (write_len == 0 && sends_length_anyway(client->method) &&
        http_headers_set(&client->headers, "Content-Length", "0") != ESP_OK) {
        goto out;
    }
    if (write_len != 0 || !sends_length_anyway(client->method)) {
        http_headers_delete(&client->headers, "Content-Length");
    }
    err = check_buffer(client, uri);
    if (err != ESP_OK) {
        goto out;
    }
    const struct http_request request = {
        .method = http_client_method_name(client->method),
        .url = url,
        .connect_to = connect_to,
        .headers = &client->headers,
        .has_body = write_len != 0,
        .body_len = write_len,
        .timeout_ms = client->timeout_ms,
    };
    err = http_exchange_start(&client->ex, &request);
    if (err == ESP_OK) {
        client->state = HTTP_STATE_CONNECTING;
        client->body_left = write_len;
        client->in_chunk = false;
        client->again = false;
    }
out:
    free(connect_to);
    free(url);
    free(uri);
    return err;
}

/* Wait until the headers are out. ESP_ERR_HTTP_CONNECTING, ESP_ERR_HTTP_EAGAIN: is_async, not yet. */
static esp_err_t finish_sending(struct esp_http_client *client)
{
    struct http_exchange *ex = &client->ex;
    enum http_wait wait = http_exchange_wait_sent(ex, client->is_async ? 0 : client->timeout_ms);

    if (ex->connected && client->state == HTTP_STATE_CONNECTING) {
        client->state = HTTP_STATE_CONNECTED;
        if (ex->new_connected) {
            if (client->is_connected) { /* the kept one was of no use any more */
                simple_event(client, HTTP_EVENT_DISCONNECTED);
            }
            client->is_connected = true;
            simple_event(client, HTTP_EVENT_ON_CONNECTED);
        }
    }
    if (ex->sent) {
        client->state = HTTP_STATE_REQ_COMPLETE_HEADER;
        simple_event(client, HTTP_EVENT_HEADERS_SENT);
        return ESP_OK;
    }
    if (wait == HTTP_WAIT_TIMEOUT && client->is_async) {
        return ex->connected ? ESP_ERR_HTTP_EAGAIN : ESP_ERR_HTTP_CONNECTING;
    }
    esp_err_t err = failed(client, ex->connected ? ESP_ERR_HTTP_WRITE_DATA : ESP_ERR_HTTP_CONNECT);
    (void)esp_http_client_close(client);
    return err;
}

/* ---- step by step -------------------------------------------------------- */

esp_err_t esp_http_client_open(esp_http_client_handle_t client, int write_len)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    client->performing = false;
    esp_err_t err = start(client, write_len);
    return err == ESP_OK ? finish_sending(client) : failed(client, err);
}

esp_err_t esp_http_client_prepare(esp_http_client_handle_t client)
{
    return client != NULL ? ESP_OK : ESP_ERR_INVALID_ARG; /* each request starts afresh anyway */
}

esp_err_t esp_http_client_request_send(esp_http_client_handle_t client, int write_len)
{
    return esp_http_client_open(client, write_len);
}

int esp_http_client_write(esp_http_client_handle_t client, const char *buffer, int len)
{
    if (client == NULL || buffer == NULL || len < 0 || client->state < HTTP_STATE_REQ_COMPLETE_HEADER) {
        return -1;
    }
    if (client->body_left >= 0 ? len > client->body_left : !client->in_chunk) {
        ESP_LOGE(TAG, "%s",
                 client->body_left >= 0 ? "more body than esp_http_client_open() was told"
                                        : "no esp_http_client_chunk_write_begin()");
        return -1;
    }
    if (!http_exchange_write(&client->ex, buffer, (size_t)len, client->timeout_ms)) {
        return -1;
    }
    if (client->body_left > 0) {
        client->body_left -= len;
    }
    return len;
}

int esp_http_client_chunk_write_begin(esp_http_client_handle_t client, const int len)
{
    if (client == NULL || len <= 0 || client->state < HTTP_STATE_REQ_COMPLETE_HEADER ||
        client->body_left >= 0) {
        return -1;
    }
    client->in_chunk = true; /* libcurl writes the chunk sizes */
    return ESP_OK;
}

int esp_http_client_chunk_write_end(esp_http_client_handle_t client, bool last_chunk)
{
    if (client == NULL || client->state < HTTP_STATE_REQ_COMPLETE_HEADER || client->body_left >= 0) {
        return -1;
    }
    client->in_chunk = false;
    if (last_chunk) {
        http_exchange_write_end(&client->ex);
    }
    return ESP_OK;
}

static void give_headers(struct esp_http_client *client)
{
    struct http_exchange *ex = &client->ex;

    client->state = HTTP_STATE_RES_COMPLETE_HEADER;
    simple_event(client, HTTP_EVENT_ON_STATUS_CODE);
    for (size_t i = 0; i < ex->headers.n; i++) {
        give_event(client, HTTP_EVENT_ON_HEADER, NULL, 0, &ex->headers.items[i]);
    }
    simple_event(client, HTTP_EVENT_ON_HEADERS_COMPLETE);
    if (client->state == HTTP_STATE_RES_COMPLETE_HEADER) { /* no handler closed it */
        client->state = HTTP_STATE_RES_ON_DATA_START;
    }
    if (ex->status >= 200 && ex->status < 300) {
        client->redirects = 0;
        client->auth_retries = 0;
    }
}

int64_t esp_http_client_fetch_headers(esp_http_client_handle_t client)
{
    if (client == NULL || client->state < HTTP_STATE_REQ_COMPLETE_HEADER) {
        return ESP_FAIL;
    }
    struct http_exchange *ex = &client->ex;
    if (client->state < HTTP_STATE_RES_COMPLETE_HEADER) {
        client->state = HTTP_STATE_REQ_COMPLETE_DATA;
        enum http_wait wait = http_exchange_wait_headers(ex, client->is_async ? 0 : client->timeout_ms);
        if (wait == HTTP_WAIT_TIMEOUT) {
            client->last_errno = EAGAIN;
            return -ESP_ERR_HTTP_EAGAIN;
        }
        if (!ex->has_headers) {
            return failed(client, ESP_FAIL);
        }
        give_headers(client);
    }
    return ex->content_length > 0 ? ex->content_length : 0;
}

/*
 * The next slice of the body: at most `max` bytes and at most buffer_size. Returns its length; 0 at the
 * end; -1 failed; -ESP_ERR_HTTP_EAGAIN.
 */
static int next_slice(struct esp_http_client *client, size_t max, const char **data)
{
    struct http_exchange *ex = &client->ex;

    if (http_exchange_complete(ex)) {
        return 0;
    }
    if (http_exchange_wait_piece(ex, client->is_async ? 0 : client->timeout_ms) == HTTP_WAIT_TIMEOUT) {
        client->last_errno = EAGAIN;
        return -ESP_ERR_HTTP_EAGAIN;
    }
    size_t limit = (size_t)client->buffer_size;
    size_t n = http_exchange_take(ex, max < limit ? max : limit, data);
    if (n > 0) {
        give_event(client, HTTP_EVENT_ON_DATA, (void *)(uintptr_t)*data, (int)n, NULL);
        return (int)n;
    }
    return http_exchange_complete(ex) ? 0 : ESP_FAIL;
}

int esp_http_client_read(esp_http_client_handle_t client, char *buffer, int len)
{
    if (client == NULL || buffer == NULL || len < 0 || client->state < HTTP_STATE_RES_ON_DATA_START) {
        return ESP_FAIL;
    }
    int got = 0;
    while (got < len) {
        const char *data;
        int n = next_slice(client, (size_t)(len - got), &data);
        if (n > 0) {
            memcpy(buffer + got, data, (size_t)n);
            got += n;
            continue;
        }
        if (got > 0 || n != ESP_FAIL) {
            return got > 0 ? got : n;
        }
        return failed(client, ESP_FAIL);
    }
    return got;
}

int esp_http_client_read_response(esp_http_client_handle_t client, char *buffer, int len)
{
    int got = 0;

    while (got < len) {
        int n = esp_http_client_read(client, buffer + got, len - got);
        if (n <= 0) {
            break;
        }
        got += n;
    }
    return got;
}

esp_err_t esp_http_client_flush_response(esp_http_client_handle_t client, int *len)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    int dropped = 0, n = ESP_FAIL;
    if (client->state >= HTTP_STATE_RES_ON_DATA_START) {
        const char *data;
        while ((n = next_slice(client, SIZE_MAX, &data)) > 0) {
            dropped += n;
        }
    }
    if (n < 0) {
        return ESP_FAIL;
    }
    if (len != NULL) {
        *len = dropped;
    }
    return ESP_OK;
}

esp_err_t esp_http_client_clear_response_buffer(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    const char *data;
    (void)http_exchange_take(&client->ex, SIZE_MAX, &data);
    return ESP_OK;
}

esp_err_t esp_http_client_close(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_FAIL;
    }
    http_exchange_close(&client->ex);
    client->performing = false;
    if (client->state > HTTP_STATE_INIT) {
        client->state = HTTP_STATE_INIT;
    }
    if (client->is_connected) {
        client->is_connected = false;
        simple_event(client, HTTP_EVENT_DISCONNECTED);
    }
    return ESP_OK;
}

esp_err_t esp_http_client_cancel_request(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (client->state < HTTP_STATE_CONNECTED) {
        return ESP_ERR_INVALID_STATE;
    }
    return esp_http_client_close(client);
}

/* ---- in one go ----------------------------------------------------------- */

/* What a redirect or a 401 asks of perform. */
static esp_err_t act_on_status(struct esp_http_client *client)
{
    esp_err_t err = ESP_OK;

    switch (client->ex.status) {
    case HttpStatus_MovedPermanently:
    case HttpStatus_Found:
    case HttpStatus_SeeOther:
    case HttpStatus_TemporaryRedirect:
    case HttpStatus_PermanentRedirect:
        if (client->disable_auto_redirect) {
            simple_event(client, HTTP_EVENT_REDIRECT); /* its handler may call set_redirection */
            return ESP_OK;
        }
        post_event(client, HTTP_EVENT_REDIRECT);
        err = esp_http_client_set_redirection(client);
        if (err != ESP_OK && err != ESP_ERR_HTTP_MAX_REDIRECT && err != ESP_ERR_HTTP_REDIRECT_DOWNGRADE) {
            err = ESP_FAIL;
        }
        return err;
    case HttpStatus_Unauthorized:
        (void)esp_http_client_add_auth(client); /* if it can't, the caller sees the 401 */
        return ESP_OK;
    default:
        return ESP_OK;
    }
}

static esp_err_t perform_send_body(struct esp_http_client *client)
{
    bool ok = client->post_len == 0 ||
              esp_http_client_write(client, client->post_data, client->post_len) == client->post_len;

    /* A server may answer, say 413, before it has read everything. */
    return ok || client->ex.has_headers ? ESP_OK : ESP_ERR_HTTP_WRITE_DATA;
}

static esp_err_t perform_headers(struct esp_http_client *client)
{
    int64_t length = esp_http_client_fetch_headers(client);

    if (length >= 0) {
        esp_err_t err = act_on_status(client);
        return err == ESP_OK ? ESP_OK : failed(client, err);
    }
    if (length == -ESP_ERR_HTTP_EAGAIN) {
        return ESP_ERR_HTTP_EAGAIN;
    }
    return client->last_errno == ENOTCONN || client->ex.result == CURLE_RECV_ERROR
               ? ESP_ERR_HTTP_CONNECTION_CLOSED
               : ESP_ERR_HTTP_FETCH_HEADER;
}

static esp_err_t perform_body(struct esp_http_client *client)
{
    const char *data;
    int n = 0;

    /* Following a redirect to another host has closed this exchange: nothing is left to read. */
    while (client->state == HTTP_STATE_RES_ON_DATA_START && (n = next_slice(client, SIZE_MAX, &data)) > 0) {
    }
    if (n == -ESP_ERR_HTTP_EAGAIN) {
        return client->is_async ? ESP_ERR_HTTP_EAGAIN : failed(client, ESP_ERR_HTTP_READ_TIMEOUT);
    }
    return n < 0 ? failed(client, ESP_ERR_HTTP_INCOMPLETE_DATA) : ESP_OK;
}

/* From wherever the exchange has got to, to its end. ESP_ERR_HTTP_EAGAIN: call again. */
static esp_err_t perform_rest(struct esp_http_client *client)
{
    esp_err_t err = ESP_OK;

    if (client->state < HTTP_STATE_REQ_COMPLETE_HEADER) {
        err = finish_sending(client);
        if (err != ESP_OK) {
            return err == ESP_ERR_HTTP_CONNECTING ? ESP_ERR_HTTP_EAGAIN : err;
        }
    }
    if (client->state == HTTP_STATE_REQ_COMPLETE_HEADER) {
        err = perform_send_body(client);
        if (err != ESP_OK) {
            return failed(client, err);
        }
        client->state = HTTP_STATE_REQ_COMPLETE_DATA;
    }
    if (client->state == HTTP_STATE_REQ_COMPLETE_DATA) {
        err = perform_headers(client);
        if (err != ESP_OK) {
            return err;
        }
    }
    err = perform_body(client);
    if (err != ESP_OK) {
        return err;
    }
    simple_event(client, HTTP_EVENT_ON_FINISH);
    if (!http_exchange_persistent(&client->ex)) {
        (void)esp_http_client_close(client);
    } else if (client->state > HTTP_STATE_CONNECTED) {
        client->state = HTTP_STATE_CONNECTED;
    }
    return ESP_OK;
}

esp_err_t esp_http_client_perform(esp_http_client_handle_t client)
{
    esp_err_t err;

    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    do {
        if (!client->performing) {
            err = start(client, client->post_len);
            if (err != ESP_OK) {
                return failed(client, err);
            }
            client->performing = true;
        }
        err = perform_rest(client);
        if (err == ESP_ERR_HTTP_EAGAIN) {
            return err;
        }
        client->performing = false;
    } while (err == ESP_OK && client->again);
    if (err != ESP_OK) {
        (void)esp_http_client_close(client);
    }
    return err;
}
