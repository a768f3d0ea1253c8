/*
 * mqtt_s3 - a weather station that publishes its readings, and updates itself when
 * a message tells it where the new firmware lies.
 *
 * The link in the message may be a presigned one of S3: the device needs no key to
 * the bucket. docs/mqtt.md describes topics and messages.
 */
#include <stdio.h>
#include <stdlib.h>

#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "sdkconfig.h"

#include "airlift.h"
#include "airlift_mqtt.h"

#include "credentials.h"
#include "sensor.h"

static const char *TAG = "mqtt_s3";

/* certs/, embedded by main/CMakeLists.txt */
extern const char broker_ca_pem[] asm("_binary_broker_ca_pem_start");
extern const char server_ca_pem[] asm("_binary_server_ca_pem_start");

static bool has_sensor;

/*
 * Is this version fit to stay? Asked once, after an update: it measures, and it
 * reaches the broker, so that it can be told of the next update.
 */
static bool is_fit(void *ctx)
{
    struct reading reading;

#ifdef CONFIG_MQTT_S3_SELF_TEST_FAILS
    ESP_LOGE(TAG, "self-test: built to fail");
    return false;
#endif
    if (!has_sensor || !sensor_read(&reading)) {
        ESP_LOGE(TAG, "self-test: the sensor does not answer");
        return false;
    }
    return airlift_mqtt_healthy(ctx);
}

static void publish_readings(const char *device_id)
{
    char topic[96], text[160];
    struct reading r;

    snprintf(topic, sizeof(topic), "devices/%s/readings", device_id);
    for (;;) {
        if (has_sensor && sensor_read(&r)) {
            const int len =
                snprintf(text, sizeof(text),
                         "{\"temperature_c\": %.2f, \"pressure_hpa\": %.2f, \"humidity_percent\": %.1f}",
                         r.temperature_c, r.pressure_hpa, r.humidity_percent);

            /* QoS 0: the next one follows anyway. Without connection it is dropped. */
            (void)esp_mqtt_client_publish(airlift_mqtt_client(), topic, text, len, 0, 0);
        }
        vTaskDelay(pdMS_TO_TICKS(CONFIG_MQTT_S3_READING_INTERVAL_S * 1000));
    }
}

/* On the virtual device the environment may name the broker; a board has none. */
static const char *broker_uri(void)
{
    const char *uri = getenv("AIRLIFT_MQTT_URI");

    return uri != NULL ? uri : CONFIG_MQTT_S3_BROKER;
}

static esp_err_t listen_for_updates(const struct credentials *who)
{
    const esp_mqtt_client_config_t client = {
        .broker = {.address.uri = broker_uri(), .verification.certificate = broker_ca_pem},
        .credentials = {.client_id = who->device_id,
                        .authentication = {.certificate = who->certificate, .key = who->key}},
        .session.disable_clean_session = true, /* the broker keeps messages while we are away */
    };
    const airlift_mqtt_config_t mqtt = {
        .mqtt = &client,
        .device_id = who->device_id,
        .group_topic = CONFIG_MQTT_S3_GROUP_TOPIC[0] != '\0' ? CONFIG_MQTT_S3_GROUP_TOPIC : NULL,
#ifdef CONFIG_MQTT_S3_AWS_JOBS
        .aws_jobs = true,
#endif
    };
    const airlift_config_t agent = {
        .cert_pem = server_ca_pem, /* of the server with the images; for S3 Amazon's root CA 1 */
        .stabilisation_s = CONFIG_MQTT_S3_STABILISATION_S,
        .health_check = is_fit,
    };
    const esp_err_t err = airlift_mqtt_start(&mqtt);

    return err == ESP_OK ? airlift_start(&agent) : err;
}

void app_main(void)
{
    struct credentials who;

    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_LOGE(TAG, "NVS is not readable; erasing it would lose the certificates kept there");
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());

    if (!credentials_load(&who)) {
        return;
    }
    has_sensor = sensor_init();
    ESP_ERROR_CHECK(listen_for_updates(&who));
    publish_readings(who.device_id);
}
