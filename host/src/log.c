/*
 * log.c - structured log lines.
 */
#include "host/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/file.h"
#include "host/text.h"

#define LINE_MAX_BYTES  65536u
#define VALUE_MAX_BYTES 4096u /* a longer value is cut: logs are for reading */

static atomic_int log_most = HOST_LOG_INFO;
static atomic_bool log_json;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* A JSON string: also what a quoted value of the plain form looks like. */
static void put_quoted(struct host_buf *line, const char *text, size_t len)
{
    host_buf_append(line, "\"", 1);
    const unsigned char *p = (const unsigned char *)text;
    while (len) {
        size_t n = host_utf8_len(p, len);
        if (*p == '"' || *p == '\\') {
            host_buf_printf(line, "\\%c", *p);
        } else if (*p == '\n') {
            host_buf_append(line, "\\n", 2);
        } else if (*p < 0x20 || *p == 0x7F) {
            host_buf_printf(line, "\\u%04x", *p);
        } else if (n == 0) {
            host_buf_append(line, "\\ufffd", 6);
        } else {
            host_buf_append(line, p, n);
        }
        n = n ? n : 1;
        p += n;
        len -= n;
    }
    host_buf_append(line, "\"", 1);
}

static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '=') {
            return false;
        }
    }
    return len > 0;
}

void host_log_setup(enum host_log_level most, bool json)
{
    atomic_store(&log_most, (int)most);
    atomic_store(&log_json, json);
}

void host_log(enum host_log_level level, const char *event, ...)
{
    if ((int)level > atomic_load(&log_most)) {
        return;
    }
    bool json = atomic_load(&log_json);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    char when[32];
    size_t n = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(when + n, sizeof when - n, ".%03dZ", (int)(now.tv_nsec / 1000000));

    struct host_buf line;
    host_buf_init(&line, LINE_MAX_BYTES);
    if (json) {
        host_buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", when, level_names[level],
                        event);
    } else {
        host_buf_printf(&line, "%s %-5s %s", when, level_names[level], event);
    }
    va_list args;
    va_start(args, event);
    const char *key;
    while ((key = va_arg(args, const char *))) {
        const char *value = va_arg(args, const char *);
        value = value ? value : "-";
        size_t len = strnlen(value, VALUE_MAX_BYTES);
        if (line.len + 6 * len + strlen(key) + 16 > LINE_MAX_BYTES) {
            continue; /* rather a pair less than half a line */
        }
        if (json) {
            host_buf_printf(&line, ",\"%s\":", key);
            put_quoted(&line, value, len);
        } else {
            host_buf_printf(&line, " %s=", key);
            if (is_plain(value, len)) {
                host_buf_append(&line, value, len);
            } else {
                put_quoted(&line, value, len);
            }
        }
    }
    va_end(args);
    if (host_buf_append(&line, json ? "}\n" : "\n", json ? 2 : 1)) {
        ssize_t written = write(STDERR_FILENO, line.data, line.len);
        (void)written; /* nowhere left to complain */
    }
    host_buf_free(&line);
}
