/* esp_http_client_test.c - ESP-IDF's HTTP client against a real TLS server on loopback. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/pem.h>

#include "esp_crt_bundle.h"
#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_tls.h"
#include "http_world.h"

#define FILE_SIZE 50000

static struct http_world world;
static uint8_t file[FILE_SIZE];

/* ---- what a handler saw ----------------------------------------------------- */

static struct {
    char events[4096]; /* a letter each: error, connected, headers sent ... */
    uint8_t body[FILE_SIZE];
    size_t body_len;
    int longest_piece;
    int status_at_redirect;
    esp_err_t tls_error;
    bool follow; /* call set_redirection on HTTP_EVENT_REDIRECT */
    void *user_data;
} seen;

static esp_err_t handler(esp_http_client_event_t *event)
{
    size_t n = strlen(seen.events);

    seen.user_data = event->user_data;
    if (n + 1 < sizeof seen.events) {
        char letter = "ECShLTdFXR"[event->event_id];
        /* Runs of headers and data count once. */
        if (n == 0 || seen.events[n - 1] != letter || (letter != 'h' && letter != 'd')) {
            seen.events[n] = letter;
        }
    }
    switch (event->event_id) {
    case HTTP_EVENT_ON_STATUS_CODE:
        seen.body_len = 0; /* of the newest response */
        break;
    case HTTP_EVENT_ON_DATA:
        assert_true(seen.body_len + (size_t)event->data_len <= sizeof seen.body);
        memcpy(seen.body + seen.body_len, event->data, (size_t)event->data_len);
        seen.body_len += (size_t)event->data_len;
        if (event->data_len > seen.longest_piece) {
            seen.longest_piece = event->data_len;
        }
        break;
    case HTTP_EVENT_ON_HEADER:
        assert_non_null(event->header_key);
        assert_non_null(event->header_value);
        break;
    case HTTP_EVENT_ERROR:
        assert_non_null(event->data);
        seen.tls_error = ((esp_tls_error_handle_t)event->data)->last_error;
        break;
    case HTTP_EVENT_REDIRECT:
        seen.status_at_redirect = esp_http_client_get_status_code(event->client);
        if (seen.follow) {
            assert_int_equal(esp_http_client_set_redirection(event->client), ESP_OK);
        }
        break;
    default:
        break;
    }
    return ESP_OK;
}

static esp_http_client_config_t config_for(const char *url)
{
    return (esp_http_client_config_t){
        .url = url, .cert_pem = world.ca_pem, .event_handler = handler, .timeout_ms = 3000};
}

static esp_http_client_handle_t make(const char *url)
{
    esp_http_client_config_t config = config_for(url);
    esp_http_client_handle_t client = esp_http_client_init(&config);

    assert_non_null(client);
    return client;
}

/* One perform of one configuration. */
static esp_err_t perform(const esp_http_client_config_t *config, int *status)
{
    esp_http_client_handle_t client = esp_http_client_init(config);

    assert_non_null(client);
    esp_err_t err = esp_http_client_perform(client);
    if (status != NULL) {
        *status = esp_http_client_get_status_code(client);
    }
    assert_int_equal(esp_http_client_cleanup(client), ESP_OK);
    return err;
}

static esp_err_t perform_url(const char *url)
{
    esp_http_client_config_t config = config_for(url);
    return perform(&config, NULL);
}

static esp_err_t perform_with_timeout(const char *url, int timeout_ms)
{
    esp_http_client_config_t config = config_for(url);
    config.timeout_ms = timeout_ms;
    return perform(&config, NULL);
}

static void open_and_fetch(esp_http_client_handle_t client, int64_t length)
{
    assert_int_equal(esp_http_client_open(client, 0), ESP_OK);
    assert_int_equal(esp_http_client_fetch_headers(client), length);
}

static int group_setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof file; i++) {
        file[i] = (uint8_t)(i * 31 + i / 251);
    }
    http_world_start(&world, NULL);
    http_world_write(&world, "a.bin", file, sizeof file);
    http_world_write(&world, "small", "hello", 5);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    http_world_stop(&world);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    http_world_reset(&world);
    memset(&seen, 0, sizeof seen);
    return 0;
}

/* ---- in one go ------------------------------------------------------------------ */

static void test_http_client_perform_gives_the_body_in_pieces(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/a.bin"));
    config.user_data = &config;
    esp_http_client_handle_t client = esp_http_client_init(&config);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_get_status_code(client), 200);
    assert_int_equal(esp_http_client_get_content_length(client), FILE_SIZE);
    assert_true(esp_http_client_is_complete_data_received(client));
    assert_int_equal(seen.body_len, FILE_SIZE);
    assert_memory_equal(seen.body, file, FILE_SIZE);
    assert_true(seen.longest_piece <= DEFAULT_HTTP_BUF_SIZE);
    assert_ptr_equal(seen.user_data, &config);
    esp_http_client_cleanup(client);
}

static void test_http_client_events_come_in_order(void **state)
{
    (void)state;
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin")), ESP_OK);
    /* connected, sent, status, headers, their end, data, finish, disconnected */
    assert_string_equal(seen.events, "CSThLdFX");
}

static void on_loop_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    _Atomic int64_t *counts = arg;

    assert_ptr_equal(base, ESP_HTTP_CLIENT_EVENT);
    counts[id]++;
    if (id == HTTP_EVENT_ON_DATA) {
        counts[16] = ((esp_http_client_on_data_t *)data)->data_process;
    }
}

static void test_http_client_posts_events_to_the_default_loop(void **state)
{
    (void)state;
    static _Atomic int64_t counts[17];
    assert_int_equal(esp_event_loop_create_default(), ESP_OK);
    assert_int_equal(
        esp_event_handler_register(ESP_HTTP_CLIENT_EVENT, ESP_EVENT_ANY_ID, on_loop_event, counts), ESP_OK);
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin")), ESP_OK);
    for (int i = 0; i < 500 && counts[HTTP_EVENT_DISCONNECTED] == 0; i++) {
        usleep(10000); /* the loop has a task of its own */
    }
    assert_int_equal(counts[HTTP_EVENT_ON_CONNECTED], 1);
    assert_int_equal(counts[HTTP_EVENT_ON_FINISH], 1);
    assert_int_equal(counts[HTTP_EVENT_DISCONNECTED], 1);
    assert_int_equal(counts[16], FILE_SIZE);
    assert_int_equal(esp_event_loop_delete_default(), ESP_OK);
}

static void test_http_client_status_400_and_up_is_no_error(void **state)
{
    (void)state;
    static const int statuses[] = {401, 403, 404, 416, 500, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        int status;
        esp_http_client_config_t config = config_for(http_world_url(&world, "/x?status=%d", statuses[i]));
        assert_int_equal(perform(&config, &status), ESP_OK);
        assert_int_equal(status, statuses[i]);
    }
}

static void test_http_client_perform_names_what_went_wrong(void **state)
{
    (void)state;
    assert_int_equal(perform_with_timeout(http_world_url(&world, "/a.bin?hang_headers=1"), 200),
                     ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(perform_with_timeout(http_world_url(&world, "/a.bin?hang_after=1000"), 200),
                     ESP_ERR_HTTP_READ_TIMEOUT);
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin?close_after=1000")),
                     ESP_ERR_HTTP_INCOMPLETE_DATA);
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin?chunked=1&close_after=1000")),
                     ESP_ERR_HTTP_INCOMPLETE_DATA);
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin?length=60000")),
                     ESP_ERR_HTTP_INCOMPLETE_DATA);
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin?close_headers=1")),
                     ESP_ERR_HTTP_CONNECTION_CLOSED);
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin?garbage=1")), ESP_ERR_HTTP_FETCH_HEADER);
    assert_int_equal(perform_url("ftp://127.0.0.1/a.bin"), ESP_ERR_HTTP_INVALID_TRANSPORT);
}

static void test_http_client_perform_goes_on_waiting_after_eagain(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/a.bin?hang_headers=1"));
    config.timeout_ms = 100;
    esp_http_client_handle_t client = esp_http_client_init(&config);
    assert_int_equal(esp_http_client_perform(client), ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(esp_http_client_perform(client), ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(http_world_request_count(&world), 1);
    assert_int_equal(esp_http_client_close(client), ESP_OK);
    assert_int_equal(esp_http_client_set_url(client, "/a.bin"), ESP_OK);
    assert_int_equal(esp_http_client_set_timeout_ms(client, 3000), ESP_OK);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    esp_http_client_cleanup(client);
}

static void test_http_client_shorter_content_length_ends_the_body(void **state)
{
    (void)state;
    assert_int_equal(perform_url(http_world_url(&world, "/a.bin?length=100")), ESP_OK);
    assert_int_equal(seen.body_len, 100);
}

static void test_http_client_async_perform_never_waits(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/a.bin?drip=20000"));
    config.is_async = true;
    esp_http_client_handle_t client = esp_http_client_init(&config);
    esp_err_t err;
    int turns = 0;
    while ((err = esp_http_client_perform(client)) == ESP_ERR_HTTP_EAGAIN) {
        turns++;
        usleep(1000);
    }
    assert_int_equal(err, ESP_OK);
    assert_true(turns > 1);
    assert_int_equal(seen.body_len, FILE_SIZE);
    assert_memory_equal(seen.body, file, FILE_SIZE);
    esp_http_client_cleanup(client);
}

/* ---- step by step --------------------------------------------------------------------- */

static void test_http_client_read_streams_the_body(void **state)
{
    (void)state;
    static char buf[FILE_SIZE];
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin"));
    open_and_fetch(client, FILE_SIZE);
    assert_false(esp_http_client_is_chunked_response(client));
    assert_int_equal(esp_http_client_read(client, buf, 7), 7);
    assert_false(esp_http_client_is_complete_data_received(client));
    assert_int_equal(esp_http_client_read(client, buf + 7, 3000), 3000);
    assert_int_equal(esp_http_client_read_response(client, buf + 3007, FILE_SIZE), FILE_SIZE - 3007);
    assert_true(esp_http_client_is_complete_data_received(client));
    assert_int_equal(esp_http_client_read(client, buf, 1), 0);
    assert_memory_equal(buf, file, FILE_SIZE);
    esp_http_client_cleanup(client);
}

static void test_http_client_fetch_headers_times_out_and_can_go_on(void **state)
{
    (void)state;
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin?hang_headers=1"));
    assert_int_equal(esp_http_client_fetch_headers(client), ESP_FAIL); /* not open */
    assert_int_equal(esp_http_client_set_timeout_ms(client, 100), ESP_OK);
    assert_int_equal(esp_http_client_open(client, 0), ESP_OK);
    assert_int_equal(esp_http_client_fetch_headers(client), -ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(esp_http_client_fetch_headers(client), -ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(esp_http_client_get_status_code(client), -1);
    assert_int_equal(esp_http_client_get_errno(client), EAGAIN);
    esp_http_client_cleanup(client);
}

static void test_http_client_read_returns_what_came_then_eagain(void **state)
{
    (void)state;
    char buf[2000];
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin?hang_after=1500"));
    open_and_fetch(client, FILE_SIZE);
    assert_int_equal(esp_http_client_set_timeout_ms(client, 200), ESP_OK);
    assert_int_equal(esp_http_client_read(client, buf, sizeof buf), 1500);
    assert_int_equal(esp_http_client_read(client, buf, sizeof buf), -ESP_ERR_HTTP_EAGAIN);
    assert_false(esp_http_client_is_complete_data_received(client));
    esp_http_client_cleanup(client);
}

static void test_http_client_timeout_is_per_wait_not_per_body(void **state)
{
    (void)state;
    /* 10 pieces 50 ms apart take longer than the timeout, but no gap does. */
    esp_http_client_config_t config = config_for(http_world_url(&world, "/a.bin?drip=5000"));
    config.timeout_ms = 400;
    assert_int_equal(perform(&config, NULL), ESP_OK);
    assert_int_equal(seen.body_len, FILE_SIZE);
}

static void test_http_client_read_fails_when_closed_early(void **state)
{
    (void)state;
    char buf[2000];
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin?close_after=1500"));
    open_and_fetch(client, FILE_SIZE);
    assert_int_equal(esp_http_client_read(client, buf, sizeof buf), 1500);
    assert_int_equal(esp_http_client_read(client, buf, sizeof buf), -1);
    assert_false(esp_http_client_is_complete_data_received(client));
    assert_int_equal(esp_http_client_get_errno(client), ENOTCONN);
    assert_int_equal(esp_http_client_flush_response(client, NULL), ESP_FAIL);
    esp_http_client_cleanup(client);
}

static void test_http_client_chunked_body_has_no_length(void **state)
{
    (void)state;
    static char buf[FILE_SIZE + 1];
    int chunk = 0;
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin?chunked=1"));
    open_and_fetch(client, 0);
    assert_true(esp_http_client_is_chunked_response(client));
    assert_int_equal(esp_http_client_get_content_length(client), -1);
    assert_int_equal(esp_http_client_read(client, buf, 100), 100);
    assert_int_equal(esp_http_client_get_chunk_length(client, &chunk), ESP_OK);
    assert_true(chunk > 0);
    assert_int_equal(esp_http_client_read(client, buf + 100, sizeof buf), FILE_SIZE - 100);
    assert_int_equal(esp_http_client_read(client, buf + 100, 10), 0);
    assert_true(esp_http_client_is_complete_data_received(client));
    assert_memory_equal(buf, file, FILE_SIZE);
    esp_http_client_cleanup(client);
}

static void test_http_client_body_may_end_by_closing(void **state)
{
    (void)state;
    static char buf[FILE_SIZE + 1];
    esp_http_client_handle_t client = make(http_world_plain_url(&world, "/a.bin?no_length=1"));
    open_and_fetch(client, 0);
    assert_false(esp_http_client_is_persistent_connection(client));
    assert_int_equal(esp_http_client_read(client, buf, sizeof buf), FILE_SIZE);
    assert_int_equal(esp_http_client_read(client, buf, 10), 0);
    assert_true(esp_http_client_is_complete_data_received(client));
    esp_http_client_cleanup(client);
}

static void test_http_client_unread_body_holds_the_server_back(void **state)
{
    (void)state;
    enum { BIG = 48 * 1024 * 1024 };
    char *big = calloc(1, BIG);
    assert_non_null(big);
    http_world_write(&world, "big", big, BIG);
    free(big);
    esp_http_client_handle_t client = make(http_world_url(&world, "/big"));
    open_and_fetch(client, BIG);
    char c;
    assert_int_equal(esp_http_client_read(client, &c, 1), 1);
    usleep(300000);
    cJSON *requests = http_world_requests(&world);
    /* The kernel's socket buffers take a few MiB; the client must not take the rest. */
    assert_true(http_world_number(requests, 0, "sent") < BIG / 2);
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
}

static void test_http_client_flush_drops_the_rest(void **state)
{
    (void)state;
    char buf[10];
    int dropped = 0;
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin"));
    open_and_fetch(client, FILE_SIZE);
    assert_int_equal(esp_http_client_read(client, buf, 10), 10);
    assert_int_equal(esp_http_client_flush_response(client, &dropped), ESP_OK);
    assert_int_equal(dropped, FILE_SIZE - 10);
    assert_true(esp_http_client_is_complete_data_received(client));
    assert_int_equal(esp_http_client_flush_response(NULL, &dropped), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_clear_response_buffer(NULL), ESP_ERR_INVALID_ARG);
    esp_http_client_cleanup(client);
}

static void test_http_client_clear_response_buffer_forgets_a_piece(void **state)
{
    (void)state;
    char buf[10];
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    open_and_fetch(client, 5);
    assert_int_equal(esp_http_client_read(client, buf, 1), 1);
    assert_int_equal(esp_http_client_clear_response_buffer(client), ESP_OK);
    assert_int_equal(esp_http_client_read(client, buf, 10), 0);
    esp_http_client_cleanup(client);
}

static void test_http_client_cancel_breaks_off_an_exchange(void **state)
{
    (void)state;
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin?hang_after=10&times=1"));
    assert_int_equal(esp_http_client_cancel_request(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_cancel_request(client), ESP_ERR_INVALID_STATE);
    open_and_fetch(client, FILE_SIZE);
    assert_int_equal(esp_http_client_get_state(client), HTTP_STATE_RES_ON_DATA_START);
    assert_int_equal(esp_http_client_cancel_request(client), ESP_OK);
    assert_int_equal(esp_http_client_get_state(client), HTTP_STATE_INIT);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(seen.body_len, FILE_SIZE);
    esp_http_client_cleanup(client);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void test_http_client_sends_only_its_own_headers(void **state)
{
    (void)state;
    char host[32];
    assert_int_equal(perform_url(http_world_url(&world, "/small")), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_header(requests, 0, "user-agent"), "ESP32 HTTP Client/1.0");
    (void)snprintf(host, sizeof host, "127.0.0.1:%d", world.port);
    assert_string_equal(http_world_header(requests, 0, "host"), host);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(requests, 0), "headers")), 2);
    cJSON_Delete(requests);
}

static void test_http_client_headers_are_set_and_deleted(void **state)
{
    (void)state;
    char *value;
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_set_header(client, "X-One", "1"), ESP_OK);
    assert_int_equal(esp_http_client_set_header(client, "x-one", "2"), ESP_OK);
    assert_int_equal(esp_http_client_set_header(client, "X-Two", "2"), ESP_OK);
    assert_int_equal(esp_http_client_set_header(client, "X-Empty", ""), ESP_OK);
    assert_int_equal(esp_http_client_get_header(client, "X-ONE", &value), ESP_OK);
    assert_string_equal(value, "2");
    assert_int_equal(esp_http_client_delete_header(client, "X-Two"), ESP_OK);
    assert_int_equal(esp_http_client_get_header(client, "X-Two", &value), ESP_OK);
    assert_null(value);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_header(requests, 0, "x-one"), "2");
    assert_non_null(
        cJSON_GetObjectItem(cJSON_GetObjectItem(cJSON_GetArrayItem(requests, 0), "headers"), "x-empty"));
    assert_null(
        cJSON_GetObjectItem(cJSON_GetObjectItem(cJSON_GetArrayItem(requests, 0), "headers"), "x-two"));
    cJSON_Delete(requests);
    assert_int_equal(esp_http_client_delete_all_headers(client), ESP_OK);
    assert_int_equal(esp_http_client_get_header(client, "User-Agent", &value), ESP_OK);
    assert_null(value);
    assert_int_equal(esp_http_client_set_header(NULL, "a", "b"), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_header(client, NULL, "b"), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_header(client, "a", NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_delete_all_headers(NULL), ESP_ERR_INVALID_ARG);
    esp_http_client_cleanup(client);
}

static void test_http_client_response_headers_are_found(void **state)
{
    (void)state;
    char *value;
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin"));
    assert_int_equal(esp_http_client_set_header(client, "Range", "bytes=100-199"), ESP_OK);
    open_and_fetch(client, 100);
    assert_int_equal(esp_http_client_get_status_code(client), 206);
    assert_int_equal(esp_http_client_get_content_range(client), FILE_SIZE);
    assert_int_equal(esp_http_client_get_response_header(client, "content-range", &value), ESP_OK);
    assert_string_equal(value, "bytes 100-199/50000");
    assert_int_equal(esp_http_client_get_response_header(client, "etag", &value), ESP_OK);
    assert_int_equal(value[0], '"');
    assert_int_equal(esp_http_client_get_response_header(client, "x-none", &value), ESP_OK);
    assert_null(value);
    assert_int_equal(esp_http_client_get_response_header(client, NULL, &value), ESP_ERR_INVALID_ARG);
    char buf[100];
    assert_int_equal(esp_http_client_read(client, buf, 100), 100);
    assert_memory_equal(buf, file + 100, 100);
    esp_http_client_cleanup(client);
}

static void test_http_client_response_headers_have_a_ceiling(void **state)
{
    (void)state;
    assert_int_equal(perform_url(http_world_url(&world, "/small?header_bytes=60000")), ESP_OK);
    assert_int_equal(perform_url(http_world_url(&world, "/small?header_bytes=70000")),
                     ESP_ERR_HTTP_FETCH_HEADER);
}

static void test_http_client_head_has_a_length_and_no_body(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/a.bin"));
    config.method = HTTP_METHOD_HEAD;
    esp_http_client_handle_t client = esp_http_client_init(&config);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_get_content_length(client), FILE_SIZE);
    assert_int_equal(seen.body_len, 0);
    assert_int_equal(esp_http_client_set_method(client, HTTP_METHOD_GET), ESP_OK);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(seen.body_len, FILE_SIZE);
    assert_int_equal(esp_http_client_set_method(client, HTTP_METHOD_MAX), ESP_ERR_INVALID_ARG);
    esp_http_client_cleanup(client);
}

static void test_http_client_not_modified_has_no_body(void **state)
{
    (void)state;
    char *etag, tag[64];
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin"));
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_get_response_header(client, "ETag", &etag), ESP_OK);
    (void)snprintf(tag, sizeof tag, "%s", etag);
    assert_int_equal(esp_http_client_set_header(client, "If-None-Match", tag), ESP_OK);
    seen.body_len = 0;
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_get_status_code(client), 304);
    assert_int_equal(seen.body_len, 0);
    esp_http_client_cleanup(client);
}

static void test_http_client_perform_sends_the_post_field(void **state)
{
    (void)state;
    char *data;
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_get_post_field(client, &data), 0);
    assert_int_equal(esp_http_client_set_method(client, HTTP_METHOD_POST), ESP_OK);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_set_post_field(client, "a=1&b=2", 7), ESP_OK);
    assert_int_equal(esp_http_client_get_post_field(client, &data), 7);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_set_header(client, "Content-Type", "application/json"), ESP_OK);
    assert_int_equal(esp_http_client_set_post_field(client, "{}", 2), ESP_OK);
    assert_int_equal(esp_http_client_set_method(client, HTTP_METHOD_PUT), ESP_OK);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_set_post_field(client, NULL, 0), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_header(requests, 0, "content-length"), "0");
    assert_string_equal(http_world_text(requests, 1, "method"), "POST");
    assert_string_equal(http_world_text(requests, 1, "body"), "a=1&b=2");
    assert_string_equal(http_world_header(requests, 1, "content-length"), "7");
    assert_string_equal(http_world_header(requests, 1, "content-type"), "application/x-www-form-urlencoded");
    assert_string_equal(http_world_text(requests, 2, "method"), "PUT");
    assert_string_equal(http_world_text(requests, 2, "body"), "{}");
    assert_string_equal(http_world_header(requests, 2, "content-type"), "application/json");
    assert_int_equal(http_world_number(requests, 2, "connection"),
                     http_world_number(requests, 0, "connection"));
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
}

static void test_http_client_write_streams_a_body(void **state)
{
    (void)state;
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_write(client, "x", 1), -1); /* not open */
    assert_int_equal(esp_http_client_set_method(client, HTTP_METHOD_POST), ESP_OK);
    assert_int_equal(esp_http_client_open(client, 10), ESP_OK);
    assert_int_equal(esp_http_client_write(client, "0123", 4), 4);
    assert_int_equal(esp_http_client_write(client, "456789X", 7), -1); /* more than 10 */
    assert_int_equal(esp_http_client_write(client, "456789", 6), 6);
    assert_int_equal(esp_http_client_fetch_headers(client), 5);
    assert_int_equal(esp_http_client_flush_response(client, NULL), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_text(requests, 0, "body"), "0123456789");
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
}

static void test_http_client_chunks_stream_a_body_of_unknown_length(void **state)
{
    (void)state;
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_set_method(client, HTTP_METHOD_POST), ESP_OK);
    assert_int_equal(esp_http_client_open(client, -1), ESP_OK);
    assert_int_equal(esp_http_client_write(client, "x", 1), -1); /* no chunk begun */
    assert_int_equal(esp_http_client_chunk_write_begin(client, 5), ESP_OK);
    assert_int_equal(esp_http_client_write(client, "01234", 5), 5);
    assert_int_equal(esp_http_client_chunk_write_end(client, false), ESP_OK);
    assert_int_equal(esp_http_client_chunk_write_begin(client, 2), ESP_OK);
    assert_int_equal(esp_http_client_write(client, "56", 2), 2);
    assert_int_equal(esp_http_client_chunk_write_end(client, true), ESP_OK);
    assert_int_equal(esp_http_client_fetch_headers(client), 5);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_text(requests, 0, "body"), "0123456");
    assert_string_equal(http_world_header(requests, 0, "transfer-encoding"), "chunked");
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
}

static void test_http_client_long_url_needs_a_transmit_buffer(void **state)
{
    (void)state;
    static char padding[4097];
    memset(padding, 'p', sizeof padding - 1);
    esp_http_client_config_t config =
        config_for(http_world_url(&world, "/small?X-Amz-Signature=%s", padding));
    assert_int_equal(perform(&config, NULL), ESP_FAIL);
    config.buffer_size_tx = 6000;
    int status;
    assert_int_equal(perform(&config, &status), ESP_OK);
    assert_int_equal(status, 200);
    cJSON *requests = http_world_requests(&world);
    assert_int_equal(cJSON_GetArraySize(requests), 1);
    assert_int_equal(strlen(http_world_text(requests, 0, "path")), strlen("/small?X-Amz-Signature=") + 4096);
    cJSON_Delete(requests);
}

static void test_http_client_long_header_needs_a_transmit_buffer(void **state)
{
    (void)state;
    char value[600] = {0};
    memset(value, 'v', sizeof value - 1);
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_set_header(client, "X-Long", value), ESP_OK);
    assert_int_equal(esp_http_client_open(client, 0), ESP_ERR_HTTP_HEADER_TOO_LONG);
    esp_http_client_cleanup(client);
}

static void test_http_client_path_is_sent_as_written(void **state)
{
    (void)state;
    assert_int_equal(perform_url(http_world_url(&world, "/x/../a%%2Fb/./c?status=200&q=%%2B%%20")), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_text(requests, 0, "path"), "/x/../a%2Fb/./c?status=200&q=%2B%20");
    cJSON_Delete(requests);
}

static void test_http_client_host_and_path_make_a_url_too(void **state)
{
    (void)state;
    int status;
    char url[64];
    esp_http_client_config_t config = {.host = "127.0.0.1",
                                       .port = world.port,
                                       .path = "/small",
                                       .query = "etag=x",
                                       .transport_type = HTTP_TRANSPORT_OVER_SSL,
                                       .cert_pem = world.ca_pem};
    assert_int_equal(perform(&config, &status), ESP_OK);
    assert_int_equal(status, 200);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_text(requests, 0, "path"), "/small?etag=x");
    cJSON_Delete(requests);
    config.transport_type = HTTP_TRANSPORT_OVER_TCP;
    config.port = 0;
    esp_http_client_handle_t client = esp_http_client_init(&config);
    assert_int_equal(esp_http_client_get_transport_type(client), HTTP_TRANSPORT_OVER_TCP);
    assert_int_equal(esp_http_client_get_url(client, url, sizeof url), ESP_OK);
    assert_string_equal(url, "http://127.0.0.1/small");
    esp_http_client_cleanup(client);
}

static void test_http_client_init_refuses_what_is_no_url(void **state)
{
    (void)state;
    assert_null(esp_http_client_init(NULL));
    static const char *const urls[] = {"", "https://", "no url", "https://host:99999/", "https://ho st/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        esp_http_client_config_t config = {.url = urls[i]};
        assert_null(esp_http_client_init(&config));
    }
    esp_http_client_config_t host_only = {.host = "h"};
    assert_null(esp_http_client_init(&host_only));
}

static void test_http_client_null_is_an_invalid_argument(void **state)
{
    (void)state;
    char c, *text;
    void *data;
    int n;
    assert_int_equal(esp_http_client_cleanup(NULL), ESP_FAIL);
    assert_int_equal(esp_http_client_close(NULL), ESP_FAIL);
    assert_int_equal(esp_http_client_perform(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_open(NULL, 0), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_prepare(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_fetch_headers(NULL), -1);
    assert_int_equal(esp_http_client_read(NULL, &c, 1), -1);
    assert_int_equal(esp_http_client_write(NULL, "x", 1), -1);
    assert_int_equal(esp_http_client_set_url(NULL, "http://h/"), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_url(NULL, &c, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_method(NULL, HTTP_METHOD_GET), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_post_field(NULL, "", 0), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_timeout_ms(NULL, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_user_data(NULL, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_user_data(NULL, &data), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_username(NULL, ""), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_username(NULL, &text), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_password(NULL, ""), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_password(NULL, &text), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_authtype(NULL, HTTP_AUTH_TYPE_NONE), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_auth_data(NULL, "", 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_add_auth(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_redirection(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_reset_redirect_counter(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_chunk_length(NULL, &n), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_get_errno(NULL), -1);
    assert_int_equal(esp_http_client_get_status_code(NULL), -1);
    assert_int_equal(esp_http_client_get_content_length(NULL), -1);
    assert_int_equal(esp_http_client_get_content_range(NULL), -1);
    assert_int_equal(esp_http_client_get_and_clear_last_tls_error(NULL, NULL, NULL), ESP_ERR_INVALID_ARG);
    assert_false(esp_http_client_is_chunked_response(NULL));
    assert_false(esp_http_client_is_complete_data_received(NULL));
    assert_false(esp_http_client_is_persistent_connection(NULL));
    assert_int_equal(esp_http_client_get_state(NULL), HTTP_STATE_UNINIT);
    assert_int_equal(esp_http_client_get_transport_type(NULL), HTTP_TRANSPORT_UNKNOWN);
    esp_http_client_handle_t client = make("http://h/");
    assert_int_equal(esp_http_client_get_chunk_length(client, &n), ESP_FAIL);
    assert_int_equal(esp_http_client_add_auth(client), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_http_client_set_redirection(client), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_http_client_set_user_data(client, &n), ESP_OK);
    assert_int_equal(esp_http_client_get_user_data(client, &data), ESP_OK);
    assert_ptr_equal(data, &n);
    esp_http_client_cleanup(client);
}

/* ---- connections ----------------------------------------------------------------------------------- */

static void test_http_client_reuses_its_connection(void **state)
{
    (void)state;
    char buf[100];
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_true(esp_http_client_is_persistent_connection(client));
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    open_and_fetch(client, 5);
    assert_int_equal(esp_http_client_read(client, buf, 5), 5); /* not even asked for the end */
    assert_int_equal(esp_http_client_prepare(client), ESP_OK);
    assert_int_equal(esp_http_client_request_send(client, 0), ESP_OK);
    assert_int_equal(esp_http_client_fetch_headers(client), 5);
    assert_int_equal(esp_http_client_read(client, buf, 100), 5);
    cJSON *requests = http_world_requests(&world);
    assert_int_equal(cJSON_GetArraySize(requests), 4);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(http_world_number(requests, i, "connection"),
                         http_world_number(requests, 0, "connection"));
    }
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
    assert_int_equal(strchr(strchr(seen.events, 'C') + 1, 'C') == NULL, true);
}

static void test_http_client_unread_response_costs_the_connection(void **state)
{
    (void)state;
    static char buf[FILE_SIZE];
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin"));
    open_and_fetch(client, FILE_SIZE);
    assert_int_equal(esp_http_client_read(client, buf, 100), 100);
    open_and_fetch(client, FILE_SIZE);
    assert_int_equal(esp_http_client_read(client, buf, FILE_SIZE), FILE_SIZE);
    assert_memory_equal(buf, file, FILE_SIZE); /* nothing of the first answer */
    cJSON *requests = http_world_requests(&world);
    assert_int_not_equal(http_world_number(requests, 0, "connection"),
                         http_world_number(requests, 1, "connection"));
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
}

static void test_http_client_connection_close_is_obeyed(void **state)
{
    (void)state;
    esp_http_client_handle_t client = make(http_world_url(&world, "/small?close=1"));
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_false(esp_http_client_is_persistent_connection(client));
    assert_int_equal(esp_http_client_get_state(client), HTTP_STATE_INIT);
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_string_equal(seen.events, "CSThLdFXCSThLdFX");
    esp_http_client_cleanup(client);
}

static void test_http_client_another_host_closes_the_connection(void **state)
{
    (void)state;
    char url[64];
    esp_http_client_handle_t client = make(http_world_url(&world, "/small"));
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_set_url(client, "/a.bin"), ESP_OK); /* the same host */
    assert_null(strchr(seen.events, 'X'));
    (void)snprintf(url, sizeof url, "https://localhost:%d/small", world.port);
    assert_int_equal(esp_http_client_set_url(client, url), ESP_OK);
    assert_non_null(strchr(seen.events, 'X'));
    assert_int_equal(esp_http_client_perform(client), ESP_OK);
    assert_int_equal(esp_http_client_set_url(client, "https://"), ESP_ERR_INVALID_ARG);
    cJSON *requests = http_world_requests(&world);
    (void)snprintf(url, sizeof url, "localhost:%d", world.port);
    assert_string_equal(http_world_header(requests, 1, "host"), url);
    cJSON_Delete(requests);
    esp_http_client_cleanup(client);
}

static void test_http_client_no_server_is_a_connect_error(void **state)
{
    (void)state;
    int code, flags;
    esp_http_client_handle_t client = make("http://127.0.0.1:1/");
    assert_int_equal(esp_http_client_perform(client), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(seen.tls_error, ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST);
    assert_int_equal(esp_http_client_get_errno(client), ECONNREFUSED);
    assert_int_equal(esp_http_client_get_and_clear_last_tls_error(client, &code, &flags),
                     ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST);
    assert_int_not_equal(code, 0);
    assert_int_equal(esp_http_client_get_and_clear_last_tls_error(client, NULL, NULL), ESP_OK);
    assert_int_equal(esp_http_client_open(client, 0), ESP_ERR_HTTP_CONNECT);
    esp_http_client_cleanup(client);
    assert_string_equal(seen.events, "EE");
    assert_int_equal(perform_url("http://no-such-host.invalid/"), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(seen.tls_error, ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME);
}

static void test_http_client_keep_alive_probes_can_be_asked_for(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/small"));
    config.keep_alive_enable = true;
    assert_int_equal(perform(&config, NULL), ESP_OK);
}

/* ---- redirects ----------------------------------------------------------------------------------------- */

static void test_http_client_follows_redirects(void **state)
{
    (void)state;
    static const int statuses[] = {301, 302, 303, 307, 308};
    char url[64];
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        setup(NULL);
        esp_http_client_handle_t client =
            make(http_world_url(&world, "/dir/x?redirect=../a.bin&redirect_status=%d", statuses[i]));
        assert_int_equal(esp_http_client_perform(client), ESP_OK);
        assert_int_equal(esp_http_client_get_status_code(client), 200);
        assert_int_equal(esp_http_client_get_url(client, url, sizeof url), ESP_OK);
        assert_string_equal(url, "https://127.0.0.1/a.bin");
        assert_int_equal(seen.body_len, FILE_SIZE);
        assert_memory_equal(seen.body, file, FILE_SIZE);
        esp_http_client_cleanup(client);
    }
}

static void test_http_client_stops_in_a_redirect_loop(void **state)
{
    (void)state;
    assert_int_equal(perform_url(http_world_url(&world, "/x?loop=1")), ESP_ERR_HTTP_MAX_REDIRECT);
    assert_int_equal(http_world_request_count(&world), 11);
    setup(NULL);
    esp_http_client_config_t config = config_for(http_world_url(&world, "/x?loop=1"));
    config.max_redirection_count = 2;
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_MAX_REDIRECT);
    assert_int_equal(http_world_request_count(&world), 3);
}

static void test_http_client_refuses_a_redirect_to_plain_http(void **state)
{
    (void)state;
    const char *url =
        http_world_url(&world, "/x?redirect=http%%3A%%2F%%2F127.0.0.1%%3A%%7Bplain_port%%7D%%2Fa.bin");
    assert_int_equal(perform_url(url), ESP_ERR_HTTP_REDIRECT_DOWNGRADE);
    assert_int_equal(http_world_request_count(&world), 1);
    esp_http_client_handle_t client = make(url);
    assert_int_equal(esp_http_client_open(client, 0), ESP_OK);
    assert_true(esp_http_client_fetch_headers(client) >= 0);
    assert_int_equal(esp_http_client_set_redirection(client), ESP_ERR_HTTP_REDIRECT_DOWNGRADE);
    assert_int_equal(esp_http_client_get_transport_type(client), HTTP_TRANSPORT_OVER_SSL);
    esp_http_client_cleanup(client);
}

static void test_http_client_redirect_can_be_left_to_the_handler(void **state)
{
    (void)state;
    int status;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/x?redirect=%%2Fsmall"));
    config.disable_auto_redirect = true;
    assert_int_equal(perform(&config, &status), ESP_OK);
    assert_int_equal(status, 302);
    assert_int_equal(seen.status_at_redirect, 302);
    seen.follow = true;
    assert_int_equal(perform(&config, &status), ESP_OK);
    assert_int_equal(status, 200);
}

static void test_http_client_step_by_step_redirects_are_the_callers(void **state)
{
    (void)state;
    char buf[64];
    esp_http_client_handle_t client = make(http_world_url(&world, "/x?redirect=%%2Fsmall"));
    assert_int_equal(esp_http_client_open(client, 0), ESP_OK);
    assert_true(esp_http_client_fetch_headers(client) >= 0);
    assert_int_equal(esp_http_client_get_status_code(client), 302);
    assert_int_equal(esp_http_client_flush_response(client, NULL), ESP_OK);
    assert_int_equal(esp_http_client_set_redirection(client), ESP_OK);
    open_and_fetch(client, 5);
    assert_int_equal(esp_http_client_read(client, buf, sizeof buf), 5);
    assert_int_equal(esp_http_client_reset_redirect_counter(client), ESP_OK);
    esp_http_client_cleanup(client);
}

static void test_http_client_credentials_stay_with_their_host(void **state)
{
    (void)state;
    esp_http_client_config_t config =
        config_for(http_world_url(&world, "/x?redirect=https%%3A%%2F%%2Flocalhost%%3A%%7Bport%%7D%%2Fsmall"));
    config.username = "user";
    config.password = "secret";
    config.auth_type = HTTP_AUTH_TYPE_BASIC;
    assert_int_equal(perform(&config, NULL), ESP_OK);
    config.url = http_world_url(&world, "/x?redirect=%%2Fsmall");
    assert_int_equal(perform(&config, NULL), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_header(requests, 0, "authorization"), "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(http_world_header(requests, 1, "authorization"), "");
    assert_string_equal(http_world_header(requests, 3, "authorization"), "Basic dXNlcjpzZWNyZXQ=");
    cJSON_Delete(requests);
}

/* ---- credentials ----------------------------------------------------------------------------------------- */

static void expect_login(const char *url, const char *user, const char *password, int status_expected,
                         int n_requests)
{
    int status;
    setup(NULL);
    esp_http_client_config_t config = config_for(url);
    config.username = user;
    config.password = password;
    assert_int_equal(perform(&config, &status), ESP_OK);
    assert_int_equal(status, status_expected);
    assert_int_equal(http_world_request_count(&world), n_requests);
}

static void test_http_client_answers_401_with_basic_and_digest(void **state)
{
    (void)state;
    expect_login(http_world_url(&world, "/a.bin?auth=basic"), "user", "secret", 200, 2);
    expect_login(http_world_url(&world, "/a.bin?auth=digest"), "user", "secret", 200, 2);
    char url[128];
    (void)snprintf(url, sizeof url, "https://user:s%%65cret@127.0.0.1:%d/small?auth=digest", world.port);
    expect_login(url, NULL, NULL, 200, 2);
}

static void test_http_client_gives_up_on_wrong_credentials(void **state)
{
    (void)state;
    expect_login(http_world_url(&world, "/a.bin?auth=basic"), NULL, NULL, 401, 1);
    expect_login(http_world_url(&world, "/a.bin?auth=basic"), "user", "wrong", 401, 11);
    setup(NULL);
    int status;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/a.bin?auth=digest"));
    config.username = "user";
    config.password = "secret";
    config.max_authorization_retries = -1;
    assert_int_equal(perform(&config, &status), ESP_OK);
    assert_int_equal(status, 401);
    assert_int_equal(http_world_request_count(&world), 1);
}

static void test_http_client_add_auth_refuses_unknown_schemes(void **state)
{
    (void)state;
    esp_http_client_handle_t client = make(http_world_url(&world, "/a.bin?auth=basic"));
    assert_int_equal(esp_http_client_set_username(client, "user"), ESP_OK);
    assert_int_equal(esp_http_client_set_password(client, "secret"), ESP_OK);
    assert_int_equal(esp_http_client_open(client, 0), ESP_OK);
    assert_true(esp_http_client_fetch_headers(client) >= 0);
    static const char *const refused[] = {"Bearer realm=x", "Digest realm=\"x\"",
                                          "Digest nonce=\"x\", algorithm=MD4",
                                          "Digest nonce=\"x\", qop=\"auth-int\""};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(esp_http_client_set_auth_data(client, refused[i], (int)strlen(refused[i])), ESP_OK);
        assert_int_equal(esp_http_client_add_auth(client), ESP_FAIL);
    }
    assert_int_equal(esp_http_client_set_auth_data(client, "Basic", 5), ESP_OK);
    assert_int_equal(esp_http_client_add_auth(client), ESP_OK);
    open_and_fetch(client, FILE_SIZE);
    esp_http_client_cleanup(client);
}

/* ---- TLS ------------------------------------------------------------------------------------------------------ */

static void test_http_client_https_without_trust_is_refused(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/small"));
    config.cert_pem = NULL;
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(seen.tls_error, ESP_ERR_MBEDTLS_SSL_SETUP_FAILED);
    assert_int_equal(http_world_request_count(&world), 0);
}

static void test_http_client_trusts_the_pinned_certificate_only(void **state)
{
    (void)state;
    struct http_world other;
    int flags;
    http_world_start(&other, NULL);
    esp_http_client_config_t config = config_for(http_world_url(&other, "/x?status=200"));
    esp_http_client_handle_t client = esp_http_client_init(&config);
    assert_int_equal(esp_http_client_perform(client), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(esp_http_client_get_and_clear_last_tls_error(client, NULL, &flags),
                     ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED);
    assert_int_not_equal(flags, 0);
    esp_http_client_cleanup(client);
    assert_int_equal(http_world_request_count(&other), 0);
    /* A chain of both certificates trusts both. */
    char *both = malloc(strlen(world.ca_pem) + strlen(other.ca_pem) + 1);
    assert_non_null(both);
    strcpy(both, world.ca_pem);
    strcat(both, other.ca_pem);
    config.cert_pem = both;
    assert_int_equal(perform(&config, NULL), ESP_OK);
    config.url = http_world_url(&world, "/small");
    assert_int_equal(perform(&config, NULL), ESP_OK);
    free(both);
    http_world_stop(&other);
}

static void test_http_client_takes_pem_with_length_and_der(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/small"));
    config.cert_len = strlen(world.ca_pem) + 1; /* as EMBED_TXTFILES counts */
    assert_int_equal(perform(&config, NULL), ESP_OK);
    mbedtls_pem_context pem;
    size_t used;
    mbedtls_pem_init(&pem);
    assert_int_equal(mbedtls_pem_read_buffer(&pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----",
                                             (const unsigned char *)world.ca_pem, NULL, 0, &used),
                     0);
    config.cert_pem = (const char *)pem.buf;
    config.cert_len = pem.buflen;
    assert_int_equal(perform(&config, NULL), ESP_OK);
    mbedtls_pem_free(&pem);
    config.cert_pem = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
    config.cert_len = 0;
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
}

static void test_http_client_checks_the_name_in_the_certificate(void **state)
{
    (void)state;
    struct http_world other;
    http_world_start(&other, "DNS:device.example");
    esp_http_client_config_t config = config_for(http_world_url(&other, "/x?status=200"));
    config.cert_pem = other.ca_pem;
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(seen.tls_error, ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED);
    config.skip_cert_common_name_check = true;
    assert_int_equal(perform(&config, NULL), ESP_OK);
    config.cert_pem = world.ca_pem; /* the chain is still verified */
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    config.skip_cert_common_name_check = false;
    config.cert_pem = other.ca_pem;
    config.common_name = "device.example";
    assert_int_equal(perform(&config, NULL), ESP_OK);
    cJSON *requests = http_world_requests(&other);
    char host[32];
    (void)snprintf(host, sizeof host, "127.0.0.1:%d", other.port);
    assert_string_equal(http_world_header(requests, -1, "host"), host);
    cJSON_Delete(requests);
    config.common_name = "other.example";
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    http_world_stop(&other);
}

static void test_http_client_bundle_means_the_systems_certificates(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/small"));
    config.cert_pem = NULL;
    config.crt_bundle_attach = esp_crt_bundle_attach;
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT); /* the system doesn't know this one */
    assert_int_equal(seen.tls_error, ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED);
    assert_int_equal(setenv("SSL_CERT_FILE", world.ca_path, 1), 0);
    assert_int_equal(perform(&config, NULL), ESP_OK);
    config.crt_bundle_attach = NULL; /* without being asked for, it counts for nothing */
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    unsetenv("SSL_CERT_FILE");
    assert_int_equal(esp_crt_bundle_attach(NULL), ESP_ERR_INVALID_ARG);
}

static void test_http_client_global_store_is_shared(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/small"));
    config.cert_pem = NULL;
    config.use_global_ca_store = true;
    const unsigned char *pem = (const unsigned char *)world.ca_pem;
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(esp_tls_init_global_ca_store(), ESP_OK);
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(esp_tls_set_global_ca_store(NULL, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_tls_set_global_ca_store((const unsigned char *)"x", 2),
                     ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED);
    assert_int_equal(esp_tls_set_global_ca_store(pem, (unsigned)strlen(world.ca_pem) + 1), ESP_OK);
    assert_int_equal(perform(&config, NULL), ESP_OK);
    esp_tls_free_global_ca_store();
    assert_int_equal(perform(&config, NULL), ESP_ERR_HTTP_CONNECT);
    assert_int_equal(esp_tls_get_and_clear_last_error(NULL, NULL, NULL), ESP_ERR_INVALID_STATE);
}

static void test_http_client_tls_versions_can_be_chosen(void **state)
{
    (void)state;
    esp_http_client_config_t config = config_for(http_world_url(&world, "/small"));
    config.tls_version = ESP_HTTP_CLIENT_TLS_VER_TLS_1_2;
    assert_int_equal(perform(&config, NULL), ESP_OK);
    config.tls_version = ESP_HTTP_CLIENT_TLS_VER_TLS_1_3;
    assert_int_equal(perform(&config, NULL), ESP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_http_client_perform_gives_the_body_in_pieces, setup),
        cmocka_unit_test_setup(test_http_client_events_come_in_order, setup),
        cmocka_unit_test_setup(test_http_client_posts_events_to_the_default_loop, setup),
        cmocka_unit_test_setup(test_http_client_status_400_and_up_is_no_error, setup),
        cmocka_unit_test_setup(test_http_client_perform_names_what_went_wrong, setup),
        cmocka_unit_test_setup(test_http_client_perform_goes_on_waiting_after_eagain, setup),
        cmocka_unit_test_setup(test_http_client_shorter_content_length_ends_the_body, setup),
        cmocka_unit_test_setup(test_http_client_async_perform_never_waits, setup),
        cmocka_unit_test_setup(test_http_client_read_streams_the_body, setup),
        cmocka_unit_test_setup(test_http_client_fetch_headers_times_out_and_can_go_on, setup),
        cmocka_unit_test_setup(test_http_client_read_returns_what_came_then_eagain, setup),
        cmocka_unit_test_setup(test_http_client_timeout_is_per_wait_not_per_body, setup),
        cmocka_unit_test_setup(test_http_client_read_fails_when_closed_early, setup),
        cmocka_unit_test_setup(test_http_client_chunked_body_has_no_length, setup),
        cmocka_unit_test_setup(test_http_client_body_may_end_by_closing, setup),
        cmocka_unit_test_setup(test_http_client_unread_body_holds_the_server_back, setup),
        cmocka_unit_test_setup(test_http_client_flush_drops_the_rest, setup),
        cmocka_unit_test_setup(test_http_client_clear_response_buffer_forgets_a_piece, setup),
        cmocka_unit_test_setup(test_http_client_cancel_breaks_off_an_exchange, setup),
        cmocka_unit_test_setup(test_http_client_sends_only_its_own_headers, setup),
        cmocka_unit_test_setup(test_http_client_headers_are_set_and_deleted, setup),
        cmocka_unit_test_setup(test_http_client_response_headers_are_found, setup),
        cmocka_unit_test_setup(test_http_client_response_headers_have_a_ceiling, setup),
        cmocka_unit_test_setup(test_http_client_head_has_a_length_and_no_body, setup),
        cmocka_unit_test_setup(test_http_client_not_modified_has_no_body, setup),
        cmocka_unit_test_setup(test_http_client_perform_sends_the_post_field, setup),
        cmocka_unit_test_setup(test_http_client_write_streams_a_body, setup),
        cmocka_unit_test_setup(test_http_client_chunks_stream_a_body_of_unknown_length, setup),
        cmocka_unit_test_setup(test_http_client_long_url_needs_a_transmit_buffer, setup),
        cmocka_unit_test_setup(test_http_client_long_header_needs_a_transmit_buffer, setup),
        cmocka_unit_test_setup(test_http_client_path_is_sent_as_written, setup),
        cmocka_unit_test_setup(test_http_client_host_and_path_make_a_url_too, setup),
        cmocka_unit_test_setup(test_http_client_init_refuses_what_is_no_url, setup),
        cmocka_unit_test_setup(test_http_client_null_is_an_invalid_argument, setup),
        cmocka_unit_test_setup(test_http_client_reuses_its_connection, setup),
        cmocka_unit_test_setup(test_http_client_unread_response_costs_the_connection, setup),
        cmocka_unit_test_setup(test_http_client_connection_close_is_obeyed, setup),
        cmocka_unit_test_setup(test_http_client_another_host_closes_the_connection, setup),
        cmocka_unit_test_setup(test_http_client_no_server_is_a_connect_error, setup),
        cmocka_unit_test_setup(test_http_client_keep_alive_probes_can_be_asked_for, setup),
        cmocka_unit_test_setup(test_http_client_follows_redirects, setup),
        cmocka_unit_test_setup(test_http_client_stops_in_a_redirect_loop, setup),
        cmocka_unit_test_setup(test_http_client_refuses_a_redirect_to_plain_http, setup),
        cmocka_unit_test_setup(test_http_client_redirect_can_be_left_to_the_handler, setup),
        cmocka_unit_test_setup(test_http_client_step_by_step_redirects_are_the_callers, setup),
        cmocka_unit_test_setup(test_http_client_credentials_stay_with_their_host, setup),
        cmocka_unit_test_setup(test_http_client_answers_401_with_basic_and_digest, setup),
        cmocka_unit_test_setup(test_http_client_gives_up_on_wrong_credentials, setup),
        cmocka_unit_test_setup(test_http_client_add_auth_refuses_unknown_schemes, setup),
        cmocka_unit_test_setup(test_http_client_https_without_trust_is_refused, setup),
        cmocka_unit_test_setup(test_http_client_trusts_the_pinned_certificate_only, setup),
        cmocka_unit_test_setup(test_http_client_takes_pem_with_length_and_der, setup),
        cmocka_unit_test_setup(test_http_client_checks_the_name_in_the_certificate, setup),
        cmocka_unit_test_setup(test_http_client_bundle_means_the_systems_certificates, setup),
        cmocka_unit_test_setup(test_http_client_global_store_is_shared, setup),
        cmocka_unit_test_setup(test_http_client_tls_versions_can_be_chosen, setup),
    };
    return cmocka_run_group_tests_name("esp_http_client", tests, group_setup, group_teardown);
}
