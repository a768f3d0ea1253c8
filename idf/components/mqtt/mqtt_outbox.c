/*
 * mqtt_outbox.c - messages that wait for a connection, or for the broker's word that they came.
 */
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "mqtt_client_internal.h"

static const char *const TAG = "mqtt_client";

/* --- The list --------------------------------------------------------------- */

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

/* --- Sending ---------------------------------------------------------------- */

/* With the lock. Hand over to libmosquitto. */
static int hand_over(struct esp_mqtt_client *c, struct outgoing *o, const char *topic, const char *data)
{
    const int rc = mosquitto_publish(c->mosq, &o->mid, topic, o->len, data, o->qos, o->retain);

    /* Without connection after all: it is in libmosquitto's queue, unless QoS is 0. */
    return rc == MOSQ_ERR_NO_CONN && o->qos > 0 ? MOSQ_ERR_SUCCESS : rc;
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

/* --- Shared with the other files -------------------------------------------- */

void mqtt_outbox_send_waiting(struct esp_mqtt_client *c)
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

int mqtt_outbox_acknowledge(struct esp_mqtt_client *c, int mid)
{
    (void)xSemaphoreTake(c->lock, portMAX_DELAY);
    struct outgoing *o = mid != 0 ? outbox_take(c, mid) : NULL;
    (void)xSemaphoreGive(c->lock);
    const int id = o != NULL ? o->id : 0;

    if (o != NULL) {
        outgoing_free(o);
    }
    return id;
}

void mqtt_outbox_clear(struct esp_mqtt_client *c, bool all)
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

int mqtt_outbox_send(struct esp_mqtt_client *c, const char *topic, const char *data, int len, int qos,
                     bool retain, bool store)
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
    o->retain = retain;

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
    if (room && rc != MOSQ_ERR_SUCCESS) {
        ESP_LOGE(TAG, "%s: %s", topic, mosquitto_strerror(rc));
    }
    return !room ? -2 : rc == MOSQ_ERR_SUCCESS ? id : -1;
}
