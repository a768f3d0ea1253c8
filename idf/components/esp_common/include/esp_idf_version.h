/* esp_idf_version.h - the ESP-IDF release whose API this is. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_IDF_VERSION_MAJOR 5
#define ESP_IDF_VERSION_MINOR 5
#define ESP_IDF_VERSION_PATCH 0

/* For use in #if: ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 0, 0). */
#define ESP_IDF_VERSION_VAL(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#define ESP_IDF_VERSION \
    ESP_IDF_VERSION_VAL(ESP_IDF_VERSION_MAJOR, ESP_IDF_VERSION_MINOR, ESP_IDF_VERSION_PATCH)

#ifndef IDF_VER
#define IDF_VER "v5.5"
#endif

/* The release as text, such as "v5.5". Static storage. */
const char *esp_get_idf_version(void);

#ifdef __cplusplus
}
#endif
