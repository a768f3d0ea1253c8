/*
 * timers.h - software timers: callbacks run by one service task, "Tmr Svc".
 *
 * Commands take effect at once, so `ticks` (the time to wait for room in a
 * command queue) is not used. A callback must not block for long: all other
 * timers wait for it.
 */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tmrTimerControl *TimerHandle_t;
typedef void (*TimerCallbackFunction_t)(TimerHandle_t timer);
typedef void (*PendedFunction_t)(void *arg1, uint32_t arg2);

/*
 * Make a timer that is not running. period in ticks, above 0; name is borrowed. NULL without memory;
 * the buffer of a static one is borrowed until deleted.
 */
TimerHandle_t xTimerCreate(const char *name, TickType_t period, BaseType_t auto_reload, void *id,
                           TimerCallbackFunction_t callback);
TimerHandle_t xTimerCreateStatic(const char *name, TickType_t period, BaseType_t auto_reload, void *id,
                                 TimerCallbackFunction_t callback, StaticTimer_t *buffer);

/*
 * Start and reset: expire one period from now. Change: the same with a new period, also on a timer that
 * was not running. Delete also stops; a callback that is running then finishes. pdPASS.
 */
BaseType_t xTimerStart(TimerHandle_t timer, TickType_t ticks);
BaseType_t xTimerStop(TimerHandle_t timer, TickType_t ticks);
BaseType_t xTimerReset(TimerHandle_t timer, TickType_t ticks);
BaseType_t xTimerChangePeriod(TimerHandle_t timer, TickType_t period, TickType_t ticks);
BaseType_t xTimerDelete(TimerHandle_t timer, TickType_t ticks);

BaseType_t xTimerIsTimerActive(TimerHandle_t timer);
void *pvTimerGetTimerID(TimerHandle_t timer);
void vTimerSetTimerID(TimerHandle_t timer, void *id);
const char *pcTimerGetName(TimerHandle_t timer);
TickType_t xTimerGetPeriod(TimerHandle_t timer);
TickType_t xTimerGetExpiryTime(TimerHandle_t timer);
void vTimerSetReloadMode(TimerHandle_t timer, BaseType_t auto_reload);
TaskHandle_t xTimerGetTimerDaemonTaskHandle(void);

/* Have the service task call function(arg1, arg2). pdFAIL without memory. */
BaseType_t xTimerPendFunctionCall(PendedFunction_t function, void *arg1, uint32_t arg2, TickType_t ticks);

#define xTimerStartFromISR(timer, woken) ((void)(woken), xTimerStart((timer), 0))
#define xTimerStopFromISR(timer, woken)  ((void)(woken), xTimerStop((timer), 0))
#define xTimerResetFromISR(timer, woken) ((void)(woken), xTimerReset((timer), 0))
#define xTimerChangePeriodFromISR(timer, period, woken) \
    ((void)(woken), xTimerChangePeriod((timer), (period), 0))
#define xTimerPendFunctionCallFromISR(function, arg1, arg2, woken) \
    ((void)(woken), xTimerPendFunctionCall((function), (arg1), (arg2), 0))

#ifdef __cplusplus
}
#endif
