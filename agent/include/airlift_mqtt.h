/*
 * airlift_mqtt.h - updates over MQTT: messages on a topic, and AWS IoT jobs.
 *
 *     static const airlift_mqtt_config_t config = {
 *         .mqtt = &client_config,     // broker, certificates: as for esp_mqtt_client_init()
 *         .device_id = "lamp-7",
 *     };
 *     ESP_ERROR_CHECK(airlift_mqtt_start(&config));
 *     ESP_ERROR_CHECK(airlift_start(&agent_config));   // .health_check = airlift_mqtt_healthy
 *
 * From then on {"update_url": "https://..."} on devices/lamp-7/update makes the
 * agent install that image, and devices/lamp-7/status says what becomes of it, also
 * after the restart. Topics and messages: docs/mqtt.md.
 *
 * A message that comes again - retained, twice, or with a new link - is the same
 * update. An expired link makes the device ask for a fresh one on its status topic;
 * in a job it reads the job document again.
 *
 * The connection: reconnects wait min_reconnect_s, doubling up to max_reconnect_s,
 * each time shortened by up to a half at random. With disable_clean_session in
 * the client's configuration the broker keeps what comes meanwhile.
 *
 * Power cut: an outcome is in NVS (namespace "airlift_mqtt") before it is
 * published, and stays there until the broker, or the job service, has it: it may be
 * told twice, never not at all. A message whose update was not stored yet is lost
 * unless it is retained, or a job.
 *
 * Memory: a task; while a message is looked at 5 KiB of heap and about three times
 * its length; one message that waits.
 */
#ifndef AIRLIFT_MQTT_H
#define AIRLIFT_MQTT_H

#include "airlift.h"
#include "mqtt_client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIRLIFT_MQTT_MAX_MESSAGE 8192u /* bytes; a longer one is refused */
#define AIRLIFT_MQTT_MAX_TOPIC   192u  /* bytes with NUL */

/* NULL and 0 mean the default in brackets. Copied, except `mqtt`'s certificates and keys. */
typedef struct {
    /* The client: made of this and owned here ... */
    const esp_mqtt_client_config_t *mqtt;
    /* ... or lent: made and destroyed by the app, not started yet. Then reconnecting is as it configured. */
    esp_mqtt_client_handle_t client;

    const char *device_id;    /* needed: at most 64 of a-z A-Z 0-9 : _ - . */
    const char *update_topic; /* [devices/<device_id>/update] */
    const char *status_topic; /* [devices/<device_id>/status] */
    const char *group_topic;  /* [none] a second update topic, such as groups/lamps/update */

    bool aws_jobs;          /* take jobs of AWS IoT */
    const char *thing_name; /* [device_id] */

    bool allow_http;              /* [refuse] in update messages; the agent has to allow it too */
    uint32_t progress_interval_s; /* [10] between two reports of progress */
    uint32_t fresh_link_wait_s;   /* [600] for an answer to the request for a fresh link */
    uint32_t min_reconnect_s;     /* [1] */
    uint32_t max_reconnect_s;     /* [300] */
    uint32_t task_stack_size;     /* [6144] bytes */
    uint32_t task_priority;       /* [3] */
} airlift_mqtt_config_t;

/*
 * Connect, subscribe, listen. Before airlift_start(), so that no event is missed;
 * after nvs_flash_init() and with a network. Once per device, for good.
 *
 * ESP_ERR_INVALID_ARG if there is no client or two, or an id or a topic is missing,
 * too long or has other characters; ESP_ERR_INVALID_STATE if it runs already;
 * ESP_ERR_NO_MEM; ESP_FAIL if the client cannot be made or started.
 */
esp_err_t airlift_mqtt_start(const airlift_mqtt_config_t *config);

/* The client, for the app's own messages; NULL before airlift_mqtt_start(). */
esp_mqtt_client_handle_t airlift_mqtt_client(void);

bool airlift_mqtt_is_connected(void);

/*
 * A health check for airlift_config_t: waits until the broker is connected. The
 * agent's health_timeout_s ends the wait, or else a quarter of an hour. ctx is not used.
 */
bool airlift_mqtt_healthy(void *ctx);

#ifdef __cplusplus
}
#endif

#endif
