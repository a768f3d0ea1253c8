/*
 * diagnostics.c - is this version fit to stay?
 *
 * A real product measures its sensors and talks to its server here. Whatever
 * happens before the confirmation, be it a crash or a power cut, the bootloader
 * takes for a no.
 */
#include "driver/gpio.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "native_ota.h"

#define PIN       ((gpio_num_t)CONFIG_NATIVE_OTA_DIAGNOSTIC_GPIO)
#define SAMPLE_MS 10

static const char *TAG = "diagnostics";

static bool is_on_trial(void)
{
    esp_ota_img_states_t state;

    return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

static bool input_stays_high(void)
{
    const gpio_config_t input = {
        .pin_bit_mask = 1ULL << CONFIG_NATIVE_OTA_DIAGNOSTIC_GPIO,
        .mode = GPIO_MODE_INPUT,
        .pull_up_en = GPIO_PULLUP_ENABLE,
        .pull_down_en = GPIO_PULLDOWN_DISABLE,
        .intr_type = GPIO_INTR_DISABLE,
    };
    bool high = gpio_config(&input) == ESP_OK;

    for (int ms = 0; high && ms < CONFIG_NATIVE_OTA_DIAGNOSTIC_MS; ms += SAMPLE_MS) {
        vTaskDelay(pdMS_TO_TICKS(SAMPLE_MS));
        high = gpio_get_level(PIN) == 1;
    }
    gpio_reset_pin(PIN);
    return high;
}

void diagnostics_run(void)
{
    if (!is_on_trial()) {
        return;
    }
    ESP_LOGI(TAG, "first start of this version: watching GPIO %d", (int)PIN);
    if (input_stays_high()) {
        ESP_LOGI(TAG, "all is well, this version stays");
        ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
        return;
    }
    ESP_LOGE(TAG, "GPIO %d is low, back to the previous version", (int)PIN);
    ESP_ERROR_CHECK(esp_ota_mark_app_invalid_rollback_and_reboot());
}
