/*
 * hello_ota.c - the smallest app that can be updated: it says who it is, counts
 * its boots in NVS, and confirms itself.
 */
#include <inttypes.h>
#include <stdio.h>

#include "esp_app_desc.h"
#include "esp_err.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "sdkconfig.h"

static const char *TAG = "hello";

/* greeting.txt, with a NUL behind it. */
extern const char greeting[] asm("_binary_greeting_txt_start");

static uint32_t count_boot(void)
{
    uint32_t boots = 0;
    nvs_handle_t nvs;

    ESP_ERROR_CHECK(nvs_open("hello", NVS_READWRITE, &nvs));
    esp_err_t err = nvs_get_u32(nvs, "boots", &boots);
    if (err != ESP_ERR_NVS_NOT_FOUND) {
        ESP_ERROR_CHECK(err);
    }
    boots++;
    /* A power cut here leaves the old count or the new one. */
    ESP_ERROR_CHECK(nvs_set_u32(nvs, "boots", boots));
    ESP_ERROR_CHECK(nvs_commit(nvs));
    nvs_close(nvs);
    return boots;
}

/* A new app is on trial until it says that it works; this one can tell nothing more about itself. */
static void confirm(const esp_partition_t *running)
{
    esp_ota_img_states_t state;

    if (esp_ota_get_state_partition(running, &state) == ESP_OK && state == ESP_OTA_IMG_PENDING_VERIFY) {
        ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
        ESP_LOGI(TAG, "confirmed");
    }
}

void app_main(void)
{
    const esp_app_desc_t *app = esp_app_get_description();
    const esp_partition_t *running = esp_ota_get_running_partition();

    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);

    printf("%s", greeting);
    ESP_LOGI(TAG, "%s %s, running from %s, boot %" PRIu32, app->project_name, app->version, running->label,
             count_boot());
    confirm(running);
    for (int seconds = 0;; seconds += CONFIG_HELLO_SECONDS) {
        ESP_LOGI(TAG, "up for %d s", seconds);
        vTaskDelay(pdMS_TO_TICKS(CONFIG_HELLO_SECONDS * 1000));
    }
}
