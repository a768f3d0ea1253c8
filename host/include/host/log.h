/*
 * log.h - structured log lines on stderr: time, level, event, key=value.
 *
 *   2026-11-21T10:00:00.123Z info  release_published product=demo version=1.4.3
 *
 * Values with spaces are quoted. With JSON switched on each line is one object.
 * Thread safe: a line is written in one call.
 */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include <stdbool.h>

enum host_log_level { HOST_LOG_ERROR, HOST_LOG_WARN, HOST_LOG_INFO, HOST_LOG_DEBUG };

void host_log_setup(enum host_log_level most, bool json);

/*
 * host_log(HOST_LOG_INFO, "release_published", "product", product, "version", version, NULL);
 * Pairs of strings, ended by NULL. A NULL value prints as "-".
 */
void host_log(enum host_log_level level, const char *event, ...) __attribute__((sentinel));

#endif
