/*
 * esp_log.h - log lines: ESP_LOGI(TAG, "format", ...).
 *
 * A line reads `I (123) tag: text`: level, milliseconds since the start, tag.
 */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>

#include "esp_rom_sys.h"
#include "sdkconfig.h"

#ifndef LOG_LOCAL_LEVEL
#define LOG_LOCAL_LEVEL CONFIG_LOG_MAXIMUM_LEVEL
#endif

#include "esp_log_buffer.h"
#include "esp_log_level.h"
#include "esp_log_timestamp.h"
#include "esp_log_write.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Colour is added when a line is printed, and only on a terminal. */
#define LOG_COLOR_E
#define LOG_COLOR_W
#define LOG_COLOR_I
#define LOG_COLOR_D
#define LOG_COLOR_V
#define LOG_RESET_COLOR

#define LOG_FORMAT(letter, format) #letter " (%" PRIu32 ") %s: " format "\n"

/* A line at a level known at run time; _LOCAL also heeds LOG_LOCAL_LEVEL. */
#define ESP_LOG_LEVEL(level, tag, format, ...)                                                   \
    do {                                                                                         \
        if ((level) == ESP_LOG_ERROR) {                                                          \
            esp_log_write(ESP_LOG_ERROR, tag, LOG_FORMAT(E, format), esp_log_timestamp(), tag,   \
                          ##__VA_ARGS__);                                                        \
        } else if ((level) == ESP_LOG_WARN) {                                                    \
            esp_log_write(ESP_LOG_WARN, tag, LOG_FORMAT(W, format), esp_log_timestamp(), tag,    \
                          ##__VA_ARGS__);                                                        \
        } else if ((level) == ESP_LOG_DEBUG) {                                                   \
            esp_log_write(ESP_LOG_DEBUG, tag, LOG_FORMAT(D, format), esp_log_timestamp(), tag,   \
                          ##__VA_ARGS__);                                                        \
        } else if ((level) == ESP_LOG_VERBOSE) {                                                 \
            esp_log_write(ESP_LOG_VERBOSE, tag, LOG_FORMAT(V, format), esp_log_timestamp(), tag, \
                          ##__VA_ARGS__);                                                        \
        } else {                                                                                 \
            esp_log_write(ESP_LOG_INFO, tag, LOG_FORMAT(I, format), esp_log_timestamp(), tag,    \
                          ##__VA_ARGS__);                                                        \
        }                                                                                        \
    } while (0)
#define ESP_LOG_LEVEL_LOCAL(level, tag, format, ...)          \
    do {                                                      \
        if (LOG_LOCAL_LEVEL >= (level)) {                     \
            ESP_LOG_LEVEL(level, tag, format, ##__VA_ARGS__); \
        }                                                     \
    } while (0)

/* A file's tag: ESP_LOG_ATTR_TAG(TAG, "app"); _DRAM for one that is used while a chip's flash can't be read. */
#define ESP_LOG_ATTR_TAG(variable, text)      static const char variable[] __attribute__((unused)) = text
#define ESP_LOG_ATTR_TAG_DRAM(variable, text) ESP_LOG_ATTR_TAG(variable, text)

#define ESP_LOGE(tag, format, ...) ESP_LOG_LEVEL_LOCAL(ESP_LOG_ERROR, tag, format, ##__VA_ARGS__)
#define ESP_LOGW(tag, format, ...) ESP_LOG_LEVEL_LOCAL(ESP_LOG_WARN, tag, format, ##__VA_ARGS__)
#define ESP_LOGI(tag, format, ...) ESP_LOG_LEVEL_LOCAL(ESP_LOG_INFO, tag, format, ##__VA_ARGS__)
#define ESP_LOGD(tag, format, ...) ESP_LOG_LEVEL_LOCAL(ESP_LOG_DEBUG, tag, format, ##__VA_ARGS__)
#define ESP_LOGV(tag, format, ...) ESP_LOG_LEVEL_LOCAL(ESP_LOG_VERBOSE, tag, format, ##__VA_ARGS__)

/* Before the start-up is complete, and with the flash cache off: nothing differs here. */
#define ESP_EARLY_LOGE(tag, format, ...) ESP_LOGE(tag, format, ##__VA_ARGS__)
#define ESP_EARLY_LOGW(tag, format, ...) ESP_LOGW(tag, format, ##__VA_ARGS__)
#define ESP_EARLY_LOGI(tag, format, ...) ESP_LOGI(tag, format, ##__VA_ARGS__)
#define ESP_EARLY_LOGD(tag, format, ...) ESP_LOGD(tag, format, ##__VA_ARGS__)
#define ESP_EARLY_LOGV(tag, format, ...) ESP_LOGV(tag, format, ##__VA_ARGS__)
#define ESP_DRAM_LOGE(tag, format, ...)  ESP_LOGE(tag, format, ##__VA_ARGS__)
#define ESP_DRAM_LOGW(tag, format, ...)  ESP_LOGW(tag, format, ##__VA_ARGS__)
#define ESP_DRAM_LOGI(tag, format, ...)  ESP_LOGI(tag, format, ##__VA_ARGS__)
#define ESP_DRAM_LOGD(tag, format, ...)  ESP_LOGD(tag, format, ##__VA_ARGS__)
#define ESP_DRAM_LOGV(tag, format, ...)  ESP_LOGV(tag, format, ##__VA_ARGS__)

#ifdef __cplusplus
}
#endif
