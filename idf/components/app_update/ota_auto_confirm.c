/*
 * Confirm the app before app_main(): CONFIG_BOOTLOADER_APP_ROLLBACK_CONFIRM_ON_STARTUP.
 *
 * In the program only if the project asks the linker for it.
 */
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "idf_runtime.h"

static const char *const TAG = "ota_auto_confirm";

void ota_auto_confirm(void)
{
    esp_ota_img_states_t state;
    esp_err_t err;

    if (esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) != ESP_OK ||
        (state != ESP_OTA_IMG_PENDING_VERIFY && state != ESP_OTA_IMG_NEW)) {
        return;
    }
    if (state == ESP_OTA_IMG_NEW) {
        ESP_LOGW(TAG, "the bootloader does not do rollback: it left the app's state at NEW");
    }
    err = esp_ota_mark_app_valid_cancel_rollback();
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "the app was not confirmed: %s", esp_err_to_name(err));
    } else {
        ESP_LOGI(TAG, "the app is confirmed");
    }
}
