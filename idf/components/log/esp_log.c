/*
 * Log lines to the console.
 *
 * A line is formatted in memory and written in one piece under a lock, so lines
 * of several tasks do not mix, also where it goes to a pipe. The lock of the
 * tags' levels is another: formatting happens outside both.
 */
#include "esp_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "airlift_sdkconfig.h"
#include "device/shared.h"
#include "idf_runtime.h"

#define LINE_SIZE 256 /* longer ones take memory from the heap */

struct tag_level {
    struct tag_level *next;
    esp_log_level_t level;
    char tag[];
};

static pthread_mutex_t levels_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tag_level *levels;
static int default_level = -1; /* not set: as the project is configured */

static pthread_mutex_t console_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(vprintf_like_t) redirect; /* NULL: to the console */

/* ---- Levels ---------------------------------------------------------------- */

/* With the lock. */
static esp_log_level_t get_default(void)
{
    return (esp_log_level_t)(default_level >= 0 ? default_level : airlift_sdkconfig.log_default_level);
}

/* With the lock. */
static struct tag_level *find(const char *tag)
{
    struct tag_level *l = levels;

    while (l != NULL && strcmp(l->tag, tag) != 0) {
        l = l->next;
    }
    return l;
}

static void forget_tags(void)
{
    struct tag_level *next;

    while (levels != NULL) {
        next = levels->next;
        free(levels);
        levels = next;
    }
}

void esp_log_level_set(const char *tag, esp_log_level_t level)
{
    struct tag_level *l;
    size_t len = strlen(tag) + 1;

    pthread_mutex_lock(&levels_lock);
    if (strcmp(tag, "*") == 0) {
        forget_tags();
        default_level = (int)level;
        pthread_mutex_unlock(&levels_lock);
        return;
    }
    l = find(tag);
    if (l == NULL) {
        l = malloc(sizeof *l + len);
        if (l != NULL) {
            memcpy(l->tag, tag, len);
            l->next = levels;
            levels = l;
        }
    }
    if (l != NULL) {
        l->level = level;
    }
    pthread_mutex_unlock(&levels_lock);
}

esp_log_level_t esp_log_level_get(const char *tag)
{
    struct tag_level *l;
    esp_log_level_t level;

    pthread_mutex_lock(&levels_lock);
    l = tag != NULL ? find(tag) : NULL;
    level = l != NULL ? l->level : get_default();
    pthread_mutex_unlock(&levels_lock);
    return level;
}

esp_log_level_t esp_log_get_default_level(void)
{
    esp_log_level_t level;

    pthread_mutex_lock(&levels_lock);
    level = get_default();
    pthread_mutex_unlock(&levels_lock);
    return level;
}

/* ---- Time -------------------------------------------------------------------- */

uint32_t esp_log_timestamp(void)
{
    return (uint32_t)(idf_uptime_us() / 1000);
}

uint32_t esp_log_early_timestamp(void)
{
    return esp_log_timestamp();
}

char *esp_log_system_timestamp(void)
{
    static char text[16];
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    snprintf(text, sizeof text, "%02u:%02u:%02u.%03u", (unsigned)tm.tm_hour % 24, (unsigned)tm.tm_min % 60,
             (unsigned)tm.tm_sec % 61, (unsigned)(now.tv_nsec / 1000000) % 1000);
    return text;
}

/* ---- Output -------------------------------------------------------------------- */

/*
 * A device's console is its standard output. A program started by hand may have
 * results of its own to print there, so its log goes to standard error.
 */
static FILE *console(void)
{
    return dev_shared_inherited() ? stdout : stderr;
}

static const char *colour(esp_log_level_t level)
{
    if (!isatty(fileno(console()))) {
        return NULL;
    }
    switch (level) {
    case ESP_LOG_ERROR:
        return "\033[0;31m";
    case ESP_LOG_WARN:
        return "\033[0;33m";
    case ESP_LOG_INFO:
        return "\033[0;32m";
    default:
        return NULL;
    }
}

/* The colour ends before the newline, so that it does not run into what others print. */
static void put(const char *text, size_t len, const char *start)
{
    bool ends_line = len > 0 && text[len - 1] == '\n';
    FILE *out = console();

    pthread_mutex_lock(&console_lock);
    flockfile(out);
    if (start != NULL) {
        fprintf(out, "%s%.*s\033[0m%s", start, (int)(len - ends_line), text, ends_line ? "\n" : "");
    } else {
        fwrite(text, 1, len, out);
    }
    fflush(out);
    funlockfile(out);
    pthread_mutex_unlock(&console_lock);
}

__attribute__((format(printf, 2, 0))) static void print(esp_log_level_t level, const char *format,
                                                        va_list args)
{
    char line[LINE_SIZE];
    char *text = line;
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(line, sizeof line, format, args);
    if (len >= (int)sizeof line) {
        text = malloc((size_t)len + 1);
        if (text == NULL) { /* then its beginning has to do */
            text = line;
            len = sizeof line - 1;
        } else {
            vsnprintf(text, (size_t)len + 1, format, again);
        }
    }
    va_end(again);
    if (len > 0) {
        put(text, (size_t)len, colour(level));
    }
    if (text != line) {
        free(text);
    }
}

vprintf_like_t esp_log_set_vprintf(vprintf_like_t func)
{
    vprintf_like_t before = atomic_exchange(&redirect, func == vprintf ? NULL : func);

    return before != NULL ? before : vprintf;
}

void esp_log_writev(esp_log_level_t level, const char *tag, const char *format, va_list args)
{
    vprintf_like_t func;

    idf_alive();
    if (level == ESP_LOG_NONE || esp_log_level_get(tag) < level) {
        return;
    }
    func = atomic_load(&redirect);
    if (func != NULL) {
        func(format, args);
    } else {
        print(level, format, args);
    }
}

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    esp_log_writev(level, tag, format, args);
    va_end(args);
}
