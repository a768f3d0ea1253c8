/*
 * http_pull - firmware that keeps itself up to date.
 *
 * Connects to the network and starts the airlift agent. Everything else, from
 * the first check to the rollback of a bad version, is the agent's business.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "sdkconfig.h"

#include "airlift.h"

static const char *TAG = "http_pull";

/* server_certs/ca_cert.pem, embedded by main/CMakeLists.txt */
extern const char ca_cert_pem[] asm("_binary_ca_cert_pem_start");

/*
 * Is this version fit to stay? Asked once, after an update. A real product
 * measures its sensors and talks to its server here.
 */
static bool self_test(void *ctx)
{
    (void)ctx;
#ifdef CONFIG_HTTP_PULL_SELF_TEST_FAILS
    ESP_LOGE(TAG, "self-test: the pump does not turn");
    return false;
#else
    ESP_LOGI(TAG, "self-test: all is well");
    return true;
#endif
}

/*
 * The end of a key rotation, if this version was built for it: what the old key signed must not start any
 * more. Asked at each start and after each confirmation, so that a power cut in between forgets nothing.
 */
static void revoke_old_key(void)
{
#if defined(CONFIG_HTTP_PULL_REVOKE_KEY) && CONFIG_HTTP_PULL_REVOKE_KEY >= 0
    esp_ota_img_states_t state;

    if (esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
        state == ESP_OTA_IMG_VALID &&
        esp_ota_revoke_secure_boot_public_key(CONFIG_HTTP_PULL_REVOKE_KEY) == ESP_OK) {
        ESP_LOGI(TAG, "secure boot key %d is revoked", CONFIG_HTTP_PULL_REVOKE_KEY);
    }
#endif
}

/* One line for each quarter. */
static void log_progress(const airlift_event_t *event)
{
    static uint32_t last_quarter;
    const uint32_t quarter = (uint32_t)(4ull * event->bytes / event->total);

    if (quarter != last_quarter && quarter > 0) {
        ESP_LOGI(TAG, "%" PRIu32 " %% of version %s", 25 * quarter, event->version);
    }
    last_quarter = quarter;
}

/* The agent logs what it does; here is what a product might do about it. */
static void on_update_event(const airlift_event_t *event, void *ctx)
{
    (void)ctx;
    switch (event->id) {
    case AIRLIFT_EVENT_PROGRESS:
        log_progress(event);
        break;
    case AIRLIFT_EVENT_REBOOTING:
        ESP_LOGI(TAG, "pump off, valves shut: ready to restart");
        break;
    case AIRLIFT_EVENT_CONFIRMED:
        revoke_old_key();
        break;
    case AIRLIFT_EVENT_ROLLED_BACK:
        ESP_LOGW(TAG, "to report: version %s failed, %s", event->version, event->text);
        break;
    default:
        break;
    }
}

/* `airlift device run --manifest-url` hands one over this way; a board has no environment. */
static const char *manifest_url(void)
{
    const char *url = getenv("AIRLIFT_MANIFEST_URL");

    return url != NULL ? url : CONFIG_HTTP_PULL_MANIFEST_URL;
}

void app_main(void)
{
    const airlift_config_t config = {
        .manifest_url = manifest_url(),
        .cert_pem = ca_cert_pem,
        .stabilisation_s = CONFIG_HTTP_PULL_STABILISATION_S,
        .check_interval_s = CONFIG_HTTP_PULL_CHECK_INTERVAL_S,
        .health_check = self_test,
        .on_event = on_update_event,
    };

    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());

    revoke_old_key();
    ESP_ERROR_CHECK(airlift_start(&config));
}
