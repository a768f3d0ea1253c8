/*
 * mqtt_task.c - the client's task over libmosquitto.
 *
 *     connect     BEFORE_CONNECT, then the socket, TLS and the broker's answer
 *     serve       libmosquitto's loop, whose callbacks become events
 *     wait        until the time to reconnect, or until somebody asks
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "esp_log.h"
#include "esp_timer.h"
#include "idf_runtime.h"
#include "mqtt_client_internal.h"

#define LOOP_MS      200 /* for what doesn't wake the loop: stop, custom events */
#define GOODBYE_MS   1000
#define SUBACK_ERROR 0x80

static const char *const TAG = "mqtt_client";

/* --- Events --------------------------------------------------------------- */

/* From the client's task only. The time in handlers is the firmware's, not a wait for the network. */
static void dispatch(struct esp_mqtt_client *c, esp_mqtt_event_t *event)
{
    event->client = c;
    event->error_handle = &c->errors;
    event->protocol_ver = c->current.protocol;
    if (esp_event_post_to(c->loop, MQTT_EVENTS, event->event_id, event, sizeof *event, 0) != ESP_OK) {
        ESP_LOGE(TAG, "event %d is lost: no memory, or too many custom events", (int)event->event_id);
    }
    (void)esp_event_loop_run(c->loop, 0);
}

static void dispatch_id(struct esp_mqtt_client *c, esp_mqtt_event_id_t id, int msg_id)
{
    esp_mqtt_event_t event = {.event_id = id, .msg_id = msg_id};

    dispatch(c, &event);
}

static void dispatch_error(struct esp_mqtt_client *c, esp_mqtt_error_type_t type, esp_err_t err, int rc)
{
    c->errors.error_type = type;
    c->errors.esp_tls_last_esp_err = err;
    c->errors.esp_tls_stack_err = rc;
    c->errors.esp_tls_cert_verify_flags = c->refused_certificate;
    c->errors.esp_transport_sock_errno = rc == MOSQ_ERR_ERRNO ? errno : 0;
    dispatch_id(c, MQTT_EVENT_ERROR, 0);
}

/* --- libmosquitto's callbacks, in the client's task ------------------------ */

static void on_connect(struct mosquitto *mosq, void *ctx, int rc, int flags)
{
    struct esp_mqtt_client *c = ctx;

    (void)mosq;
    if (rc != 0) {
        c->errors.connect_return_code = (esp_mqtt_connect_return_code_t)rc;
        return; /* libmosquitto closes the connection */
    }
    mqtt_outbox_send_waiting(c);

    esp_mqtt_event_t event = {.event_id = MQTT_EVENT_CONNECTED, .session_present = flags & 1};

    idf_block_exit();
    dispatch(c, &event);
    idf_block_enter();
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid)
{
    struct esp_mqtt_client *c = ctx;

    (void)mosq;
    const int id = mqtt_outbox_acknowledge(c, mid);

    if (id == 0) {
        return; /* QoS 0: sent, no more is known */
    }
    idf_block_exit();
    dispatch_id(c, MQTT_EVENT_PUBLISHED, id);
    idf_block_enter();
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int n, const int *granted)
{
    struct esp_mqtt_client *c = ctx;
    char codes[64];
    esp_mqtt_event_t event = {.event_id = MQTT_EVENT_SUBSCRIBED, .msg_id = mid, .data = codes};

    (void)mosq;
    c->errors = (esp_mqtt_error_codes_t){.error_type = MQTT_ERROR_TYPE_NONE};
    for (int i = 0; i < n && i < (int)sizeof codes; i++) {
        codes[i] = (char)granted[i];
        event.data_len++;
        if (granted[i] == SUBACK_ERROR) {
            c->errors.error_type = MQTT_ERROR_TYPE_SUBSCRIBE_FAILED;
        }
    }
    event.total_data_len = event.data_len;
    idf_block_exit();
    dispatch(c, &event);
    idf_block_enter();
}

static void on_unsubscribe(struct mosquitto *mosq, void *ctx, int mid)
{
    (void)mosq;
    idf_block_exit();
    dispatch_id(ctx, MQTT_EVENT_UNSUBSCRIBED, mid);
    idf_block_enter();
}

/* Bytes of a PUBLISH before its payload. */
static int header_len(int topic_len, int payload_len, int qos)
{
    const int remaining = 2 + topic_len + (qos > 0 ? 2 : 0) + payload_len;
    int len = 2;

    for (int rest = remaining; rest > 127; rest /= 128) {
        len++;
    }
    return len + remaining - payload_len;
}

/*
 * Deliver as ESP-MQTT does: what fits its buffer beside the header, then a
 * buffer's worth at a time. A header that fills the buffer leaves no data for
 * the first event; ESP-MQTT would give up there.
 */
static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m)
{
    struct esp_mqtt_client *c = ctx;
    const int topic_len = (int)strlen(m->topic);
    int room = c->current.buffer_size - header_len(topic_len, m->payloadlen, m->qos);
    esp_mqtt_event_t event = {
        .event_id = MQTT_EVENT_DATA,
        .topic = m->topic,
        .topic_len = topic_len,
        .msg_id = m->mid,
        .qos = m->qos,
        .retain = m->retain,
        .total_data_len = m->payloadlen,
    };

    (void)mosq;
    room = room > 0 ? room : 0;
    idf_block_exit();
    do {
        const int left = m->payloadlen - event.current_data_offset;

        event.data = m->payloadlen > 0 ? (char *)m->payload + event.current_data_offset : NULL;
        event.data_len = left < room ? left : room;
        dispatch(c, &event);
        event.current_data_offset += event.data_len;
        event.topic = NULL;
        event.topic_len = 0;
        room = c->current.buffer_size;
    } while (event.current_data_offset < m->payloadlen);
    idf_block_enter();
}

static void on_log(struct mosquitto *mosq, void *ctx, int level, const char *text)
{
    (void)mosq;
    (void)ctx;
    if (level == MOSQ_LOG_ERR) {
        ESP_LOGE(TAG, "%s", text);
    } else {
        ESP_LOGD(TAG, "%s", text);
    }
}

static void set_callbacks(struct esp_mqtt_client *c)
{
    mosquitto_connect_with_flags_callback_set(c->mosq, on_connect);
    mosquitto_publish_callback_set(c->mosq, on_publish);
    mosquitto_subscribe_callback_set(c->mosq, on_subscribe);
    mosquitto_unsubscribe_callback_set(c->mosq, on_unsubscribe);
    mosquitto_message_callback_set(c->mosq, on_message);
    mosquitto_log_callback_set(c->mosq, on_log);
    (void)mosquitto_threaded_set(c->mosq, true);
}

/* --- Connecting ----------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* With the lock. A client of another name has another session: what waited for the old one is gone. */
static bool rename_client(struct esp_mqtt_client *c)
{
    const struct mqtt_settings *s = &c->settings;
    /* Without a name the session cannot be kept. */
    const bool clean = s->clean_session || s->client_id == NULL;

    if (c->mosq != NULL && same(c->id, s->client_id) && c->clean_session == clean) {
        return true;
    }
    char *id = s->client_id != NULL ? strdup(s->client_id) : NULL;

    if (s->client_id != NULL && id == NULL) {
        return false;
    }
    mosquitto_destroy(c->mosq);
    SSL_CTX_free(c->tls);
    c->tls = NULL;
    c->mosq = mosquitto_new(id, clean, c);
    free(c->id);
    c->id = id;
    c->clean_session = clean;
    mqtt_outbox_clear(c, false);
    if (c->mosq == NULL) {
        return false;
    }
    set_callbacks(c);
    return true;
}

/* With the lock. A context of the settings as they are now, certificates and keys read anew. */
static int renew_tls(struct esp_mqtt_client *c)
{
    SSL_CTX *tls = mqtt_tls_context(&c->settings, &c->refused_certificate);

    if (tls == NULL) {
        return MOSQ_ERR_TLS;
    }
    if (c->tls != NULL) {
        SSL_CTX_free(c->tls); /* for libmosquitto, which keeps count of the last one only */
        SSL_CTX_free(c->tls);
    }
    c->tls = tls;
    const int rc = mosquitto_int_option(c->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);

    return rc == MOSQ_ERR_SUCCESS ? mosquitto_void_option(c->mosq, MOSQ_OPT_SSL_CTX, tls) : rc;
}

/* With the lock. MOSQ_ERR_SUCCESS, or libmosquitto's reason. */
static int apply_settings(struct esp_mqtt_client *c)
{
    const struct mqtt_settings *s = &c->settings;

    if (!rename_client(c)) {
        return MOSQ_ERR_NOMEM;
    }
    c->current = *s;
    int rc =
        mosquitto_int_option(c->mosq, MOSQ_OPT_PROTOCOL_VERSION,
                             s->protocol == MQTT_PROTOCOL_V_3_1 ? MQTT_PROTOCOL_V31 : MQTT_PROTOCOL_V311);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_username_pw_set(c->mosq, s->username, s->password);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = s->will_topic != NULL ? mosquitto_will_set(c->mosq, s->will_topic, s->will_len, s->will_msg,
                                                        s->will_qos, s->will_retain)
                                   : mosquitto_will_clear(c->mosq);
    }
    return rc == MOSQ_ERR_SUCCESS && s->tls ? renew_tls(c) : rc;
}

/* Start connecting; the loop finishes it. */
static int begin_connection(struct esp_mqtt_client *c)
{
    dispatch_id(c, MQTT_EVENT_BEFORE_CONNECT, 0);
    c->errors = (esp_mqtt_error_codes_t){.error_type = MQTT_ERROR_TYPE_NONE};
    c->refused_certificate = 0;

    (void)xSemaphoreTake(c->lock, portMAX_DELAY);
    int rc = apply_settings(c);
    char *host = rc == MOSQ_ERR_SUCCESS ? strdup(c->settings.host) : NULL;
    const int port = c->settings.port, keepalive = c->settings.keepalive_s;
    (void)xSemaphoreGive(c->lock);

    if (rc == MOSQ_ERR_SUCCESS && host == NULL) {
        rc = MOSQ_ERR_NOMEM;
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        idf_block_enter();
        rc = mosquitto_connect_async(c->mosq, host, port, keepalive);
        idf_block_exit();
    }
    free(host);
    return rc;
}

/* What the failure of a connection means in ESP-IDF's terms. */
static void tell_failure(struct esp_mqtt_client *c, int rc)
{
    if (c->errors.connect_return_code != MQTT_CONNECTION_ACCEPTED) {
        ESP_LOGE(TAG, "the broker refuses the connection, code %d", (int)c->errors.connect_return_code);
        dispatch_error(c, MQTT_ERROR_TYPE_CONNECTION_REFUSED, ESP_OK, rc);
        return;
    }
    ESP_LOGE(TAG, "connection to the broker: %s", mosquitto_strerror(rc));
    dispatch_error(c, MQTT_ERROR_TYPE_TCP_TRANSPORT,
                   rc == MOSQ_ERR_EAI || rc == MOSQ_ERR_LOOKUP ? ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME
                   : rc == MOSQ_ERR_TLS || c->refused_certificate != 0 ? ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED
                   : rc == MOSQ_ERR_TIMEOUT                            ? ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT
                   : c->is_connected                                   ? ESP_ERR_ESP_TLS_TCP_CLOSED_FIN
                                     : ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST,
                   rc);
}

/* --- Serving -------------------------------------------------------------- */

static int one_loop(struct esp_mqtt_client *c, int timeout_ms)
{
    idf_block_enter();
    int rc = mosquitto_loop(c->mosq, timeout_ms, 1);

    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_loop_misc(c->mosq);
    }
    idf_block_exit();
    return rc;
}

/* Hang up, with a goodbye if the broker knows us. */
static void hang_up(struct esp_mqtt_client *c)
{
    const int64_t deadline = esp_timer_get_time() + GOODBYE_MS * 1000;

    if (c->is_connected && mosquitto_disconnect(c->mosq) == MOSQ_ERR_SUCCESS) {
        while (one_loop(c, 20) == MOSQ_ERR_SUCCESS && esp_timer_get_time() < deadline) {
        }
    }
    const int sock = mosquitto_socket(c->mosq);

    if (sock >= 0) {
        (void)shutdown(sock, SHUT_RDWR);
        while (one_loop(c, 20) == MOSQ_ERR_SUCCESS && esp_timer_get_time() < deadline) {
        }
    }
}

/* Until the connection ends, or shall end. */
static void serve(struct esp_mqtt_client *c)
{
    const int64_t begin = esp_timer_get_time();
    const int64_t answer_by = begin + (int64_t)c->current.timeout_ms * 1000;
    const int64_t refresh_at = begin + (int64_t)c->current.refresh_ms * 1000;

    for (;;) {
        const int rc = one_loop(c, LOOP_MS);

        if (rc != MOSQ_ERR_SUCCESS) {
            tell_failure(c, rc);
            return;
        }
        (void)esp_event_loop_run(c->loop, 0); /* custom events */
        if (xEventGroupGetBits(c->bits) & (BIT_STOP | BIT_DISCONNECT)) {
            hang_up(c);
            return;
        }
        if (!c->is_connected && esp_timer_get_time() >= answer_by) {
            hang_up(c);
            tell_failure(c, MOSQ_ERR_TIMEOUT);
            return;
        }
        if (c->current.refresh_ms > 0 && esp_timer_get_time() >= refresh_at) {
            ESP_LOGD(TAG, "refreshing the connection");
            hang_up(c);
            return;
        }
    }
}

static void wait_to_reconnect(struct esp_mqtt_client *c)
{
    const int64_t until = esp_timer_get_time() + (int64_t)c->current.reconnect_ms * 1000;

    c->is_waiting = true;
    while (!c->current.auto_reconnect || esp_timer_get_time() < until) {
        (void)esp_event_loop_run(c->loop, 0);
        if (xEventGroupWaitBits(c->bits, BIT_STOP | BIT_RECONNECT, pdFALSE, pdFALSE, pdMS_TO_TICKS(LOOP_MS)) &
            (BIT_STOP | BIT_RECONNECT)) {
            break;
        }
    }
    c->is_waiting = false;
}

void mqtt_task(void *client)
{
    struct esp_mqtt_client *c = client;

    while (!(xEventGroupGetBits(c->bits) & BIT_STOP)) {
        (void)xEventGroupClearBits(c->bits, BIT_RECONNECT | BIT_DISCONNECT);
        c->is_connected = false;
        const int rc = begin_connection(c);

        if (rc == MOSQ_ERR_SUCCESS || rc == MOSQ_ERR_CONN_PENDING) {
            serve(c);
        } else {
            tell_failure(c, rc);
        }
        c->is_connected = false;
        dispatch_id(c, MQTT_EVENT_DISCONNECTED, 0);
        if (!(xEventGroupGetBits(c->bits) & BIT_STOP)) {
            wait_to_reconnect(c);
        }
    }
    c->is_running = false;
    (void)xEventGroupSetBits(c->bits, BIT_STOPPED);
    vTaskDelete(NULL);
}
