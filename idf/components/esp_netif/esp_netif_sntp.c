#include "esp_netif_sntp.h"

#include "freertos/semphr.h"

static SemaphoreHandle_t synchronised; /* NULL: not initialised */
static esp_sntp_time_cb_t user_callback;

static void on_sync(struct timeval *tv)
{
    if (user_callback != NULL) {
        user_callback(tv);
    }
    (void)xSemaphoreGive(synchronised);
}

esp_err_t esp_netif_sntp_init(const esp_sntp_config_t *config)
{
    if (config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (synchronised != NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    synchronised = xSemaphoreCreateBinary();
    if (synchronised == NULL) {
        return ESP_ERR_NO_MEM;
    }
    user_callback = config->sync_cb;
    sntp_set_time_sync_notification_cb(on_sync);
    sntp_set_sync_mode(config->smooth_sync ? SNTP_SYNC_MODE_SMOOTH : SNTP_SYNC_MODE_IMMED);
    for (size_t i = 0; i < config->num_of_servers && i < SNTP_MAX_SERVERS; i++) {
        esp_sntp_setservername((uint8_t)i, config->servers[i]);
    }
    return config->start ? esp_netif_sntp_start() : ESP_OK;
}

esp_err_t esp_netif_sntp_start(void)
{
    if (synchronised == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    esp_sntp_init();
    return ESP_OK;
}

void esp_netif_sntp_deinit(void)
{
    esp_sntp_stop();
    sntp_set_time_sync_notification_cb(NULL);
    if (synchronised != NULL) {
        vSemaphoreDelete(synchronised);
        synchronised = NULL;
    }
}

esp_err_t esp_netif_sntp_sync_wait(TickType_t tout)
{
    if (synchronised == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    return xSemaphoreTake(synchronised, tout) == pdTRUE ? ESP_OK : ESP_ERR_TIMEOUT;
}
