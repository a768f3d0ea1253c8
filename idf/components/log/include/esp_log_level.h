/*
 * esp_log_level.h - how much each tag may say.
 *
 * Two limits apply to each line: LOG_LOCAL_LEVEL at compile time (define it
 * before including esp_log.h; default CONFIG_LOG_MAXIMUM_LEVEL) and the tag's
 * level at run time. Thread safe.
 */
#pragma once

#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ESP_LOG_NONE = 0,
    ESP_LOG_ERROR = 1,
    ESP_LOG_WARN = 2,
    ESP_LOG_INFO = 3,
    ESP_LOG_DEBUG = 4,
    ESP_LOG_VERBOSE = 5,
    ESP_LOG_MAX = 6,
} esp_log_level_t;

/*
 * The level of one tag; tag "*" sets the default level and forgets all others.
 * The default starts as CONFIG_LOG_DEFAULT_LEVEL. tag is copied.
 */
void esp_log_level_set(const char *tag, esp_log_level_t level);
esp_log_level_t esp_log_level_get(const char *tag);

/* The level of "*". */
esp_log_level_t esp_log_get_default_level(void);

#ifdef __cplusplus
}
#endif
