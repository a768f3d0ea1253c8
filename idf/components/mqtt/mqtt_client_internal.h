/*
 * mqtt_client_internal.h - what the client's calls, its task and its outbox share.
 *
 * The task alone runs libmosquitto's loop; publishing from other tasks puts a
 * message into its queue and wakes it. `lock` guards the settings and the list of
 * what is not acknowledged, and is never held while a handler runs.
 */
#ifndef MQTT_CLIENT_INTERNAL_H
#define MQTT_CLIENT_INTERNAL_H

#include <mosquitto.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "mqtt_client.h"
#include "mqtt_settings.h"

#define BIT_STOP       (1u << 0)
#define BIT_STOPPED    (1u << 1)
#define BIT_RECONNECT  (1u << 2)
#define BIT_DISCONNECT (1u << 3)

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

/* --- The task (mqtt_task.c) ------------------------------------------------ */

/* From esp_mqtt_client_start() to BIT_STOPPED; `client` is a struct esp_mqtt_client. */
void mqtt_task(void *client);

/* --- The outbox (mqtt_outbox.c) -------------------------------------------- */

/* There is a connection: send what waited for it, in order. Sets is_connected. */
void mqtt_outbox_send_waiting(struct esp_mqtt_client *c);

/* The broker has acknowledged libmosquitto's message `mid`: our id of it, 0 if it is none of ours. */
int mqtt_outbox_acknowledge(struct esp_mqtt_client *c, int mid);

/* With the lock. Forget what libmosquitto has, or all. */
void mqtt_outbox_clear(struct esp_mqtt_client *c, bool all);

/* Send, or keep for a connection: the id that the caller knows, 0 with QoS 0; -1, or -2 for a full outbox. */
int mqtt_outbox_send(struct esp_mqtt_client *c, const char *topic, const char *data, int len, int qos,
                     bool retain, bool store);

#endif
