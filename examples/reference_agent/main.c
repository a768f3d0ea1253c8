/*
 * The reference agent: firmware that does nothing but update itself.
 *
 * The virtual device runs it in place of images for real chips, under the
 * identity of the image that booted, so that a user's real .bin goes through
 * download, verification, boot and rollback. Configured by its environment:
 *
 *     AIRLIFT_MANIFEST_URL           where to look for updates; plain HTTP only without AIRLIFT_CA
 *     AIRLIFT_CA                     file with the server's root certificate, PEM
 *     AIRLIFT_AGENT_STABILISATION_S  } seconds; "0" means no wait at all,
 *     AIRLIFT_AGENT_ATTEMPT_DELAY_S  } not set the agent's default
 *     AIRLIFT_AGENT_INTERVAL_S
 *     AIRLIFT_AGENT_RETRY_S
 *     AIRLIFT_AGENT_TIMEOUT_S
 *     AIRLIFT_AGENT_HEALTH_TIMEOUT_S
 *     AIRLIFT_AGENT_PUSH_TCP         port to take pushed images on (airlift_push.h)
 *     AIRLIFT_AGENT_PUSH_KEY         with this key; none by default
 *     AIRLIFT_AGENT_PUSH_TIMEOUT_S
 *     AIRLIFT_AGENT_PUSH_LED         pin of the light
 *     AIRLIFT_AGENT_NO_PATCHES       set: updates are fetched whole
 *     AIRLIFT_AGENT_DEVICE_ID        what the server's list calls it; not set: its MAC address
 *     AIRLIFT_AGENT_PUSH_ARDUINO     the same as ArduinoOTA does, on this port
 *     AIRLIFT_AGENT_PUSH_PASSWORD    with this password; none by default
 *     AIRLIFT_AGENT_PUSH_MDNS        "1": announce it
 *     AIRLIFT_AGENT_PUSH_MD5         "1": asks for it as Arduino's core did before 3.3.1
 *     AIRLIFT_AGENT_SICK_VERSION     the version that fails its health check
 *     AIRLIFT_AGENT_HUNG_VERSION     the version whose health check never ends
 *     AIRLIFT_AGENT_CRASHING_VERSION the version that crashes on trial
 *
 * With a broker it also listens for update messages (docs/mqtt.md), and then needs no manifest:
 *
 *     AIRLIFT_MQTT_URI               mqtt://HOST[:PORT] or mqtts://HOST[:PORT]
 *     AIRLIFT_MQTT_DEVICE            the device's id and client id; the thing's name for jobs
 *     AIRLIFT_MQTT_GROUP             a second update topic
 *     AIRLIFT_MQTT_CA                } files, PEM: whom to trust, and the client's
 *     AIRLIFT_MQTT_CERT              } certificate and key
 *     AIRLIFT_MQTT_KEY               }
 *     AIRLIFT_MQTT_JOBS              "1": take AWS IoT jobs
 *     AIRLIFT_MQTT_PROGRESS_S        } as in airlift_mqtt_config_t
 *     AIRLIFT_MQTT_LINK_WAIT_S       }
 *     AIRLIFT_MQTT_MAX_RECONNECT_S   }
 *
 * Linux only: it reads files and the environment.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift.h"
#include "airlift_mqtt.h"
#include "airlift_push.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"

#define TAG           "reference"
#define MAX_PEM_BYTES 65536

/* --- Environment ----------------------------------------------------------- */

/* NULL if not set or empty. */
static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static uint32_t number(const char *name)
{
    const char *text = setting(name);
    char *end;

    if (text == NULL) {
        return 0;
    }
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] == '-' || value > INT32_MAX) {
        ESP_LOGE(TAG, "%s=%s is not a number of seconds", name, text);
        abort();
    }
    return (uint32_t)value;
}

static uint32_t seconds(const char *name)
{
    const uint32_t value = number(name);

    return setting(name) != NULL && value == 0 ? AIRLIFT_NO_WAIT : value;
}

/* The file's text in memory that is never freed, or NULL. */
static char *read_text(const char *path)
{
    char *text = malloc(MAX_PEM_BYTES);
    FILE *file = text != NULL ? fopen(path, "r") : NULL;

    if (file == NULL) {
        free(text);
        return NULL;
    }
    const size_t len = fread(text, 1, MAX_PEM_BYTES - 1, file);
    const bool whole = ferror(file) == 0 && len < MAX_PEM_BYTES - 1;

    text[len] = '\0';
    if (fclose(file) != 0 || !whole) {
        free(text);
        return NULL;
    }
    return text;
}

/* What a setting's file holds; NULL if there is no such setting. Ends the firmware if it can't be read. */
static char *text_of(const char *name)
{
    const char *path = setting(name);
    char *text = path != NULL ? read_text(path) : NULL;

    if (path != NULL && text == NULL) {
        ESP_LOGE(TAG, "cannot read %s: %s", path, strerror(errno));
        abort();
    }
    return text;
}

/* --- Health ---------------------------------------------------------------- */

static bool is_running(const char *version)
{
    airlift_status_t status;

    return version != NULL && airlift_get_status(&status) == ESP_OK &&
           strcmp(version, status.running_version) == 0;
}

/* Well, unless this version was asked to be ill. */
static bool health_check(void *ctx)
{
    (void)ctx;
    if (is_running(setting("AIRLIFT_AGENT_CRASHING_VERSION"))) {
        ESP_LOGE(TAG, "this version crashes");
        abort();
    }
    while (is_running(setting("AIRLIFT_AGENT_HUNG_VERSION"))) {
        vTaskDelay(pdMS_TO_TICKS(100));
    }
    return !is_running(setting("AIRLIFT_AGENT_SICK_VERSION"));
}

static bool has_ill_version(void)
{
    return setting("AIRLIFT_AGENT_SICK_VERSION") != NULL || setting("AIRLIFT_AGENT_HUNG_VERSION") != NULL ||
           setting("AIRLIFT_AGENT_CRASHING_VERSION") != NULL;
}

/* --- Listeners ------------------------------------------------------------- */

static bool is_pushed_to(void)
{
    return setting("AIRLIFT_AGENT_PUSH_TCP") != NULL || setting("AIRLIFT_AGENT_PUSH_ARDUINO") != NULL;
}

static void start_listeners(void)
{
    const char *port = setting("AIRLIFT_AGENT_PUSH_TCP"), *udp_port = setting("AIRLIFT_AGENT_PUSH_ARDUINO");
    const airlift_push_tcp_config_t tcp = {
        .port = port != NULL ? (uint16_t)atoi(port) : 0,
        .key = setting("AIRLIFT_AGENT_PUSH_KEY"),
        .timeout_s = seconds("AIRLIFT_AGENT_PUSH_TIMEOUT_S"),
        .led = setting("AIRLIFT_AGENT_PUSH_LED") != NULL,
        .led_gpio = number("AIRLIFT_AGENT_PUSH_LED"),
    };
    const airlift_push_arduino_config_t arduino = {
        .port = udp_port != NULL ? (uint16_t)atoi(udp_port) : 0,
        .password = setting("AIRLIFT_AGENT_PUSH_PASSWORD"),
        .md5_scheme = setting("AIRLIFT_AGENT_PUSH_MD5") != NULL,
        .no_mdns = setting("AIRLIFT_AGENT_PUSH_MDNS") == NULL,
    };

    if (port != NULL && airlift_push_tcp_start(&tcp) != ESP_OK) {
        ESP_LOGE(TAG, "the TCP listener does not start");
    }
    if (udp_port != NULL && airlift_push_arduino_start(&arduino) != ESP_OK) {
        ESP_LOGE(TAG, "the listener for ArduinoOTA does not start");
    }
}

/* --- Firmware -------------------------------------------------------------- */

static void on_event(const airlift_event_t *event, void *ctx)
{
    (void)ctx;
    if (event->id == AIRLIFT_EVENT_PROGRESS) {
        ESP_LOGD(TAG, "%" PRIu32 " of %" PRIu32 " bytes", event->bytes, event->total);
    }
}

static esp_err_t start_mqtt(const char *uri)
{
    const char *device = setting("AIRLIFT_MQTT_DEVICE");
    const esp_mqtt_client_config_t client = {
        .broker = {.address.uri = uri, .verification.certificate = text_of("AIRLIFT_MQTT_CA")},
        .credentials = {.client_id = device,
                        .authentication = {.certificate = text_of("AIRLIFT_MQTT_CERT"),
                                           .key = text_of("AIRLIFT_MQTT_KEY")}},
        .session = {.disable_clean_session = true, .keepalive = 30},
    };
    const airlift_mqtt_config_t config = {
        .mqtt = &client,
        .device_id = device,
        .group_topic = setting("AIRLIFT_MQTT_GROUP"),
        .aws_jobs = setting("AIRLIFT_MQTT_JOBS") != NULL,
        .allow_http = setting("AIRLIFT_CA") == NULL,
        .progress_interval_s = number("AIRLIFT_MQTT_PROGRESS_S"),
        .fresh_link_wait_s = number("AIRLIFT_MQTT_LINK_WAIT_S"),
        .max_reconnect_s = number("AIRLIFT_MQTT_MAX_RECONNECT_S"),
    };

    return airlift_mqtt_start(&config);
}

void app_main(void); /* ESP-IDF calls it without declaring it */

void app_main(void)
{
    const char *broker = setting("AIRLIFT_MQTT_URI");
    airlift_config_t config = {
        .manifest_url = setting("AIRLIFT_MANIFEST_URL"),
        .cert_pem = text_of("AIRLIFT_CA"),
        .allow_http = setting("AIRLIFT_CA") == NULL,
        .stabilisation_s = seconds("AIRLIFT_AGENT_STABILISATION_S"),
        .check_interval_s = seconds("AIRLIFT_AGENT_INTERVAL_S"),
        .attempt_delay_s = seconds("AIRLIFT_AGENT_ATTEMPT_DELAY_S"),
        .retry_s = seconds("AIRLIFT_AGENT_RETRY_S"),
        .timeout_s = seconds("AIRLIFT_AGENT_TIMEOUT_S"),
        .health_timeout_s = seconds("AIRLIFT_AGENT_HEALTH_TIMEOUT_S"),
        .health_check = has_ill_version() || is_pushed_to() ? health_check : NULL,
        .no_patches = setting("AIRLIFT_AGENT_NO_PATCHES") != NULL,
        .device_id = setting("AIRLIFT_AGENT_DEVICE_ID"),
        .on_event = on_event,
    };

    if (config.manifest_url == NULL && broker == NULL && !is_pushed_to()) {
        ESP_LOGW(TAG, "no AIRLIFT_MANIFEST_URL (airlift device run --manifest-url): nothing to do");
        return;
    }
    if (config.manifest_url == NULL && config.health_check == NULL) {
        config.health_check = airlift_mqtt_healthy;
    }
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);

    err = broker != NULL ? start_mqtt(broker) : ESP_OK;
    if (err == ESP_OK) {
        err = airlift_start(&config);
    }
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "the agent does not start: %s", esp_err_to_name(err));
        return;
    }
    start_listeners();
}
