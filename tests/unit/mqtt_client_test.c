/*
 * mqtt_client.h against the real mosquitto (tests/e2e/broker.py).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "esp_tls.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "mqtt_client.h"

#define BROKER AIRLIFT_TEST_DATA "/../e2e/broker.py"
#define WAIT   pdMS_TO_TICKS(30000) /* for what must happen */

/* --- The broker ------------------------------------------------------------ */

static struct {
    pid_t pid;
    FILE *orders, *answers;
    int port, tls_port, password_port;
    char dir[128];
    char *ca, *cert, *key, *server_cert;
} broker;

static char *read_file(const char *name)
{
    char path[256];
    char *text = calloc(1, 65536);

    (void)snprintf(path, sizeof path, "%s/%s", broker.dir, name);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void order(const char *what)
{
    char answer[16];

    assert_true(fprintf(broker.orders, "%s\n", what) > 0 && fflush(broker.orders) == 0);
    assert_int_equal(fscanf(broker.answers, "%15s", answer), 1);
    assert_string_equal(answer, "ok");
}

static int start_broker(void **state)
{
    int in[2], out[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    broker.pid = fork();
    assert_true(broker.pid >= 0);
    if (broker.pid == 0) {
        (void)dup2(in[0], STDIN_FILENO);
        (void)dup2(out[1], STDOUT_FILENO);
        execlp("python3", "python3", "-B", BROKER, "dev-1", NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    broker.orders = fdopen(in[1], "w");
    broker.answers = fdopen(out[0], "r");
    assert_non_null(broker.orders);
    assert_non_null(broker.answers);
    assert_int_equal(fscanf(broker.answers, "%d %d %d %127s", &broker.port, &broker.tls_port,
                            &broker.password_port, broker.dir),
                     4);
    broker.ca = read_file("ca.pem");
    broker.cert = read_file("dev-1.pem");
    broker.key = read_file("dev-1.key");
    broker.server_cert = read_file("server.pem");
    return 0;
}

static int stop_broker(void **state)
{
    int status;

    (void)state;
    fclose(broker.orders);
    assert_int_equal(waitpid(broker.pid, &status, 0), broker.pid);
    fclose(broker.answers);
    free(broker.ca);
    free(broker.cert);
    free(broker.key);
    free(broker.server_cert);
    return 0;
}

/* --- A client under observation -------------------------------------------- */

#define MAX_EVENTS 64

struct seen {
    esp_mqtt_event_t event;
    esp_mqtt_error_codes_t error;
    char topic[64];
    char data[64];
};

static struct watch {
    struct seen list[MAX_EVENTS];
    _Atomic int n;
    int next; /* to be looked at */
    SemaphoreHandle_t came;
    esp_err_t stop_from_handler;
    char *whole; /* a long message put together, 64 KiB */
} watch;

static void on_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    struct watch *w = arg;
    const esp_mqtt_event_t *e = data;

    (void)base;
    if (w->n == MAX_EVENTS) {
        return;
    }
    struct seen *s = &w->list[w->n];

    assert_int_equal(id, e->event_id);
    memset(s, 0, sizeof *s);
    s->event = *e;
    s->error = *e->error_handle;
    if (e->topic != NULL) {
        (void)snprintf(s->topic, sizeof s->topic, "%.*s", e->topic_len, e->topic);
    }
    if (e->event_id == MQTT_EVENT_DATA && e->data != NULL) {
        (void)snprintf(s->data, sizeof s->data, "%.*s", e->data_len < 60 ? e->data_len : 60, e->data);
        if (w->whole != NULL) {
            memcpy(w->whole + e->current_data_offset, e->data, (size_t)e->data_len);
        }
    }
    if (e->event_id == MQTT_USER_EVENT) {
        w->stop_from_handler = esp_mqtt_client_stop(e->client);
    }
    w->n++;
    (void)xSemaphoreGive(w->came);
}

/* The next event of this kind; others are passed over. */
static const struct seen *expect(esp_mqtt_event_id_t id)
{
    for (;;) {
        while (watch.next < watch.n) {
            const struct seen *s = &watch.list[watch.next++];

            if (s->event.event_id == id) {
                return s;
            }
        }
        if (!xSemaphoreTake(watch.came, WAIT)) {
            fail_msg("event %d does not come", (int)id);
        }
    }
}

static esp_mqtt_client_handle_t make(const esp_mqtt_client_config_t *config)
{
    esp_mqtt_client_handle_t client = esp_mqtt_client_init(config);

    assert_non_null(client);
    watch.n = watch.next = 0;
    if (watch.came == NULL) {
        watch.came = xSemaphoreCreateCounting(MAX_EVENTS, 0);
    }
    while (xSemaphoreTake(watch.came, 0)) {
    }
    assert_int_equal(esp_mqtt_client_register_event(client, MQTT_EVENT_ANY, on_event, &watch), ESP_OK);
    return client;
}

static esp_mqtt_client_handle_t start(const esp_mqtt_client_config_t *config)
{
    esp_mqtt_client_handle_t client = make(config);

    assert_int_equal(esp_mqtt_client_start(client), ESP_OK);
    return client;
}

static const char *uri(const char *scheme, int port)
{
    static char text[64];

    (void)snprintf(text, sizeof text, "%s://127.0.0.1:%d", scheme, port);
    return text;
}

static esp_mqtt_client_config_t plain(const char *id)
{
    const esp_mqtt_client_config_t config = {
        .broker.address.uri = uri("mqtt", broker.port),
        .credentials.client_id = id,
        .network.reconnect_timeout_ms = 100,
    };
    return config;
}

static esp_mqtt_client_config_t over_tls(void)
{
    const esp_mqtt_client_config_t config = {
        .broker = {.address.uri = uri("mqtts", broker.tls_port), .verification.certificate = broker.ca},
        .credentials = {.client_id = "dev-1",
                        .authentication = {.certificate = broker.cert, .key = broker.key}},
        .network.disable_auto_reconnect = true,
    };
    return config;
}

/* --- Cases ------------------------------------------------------------------ */

static void test_mqtt_message_goes_round(void **state)
{
    const esp_mqtt_client_config_t config = plain("round");
    esp_mqtt_client_handle_t client = start(&config);

    (void)state;
    (void)expect(MQTT_EVENT_BEFORE_CONNECT);
    assert_int_equal(expect(MQTT_EVENT_CONNECTED)->event.session_present, 0);
    const int sub = esp_mqtt_client_subscribe(client, "round/#", 1);
    const struct seen *s = expect(MQTT_EVENT_SUBSCRIBED);
    assert_int_equal(s->event.msg_id, sub);
    assert_int_equal(s->event.data_len, 1);

    const int pub = esp_mqtt_client_publish(client, "round/trip", "hello", 0, 1, 0);
    assert_true(pub > 0);
    s = expect(MQTT_EVENT_DATA);
    assert_string_equal(s->topic, "round/trip");
    assert_string_equal(s->data, "hello");
    assert_int_equal(s->event.qos, 1);
    assert_int_equal(s->event.total_data_len, 5);
    assert_false(s->event.retain);
    watch.next = 0; /* the two come in either order */
    assert_int_equal(expect(MQTT_EVENT_PUBLISHED)->event.msg_id, pub);
    assert_int_equal(esp_mqtt_client_get_outbox_size(client), 0);

    assert_int_equal(esp_mqtt_client_publish(client, "round/trip", NULL, 0, 0, 0), 0);
    watch.next = watch.n > 2 ? watch.next : 0;
    do {
        s = expect(MQTT_EVENT_DATA);
    } while (s->event.qos != 0);
    assert_int_equal(s->event.total_data_len, 0);

    const esp_mqtt_topic_t topics[] = {{"a/b", 1}, {"c/+", 1}, {"d", 0}};
    esp_mqtt_topic_t *list = (esp_mqtt_topic_t *)(uintptr_t)topics;
    assert_true(esp_mqtt_client_subscribe(client, list, 3) > 0);
    assert_int_equal(expect(MQTT_EVENT_SUBSCRIBED)->event.data_len, 2);
    assert_int_equal(expect(MQTT_EVENT_SUBSCRIBED)->event.data_len, 1);
    const int unsub = esp_mqtt_client_unsubscribe(client, "a/b");
    assert_int_equal(expect(MQTT_EVENT_UNSUBSCRIBED)->event.msg_id, unsub);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_long_message_comes_in_pieces(void **state)
{
    enum { LEN = 5000, HEADER = 3 + 2 + 4 + 2 };
    esp_mqtt_client_config_t config = plain("pieces");
    char *text = malloc(LEN + 1);

    (void)state;
    config.buffer.size = 512;
    watch.whole = calloc(1, 65536);
    assert_non_null(text);
    assert_non_null(watch.whole);
    for (int i = 0; i < LEN; i++) {
        text[i] = (char)('a' + i % 23);
    }
    text[LEN] = '\0';
    esp_mqtt_client_handle_t client = start(&config);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_true(esp_mqtt_client_subscribe(client, "long", 1) > 0);
    (void)expect(MQTT_EVENT_SUBSCRIBED);
    assert_true(esp_mqtt_client_publish(client, "long", text, 0, 1, 0) > 0);

    int offset = 0;
    for (int i = 0; offset < LEN; i++) {
        const struct seen *s = expect(MQTT_EVENT_DATA);

        assert_int_equal(s->event.current_data_offset, offset);
        assert_int_equal(s->event.total_data_len, LEN);
        assert_int_equal(s->event.topic_len, i == 0 ? 4 : 0);
        assert_true(s->event.data_len <= 512);
        if (i == 0) {
            assert_int_equal(s->event.data_len, 512 - HEADER);
        }
        offset += s->event.data_len;
    }
    assert_int_equal(offset, LEN);
    assert_memory_equal(watch.whole, text, LEN);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
    free(text);
    free(watch.whole);
    watch.whole = NULL;
}

static void test_mqtt_outbox_waits_for_the_connection(void **state)
{
    esp_mqtt_client_config_t config = plain("outbox");

    (void)state;
    config.outbox.limit = 40;
    esp_mqtt_client_handle_t client = make(&config);
    assert_int_equal(esp_mqtt_client_publish(client, "box/0", "lost", 0, 0, 0), -1);
    assert_int_equal(esp_mqtt_client_enqueue(client, "box/0", "lost", 0, 0, 0, false), -1);
    assert_int_equal(esp_mqtt_client_enqueue(client, "box/0", "kept", 0, 0, 1, true), 0);
    const int id = esp_mqtt_client_publish(client, "box/1", "kept too", 0, 1, 1);
    assert_true(id > 0);
    assert_int_equal(esp_mqtt_client_get_outbox_size(client), 5 + 4 + 5 + 8);
    assert_int_equal(esp_mqtt_client_publish(client, "box/2", "a message that is too long", 0, 1, 0), -2);
    assert_int_equal(esp_mqtt_client_subscribe(client, "box/#", 1), -1);

    assert_int_equal(esp_mqtt_client_start(client), ESP_OK);
    assert_int_equal(esp_mqtt_client_start(client), ESP_FAIL);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(expect(MQTT_EVENT_PUBLISHED)->event.msg_id, id);
    assert_int_equal(esp_mqtt_client_get_outbox_size(client), 0);
    assert_true(esp_mqtt_client_subscribe(client, "box/#", 1) > 0);
    for (int i = 0; i < 2; i++) { /* retained, so the broker had both */
        const struct seen *s = expect(MQTT_EVENT_DATA);

        assert_true(s->event.retain);
        assert_string_equal(s->data, strcmp(s->topic, "box/0") == 0 ? "kept" : "kept too");
    }
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_session_outlives_client_and_broker(void **state)
{
    esp_mqtt_client_config_t config = plain("faithful"), other = plain("other");

    (void)state;
    config.session.disable_clean_session = true;
    esp_mqtt_client_handle_t client = start(&config);
    assert_int_equal(expect(MQTT_EVENT_CONNECTED)->event.session_present, 0);
    assert_true(esp_mqtt_client_subscribe(client, "faithful/1", 1) > 0);
    (void)expect(MQTT_EVENT_SUBSCRIBED);
    order("restart");
    (void)expect(MQTT_EVENT_DISCONNECTED);
    assert_int_equal(expect(MQTT_EVENT_CONNECTED)->event.session_present, 1);
    assert_int_equal(esp_mqtt_client_stop(client), ESP_OK);
    assert_true(esp_mqtt_client_is_stopped(client));
    assert_int_equal(esp_mqtt_client_stop(client), ESP_FAIL);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);

    client = start(&other);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_true(esp_mqtt_client_publish(client, "faithful/1", "while you slept", 0, 1, 0) > 0);
    (void)expect(MQTT_EVENT_PUBLISHED);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);

    client = start(&config);
    assert_int_equal(expect(MQTT_EVENT_CONNECTED)->event.session_present, 1);
    assert_string_equal(expect(MQTT_EVENT_DATA)->data, "while you slept");
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_last_will_is_published(void **state)
{
    esp_mqtt_client_config_t config = plain("heir"), dying = plain("dying");

    (void)state;
    dying.session.last_will.topic = "will";
    dying.session.last_will.msg = "farewell";
    dying.session.last_will.qos = 1;
    dying.session.last_will.retain = 1;
    dying.network.disable_auto_reconnect = true;
    esp_mqtt_client_handle_t first = start(&dying);
    (void)expect(MQTT_EVENT_CONNECTED);
    /* Another client of that name: the broker throws the first one out. */
    config.credentials.client_id = "dying";
    esp_mqtt_client_handle_t second = esp_mqtt_client_init(&config);
    assert_int_equal(esp_mqtt_client_start(second), ESP_OK);
    (void)expect(MQTT_EVENT_DISCONNECTED);
    assert_int_equal(esp_mqtt_client_destroy(first), ESP_OK);
    assert_int_equal(esp_mqtt_client_destroy(second), ESP_OK);

    config = plain("heir");
    first = start(&config);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_true(esp_mqtt_client_subscribe(first, "will", 1) > 0);
    assert_string_equal(expect(MQTT_EVENT_DATA)->data, "farewell");
    assert_int_equal(esp_mqtt_client_destroy(first), ESP_OK);
}

static void test_mqtt_refusal_has_its_code(void **state)
{
    esp_mqtt_client_config_t config = plain("who");

    (void)state;
    config.broker.address.uri = uri("mqtt", broker.password_port);
    config.credentials.username = "lamp";
    config.credentials.authentication.password = "wrong";
    esp_mqtt_client_handle_t client = start(&config);
    const struct seen *s = expect(MQTT_EVENT_ERROR);
    assert_int_equal(s->error.error_type, MQTT_ERROR_TYPE_CONNECTION_REFUSED);
    assert_int_equal(s->error.connect_return_code, MQTT_CONNECTION_REFUSE_NOT_AUTHORIZED);
    (void)expect(MQTT_EVENT_DISCONNECTED);
    config.credentials.authentication.password = "secret";
    assert_int_equal(esp_mqtt_set_config(client, &config), ESP_OK);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_user_and_password_in_the_uri(void **state)
{
    esp_mqtt_client_config_t config = plain("uri");
    char text[64];

    (void)state;
    (void)snprintf(text, sizeof text, "mqtt://lamp:secret@127.0.0.1:%d", broker.password_port);
    config.broker.address.uri = text;
    esp_mqtt_client_handle_t client = start(&config);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(esp_mqtt_client_set_uri(client, "http://x"), ESP_FAIL);
    assert_int_equal(esp_mqtt_client_set_uri(client, "mqtt://:1"), ESP_FAIL);
    assert_int_equal(esp_mqtt_client_set_uri(client, "mqtt://x:99999"), ESP_FAIL);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_tls_with_client_certificate(void **state)
{
    esp_mqtt_client_config_t config = over_tls();
    esp_mqtt_client_handle_t client = start(&config);

    (void)state;
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_true(esp_mqtt_client_subscribe(client, "devices/dev-1/x", 1) > 0);
    (void)expect(MQTT_EVENT_SUBSCRIBED);
    assert_true(esp_mqtt_client_publish(client, "devices/dev-1/x", "ciphered", 0, 1, 0) > 0);
    assert_string_equal(expect(MQTT_EVENT_DATA)->data, "ciphered");
    assert_int_equal(esp_mqtt_client_disconnect(client), ESP_OK);
    (void)expect(MQTT_EVENT_DISCONNECTED);
    while (esp_mqtt_client_reconnect(client) != ESP_OK) { /* not waiting yet */
        vTaskDelay(1);
    }
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void check_tls_refused(const esp_mqtt_client_config_t *config, bool by_certificate)
{
    esp_mqtt_client_handle_t client = start(config);
    const struct seen *s = expect(MQTT_EVENT_ERROR);

    assert_int_equal(s->error.error_type, MQTT_ERROR_TYPE_TCP_TRANSPORT);
    assert_int_equal(s->error.esp_tls_cert_verify_flags != 0, by_certificate);
    (void)expect(MQTT_EVENT_DISCONNECTED);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
    for (int i = 0; i < watch.n; i++) {
        assert_int_not_equal(watch.list[i].event.event_id, MQTT_EVENT_CONNECTED);
    }
}

static void test_mqtt_tls_trusts_nobody_else(void **state)
{
    esp_mqtt_client_config_t config = over_tls();

    (void)state;
    config.broker.verification.certificate = broker.cert; /* not the one that signed */
    check_tls_refused(&config, true);
    config = over_tls();
    config.broker.verification.certificate = NULL; /* no way of verification at all */
    check_tls_refused(&config, false);
    config = over_tls();
    config.broker.verification.common_name = "another.example";
    check_tls_refused(&config, true);
    config.broker.verification.skip_cert_common_name_check = true;
    esp_mqtt_client_handle_t client = start(&config);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
    config = over_tls();
    config.credentials.authentication.certificate = config.credentials.authentication.key = NULL;
    check_tls_refused(&config, false); /* by the broker: no certificate of ours */
}

static void test_mqtt_tls_global_store(void **state)
{
    esp_mqtt_client_config_t config = over_tls();

    (void)state;
    config.broker.verification.certificate = NULL;
    config.broker.verification.use_global_ca_store = true;
    check_tls_refused(&config, false);
    assert_int_equal(
        esp_tls_set_global_ca_store((const unsigned char *)broker.ca, (unsigned)strlen(broker.ca) + 1),
        ESP_OK);
    esp_mqtt_client_handle_t client = start(&config);
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
    esp_tls_free_global_ca_store();
}

static void test_mqtt_unreachable_broker(void **state)
{
    esp_mqtt_client_config_t config = plain("nowhere");

    (void)state;
    config.broker.address.uri = "mqtt://127.0.0.1:1";
    esp_mqtt_client_handle_t client = start(&config);
    for (int i = 0; i < 2; i++) { /* it tries again by itself */
        assert_int_equal(expect(MQTT_EVENT_ERROR)->error.esp_tls_last_esp_err,
                         ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST);
        (void)expect(MQTT_EVENT_DISCONNECTED);
    }
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_custom_event_runs_in_the_task(void **state)
{
    const esp_mqtt_client_config_t config = plain("custom");
    esp_mqtt_client_handle_t client = start(&config);
    esp_mqtt_error_codes_t none = {0};
    esp_mqtt_event_t event = {
        .event_id = MQTT_USER_EVENT, .msg_id = 17, .client = client, .error_handle = &none};

    (void)state;
    (void)expect(MQTT_EVENT_CONNECTED);
    assert_int_equal(esp_mqtt_dispatch_custom_event(client, &event), ESP_OK);
    assert_int_equal(expect(MQTT_USER_EVENT)->event.msg_id, 17);
    assert_int_equal(watch.stop_from_handler, ESP_FAIL);
    assert_int_equal(esp_mqtt_client_destroy(client), ESP_OK);
}

static void test_mqtt_what_cannot_be_had_is_refused(void **state)
{
    esp_mqtt_client_config_t config = plain("no");

    (void)state;
    config.broker.address.uri = "ws://127.0.0.1:80";
    assert_null(esp_mqtt_client_init(&config));
    config = plain("no");
    config.session.protocol_ver = MQTT_PROTOCOL_V_5;
    assert_null(esp_mqtt_client_init(&config));
    config = plain("no");
    config.credentials.authentication.certificate = broker.cert;
    assert_null(esp_mqtt_client_init(&config));
    config = plain("no");
    config.broker.address.uri = NULL;
    assert_null(esp_mqtt_client_init(&config));
    assert_null(esp_mqtt_client_init(NULL));
    assert_int_equal(esp_mqtt_client_start(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_mqtt_client_publish(NULL, "x", "y", 0, 0, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mqtt_message_goes_round),
        cmocka_unit_test(test_mqtt_long_message_comes_in_pieces),
        cmocka_unit_test(test_mqtt_outbox_waits_for_the_connection),
        cmocka_unit_test(test_mqtt_session_outlives_client_and_broker),
        cmocka_unit_test(test_mqtt_last_will_is_published),
        cmocka_unit_test(test_mqtt_refusal_has_its_code),
        cmocka_unit_test(test_mqtt_user_and_password_in_the_uri),
        cmocka_unit_test(test_mqtt_tls_with_client_certificate),
        cmocka_unit_test(test_mqtt_tls_trusts_nobody_else),
        cmocka_unit_test(test_mqtt_tls_global_store),
        cmocka_unit_test(test_mqtt_unreachable_broker),
        cmocka_unit_test(test_mqtt_custom_event_runs_in_the_task),
        cmocka_unit_test(test_mqtt_what_cannot_be_had_is_refused),
    };
    return cmocka_run_group_tests(tests, start_broker, stop_broker);
}
