/*
 * esp_task_wdt.h - the task watchdog: subscribed tasks must call in.
 *
 * It is set up at start-up with CONFIG_ESP_TASK_WDT_TIMEOUT_S's default of 5 s,
 * no panic, no tasks. When a subscribed task or user is late, its name is
 * printed and the firmware's heartbeat stops until it calls in again, so a
 * device started with --watchdog resets; with trigger_panic the process aborts.
 * Thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t timeout_ms;
    uint32_t idle_core_mask; /* there are no idle tasks here: the heartbeat watches for hogs */
    bool trigger_panic;
} esp_task_wdt_config_t;

typedef struct esp_task_wdt_user_handle_s *esp_task_wdt_user_handle_t;

/* ESP_ERR_INVALID_STATE if it is set up already (reconfigure, deinit: if it is not, or tasks are subscribed). */
esp_err_t esp_task_wdt_init(const esp_task_wdt_config_t *config);
esp_err_t esp_task_wdt_reconfigure(const esp_task_wdt_config_t *config);
esp_err_t esp_task_wdt_deinit(void);

/*
 * Subscribe, call in, unsubscribe; a NULL task is the caller. ESP_ERR_INVALID_STATE if the watchdog is not
 * set up; ESP_ERR_INVALID_ARG if already subscribed; ESP_ERR_NOT_FOUND if not subscribed; ESP_ERR_NO_MEM.
 */
esp_err_t esp_task_wdt_add(TaskHandle_t task_handle);
esp_err_t esp_task_wdt_reset(void);
esp_err_t esp_task_wdt_delete(TaskHandle_t task_handle);
esp_err_t esp_task_wdt_status(TaskHandle_t task_handle);

/* The same for a user, a part of a program rather than a task. user_name is borrowed. */
esp_err_t esp_task_wdt_add_user(const char *user_name, esp_task_wdt_user_handle_t *user_handle_ret);
esp_err_t esp_task_wdt_reset_user(esp_task_wdt_user_handle_t user_handle);
esp_err_t esp_task_wdt_delete_user(esp_task_wdt_user_handle_t user_handle);

#ifdef __cplusplus
}
#endif
