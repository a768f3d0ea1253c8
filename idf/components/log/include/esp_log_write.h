/*
 * esp_log_write.h - where log lines go.
 *
 * To stdout, one write for each call, flushed; in colour if stdout is a
 * terminal. Lines of several tasks do not mix.
 */
#pragma once

#include <stdarg.h>

#include "esp_log_level.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int (*vprintf_like_t)(const char *format, va_list args);

/*
 * Send lines through func, which may be called by several tasks at once. Returns the function in
 * use before, which may be vprintf; passing that back restores the usual output.
 */
vprintf_like_t esp_log_set_vprintf(vprintf_like_t func);

/* Print, unless the tag's level forbids it. The text is taken as it is: no prefix, no newline is added. */
void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void esp_log_writev(esp_log_level_t level, const char *tag, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#ifdef __cplusplus
}
#endif
