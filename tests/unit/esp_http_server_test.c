/*
 * The HTTP server, asked over real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esp_http_server.h"
#include "freertos/task.h"

#define LONG pdMS_TO_TICKS(60000)

static httpd_handle_t server;
static uint16_t port;

/* ---- A client ------------------------------------------------------------------ */

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

static int dial(void)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 60};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All up to `end`, or to the connection's end where that is NULL. Static storage. */
static const char *hear(int fd, const char *end)
{
    static char text[65536];
    size_t len = 0;

    for (;;) {
        ssize_t n = recv(fd, text + len, end != NULL ? 1 : sizeof text - 1 - len, 0);

        if (n < 0 && end == NULL) {
            n = 0; /* a reset is an end, too */
        }
        assert_true(n >= 0 && len + (size_t)n < sizeof text - 1);
        len += (size_t)n;
        text[len] = '\0';
        if (n == 0 || (end != NULL && strstr(text, end) != NULL)) {
            return text;
        }
    }
}

/* One request on a connection of its own, and the whole answer. */
static const char *ask(const char *request)
{
    int fd = dial();
    const char *answer;

    say(fd, request);
    answer = hear(fd, NULL);
    close(fd);
    return answer;
}

static void assert_begins(const char *text, const char *begin)
{
    assert_true(strlen(text) >= strlen(begin));
    assert_memory_equal(text, begin, strlen(begin));
}

/* ---- Servers ------------------------------------------------------------------- */

static void start(const httpd_config_t *changes)
{
    httpd_config_t config = *changes;

    port = config.server_port = free_port();
    assert_int_equal(httpd_start(&server, &config), ESP_OK);
}

static void start_plain(void)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();

    start(&config);
}

static void stop(void)
{
    assert_int_equal(httpd_stop(server), ESP_OK);
}

static void handle(const char *uri, httpd_method_t method, esp_err_t (*handler)(httpd_req_t *), void *ctx)
{
    const httpd_uri_t row = {.uri = uri, .method = method, .handler = handler, .user_ctx = ctx};

    assert_int_equal(httpd_register_uri_handler(server, &row), ESP_OK);
}

static esp_err_t say_ctx(httpd_req_t *r)
{
    return httpd_resp_sendstr(r, r->user_ctx);
}

/* The body in pieces of up to 7 bytes, back as it came. */
static esp_err_t echo(httpd_req_t *r)
{
    char body[256];
    size_t len = 0;

    while (len < r->content_len) {
        size_t room = r->content_len - len;
        int n = httpd_req_recv(r, body + len, room < 7 ? room : 7);

        if (n <= 0) {
            return ESP_FAIL;
        }
        len += (size_t)n;
    }
    assert_int_equal(httpd_req_recv(r, body, sizeof body), 0);
    httpd_resp_set_type(r, HTTPD_TYPE_OCTET);
    return httpd_resp_send(r, body, (ssize_t)len);
}

/* ---- Requests ------------------------------------------------------------------ */

static esp_err_t tell_all(httpd_req_t *r)
{
    char text[128], value[8];
    size_t size = sizeof value;

    assert_int_equal(httpd_req_get_url_query_len(r), strlen("a=1&longer=abcdefghij&b=%20"));
    assert_int_equal(httpd_req_get_url_query_str(r, text, sizeof text), ESP_OK);
    assert_string_equal(text, "a=1&longer=abcdefghij&b=%20");
    assert_int_equal(httpd_query_key_value(text, "b", value, sizeof value), ESP_OK);
    assert_string_equal(value, "%20");
    assert_int_equal(httpd_query_key_value(text, "longer", value, sizeof value), ESP_ERR_HTTPD_RESULT_TRUNC);
    assert_string_equal(value, "abcdefg");
    assert_int_equal(httpd_query_key_value(text, "long", value, sizeof value), ESP_ERR_NOT_FOUND);
    assert_int_equal(httpd_req_get_url_query_str(r, value, 4), ESP_ERR_HTTPD_RESULT_TRUNC);
    assert_string_equal(value, "a=1");
    assert_int_equal(httpd_req_get_hdr_value_len(r, "x-Two"), 5);
    assert_int_equal(httpd_req_get_hdr_value_len(r, "X-Tw"), 0);
    assert_int_equal(httpd_req_get_hdr_value_str(r, "X-TWO", value, sizeof value), ESP_OK);
    assert_string_equal(value, "a: b;");
    assert_int_equal(httpd_req_get_hdr_value_str(r, "x-one", value, 2), ESP_ERR_HTTPD_RESULT_TRUNC);
    assert_string_equal(value, "1");
    assert_int_equal(httpd_req_get_hdr_value_str(r, "X-Three", value, sizeof value), ESP_ERR_NOT_FOUND);
    assert_int_equal(httpd_req_get_cookie_val(r, "id", value, &size), ESP_OK);
    assert_string_equal(value, "42");
    assert_int_equal(size, 3);
    size = sizeof value;
    assert_int_equal(httpd_req_get_cookie_val(r, "name", value, &size), ESP_ERR_HTTPD_RESULT_TRUNC);
    assert_int_equal(size, strlen("somebody") + 1);
    size = sizeof value;
    assert_int_equal(httpd_req_get_cookie_val(r, "d", value, &size), ESP_ERR_NOT_FOUND);
    assert_true(httpd_req_to_sockfd(r) >= 0);
    assert_int_equal(r->method, HTTP_GET);
    httpd_resp_set_status(r, "202 Accepted");
    httpd_resp_set_hdr(r, "X-Answer", "yes");
    return httpd_resp_send(r, "done", HTTPD_RESP_USE_STRLEN);
}

static void test_httpd_handler_sees_query_headers_and_cookies(void **state)
{
    (void)state;
    start_plain();
    handle("/all", HTTP_GET, tell_all, NULL);
    assert_string_equal(ask("GET /all?a=1&longer=abcdefghij&b=%20 HTTP/1.1\r\nX-One: 12\r\nX-Two:  a: b;\r\n"
                            "Cookie: name=somebody; id=42\r\nConnection: close\r\n\r\n"),
                        "HTTP/1.1 202 Accepted\r\nContent-Type: text/html\r\nContent-Length: 4\r\n"
                        "X-Answer: yes\r\n\r\ndone");
    stop();
}

static void test_httpd_head_and_body_may_come_in_any_pieces(void **state)
{
    const char *request =
        "POST /echo HTTP/1.1\r\nContent-Length: 20\r\nConnection: close\r\n\r\n0123456789abcdefghij";

    (void)state;
    start_plain();
    handle("/echo", HTTP_POST, echo, NULL);
    for (size_t piece = 1; piece <= strlen(request); piece = piece < 8 ? piece + 1 : piece * 3) {
        int fd = dial();

        for (size_t at = 0; at < strlen(request); at += piece) {
            size_t left = strlen(request) - at;

            assert_true(send(fd, request + at, left < piece ? left : piece, MSG_NOSIGNAL) > 0);
        }
        assert_string_equal(hear(fd, NULL), "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                            "Content-Length: 20\r\n\r\n0123456789abcdefghij");
        close(fd);
    }
    stop();
}

static void test_httpd_connection_serves_many_also_pipelined(void **state)
{
    int fd;

    (void)state;
    start_plain();
    handle("/echo", HTTP_POST, echo, NULL);
    handle("/left", HTTP_POST, say_ctx, "not read");
    fd = dial();
    /* The second's body is not read by its handler: it is discarded, not taken for a request. */
    say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\none"
            "POST /left HTTP/1.1\r\nContent-Length: 33\r\n\r\nGET /left HTTP/1.1\r\n0123456789\r\n\r\n"
            "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nend");
    assert_non_null(strstr(hear(fd, "\r\n\r\none"), "200 OK"));
    assert_non_null(strstr(hear(fd, "\r\n\r\nnot read"), "200 OK"));
    assert_non_null(strstr(hear(fd, "\r\n\r\nend"), "200 OK"));
    say(fd, "POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\n10");
    assert_non_null(strstr(hear(fd, NULL), "\r\n\r\n10")); /* and the connection ends, as 1.0 has it */
    close(fd);
    stop();
}

/* ---- Answers ------------------------------------------------------------------- */

static esp_err_t in_chunks(httpd_req_t *r)
{
    httpd_resp_set_type(r, "text/plain");
    assert_int_equal(httpd_resp_sendstr_chunk(r, "abc"), ESP_OK);
    assert_int_equal(httpd_resp_send_chunk(r, "0123456789abcdefXX", 16), ESP_OK);
    return httpd_resp_sendstr_chunk(r, NULL);
}

static esp_err_t many_headers(httpd_req_t *r)
{
    for (int i = 0; i < 8; i++) {
        assert_int_equal(httpd_resp_set_hdr(r, "X", "y"), ESP_OK);
    }
    assert_int_equal(httpd_resp_set_hdr(r, "X", "y"), ESP_ERR_HTTPD_RESP_HDR);
    return httpd_resp_send(r, NULL, 0);
}

static esp_err_t refuse(httpd_req_t *r)
{
    httpd_resp_send_500(r);
    return ESP_FAIL;
}

static void test_httpd_answers_whole_or_in_chunks(void **state)
{
    (void)state;
    start_plain();
    handle("/chunks", HTTP_GET, in_chunks, NULL);
    handle("/many", HTTP_GET, many_headers, NULL);
    handle("/fail", HTTP_GET, refuse, NULL);
    assert_string_equal(ask("GET /chunks HTTP/1.1\r\nConnection: close\r\n\r\n"),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
    assert_non_null(
        strstr(ask("GET /many HTTP/1.1\r\nConnection: close\r\n\r\n"),
               "Content-Length: 0\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\n\r\n"));
    assert_begins(ask("GET /fail HTTP/1.1\r\n\r\n"),
                  "HTTP/1.1 500 Internal Server Error\r\n"); /* and closed */
    stop();
}

/* ---- URIs ---------------------------------------------------------------------- */

static void test_httpd_wildcards(void **state)
{
    static const struct {
        const char *uri_template, *uri;
        bool matches;
    } cases[] = {
        {"/", "/", true},           {"/", "/a", false},       {"", "/", false},
        {"*", "/a", true},          {"/*", "/", true},        {"/*", "/a/b", true},
        {"/a*", "/a", true},        {"/a*", "/ab", true},     {"/a*", "/b", false},
        {"/a/?", "/a", true},       {"/a/?", "/a/", true},    {"/a/?", "/a/b", false},
        {"/a/?", "/ab", false},     {"/a/?*", "/a", true},    {"/a/?*", "/a/", true},
        {"/a/?*", "/a/b", true},    {"/a/?*", "/ab", false},  {"/a/*?", "/a/b", true},
        {"/a/*?", "/a", true},      {"/a/*?", "/ab", false},  {"/path", "/pat", false},
        {"/path", "/paths", false}, {"/path?", "/pat", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (httpd_uri_match_wildcard(cases[i].uri_template, cases[i].uri, strlen(cases[i].uri)) !=
            cases[i].matches) {
            fail_msg("%s %s", cases[i].uri_template, cases[i].uri);
        }
    }
    assert_true(httpd_uri_match_wildcard("/a", "/a?b=c", 2));
}

static void test_httpd_first_handler_that_matches_is_called(void **state)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    const httpd_uri_t again = {.uri = "/a", .method = HTTP_GET, .handler = say_ctx};
    const httpd_uri_t more = {.uri = "/more", .method = HTTP_GET, .handler = say_ctx};

    (void)state;
    config.uri_match_fn = httpd_uri_match_wildcard;
    config.max_uri_handlers = 4;
    start(&config);
    handle("/a", HTTP_GET, say_ctx, "get a");
    handle("/a", HTTP_POST, say_ctx, "post a");
    handle("/any", HTTP_ANY, say_ctx, "any");
    assert_int_equal(httpd_register_uri_handler(server, &again), ESP_ERR_HTTPD_HANDLER_EXISTS);
    handle("/*", HTTP_GET, say_ctx, "rest");
    assert_int_equal(httpd_register_uri_handler(server, &more), ESP_ERR_HTTPD_HANDLER_EXISTS);
    assert_non_null(strstr(ask("GET /a?x=/b HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\n\r\nget a"));
    assert_non_null(strstr(ask("POST /a HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\n\r\npost a"));
    assert_non_null(strstr(ask("DELETE /any HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\n\r\nany"));
    assert_non_null(strstr(ask("GET /b/c HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\n\r\nrest"));
    assert_begins(ask("PUT /a HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed\r\n");
    assert_begins(ask("HEAD /b HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed\r\n");
    assert_int_equal(httpd_unregister_uri(server, "/*"), ESP_OK);
    assert_int_equal(httpd_unregister_uri(server, "/*"), ESP_ERR_NOT_FOUND);
    assert_begins(ask("GET /b HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found\r\n");
    assert_int_equal(httpd_unregister_uri_handler(server, "/a", HTTP_GET), ESP_OK);
    assert_int_equal(httpd_unregister_uri_handler(server, "/a", HTTP_GET), ESP_ERR_NOT_FOUND);
    assert_begins(ask("GET /a HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed\r\n");
    handle("/c", HTTP_GET, say_ctx, "c");
    handle("/d", HTTP_GET, say_ctx, "d");
    assert_int_equal(httpd_register_uri_handler(server, &more), ESP_ERR_HTTPD_HANDLERS_FULL);
    stop();
}

/* ---- Errors -------------------------------------------------------------------- */

static esp_err_t own_404(httpd_req_t *r, httpd_err_code_t error)
{
    assert_int_equal(error, HTTPD_404_NOT_FOUND);
    httpd_resp_set_status(r, "302 Found");
    httpd_resp_set_hdr(r, "Location", "/");
    httpd_resp_send(r, "elsewhere", HTTPD_RESP_USE_STRLEN);
    return ESP_OK;
}

static void test_httpd_bad_requests_are_answered_and_closed(void **state)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    char text[4096];
    int fd;

    (void)state;
    config.recv_wait_timeout = 1;
    start(&config);
    handle("/", HTTP_GET, say_ctx, "root");
    assert_begins(ask("nonsense\r\n\r\n"), "HTTP/1.1 501 ");
    assert_begins(ask("GET / FTP/1.1\r\n\r\n"), "HTTP/1.1 400 ");
    assert_begins(ask("GET / HTTP/1.1\r\nno colon\r\n\r\n"), "HTTP/1.1 400 ");
    assert_begins(ask("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), "HTTP/1.1 400 ");
    assert_begins(ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
                  "HTTP/1.1 411 ");
    assert_begins(ask("GET / HTTP/2.0\r\n\r\n"), "HTTP/1.1 505 ");
    snprintf(text, sizeof text, "GET /%0512d HTTP/1.1\r\n\r\n", 0);
    assert_begins(ask(text), "HTTP/1.1 414 ");
    snprintf(text, sizeof text, "GET /%0510d HTTP/1.1\r\nConnection: close\r\n\r\n", 0);
    assert_begins(ask(text), "HTTP/1.1 404 ");
    snprintf(text, sizeof text, "GET /%03000d HTTP/1.1\r\n\r\n", 0);
    assert_begins(ask(text), "HTTP/1.1 414 ");
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nX: %02000d\r\n\r\n", 0);
    assert_begins(ask(text), "HTTP/1.1 431 ");
    assert_begins(ask("GET / HTTP/1.1\r\nX: half"), "HTTP/1.1 408 ");
    assert_int_equal(httpd_register_err_handler(server, HTTPD_404_NOT_FOUND, own_404), ESP_OK);
    fd = dial();
    say(fd, "GET /nothing HTTP/1.1\r\n\r\n");
    assert_begins(hear(fd, "elsewhere"), "HTTP/1.1 302 Found\r\n");
    say(fd, "GET / HTTP/1.1\r\n\r\n"); /* the handler returned ESP_OK: the connection stays */
    assert_begins(hear(fd, "root"), "HTTP/1.1 200 OK\r\n");
    close(fd);
    assert_int_equal(httpd_register_err_handler(server, HTTPD_ERR_CODE_MAX, own_404), ESP_ERR_INVALID_ARG);
    stop();
}

static esp_err_t impatient(httpd_req_t *r)
{
    char byte[2];

    assert_int_equal(httpd_req_recv(r, byte, sizeof byte), 2);
    assert_int_equal(httpd_req_recv(r, byte, sizeof byte), HTTPD_SOCK_ERR_TIMEOUT);
    httpd_resp_send_408(r);
    return ESP_FAIL;
}

static void test_httpd_body_that_stops_times_out(void **state)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();

    (void)state;
    config.recv_wait_timeout = 1;
    start(&config);
    handle("/", HTTP_POST, impatient, NULL);
    assert_begins(ask("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab"), "HTTP/1.1 408 ");
    stop();
}

/* ---- Connections --------------------------------------------------------------- */

static atomic_int freed;

static void count_freed(void *ctx)
{
    atomic_fetch_add(&freed, 1);
    free(ctx);
}

/* Counts a connection's requests in its context. */
static esp_err_t count(httpd_req_t *r)
{
    char text[16];

    if (r->sess_ctx == NULL) {
        r->sess_ctx = calloc(1, sizeof(int));
        r->free_ctx = count_freed;
    }
    snprintf(text, sizeof text, "<%d>", ++*(int *)r->sess_ctx);
    return httpd_resp_sendstr(r, text);
}

static void test_httpd_context_lives_as_long_as_its_connection(void **state)
{
    size_t n = 7;
    int fds[7], fd;

    (void)state;
    atomic_store(&freed, 0);
    start_plain();
    handle("/", HTTP_GET, count, NULL);
    fd = dial();
    say(fd, "GET / HTTP/1.1\r\n\r\n");
    hear(fd, "<1>");
    say(fd, "GET / HTTP/1.1\r\n\r\n");
    hear(fd, "<2>");
    assert_int_equal(httpd_get_client_list(server, &n, fds), ESP_OK);
    assert_int_equal(n, 1);
    assert_int_equal(*(int *)httpd_sess_get_ctx(server, fds[0]), 2);
    assert_null(httpd_sess_get_ctx(server, fds[0] + 1000));
    assert_int_equal(httpd_sess_trigger_close(server, fds[0] + 1000), ESP_ERR_NOT_FOUND);
    assert_int_equal(httpd_sess_trigger_close(server, fds[0]), ESP_OK);
    assert_string_equal(hear(fd, NULL), "");
    assert_int_equal(atomic_load(&freed), 1);
    close(fd);
    fd = dial();
    say(fd, "GET / HTTP/1.1\r\n\r\n");
    hear(fd, "<1>");
    stop();
    assert_string_equal(hear(fd, NULL), "");
    assert_int_equal(atomic_load(&freed), 2);
    close(fd);
}

static void test_httpd_new_connection_waits_or_takes_the_oldests_place(void **state)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();

    (void)state;
    for (int purge = 0; purge < 2; purge++) {
        int a, b, c;

        config.max_open_sockets = 2;
        config.lru_purge_enable = purge == 1;
        start(&config);
        handle("/", HTTP_GET, count, NULL);
        a = dial();
        say(a, "GET / HTTP/1.1\r\n\r\n");
        hear(a, "<1>");
        b = dial();
        say(b, "GET / HTTP/1.1\r\n\r\n");
        hear(b, "<1>");
        say(a, "GET / HTTP/1.1\r\n\r\n"); /* now b is idle longest */
        hear(a, "<2>");
        c = dial();
        say(c, "GET / HTTP/1.1\r\n\r\n");
        if (purge == 1) {
            hear(c, "<1>");
            assert_string_equal(hear(b, NULL), "");
        } else {
            close(a);
            a = -1;
            hear(c, "<1>");
        }
        if (a >= 0) {
            say(a, "GET / HTTP/1.1\r\n\r\n");
            hear(a, "<3>");
            close(a);
        }
        close(b);
        close(c);
        stop();
    }
}

static int odd_send(httpd_handle_t hd, int fd, const char *buf, size_t len, int flags)
{
    char piece[3];
    size_t n = len < sizeof piece ? len : sizeof piece;

    (void)hd;
    for (size_t i = 0; i < n; i++) {
        piece[i] = buf[i] == 'e' ? 'E' : buf[i];
    }
    return (int)send(fd, piece, n, flags | MSG_NOSIGNAL);
}

static esp_err_t on_open(httpd_handle_t hd, int fd)
{
    return httpd_sess_set_send_override(hd, fd, odd_send);
}

static atomic_int closed;

static void on_close(httpd_handle_t hd, int fd)
{
    (void)hd;
    atomic_fetch_add(&closed, 1);
    close(fd);
}

static void test_httpd_transport_can_be_replaced(void **state)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();

    (void)state;
    atomic_store(&closed, 0);
    config.open_fn = on_open;
    config.close_fn = on_close;
    config.global_user_ctx = malloc(1);
    start(&config);
    assert_ptr_equal(httpd_get_global_user_ctx(server), config.global_user_ctx);
    handle("/", HTTP_GET, say_ctx, "here");
    assert_non_null(strstr(ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\n\r\nhErE"));
    stop();
    assert_int_equal(atomic_load(&closed), 1);
}

/* ---- Other tasks ----------------------------------------------------------------- */

static void give(void *semaphore)
{
    xSemaphoreGive((SemaphoreHandle_t)semaphore);
}

static void test_httpd_work_is_done_by_the_servers_task(void **state)
{
    SemaphoreHandle_t done = xSemaphoreCreateBinary();

    (void)state;
    start_plain();
    assert_int_equal(httpd_queue_work(server, give, done), ESP_OK);
    assert_int_equal(xSemaphoreTake(done, LONG), pdTRUE);
    assert_int_equal(httpd_queue_work(server, NULL, done), ESP_ERR_INVALID_ARG);
    stop();
    vSemaphoreDelete(done);
}

static SemaphoreHandle_t go_on;

static void answer_late(void *arg)
{
    httpd_req_t *r = arg;
    char text[8];

    xSemaphoreTake(go_on, LONG);
    assert_int_equal(httpd_req_get_hdr_value_str(r, "X-Test", text, sizeof text), ESP_OK);
    assert_string_equal(text, "kept");
    assert_int_equal(httpd_req_recv(r, text, sizeof text), 4);
    assert_memory_equal(text, "body", 4);
    assert_int_equal(httpd_resp_sendstr(r, "late"), ESP_OK);
    assert_int_equal(httpd_req_async_handler_complete(r), ESP_OK);
    vTaskDelete(NULL);
}

static esp_err_t hand_over(httpd_req_t *r)
{
    httpd_req_t *copy;

    assert_int_equal(httpd_req_async_handler_begin(r, &copy), ESP_OK);
    assert_int_equal(xTaskCreate(answer_late, "late", 4096, copy, 5, NULL), pdPASS);
    return ESP_OK;
}

static void test_httpd_request_goes_on_in_another_task(void **state)
{
    int fd;

    (void)state;
    go_on = xSemaphoreCreateBinary();
    start_plain();
    handle("/late", HTTP_POST, hand_over, NULL);
    handle("/now", HTTP_GET, say_ctx, "now");
    fd = dial();
    say(fd, "POST /late HTTP/1.1\r\nX-Test: kept\r\nContent-Length: 4\r\n\r\nbodyGET /now HTTP/1.1\r\n\r\n");
    assert_non_null(strstr(ask("GET /now HTTP/1.1\r\nConnection: close\r\n\r\n"), "now")); /* meanwhile */
    xSemaphoreGive(go_on);
    hear(fd, "late");
    hear(fd, "now");
    close(fd);
    stop();
    vSemaphoreDelete(go_on);
}

static void test_httpd_refuses_to_start_where_it_cannot(void **state)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    httpd_handle_t other;
    char pair[32];

    (void)state;
    assert_int_equal(httpd_start(NULL, &config), ESP_ERR_INVALID_ARG);
    assert_int_equal(httpd_start(&other, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(httpd_stop(NULL), ESP_ERR_INVALID_ARG);
    start_plain();
    config.server_port = port;
    assert_int_equal(httpd_start(&other, &config), ESP_FAIL);
    stop();
    /* The firmware's port 80 elsewhere. */
    port = free_port();
    snprintf(pair, sizeof pair, "443=1,80=%u", port);
    assert_int_equal(setenv("AIRLIFT_PORTS", pair, 1), 0);
    config.server_port = 80;
    assert_int_equal(httpd_start(&server, &config), ESP_OK);
    assert_begins(ask("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ");
    stop();
    unsetenv("AIRLIFT_PORTS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_httpd_handler_sees_query_headers_and_cookies),
        cmocka_unit_test(test_httpd_head_and_body_may_come_in_any_pieces),
        cmocka_unit_test(test_httpd_connection_serves_many_also_pipelined),
        cmocka_unit_test(test_httpd_answers_whole_or_in_chunks),
        cmocka_unit_test(test_httpd_wildcards),
        cmocka_unit_test(test_httpd_first_handler_that_matches_is_called),
        cmocka_unit_test(test_httpd_bad_requests_are_answered_and_closed),
        cmocka_unit_test(test_httpd_body_that_stops_times_out),
        cmocka_unit_test(test_httpd_context_lives_as_long_as_its_connection),
        cmocka_unit_test(test_httpd_new_connection_waits_or_takes_the_oldests_place),
        cmocka_unit_test(test_httpd_transport_can_be_replaced),
        cmocka_unit_test(test_httpd_work_is_done_by_the_servers_task),
        cmocka_unit_test(test_httpd_request_goes_on_in_another_task),
        cmocka_unit_test(test_httpd_refuses_to_start_where_it_cannot),
    };
    return cmocka_run_group_tests_name("esp_http_server", tests, NULL, NULL);
}
