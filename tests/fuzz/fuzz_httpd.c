/*
 * Whatever a browser sends to firmware's HTTP server, in whatever pieces: each request is answered with whole
 * heads or ends the connection, handlers never get more than the body, and texts asked for are terminated.
 *
 * The first byte decides how the rest is cut into pieces.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "httpd.h"
#include "idf_runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t *input;
static size_t left, piece;
static bool is_at_head; /* the next thing sent must be an answer's begin */

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* ---- What the server calls beyond itself ------------------------------------------ */

void httpd_event(esp_http_server_event_id_t id, const void *data, size_t size)
{
    (void)id;
    (void)data;
    (void)size;
}

void httpd_wake(struct httpd_server *s)
{
    (void)s;
}

void idf_block_enter(void)
{
}

void idf_block_exit(void)
{
}

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    (void)level;
    (void)tag;
    (void)format;
}

uint32_t esp_log_timestamp(void)
{
    return 0;
}

const char *esp_err_to_name(esp_err_t code)
{
    (void)code;
    return "";
}

/* ---- The connection, and handlers -------------------------------------------------- */

static int give(httpd_handle_t hd, int fd, char *buf, size_t len, int flags)
{
    size_t n = len < piece ? len : piece;

    (void)hd;
    (void)fd;
    (void)flags;
    require(len > 0);
    n = n < left ? n : left;
    memcpy(buf, input, n);
    input += n;
    left -= n;
    return (int)n;
}

static int take(httpd_handle_t hd, int fd, const char *buf, size_t len, int flags)
{
    (void)hd;
    (void)fd;
    (void)flags;
    if (is_at_head) {
        require(len > 9 && memcmp(buf, "HTTP/1.1 ", 9) == 0);
        is_at_head = false;
    }
    return (int)len;
}

static esp_err_t look(httpd_req_t *r)
{
    char text[24], value[8];
    size_t size = sizeof value;
    uint64_t body = 0;
    int n;

    require(strlen(r->uri) <= r->content_len + HTTPD_MAX_URI_LEN);
    if (httpd_req_get_url_query_str(r, text, sizeof text) != ESP_ERR_NOT_FOUND) {
        require(strlen(text) < sizeof text);
        require(httpd_query_key_value(text, "a", value, sizeof value) != ESP_ERR_INVALID_ARG);
    }
    if (httpd_req_get_hdr_value_str(r, "X", text, sizeof text) == ESP_OK) {
        require(strlen(text) <= httpd_req_get_hdr_value_len(r, "X"));
    }
    (void)httpd_req_get_cookie_val(r, "id", value, &size);
    while ((n = httpd_req_recv(r, text, 1 + (size_t)r->uri[1] % sizeof text)) > 0) {
        body += (uint64_t)n;
    }
    require(body <= r->content_len && n == 0);
    return httpd_resp_sendstr(r, "seen");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    httpd_uri_t rows[] = {{.uri = "/*", .method = HTTP_POST, .handler = look},
                          {.uri = "/a/?*", .method = HTTP_ANY, .handler = look}};
    struct httpd_sess sess = {.fd = 0, .recv = give, .send = take};
    struct httpd_server server = {.config = HTTPD_DEFAULT_CONFIG(),
                                  .lock = PTHREAD_MUTEX_INITIALIZER,
                                  .sess = &sess,
                                  .uri = rows,
                                  .n_uris = 2};

    if (len == 0) {
        return 0;
    }
    server.config.max_open_sockets = 1;
    server.config.uri_match_fn = httpd_uri_match_wildcard;
    sess.server = &server;
    piece = 1 + (size_t)data[0] * data[0];
    input = data + 1;
    left = len - 1;
    do {
        is_at_head = true;
    } while (httpd_serve(&sess) && (left > 0 || httpd_sess_has_left(&sess)));
    free(sess.left);
    return 0;
}
