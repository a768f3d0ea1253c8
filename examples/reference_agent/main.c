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
 *     AIRLIFT_AGENT_SICK_VERSION     the version that fails its health check
 *     AIRLIFT_AGENT_HUNG_VERSION     the version whose health check never ends
 *     AIRLIFT_AGENT_CRASHING_VERSION the version that crashes on trial
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
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"

#define TAG          "reference"
#define MAX_CA_BYTES 65536

/* --- Environment ----------------------------------------------------------- */

/* NULL if not set or empty. */
static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static uint32_t seconds(const char *name)
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
    return value == 0 ? AIRLIFT_NO_WAIT : (uint32_t)value;
}

/* The file's text in memory that is never freed, or NULL. */
static char *read_text(const char *path)
{
    static char text[MAX_CA_BYTES];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        return NULL;
    }
    const size_t len = fread(text, 1, sizeof(text) - 1, file);
    const bool whole = ferror(file) == 0 && len < sizeof(text) - 1;

    text[len] = '\0';
    return fclose(file) == 0 && whole ? text : NULL;
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

/* --- Firmware -------------------------------------------------------------- */

static void on_event(const airlift_event_t *event, void *ctx)
{
    (void)ctx;
    if (event->id == AIRLIFT_EVENT_PROGRESS) {
        ESP_LOGD(TAG, "%" PRIu32 " of %" PRIu32 " bytes", event->bytes, event->total);
    }
}

void app_main(void); /* ESP-IDF calls it without declaring it */

void app_main(void)
{
    const char *ca = setting("AIRLIFT_CA");
    airlift_config_t config = {
        .manifest_url = setting("AIRLIFT_MANIFEST_URL"),
        .allow_http = ca == NULL,
        .stabilisation_s = seconds("AIRLIFT_AGENT_STABILISATION_S"),
        .check_interval_s = seconds("AIRLIFT_AGENT_INTERVAL_S"),
        .attempt_delay_s = seconds("AIRLIFT_AGENT_ATTEMPT_DELAY_S"),
        .retry_s = seconds("AIRLIFT_AGENT_RETRY_S"),
        .timeout_s = seconds("AIRLIFT_AGENT_TIMEOUT_S"),
        .health_timeout_s = seconds("AIRLIFT_AGENT_HEALTH_TIMEOUT_S"),
        .health_check = has_ill_version() ? health_check : NULL,
        .on_event = on_event,
    };

    if (config.manifest_url == NULL) {
        ESP_LOGW(TAG, "no AIRLIFT_MANIFEST_URL (airlift device run --manifest-url): nothing to do");
        return;
    }
    if (ca != NULL) {
        config.cert_pem = read_text(ca);
        if (config.cert_pem == NULL) {
            ESP_LOGE(TAG, "cannot read the certificate %s: %s", ca, strerror(errno));
            return;
        }
    }
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);

    err = airlift_start(&config);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "the agent does not start: %s", esp_err_to_name(err));
    }
}
