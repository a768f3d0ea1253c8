/*
 * Software timers: alarms, and the task that runs their callbacks.
 */
#include "freertos/timers.h"

#include <stdlib.h>
#include <string.h>

#include "alarm.h"
#include "kernel.h"

struct tmrTimerControl {
    struct alarm alarm; /* first: an alarm that is due is its timer */
    const char *name;
    TickType_t period;
    bool auto_reload;
    bool is_running; /* its callback is */
    bool is_deleted; /* free it when its callback returns */
    bool is_static;
    void *id;
    TimerCallbackFunction_t callback;
};

_Static_assert(sizeof(struct tmrTimerControl) <= sizeof(StaticTimer_t), "StaticTimer_t is too small");

struct pended {
    struct pended *next;
    PendedFunction_t function;
    void *arg1;
    uint32_t arg2;
};

static struct alarm_list timers;
static struct pended *pended_first, **pended_last = &pended_first;
static TaskHandle_t service;

/* ---- The service task, with the lock --------------------------------------- */

static void expire(TimerHandle_t timer)
{
    if (timer->auto_reload) {
        alarm_set(&timers, &timer->alarm, timer->alarm.at_ns + kernel_ticks_to_ns(timer->period));
    }
    timer->is_running = true;
    kernel_unlock();
    timer->callback(timer);
    kernel_lock();
    timer->is_running = false;
    if (timer->is_deleted && !timer->is_static) {
        free(timer);
    }
}

static void call_pended(void)
{
    struct pended *call = pended_first;

    pended_first = call->next;
    if (pended_first == NULL) {
        pended_last = &pended_first;
    }
    kernel_unlock();
    call->function(call->arg1, call->arg2);
    free(call);
    kernel_lock();
}

static void serve(void *unused)
{
    struct alarm *due;

    (void)unused;
    kernel_lock();
    for (;;) {
        due = alarm_take_due(&timers);
        if (due != NULL) {
            expire((TimerHandle_t)due);
        } else if (pended_first != NULL) {
            call_pended();
        } else {
            alarm_wait(&timers);
        }
    }
}

/* ---- Creating --------------------------------------------------------------- */

static void start_service_once(void)
{
    service = kernel_start_task(serve, configTIMER_SERVICE_TASK_NAME, configMINIMAL_STACK_SIZE, NULL,
                                configTIMER_TASK_PRIORITY, true, NULL);
}

/* False without memory. */
static bool start_service(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, start_service_once);
    return service != NULL;
}

static void init(TimerHandle_t timer, const char *name, TickType_t period, BaseType_t auto_reload, void *id,
                 TimerCallbackFunction_t callback, bool is_static)
{
    memset(timer, 0, sizeof *timer);
    timer->name = name;
    timer->period = period;
    timer->auto_reload = auto_reload != pdFALSE;
    timer->id = id;
    timer->callback = callback;
    timer->is_static = is_static;
}

TimerHandle_t xTimerCreate(const char *name, TickType_t period, BaseType_t auto_reload, void *id,
                           TimerCallbackFunction_t callback)
{
    TimerHandle_t timer;

    configASSERT(period > 0 && callback != NULL);
    if (!start_service()) {
        return NULL;
    }
    timer = malloc(sizeof *timer);
    if (timer != NULL) {
        init(timer, name, period, auto_reload, id, callback, false);
    }
    return timer;
}

TimerHandle_t xTimerCreateStatic(const char *name, TickType_t period, BaseType_t auto_reload, void *id,
                                 TimerCallbackFunction_t callback, StaticTimer_t *buffer)
{
    TimerHandle_t timer = (TimerHandle_t)buffer;

    configASSERT(period > 0 && callback != NULL && buffer != NULL);
    if (!start_service()) {
        return NULL;
    }
    init(timer, name, period, auto_reload, id, callback, true);
    return timer;
}

/* ---- Commands --------------------------------------------------------------- */

BaseType_t xTimerStart(TimerHandle_t timer, TickType_t ticks)
{
    (void)ticks;
    configASSERT(timer != NULL);
    kernel_lock();
    alarm_set(&timers, &timer->alarm, kernel_now_ns() + kernel_ticks_to_ns(timer->period));
    kernel_unlock();
    return pdPASS;
}

BaseType_t xTimerReset(TimerHandle_t timer, TickType_t ticks)
{
    return xTimerStart(timer, ticks);
}

BaseType_t xTimerStop(TimerHandle_t timer, TickType_t ticks)
{
    (void)ticks;
    configASSERT(timer != NULL);
    kernel_lock();
    alarm_clear(&timers, &timer->alarm);
    kernel_unlock();
    return pdPASS;
}

BaseType_t xTimerChangePeriod(TimerHandle_t timer, TickType_t period, TickType_t ticks)
{
    configASSERT(timer != NULL && period > 0);
    kernel_lock();
    timer->period = period;
    kernel_unlock();
    return xTimerStart(timer, ticks);
}

BaseType_t xTimerDelete(TimerHandle_t timer, TickType_t ticks)
{
    bool free_now;

    (void)ticks;
    configASSERT(timer != NULL);
    kernel_lock();
    alarm_clear(&timers, &timer->alarm);
    timer->is_deleted = true;
    timer->auto_reload = false;
    free_now = !timer->is_running && !timer->is_static;
    kernel_unlock();
    if (free_now) {
        free(timer);
    }
    return pdPASS;
}

BaseType_t xTimerPendFunctionCall(PendedFunction_t function, void *arg1, uint32_t arg2, TickType_t ticks)
{
    struct pended *call;

    (void)ticks;
    configASSERT(function != NULL);
    if (!start_service()) {
        return pdFAIL;
    }
    call = malloc(sizeof *call);
    if (call == NULL) {
        return pdFAIL;
    }
    *call = (struct pended){NULL, function, arg1, arg2};
    kernel_lock();
    *pended_last = call;
    pended_last = &call->next;
    alarm_nudge(&timers);
    kernel_unlock();
    return pdPASS;
}

/* ---- Looking at a timer ------------------------------------------------------- */

BaseType_t xTimerIsTimerActive(TimerHandle_t timer)
{
    BaseType_t result;

    configASSERT(timer != NULL);
    kernel_lock();
    result = timer->alarm.is_set ? pdTRUE : pdFALSE;
    kernel_unlock();
    return result;
}

void *pvTimerGetTimerID(TimerHandle_t timer)
{
    void *id;

    configASSERT(timer != NULL);
    kernel_lock();
    id = timer->id;
    kernel_unlock();
    return id;
}

void vTimerSetTimerID(TimerHandle_t timer, void *id)
{
    configASSERT(timer != NULL);
    kernel_lock();
    timer->id = id;
    kernel_unlock();
}

const char *pcTimerGetName(TimerHandle_t timer)
{
    configASSERT(timer != NULL);
    return timer->name;
}

TickType_t xTimerGetPeriod(TimerHandle_t timer)
{
    TickType_t period;

    configASSERT(timer != NULL);
    kernel_lock();
    period = timer->period;
    kernel_unlock();
    return period;
}

TickType_t xTimerGetExpiryTime(TimerHandle_t timer)
{
    TickType_t ticks;

    configASSERT(timer != NULL);
    kernel_lock();
    ticks = kernel_tick_at(timer->alarm.at_ns);
    kernel_unlock();
    return ticks;
}

void vTimerSetReloadMode(TimerHandle_t timer, BaseType_t auto_reload)
{
    configASSERT(timer != NULL);
    kernel_lock();
    timer->auto_reload = auto_reload != pdFALSE;
    kernel_unlock();
}

TaskHandle_t xTimerGetTimerDaemonTaskHandle(void)
{
    return start_service() ? service : NULL;
}
