/*
 * native_ota - update with ESP-IDF's own esp_ota_* calls, and roll back on a bad diagnosis.
 *
 * Each start looks for a new version once. http_pull does the same and more
 * with the airlift agent; here every step is in sight.
 */
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"

#include "native_ota.h"

static const char *TAG = "native_ota";

void app_main(void)
{
    ESP_LOGI(TAG, "version %s, in %s", esp_app_get_description()->version,
             esp_ota_get_running_partition()->label);
    diagnostics_run();

    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());

    err = update_run();
    if (err == ESP_OK) {
        ESP_LOGI(TAG, "restarting into the new version");
        esp_restart();
    }
    ESP_LOGI(TAG, "no update: %s", esp_err_to_name(err));
}
