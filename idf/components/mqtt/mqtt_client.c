/*
 * mqtt_client.c - the client's task over libmosquitto, and the calls.
 *
 *     connect     BEFORE_CONNECT, then the socket, TLS and the broker's answer
 *     serve       libmosquitto's loop, whose callbacks become events
 *     wait        until the time to reconnect, or until somebody asks
 *
 * The task alone runs libmosquitto's loop; publishing from other tasks puts a
 * message into its queue and wakes it. `lock` guards the settings and the list of
 * what is not acknowledged, and is never held while a handler runs.
 */
#include "mqtt_client.h"

#include <errno.h>
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "esp_log.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "idf_runtime.h"
#include "mqtt_settings.h"

#define BIT_STOP       (1u << 0)
#define BIT_STOPPED    (1u << 1)
#define BIT_RECONNECT  (1u << 2)
#define BIT_DISCONNECT (1u << 3)

#define LOOP_MS      200 /* for what doesn't wake the loop: stop, custom events */
#define GOODBYE_MS   1000
#define EVENT_QUEUE  8
#define SUBACK_ERROR 0x80

ESP_EVENT_DEFINE_BASE(MQTT_EVENTS);

static const char *const TAG = "mqtt_client";

/*
 * A message that the broker has not acknowledged, or that waits for a connection:
 * libmosquitto's own queue forgets what it is to be retained, so only messages that
 * can be sent at once get there.
 */
struct outgoing {
    struct outgoing *next;
    int id;  /* ours, which the caller knows; 0 with QoS 0 */
    int mid; /* libmosquitto's; 0 while it waits */
    size_t size;
    int len, qos;
    bool retain;
    char *topic, *data; /* while it waits */
};

struct esp_mqtt_client {
    SemaphoreHandle_t lock;
    struct mqtt_settings settings;
    struct outgoing *outbox;
    uint64_t outbox_size;
    int last_id;

    struct mosquitto *mosq;
    char *id; /* that mosq was made with */
    bool clean_session;
    SSL_CTX *tls;
    struct mqtt_settings current; /* of this connection: a shallow copy, strings by `settings` */
    int refused_certificate;

    EventGroupHandle_t bits;
    esp_event_loop_handle_t loop;
    TaskHandle_t task;
    _Atomic bool is_running, is_connected, is_waiting;
    esp_mqtt_error_codes_t errors;
};

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

/* --- The outbox ----------------------------------------------------------- */

static void outgoing_free(struct outgoing *o)
{
    free(o->topic);
    free(o->data);
    free(o);
}

/* With the lock. */
static bool has_room(const struct esp_mqtt_client *c, size_t size)
{
    return c->settings.outbox_limit == 0 || c->outbox_size + size <= c->settings.outbox_limit;
}

static void outbox_append(struct esp_mqtt_client *c, struct outgoing *o)
{
    struct outgoing **end = &c->outbox;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = o;
    c->outbox_size += o->size;
}

/* Take the first one with this id out; NULL if there is none. */
static struct outgoing *outbox_take(struct esp_mqtt_client *c, int mid)
{
    for (struct outgoing **p = &c->outbox; *p != NULL; p = &(*p)->next) {
        if ((*p)->mid == mid) {
            struct outgoing *o = *p;

            *p = o->next;
            c->outbox_size -= o->size;
            return o;
        }
    }
    return NULL;
}

static void outbox_clear(struct esp_mqtt_client *c, bool all)
{
    struct outgoing **p = &c->outbox;

    while (*p != NULL) {
        if (all || (*p)->mid != 0) {
            struct outgoing *o = *p;

            *p = o->next;
            c->outbox_size -= o->size;
            outgoing_free(o);
        } else {
            p = &(*p)->next;
        }
    }
}

/* With the lock. Hand over to libmosquitto. */
static int hand_over(struct esp_mqtt_client *c, struct outgoing *o, const char *topic, const char *data)
{
    const int rc = mosquitto_publish(c->mosq, &o->mid, topic, o->len, data, o->qos, o->retain);

    /* Without connection after all: it is in libmosquitto's queue, unless QoS is 0. */
    return rc == MOSQ_ERR_NO_CONN && o->qos > 0 ? MOSQ_ERR_SUCCESS : rc;
}

/* There is a connection: send what waited for it, in order. */
static void send_waiting(struct esp_mqtt_client *c)
{
    struct outgoing *o;

    (void)xSemaphoreTake(c->lock, portMAX_DELAY);
    c->is_connected = true; /* with the lock, so that no message is left behind */
    while ((o = outbox_take(c, 0)) != NULL) {
        if (hand_over(c, o, o->topic, o->data) != MOSQ_ERR_SUCCESS) {
            ESP_LOGE(TAG, "a message that waited for the connection cannot be sent");
            outgoing_free(o);
        } else if (o->qos > 0) {
            outbox_append(c, o);
        } else {
            outgoing_free(o);
        }
    }
    (void)xSemaphoreGive(c->lock);
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
    send_waiting(c);

    esp_mqtt_event_t event = {.event_id = MQTT_EVENT_CONNECTED, .session_present = flags & 1};

    idf_block_exit();
    dispatch(c, &event);
    idf_block_enter();
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid)
{
    struct esp_mqtt_client *c = ctx;

    (void)mosq;
    (void)xSemaphoreTake(c->lock, portMAX_DELAY);
    struct outgoing *o = mid != 0 ? outbox_take(c, mid) : NULL;
    (void)xSemaphoreGive(c->lock);
    if (o == NULL) {
        return; /* QoS 0: sent, no more is known */
    }
    const int id = o->id;

    outgoing_free(o);
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
    outbox_clear(c, false);
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

static void mqtt_task(void *arg)
{
    struct esp_mqtt_client *c = arg;

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

/* --- Sending -------------------------------------------------------------- */

static int message_id(int rc, int mid, const char *what)
{
    if (rc != MOSQ_ERR_SUCCESS) {
        ESP_LOGE(TAG, "%s: %s", what, mosquitto_strerror(rc));
        return -1;
    }
    return mid;
}

/* With the lock. Keep it for the connection. */
static int keep(struct esp_mqtt_client *c, struct outgoing *o, const char *topic, const char *data)
{
    o->topic = strdup(topic);
    o->data = malloc((size_t)o->len + 1);
    if (o->topic == NULL || o->data == NULL) {
        return MOSQ_ERR_NOMEM;
    }
    if (o->len > 0) {
        memcpy(o->data, data, (size_t)o->len);
    }
    outbox_append(c, o);
    return MOSQ_ERR_SUCCESS;
}

/* With the lock. Send or keep; takes `o` over on success. */
static int send_or_keep(struct esp_mqtt_client *c, struct outgoing *o, const char *topic, const char *data,
                        bool store)
{
    if (mosquitto_pub_topic_check(topic) != MOSQ_ERR_SUCCESS) {
        return MOSQ_ERR_INVAL;
    }
    if (!c->is_connected) {
        return o->qos > 0 || store ? keep(c, o, topic, data) : MOSQ_ERR_NO_CONN;
    }
    const int rc = hand_over(c, o, topic, data);

    if (rc == MOSQ_ERR_SUCCESS && o->qos > 0) {
        outbox_append(c, o);
    } else if (rc == MOSQ_ERR_SUCCESS) {
        outgoing_free(o);
    }
    return rc;
}

static int send_message(struct esp_mqtt_client *c, const char *topic, const char *data, int len, int qos,
                        int retain, bool store)
{
    if (c == NULL || topic == NULL || qos < 0 || qos > 2 || len < 0) {
        return -1;
    }
    len = data == NULL ? 0 : len == 0 ? (int)strlen(data) : len;
    struct outgoing *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return -1;
    }
    o->size = strlen(topic) + (size_t)len;
    o->len = len;
    o->qos = qos;
    o->retain = retain != 0;

    (void)xSemaphoreTake(c->lock, portMAX_DELAY);
    const bool room = has_room(c, o->size);
    int rc = MOSQ_ERR_SUCCESS, id = 0;

    if (room) {
        if (qos > 0) {
            id = o->id = c->last_id = c->last_id % 65535 + 1;
        }
        rc = send_or_keep(c, o, topic, data, store);
    }
    (void)xSemaphoreGive(c->lock);
    if (!room || rc != MOSQ_ERR_SUCCESS) {
        outgoing_free(o);
    }
    return room ? message_id(rc, id, topic) : -2;
}

/* --- Public: life ---------------------------------------------------------- */

static void init_library(void)
{
    (void)mosquitto_lib_init(); /* always succeeds */
}

static void release(struct esp_mqtt_client *c)
{
    mosquitto_destroy(c->mosq);
    SSL_CTX_free(c->tls);
    outbox_clear(c, true);
    free(c->id);
    mqtt_settings_free(&c->settings);
    if (c->loop != NULL) {
        (void)esp_event_loop_delete(c->loop);
    }
    if (c->bits != NULL) {
        vEventGroupDelete(c->bits);
    }
    if (c->lock != NULL) {
        vSemaphoreDelete(c->lock);
    }
    free(c);
}

esp_mqtt_client_handle_t esp_mqtt_client_init(const esp_mqtt_client_config_t *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const esp_event_loop_args_t loop = {.queue_size = EVENT_QUEUE};
    struct esp_mqtt_client *c = config != NULL ? calloc(1, sizeof *c) : NULL;

    if (c == NULL) {
        return NULL;
    }
    pthread_once(&once, init_library);
    c->lock = xSemaphoreCreateMutex();
    c->bits = xEventGroupCreate();
    if (c->lock == NULL || c->bits == NULL || esp_event_loop_create(&loop, &c->loop) != ESP_OK ||
        mqtt_settings_make(&c->settings, config) != ESP_OK) {
        release(c);
        return NULL;
    }
    return c;
}

esp_err_t esp_mqtt_client_start(esp_mqtt_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (client->is_running) {
        ESP_LOGE(TAG, "the client runs already");
        return ESP_FAIL;
    }
    (void)xEventGroupClearBits(client->bits, BIT_STOP | BIT_STOPPED | BIT_RECONNECT | BIT_DISCONNECT);
    client->is_running = true;
    if (xTaskCreate(mqtt_task, "mqtt_task", (uint32_t)client->settings.stack_size, client,
                    (UBaseType_t)client->settings.priority, &client->task) != pdPASS) {
        client->is_running = false;
        return ESP_FAIL;
    }
    return ESP_OK;
}

esp_err_t esp_mqtt_client_initiate_stop(esp_mqtt_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!client->is_running) {
        return ESP_FAIL;
    }
    (void)xEventGroupSetBits(client->bits, BIT_STOP);
    return ESP_OK;
}

bool esp_mqtt_client_is_stopped(esp_mqtt_client_handle_t client)
{
    return client == NULL || !client->is_running;
}

esp_err_t esp_mqtt_client_stop(esp_mqtt_client_handle_t client)
{
    if (client != NULL && client->is_running && xTaskGetCurrentTaskHandle() == client->task) {
        ESP_LOGE(TAG, "a client cannot be stopped from one of its handlers");
        return ESP_FAIL;
    }
    const esp_err_t err = esp_mqtt_client_initiate_stop(client);

    if (err == ESP_OK) {
        (void)xEventGroupWaitBits(client->bits, BIT_STOPPED, pdFALSE, pdTRUE, portMAX_DELAY);
    }
    return err;
}

esp_err_t esp_mqtt_client_destroy(esp_mqtt_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (client->is_running && esp_mqtt_client_stop(client) != ESP_OK && client->is_running) {
        return ESP_FAIL;
    }
    release(client);
    return ESP_OK;
}

esp_err_t esp_mqtt_client_reconnect(esp_mqtt_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!client->is_waiting) {
        return ESP_FAIL;
    }
    (void)xEventGroupSetBits(client->bits, BIT_RECONNECT);
    return ESP_OK;
}

esp_err_t esp_mqtt_client_disconnect(esp_mqtt_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    (void)xEventGroupSetBits(client->bits, BIT_DISCONNECT);
    return ESP_OK;
}

/* --- Public: configuration and handlers ------------------------------------ */

esp_err_t esp_mqtt_client_set_uri(esp_mqtt_client_handle_t client, const char *uri)
{
    if (client == NULL || uri == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    (void)xSemaphoreTake(client->lock, portMAX_DELAY);
    const esp_err_t err = mqtt_settings_set_uri(&client->settings, uri);
    (void)xSemaphoreGive(client->lock);
    return err;
}

esp_err_t esp_mqtt_set_config(esp_mqtt_client_handle_t client, const esp_mqtt_client_config_t *config)
{
    struct mqtt_settings settings;

    if (client == NULL || config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    const esp_err_t err = mqtt_settings_make(&settings, config);

    if (err == ESP_OK) {
        (void)xSemaphoreTake(client->lock, portMAX_DELAY);
        mqtt_settings_free(&client->settings);
        client->settings = settings;
        (void)xSemaphoreGive(client->lock);
    }
    return err;
}

esp_err_t esp_mqtt_client_register_event(esp_mqtt_client_handle_t client, esp_mqtt_event_id_t event,
                                         esp_event_handler_t event_handler, void *event_handler_arg)
{
    return client == NULL ? ESP_ERR_INVALID_ARG
                          : esp_event_handler_register_with(client->loop, MQTT_EVENTS, event, event_handler,
                                                            event_handler_arg);
}

esp_err_t esp_mqtt_client_unregister_event(esp_mqtt_client_handle_t client, esp_mqtt_event_id_t event,
                                           esp_event_handler_t event_handler)
{
    return client == NULL
               ? ESP_ERR_INVALID_ARG
               : esp_event_handler_unregister_with(client->loop, MQTT_EVENTS, event, event_handler);
}

esp_err_t esp_mqtt_dispatch_custom_event(esp_mqtt_client_handle_t client, esp_mqtt_event_t *event)
{
    if (client == NULL || event == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return esp_event_post_to(client->loop, MQTT_EVENTS, event->event_id, event, sizeof *event, 0) == ESP_OK
               ? ESP_OK
               : ESP_ERR_TIMEOUT;
}

/* --- Public: messages ------------------------------------------------------- */

int esp_mqtt_client_subscribe_single(esp_mqtt_client_handle_t client, const char *topic, int qos)
{
    int mid = -1;

    if (client == NULL || topic == NULL || !client->is_connected) {
        ESP_LOGE(TAG, "no subscription without a connection");
        return -1;
    }
    const int rc = mosquitto_subscribe(client->mosq, &mid, topic, qos);

    return message_id(rc, mid, topic);
}

int esp_mqtt_client_subscribe_multiple(esp_mqtt_client_handle_t client, const esp_mqtt_topic_t *topic_list,
                                       int size)
{
    int mid = -1;

    if (client == NULL || topic_list == NULL || size <= 0 || !client->is_connected) {
        ESP_LOGE(TAG, "no subscription without a connection and topics");
        return -1;
    }
    for (int i = 0; i < size;) {
        char *filters[16];
        int n = 0;

        while (i + n < size && n < 16 && topic_list[i + n].qos == topic_list[i].qos) {
            filters[n] = (char *)(uintptr_t)topic_list[i + n].filter; /* not written to */
            n++;
        }
        const int rc =
            mosquitto_subscribe_multiple(client->mosq, &mid, n, filters, topic_list[i].qos, 0, NULL);

        if (message_id(rc, mid, "subscribing") < 0) {
            return -1;
        }
        i += n;
    }
    return mid;
}

int esp_mqtt_client_unsubscribe(esp_mqtt_client_handle_t client, const char *topic)
{
    int mid = -1;

    if (client == NULL || topic == NULL || !client->is_connected) {
        ESP_LOGE(TAG, "no unsubscription without a connection");
        return -1;
    }
    const int rc = mosquitto_unsubscribe(client->mosq, &mid, topic);

    return message_id(rc, mid, topic);
}

int esp_mqtt_client_publish(esp_mqtt_client_handle_t client, const char *topic, const char *data, int len,
                            int qos, int retain)
{
    return send_message(client, topic, data, len, qos, retain, false);
}

int esp_mqtt_client_enqueue(esp_mqtt_client_handle_t client, const char *topic, const char *data, int len,
                            int qos, int retain, bool store)
{
    return qos == 0 && !store ? -1 : send_message(client, topic, data, len, qos, retain, store);
}

int esp_mqtt_client_get_outbox_size(esp_mqtt_client_handle_t client)
{
    if (client == NULL) {
        return 0;
    }
    (void)xSemaphoreTake(client->lock, portMAX_DELAY);
    const int size = client->outbox_size < INT32_MAX ? (int)client->outbox_size : INT32_MAX;
    (void)xSemaphoreGive(client->lock);
    return size;
}
