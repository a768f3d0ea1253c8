/*
 * mqtt_client.c - the calls.
 */
#include "mqtt_client.h"

#include <pthread.h>
#include <stdlib.h>

#include "esp_log.h"
#include "mqtt_client_internal.h"

#define EVENT_QUEUE 8

ESP_EVENT_DEFINE_BASE(MQTT_EVENTS);

static const char *const TAG = "mqtt_client";

/* --- Life ---------------------------------------------------------- */

static void init_library(void)
{
    (void)mosquitto_lib_init(); /* always succeeds */
}

static void release(struct esp_mqtt_client *c)
{
    mosquitto_destroy(c->mosq);
    SSL_CTX_free(c->tls);
    mqtt_outbox_clear(c, true);
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

/* --- Configuration and handlers ------------------------------------ */

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

/* --- Messages --------------------------------------------------------------- */

static int message_id(int rc, int mid, const char *what)
{
    if (rc != MOSQ_ERR_SUCCESS) {
        ESP_LOGE(TAG, "%s: %s", what, mosquitto_strerror(rc));
        return -1;
    }
    return mid;
}

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
    return mqtt_outbox_send(client, topic, data, len, qos, retain != 0, false);
}

int esp_mqtt_client_enqueue(esp_mqtt_client_handle_t client, const char *topic, const char *data, int len,
                            int qos, int retain, bool store)
{
    return qos == 0 && !store ? -1 : mqtt_outbox_send(client, topic, data, len, qos, retain != 0, store);
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
