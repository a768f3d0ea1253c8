/*
 * The values a program gets that brings none of its own. Alone in its file: a
 * project's definition makes the linker pass this one by.
 */
#include "airlift_sdkconfig.h"
#include "sdkconfig.h"

const struct airlift_sdkconfig airlift_sdkconfig = {
    .esp_https_ota_allow_http = false,
    .esp_https_ota_decrypt_cb = false,
    .esp_https_ota_partial_download = false,
    .esp_https_ota_verify_spi_mode = true,
    .esp_https_ota_event_post_timeout_ms = CONFIG_ESP_HTTPS_OTA_EVENT_POST_TIMEOUT,
    .app_retrieve_len_elf_sha = CONFIG_APP_RETRIEVE_LEN_ELF_SHA,
    .freertos_hz = CONFIG_FREERTOS_HZ,
    .log_default_level = CONFIG_LOG_DEFAULT_LEVEL,
};
