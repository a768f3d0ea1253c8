/* esp_log_timestamp.h - the time in log lines. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Milliseconds since the firmware started. */
uint32_t esp_log_timestamp(void);
uint32_t esp_log_early_timestamp(void);

/* Wall clock as "HH:MM:SS.mmm". Static storage, overwritten by the next call of any task. */
char *esp_log_system_timestamp(void);

#ifdef __cplusplus
}
#endif
