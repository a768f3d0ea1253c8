/*
 * airlift_sdkconfig.h - sdkconfig values that the SDK's own code acts on.
 *
 * ESP-IDF compiles its components with the project's sdkconfig.h. Here they are
 * a library, so the values they need travel in one constant: project.cmake
 * compiles one from the project's sdkconfig; a program linked by hand gets the
 * defaults of default_sdkconfig.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct airlift_sdkconfig {
    bool esp_https_ota_allow_http;                /* CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP, n */
    bool esp_https_ota_decrypt_cb;                /* CONFIG_ESP_HTTPS_OTA_DECRYPT_CB, n */
    bool esp_https_ota_partial_download;          /* CONFIG_ESP_HTTPS_OTA_ENABLE_PARTIAL_DOWNLOAD, n */
    bool esp_https_ota_verify_spi_mode;           /* CONFIG_ESP_HTTPS_OTA_VERIFY_SPI_MODE, y */
    uint32_t esp_https_ota_event_post_timeout_ms; /* CONFIG_ESP_HTTPS_OTA_EVENT_POST_TIMEOUT, 2000 */
    uint32_t app_retrieve_len_elf_sha;            /* CONFIG_APP_RETRIEVE_LEN_ELF_SHA, 9 */
    uint32_t freertos_hz;                         /* CONFIG_FREERTOS_HZ, 100 */
    int log_default_level;                        /* CONFIG_LOG_DEFAULT_LEVEL, 3 (info) */
    bool crt_bundle_without_system;               /* CONFIG_MBEDTLS_CERTIFICATE_BUNDLE_DEFAULT_NONE, n */
    bool secure_signed_on_update_no_secure_boot;  /* CONFIG_SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT, n */
    bool secure_signed_data_partition;            /* CONFIG_SECURE_SIGNED_DATA_PARTITION, n */
    uint32_t n_trusted_key_digests;               /* CONFIG_AIRLIFT_TRUSTED_KEY_DIGESTS, none */
    const uint8_t (*trusted_key_digests)[32];
    const char *crt_bundle_custom; /* PEM of CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH; NULL: none */
};

extern const struct airlift_sdkconfig airlift_sdkconfig;
