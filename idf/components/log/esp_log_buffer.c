#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

#include "esp_log.h"

#define PER_LINE 16u

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* "45 53 50 ", with an additional blank in the middle if `gap`. Returns the end. */
static char *hex(char *p, const uint8_t *bytes, size_t n, bool gap)
{
    size_t i;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s%02x ", gap && i == PER_LINE / 2 ? " " : "", bytes[i]);
    }
    return p;
}

static char *printable(char *p, const uint8_t *bytes, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        *p++ = (char)(isprint(bytes[i]) ? bytes[i] : '.');
    }
    *p = '\0';
    return p;
}

void esp_log_buffer_hex_internal(const char *tag, const void *buffer, uint16_t buff_len,
                                 esp_log_level_t level)
{
    const uint8_t *bytes = buffer;
    char line[PER_LINE * 3 + 2];
    size_t off;

    for (off = 0; off < buff_len; off += PER_LINE) {
        hex(line, bytes + off, min(PER_LINE, buff_len - off), false);
        ESP_LOG_LEVEL(level, tag, "%s", line);
    }
}

void esp_log_buffer_char_internal(const char *tag, const void *buffer, uint16_t buff_len,
                                  esp_log_level_t level)
{
    const uint8_t *bytes = buffer;
    char line[PER_LINE + 1];
    size_t off;

    for (off = 0; off < buff_len; off += PER_LINE) {
        printable(line, bytes + off, min(PER_LINE, buff_len - off));
        ESP_LOG_LEVEL(level, tag, "%s", line);
    }
}

void esp_log_buffer_hexdump_internal(const char *tag, const void *buffer, uint16_t buff_len,
                                     esp_log_level_t log_level)
{
    const uint8_t *bytes = buffer;
    char left[PER_LINE * 3 + 2];
    char right[PER_LINE + 1];
    size_t off, n;

    for (off = 0; off < buff_len; off += PER_LINE) {
        n = min(PER_LINE, buff_len - off);
        hex(left, bytes + off, n, true);
        printable(right, bytes + off, n);
        ESP_LOG_LEVEL(log_level, tag, "%p   %-49s |%s|", (const void *)(bytes + off), left, right);
    }
}
