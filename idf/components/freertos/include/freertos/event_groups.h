/*
 * event_groups.h - 24 flags that tasks set, clear and wait for.
 */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "freertos/timers.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EventGroupDef_t *EventGroupHandle_t;
typedef TickType_t EventBits_t; /* bits 0 to 23; the rest must be 0 */

/* NULL without memory; the buffer of a static one is borrowed until deleted. */
EventGroupHandle_t xEventGroupCreate(void);
EventGroupHandle_t xEventGroupCreateStatic(StaticEventGroup_t *buffer);

/* Tasks that wait on it return with the value it had. */
void vEventGroupDelete(EventGroupHandle_t group);

/*
 * Wait until all of `bits` (or one, if !wait_for_all) are set. Returns the value that ended the wait,
 * before `bits` were cleared if clear_on_exit; on time-out the value now, nothing cleared.
 */
EventBits_t xEventGroupWaitBits(EventGroupHandle_t group, EventBits_t bits, BaseType_t clear_on_exit,
                                BaseType_t wait_for_all, TickType_t ticks);

/* Set `set`, then wait for all of `wait_for` and clear them: a meeting point for several tasks. */
EventBits_t xEventGroupSync(EventGroupHandle_t group, EventBits_t set, EventBits_t wait_for,
                            TickType_t ticks);

/* Returns the value after tasks that were waiting have taken theirs. */
EventBits_t xEventGroupSetBits(EventGroupHandle_t group, EventBits_t bits);

/* Returns the value before. Clearing nothing reads the value. */
EventBits_t xEventGroupClearBits(EventGroupHandle_t group, EventBits_t bits);

#define xEventGroupGetBits(group)                xEventGroupClearBits((group), 0)
#define xEventGroupGetBitsFromISR(group)         xEventGroupClearBits((group), 0)
#define xEventGroupClearBitsFromISR(group, bits) ((void)xEventGroupClearBits((group), (bits)), pdPASS)
#define xEventGroupSetBitsFromISR(group, bits, woken) \
    ((void)(woken), (void)xEventGroupSetBits((group), (bits)), pdPASS)

#ifdef __cplusplus
}
#endif
