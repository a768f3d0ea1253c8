/*
 * The task, the connection, and what comes in.
 */
#include "mqtt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "esp_random.h"
#include "esp_timer.h"

#define QUEUE_LENGTH   16
#define TICK_MS        500 /* between looks at the clock */
#define BUFFER_SIZE    2048
#define STACK_SIZE     6144
#define HEALTH_POLL_MS 200
#define HEALTH_MAX_MS  900000u

/* The one there is. Set by airlift_mqtt_start(), for good. */
static struct agent_mqtt *mqtt;

/* --- What comes in ----------------------------------------------------------- */

struct agent_mqtt_input *agent_mqtt_make_input(enum agent_mqtt_input_kind kind, uint32_t text_len)
{
    struct agent_mqtt_input *input = calloc(1, sizeof(*input) + text_len + 1);

    if (input != NULL) {
        input->kind = kind;
        input->len = text_len;
    }
    return input;
}

/* Takes it over; NULL is a failed allocation. */
static void put(struct agent_mqtt *m, struct agent_mqtt_input *input)
{
    if (input == NULL || xQueueSend(m->inputs, &input, pdMS_TO_TICKS(1000)) != pdPASS) {
        ESP_LOGE(AGENT_MQTT_TAG, "no memory, or too much at once: something that came is lost");
        free(input);
    }
}

static void put_simple(struct agent_mqtt *m, enum agent_mqtt_input_kind kind, int msg_id)
{
    struct agent_mqtt_input *input = agent_mqtt_make_input(kind, 0);

    if (input != NULL) {
        input->msg_id = msg_id;
    }
    put(m, input);
}

/* The first piece of a message: make room for all of it. */
static void begin_message(struct agent_mqtt *m, const esp_mqtt_event_t *e)
{
    const bool fits = e->total_data_len >= 0 && e->total_data_len <= (int)AIRLIFT_MQTT_MAX_MESSAGE;

    free(m->arriving);
    m->arriving = NULL;
    if (e->topic_len <= 0 || e->topic_len >= (int)AIRLIFT_MQTT_MAX_TOPIC) {
        return; /* none of ours */
    }
    struct agent_mqtt_input *input =
        agent_mqtt_make_input(fits ? INPUT_MESSAGE : INPUT_TOO_LONG, fits ? (uint32_t)e->total_data_len : 0);
    if (input == NULL) {
        put(m, NULL);
        return;
    }
    memcpy(input->topic, e->topic, (size_t)e->topic_len);
    input->retained = e->retain;
    if (fits) {
        m->arriving = input;
    } else {
        put(m, input);
    }
}

/* The app's messages on a client that it shares go by. */
static bool is_our_topic(const struct agent_mqtt *m, const char *topic)
{
    return strcmp(topic, m->update_topic) == 0 ||
           (m->group_topic[0] != '\0' && strcmp(topic, m->group_topic) == 0) ||
           agent_mqtt_jobs_is_topic(m, topic);
}

static void on_data(struct agent_mqtt *m, const esp_mqtt_event_t *e)
{
    if (e->current_data_offset == 0 && e->topic != NULL) {
        begin_message(m, e);
    }
    struct agent_mqtt_input *input = m->arriving;

    if (input == NULL || e->data_len < 0 || e->current_data_offset < 0 ||
        (uint32_t)e->current_data_offset + (uint32_t)e->data_len > input->len) {
        return;
    }
    if (e->data_len > 0) {
        memcpy(input->text + e->current_data_offset, e->data, (size_t)e->data_len);
    }
    if ((uint32_t)e->current_data_offset + (uint32_t)e->data_len < input->len) {
        return;
    }
    m->arriving = NULL;
    if (is_our_topic(m, input->topic)) {
        put(m, input);
    } else {
        free(input);
    }
}

/* In the client's task. */
static void on_mqtt_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    struct agent_mqtt *m = arg;
    const esp_mqtt_event_t *e = data;

    (void)base;
    switch ((esp_mqtt_event_id_t)id) {
    case MQTT_EVENT_CONNECTED:
        put_simple(m, INPUT_CONNECTED, 0);
        break;
    case MQTT_EVENT_DISCONNECTED:
        put_simple(m, INPUT_DISCONNECTED, 0);
        break;
    case MQTT_EVENT_SUBSCRIBED:
        if (e->error_handle->error_type == MQTT_ERROR_TYPE_SUBSCRIBE_FAILED) {
            ESP_LOGE(AGENT_MQTT_TAG, "the broker does not let this device listen to a topic: check its ACL");
        }
        put_simple(m, INPUT_SUBSCRIBED, e->msg_id);
        break;
    case MQTT_EVENT_PUBLISHED:
        put_simple(m, INPUT_PUBLISHED, e->msg_id);
        break;
    case MQTT_EVENT_DATA:
        on_data(m, e);
        break;
    default:
        break;
    }
}

/* In the agent's task. */
static void on_agent_event(const airlift_event_t *event, void *ctx)
{
    struct agent_mqtt *m = ctx;

    if (event->offer_id[0] == '\0' ||
        (event->id == AIRLIFT_EVENT_PROGRESS && uxQueueMessagesWaiting(m->inputs) > QUEUE_LENGTH / 2)) {
        return; /* not ours, or progress that another one follows */
    }
    struct agent_mqtt_input *input = agent_mqtt_make_input(INPUT_AGENT, 0);

    if (input != NULL) {
        input->event = event->id;
        input->reason = event->reason;
        input->bytes = event->bytes;
        input->total = event->total;
        (void)snprintf(input->version, sizeof(input->version), "%s", event->version);
        (void)snprintf(input->offer_id, sizeof(input->offer_id), "%s", event->offer_id);
        (void)snprintf(input->why, sizeof(input->why), "%s", event->text);
    }
    put(m, input);
}

/* --- The connection ----------------------------------------------------------- */

int agent_mqtt_publish(struct agent_mqtt *m, const char *topic, const char *text, int qos)
{
    /* Without connection QoS 1 would wait in the client's outbox: outcomes are told when we are ready instead. */
    return m->is_connected ? esp_mqtt_client_publish(m->client, topic, text, 0, qos, 0) : -1;
}

/* The last subscription's answer makes us ready: what we ask for from then on cannot be missed. */
static void subscribe(struct agent_mqtt *m)
{
    int id = esp_mqtt_client_subscribe_single(m->client, m->update_topic, 1);

    if (id >= 0 && m->group_topic[0] != '\0') {
        id = esp_mqtt_client_subscribe_single(m->client, m->group_topic, 1);
    }
    if (id >= 0 && m->jobs_topic[0] != '\0') {
        id = agent_mqtt_jobs_subscribe(m);
    }
    m->subscription = id;
    if (id < 0) {
        (void)esp_mqtt_client_disconnect(m->client); /* and once more from the beginning */
    }
}

static void on_disconnected(struct agent_mqtt *m)
{
    m->is_connected = m->is_ready = false;
    m->subscription = -1;
    if (m->config.client != NULL) {
        return; /* lent: it reconnects as its owner likes */
    }
    const uint32_t wait_ms = agent_mqtt_backoff_ms(m->config.min_reconnect_s, m->config.max_reconnect_s,
                                                   m->failed_connections++, esp_random());

    ESP_LOGI(AGENT_MQTT_TAG, "no connection: the next attempt follows in %" PRIu32 " ms", wait_ms);
    m->reconnect_at_us = esp_timer_get_time() + (int64_t)wait_ms * 1000;
}

static void on_subscribed(struct agent_mqtt *m, int msg_id)
{
    if (msg_id != m->subscription) {
        return;
    }
    m->subscription = -1;
    m->is_ready = true;
    m->failed_connections = 0;
    ESP_LOGI(AGENT_MQTT_TAG, "listening on %s", m->update_topic);
    agent_mqtt_on_ready(m);
}

static void reconnect_if_due(struct agent_mqtt *m)
{
    if (m->reconnect_at_us != 0 && esp_timer_get_time() >= m->reconnect_at_us &&
        esp_mqtt_client_reconnect(m->client) == ESP_OK) {
        m->reconnect_at_us = 0; /* else the client is not waiting yet: the next time */
    }
}

/* --- The task ------------------------------------------------------------------ */

static void too_long(struct agent_mqtt *m, const struct agent_mqtt_input *input)
{
    const struct agent_mqtt_update_record r = {.reason = AIRLIFT_FAIL_MANIFEST,
                                               .text = "the message is too long"};

    ESP_LOGE(AGENT_MQTT_TAG, "a message on %s has more than %u bytes", input->topic,
             AIRLIFT_MQTT_MAX_MESSAGE);
    if (is_our_topic(m, input->topic)) {
        (void)agent_mqtt_tell(m, agent_mqtt_state_name(UPDATE_REJECTED), &r, 1);
    }
}

/* Takes it over. */
static void handle(struct agent_mqtt *m, struct agent_mqtt_input *input)
{
    switch (input->kind) {
    case INPUT_CONNECTED:
        m->is_connected = true;
        m->reconnect_at_us = 0;
        subscribe(m);
        break;
    case INPUT_DISCONNECTED:
        on_disconnected(m);
        break;
    case INPUT_SUBSCRIBED:
        on_subscribed(m, input->msg_id);
        break;
    case INPUT_PUBLISHED:
        agent_mqtt_on_published(m, input->msg_id);
        break;
    case INPUT_TOO_LONG:
        too_long(m, input);
        break;
    case INPUT_AGENT:
        agent_mqtt_on_agent(m, input);
        break;
    case INPUT_MESSAGE:
        if (!agent_mqtt_jobs_is_topic(m, input->topic)) {
            agent_mqtt_on_message(m, input);
            return; /* it has taken the input */
        }
        agent_mqtt_jobs_on_message(m, input);
        break;
    }
    free(input);
}

static void mqtt_task(void *arg)
{
    struct agent_mqtt *m = arg;
    struct agent_mqtt_input *input;

    for (;;) {
        if (xQueueReceive(m->inputs, &input, pdMS_TO_TICKS(TICK_MS)) == pdPASS) {
            handle(m, input);
        }
        reconnect_if_due(m);
        agent_mqtt_look_at_clock(m);
    }
}

/* --- Start --------------------------------------------------------------------- */

static void set_default(uint32_t *value, uint32_t fallback)
{
    if (*value == 0) {
        *value = fallback;
    }
}

static bool set_topic(char out[AIRLIFT_MQTT_MAX_TOPIC], const char *given, const char *before, const char *id,
                      const char *after)
{
    const int len = given != NULL ? snprintf(out, AIRLIFT_MQTT_MAX_TOPIC, "%s", given)
                                  : snprintf(out, AIRLIFT_MQTT_MAX_TOPIC, "%s%s%s", before, id, after);

    /* Subscriptions with wildcards would let strangers' messages in. */
    return len > 0 && len < (int)AIRLIFT_MQTT_MAX_TOPIC && strpbrk(out, "+#") == NULL;
}

static bool set_up(struct agent_mqtt *m, const airlift_mqtt_config_t *c)
{
    const char *thing = c->thing_name != NULL ? c->thing_name : c->device_id;

    if ((c->mqtt == NULL) == (c->client == NULL) || c->device_id == NULL ||
        !agent_mqtt_id_is_plain(c->device_id) || !agent_mqtt_id_is_plain(thing)) {
        return false;
    }
    m->config = *c;
    strcpy(m->device_id, c->device_id);
    set_default(&m->config.progress_interval_s, 10);
    set_default(&m->config.fresh_link_wait_s, 600);
    set_default(&m->config.min_reconnect_s, 1);
    set_default(&m->config.max_reconnect_s, 300);
    set_default(&m->config.task_stack_size, STACK_SIZE);
    set_default(&m->config.task_priority, 3);
    m->subscription = m->outcome_msg_id = -1;
    m->token = esp_random(); /* answers to what was asked before a reset shall not look like ours */
    return set_topic(m->update_topic, c->update_topic, "devices/", m->device_id, "/update") &&
           set_topic(m->status_topic, c->status_topic, "devices/", m->device_id, "/status") &&
           (c->group_topic == NULL || set_topic(m->group_topic, c->group_topic, "", "", "")) &&
           (!c->aws_jobs || set_topic(m->jobs_topic, NULL, "$aws/things/", thing, "/jobs"));
}

static esp_err_t make_client(struct agent_mqtt *m)
{
    if (m->config.client != NULL) {
        m->client = m->config.client;
    } else {
        esp_mqtt_client_config_t own = *m->config.mqtt;

        own.network.disable_auto_reconnect = true; /* we do it, with back-off and jitter */
        if (own.buffer.size == 0) {
            own.buffer.size = BUFFER_SIZE;
        }
        m->client = esp_mqtt_client_init(&own);
    }
    m->config.mqtt = NULL; /* the caller's */
    return m->client != NULL &&
                   esp_mqtt_client_register_event(m->client, MQTT_EVENT_ANY, on_mqtt_event, m) == ESP_OK
               ? ESP_OK
               : ESP_FAIL;
}

/* `task`: NULL if it was not started. */
static void release(struct agent_mqtt *m, TaskHandle_t task)
{
    if (m->client != NULL) {
        (void)esp_mqtt_client_stop(m->client); /* or it was not started */
        (void)esp_mqtt_client_unregister_event(m->client, MQTT_EVENT_ANY, on_mqtt_event);
    }
    if (task != NULL) {
        vTaskDelete(task);
    }
    if (m->client != NULL && m->config.client == NULL) {
        (void)esp_mqtt_client_destroy(m->client);
    }
    if (m->inputs != NULL) {
        vQueueDelete(m->inputs);
    }
    free(m);
}

esp_err_t airlift_mqtt_start(const airlift_mqtt_config_t *config)
{
    if (mqtt != NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    struct agent_mqtt *m = config != NULL ? calloc(1, sizeof(*m)) : NULL;
    TaskHandle_t task = NULL;

    if (m == NULL) {
        return config != NULL ? ESP_ERR_NO_MEM : ESP_ERR_INVALID_ARG;
    }
    esp_err_t err = set_up(m, config) ? ESP_OK : ESP_ERR_INVALID_ARG;

    if (err == ESP_OK) {
        agent_mqtt_record_load(m);
        agent_mqtt_next_load(m);
        m->inputs = xQueueCreate(QUEUE_LENGTH, sizeof(struct agent_mqtt_input *));
        err = m->inputs != NULL ? make_client(m) : ESP_ERR_NO_MEM;
    }
    if (err == ESP_OK && xTaskCreate(mqtt_task, "airlift_mqtt", m->config.task_stack_size, m,
                                     m->config.task_priority, &task) != pdPASS) {
        err = ESP_ERR_NO_MEM;
    }
    if (err == ESP_OK) {
        err = esp_mqtt_client_start(m->client);
    }
    if (err == ESP_OK) {
        err = airlift_listen(on_agent_event, m); /* last: it cannot be undone */
    }
    if (err != ESP_OK) {
        release(m, task);
        return err;
    }
    mqtt = m;
    return ESP_OK;
}

esp_mqtt_client_handle_t airlift_mqtt_client(void)
{
    return mqtt != NULL ? mqtt->client : NULL;
}

bool airlift_mqtt_is_connected(void)
{
    return mqtt != NULL && mqtt->is_connected;
}

bool airlift_mqtt_healthy(void *ctx)
{
    (void)ctx;
    if (mqtt == NULL) {
        return false;
    }
    for (uint32_t waited_ms = 0; waited_ms < HEALTH_MAX_MS; waited_ms += HEALTH_POLL_MS) {
        if (mqtt->is_connected) {
            return true;
        }
        vTaskDelay(pdMS_TO_TICKS(HEALTH_POLL_MS));
    }
    return false;
}
