/*
 * esp_event.h - event loops: posted events reach the handlers registered for them.
 *
 * A loop runs handlers one at a time, in the order of their registration, with
 * its lock held: unregistering from another task waits until a handler that is
 * running has returned, so afterwards its argument may go. Handlers may
 * register, unregister and post; a post from a handler to its own loop never
 * waits, since it would wait for itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "esp_err.h"
#include "esp_event_base.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t queue_size;        /* events that may wait */
    const char *task_name;     /* NULL: no task, call esp_event_loop_run() */
    UBaseType_t task_priority; /* these three only with a task */
    uint32_t task_stack_size;
    BaseType_t task_core_id;
} esp_event_loop_args_t;

/* ESP_ERR_INVALID_ARG, ESP_ERR_NO_MEM; ESP_FAIL if the task can't be started. */
esp_err_t esp_event_loop_create(const esp_event_loop_args_t *event_loop_args,
                                esp_event_loop_handle_t *event_loop);

/* Ends the loop's task and forgets handlers and waiting events. Not from one of its own handlers. */
esp_err_t esp_event_loop_delete(esp_event_loop_handle_t event_loop);

/* The loop of the functions without a loop argument. ESP_ERR_INVALID_STATE if it exists already (or does not). */
esp_err_t esp_event_loop_create_default(void);
esp_err_t esp_event_loop_delete_default(void);

/* Dispatch what is waiting and what comes within `ticks_to_run`, for loops without a task. */
esp_err_t esp_event_loop_run(esp_event_loop_handle_t event_loop, TickType_t ticks_to_run);

/*
 * Call a handler for one event, for all of a base (ESP_EVENT_ANY_ID), or for all (both ANY). Registering the
 * same handler for the same event again replaces its argument; an _instance_ is always a registration of
 * its own. instance may be NULL. ESP_ERR_INVALID_ARG for ANY_BASE with an id, or no handler; ESP_ERR_NO_MEM;
 * ESP_ERR_INVALID_STATE if there is no default loop.
 */
esp_err_t esp_event_handler_register(esp_event_base_t event_base, int32_t event_id,
                                     esp_event_handler_t event_handler, void *event_handler_arg);
esp_err_t esp_event_handler_register_with(esp_event_loop_handle_t event_loop, esp_event_base_t event_base,
                                          int32_t event_id, esp_event_handler_t event_handler,
                                          void *event_handler_arg);
esp_err_t esp_event_handler_instance_register(esp_event_base_t event_base, int32_t event_id,
                                              esp_event_handler_t event_handler, void *event_handler_arg,
                                              esp_event_handler_instance_t *instance);
esp_err_t esp_event_handler_instance_register_with(esp_event_loop_handle_t event_loop,
                                                   esp_event_base_t event_base, int32_t event_id,
                                                   esp_event_handler_t event_handler, void *event_handler_arg,
                                                   esp_event_handler_instance_t *instance);

/* Undo that; what is not registered is ignored. */
esp_err_t esp_event_handler_unregister(esp_event_base_t event_base, int32_t event_id,
                                       esp_event_handler_t event_handler);
esp_err_t esp_event_handler_unregister_with(esp_event_loop_handle_t event_loop, esp_event_base_t event_base,
                                            int32_t event_id, esp_event_handler_t event_handler);
esp_err_t esp_event_handler_instance_unregister(esp_event_base_t event_base, int32_t event_id,
                                                esp_event_handler_instance_t instance);
esp_err_t esp_event_handler_instance_unregister_with(esp_event_loop_handle_t event_loop,
                                                     esp_event_base_t event_base, int32_t event_id,
                                                     esp_event_handler_instance_t instance);

/*
 * Post an event; event_data_size bytes of event_data are copied and handlers get the copy (NULL if size is 0).
 * ESP_ERR_TIMEOUT if the queue stayed full for ticks_to_wait; ESP_ERR_INVALID_ARG for ANY base or id;
 * ESP_ERR_INVALID_STATE if there is no default loop; ESP_ERR_NO_MEM.
 */
esp_err_t esp_event_post(esp_event_base_t event_base, int32_t event_id, const void *event_data,
                         size_t event_data_size, TickType_t ticks_to_wait);
esp_err_t esp_event_post_to(esp_event_loop_handle_t event_loop, esp_event_base_t event_base, int32_t event_id,
                            const void *event_data, size_t event_data_size, TickType_t ticks_to_wait);

/* Never waits: ESP_FAIL if the queue is full. At most 4 bytes of data. */
esp_err_t esp_event_isr_post(esp_event_base_t event_base, int32_t event_id, const void *event_data,
                             size_t event_data_size, BaseType_t *task_unblocked);
esp_err_t esp_event_isr_post_to(esp_event_loop_handle_t event_loop, esp_event_base_t event_base,
                                int32_t event_id, const void *event_data, size_t event_data_size,
                                BaseType_t *task_unblocked);

/* A line for the loop and each of its handlers, of the default loop. */
esp_err_t esp_event_dump(FILE *file);

#ifdef __cplusplus
}
#endif
