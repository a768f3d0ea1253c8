/*
 * esp_timer.h - timers in microseconds; callbacks run in one task, "esp_timer".
 *
 * A callback that takes long delays all others. Thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "esp_err.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_timer *esp_timer_handle_t;
typedef void (*esp_timer_cb_t)(void *arg);

typedef enum { ESP_TIMER_TASK, ESP_TIMER_MAX } esp_timer_dispatch_t;

typedef struct {
    esp_timer_cb_t callback;
    void *arg;
    esp_timer_dispatch_t dispatch_method;
    const char *name;           /* borrowed */
    bool skip_unhandled_events; /* periodic: several missed periods make one call */
} esp_timer_create_args_t;

/* Done at start-up; ESP_OK and ESP_ERR_INVALID_STATE (already initialised). */
esp_err_t esp_timer_early_init(void);
esp_err_t esp_timer_init(void);
esp_err_t esp_timer_deinit(void);

/* ESP_ERR_INVALID_ARG, ESP_ERR_NO_MEM. */
esp_err_t esp_timer_create(const esp_timer_create_args_t *create_args, esp_timer_handle_t *out_handle);

/* ESP_ERR_INVALID_ARG (NULL); ESP_ERR_INVALID_STATE if it is running (stop, restart: if it is not). */
esp_err_t esp_timer_start_once(esp_timer_handle_t timer, uint64_t timeout_us);
esp_err_t esp_timer_start_periodic(esp_timer_handle_t timer, uint64_t period_us);
esp_err_t esp_timer_restart(esp_timer_handle_t timer, uint64_t timeout_us);
esp_err_t esp_timer_stop(esp_timer_handle_t timer);

/* ESP_ERR_INVALID_STATE while it is running. A callback being run may finish afterwards. */
esp_err_t esp_timer_delete(esp_timer_handle_t timer);
bool esp_timer_is_active(esp_timer_handle_t timer);

/* Microseconds since the firmware started. */
int64_t esp_timer_get_time(void);

/* When the next timer expires, on that clock; INT64_MAX if none runs. */
int64_t esp_timer_get_next_alarm(void);
int64_t esp_timer_get_next_alarm_for_wake_up(void);

/* 0 for a one-shot timer. / ESP_ERR_NOT_SUPPORTED for a periodic one. */
esp_err_t esp_timer_get_period(esp_timer_handle_t timer, uint64_t *period);
esp_err_t esp_timer_get_expiry_time(esp_timer_handle_t timer, uint64_t *expiry);

/* A line for each running timer: name, period, next expiry. */
esp_err_t esp_timer_dump(FILE *stream);

#ifdef __cplusplus
}
#endif
