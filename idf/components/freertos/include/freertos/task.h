/*
 * task.h - tasks, delays, direct-to-task notifications.
 */
#pragma once

#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tskTaskControlBlock *TaskHandle_t;

typedef enum { eRunning = 0, eReady, eBlocked, eSuspended, eDeleted, eInvalid } eTaskState;
typedef enum {
    eNoAction = 0,
    eSetBits,
    eIncrement,
    eSetValueWithOverwrite,
    eSetValueWithoutOverwrite
} eNotifyAction;

#define tskIDLE_PRIORITY ((UBaseType_t)0U)
#define tskNO_AFFINITY   ((BaseType_t)0x7FFFFFFF)

#define taskYIELD()                   vPortYield()
#define taskENTER_CRITICAL(mux)       portENTER_CRITICAL(mux)
#define taskEXIT_CRITICAL(mux)        portEXIT_CRITICAL(mux)
#define taskENTER_CRITICAL_ISR(mux)   portENTER_CRITICAL(mux)
#define taskEXIT_CRITICAL_ISR(mux)    portEXIT_CRITICAL(mux)
#define taskENTER_CRITICAL_FROM_ISR() (vPortEnterCritical(), (UBaseType_t)0)
#define taskEXIT_CRITICAL_FROM_ISR(x) ((void)(x), vPortExitCritical())
#define taskDISABLE_INTERRUPTS()      portDISABLE_INTERRUPTS()
#define taskENABLE_INTERRUPTS()       portENABLE_INTERRUPTS()

#define taskSCHEDULER_SUSPENDED   ((BaseType_t)0)
#define taskSCHEDULER_NOT_STARTED ((BaseType_t)1)
#define taskSCHEDULER_RUNNING     ((BaseType_t)2)

/* ---- Creating and ending ---------------------------------------------- */

/*
 * Start a task.
 *
 * code      must not return: a task ends with vTaskDelete(NULL); returning is a panic
 * name      copied, cut to configMAX_TASK_NAME_LEN - 1 characters
 * stack     bytes the task needs on a chip; the thread gets these and 2 MiB more, for
 *           libraries of the host use more stack than a chip's
 * out       handle, written before the task runs; may be NULL
 *
 * Returns pdPASS or errCOULD_NOT_ALLOCATE_REQUIRED_MEMORY. The core is ignored.
 */
BaseType_t xTaskCreate(TaskFunction_t code, const char *name, uint32_t stack, void *arg, UBaseType_t priority,
                       TaskHandle_t *out);
BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                                   UBaseType_t priority, TaskHandle_t *out, BaseType_t core);

/* The same; both buffers stay unused. Returns the handle, or NULL. */
TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                               UBaseType_t priority, StackType_t *stack_buffer, StaticTask_t *task_buffer);
TaskHandle_t xTaskCreateStaticPinnedToCore(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                                           UBaseType_t priority, StackType_t *stack_buffer,
                                           StaticTask_t *task_buffer, BaseType_t core);

/*
 * End a task; NULL: the caller, then it does not return.
 *
 * Another task is ended at the call of this API it is in, or at its next one: it has ended when this
 * returns if it was waiting in one, else it runs on until then. Nothing it holds is released.
 */
void vTaskDelete(TaskHandle_t task);

/* ---- Time ------------------------------------------------------------- */

void vTaskDelay(TickType_t ticks);

/* Wait until *previous + increment, and store that there. pdFALSE if that time was already past. */
BaseType_t xTaskDelayUntil(TickType_t *previous, TickType_t increment);
#define vTaskDelayUntil(previous, increment) ((void)xTaskDelayUntil(previous, increment))

/* End another task's wait early, as if it had timed out. pdFAIL if it was not waiting. */
BaseType_t xTaskAbortDelay(TaskHandle_t task);

/* Ticks since the firmware started. */
TickType_t xTaskGetTickCount(void);
TickType_t xTaskGetTickCountFromISR(void);

/* ---- Suspending ------------------------------------------------------- */

/*
 * Stop a task until it is resumed; NULL: the caller. Another task stops at its next call of this API.
 * One vTaskResume() undoes any number of them.
 */
void vTaskSuspend(TaskHandle_t task);
void vTaskResume(TaskHandle_t task);
BaseType_t xTaskResumeFromISR(TaskHandle_t task);

/* A section that excludes all others like it, and critical sections. */
void vTaskSuspendAll(void);
BaseType_t xTaskResumeAll(void);

/* ---- Looking at tasks; a NULL handle is the caller -------------------- */

TaskHandle_t xTaskGetCurrentTaskHandle(void);
TaskHandle_t xTaskGetCurrentTaskHandleForCore(BaseType_t core);
TaskHandle_t xTaskGetHandle(const char *name);
char *pcTaskGetName(TaskHandle_t task);
#define pcTaskGetTaskName(task) pcTaskGetName(task)
UBaseType_t uxTaskPriorityGet(TaskHandle_t task);
void vTaskPrioritySet(TaskHandle_t task, UBaseType_t priority);
BaseType_t xTaskGetCoreID(TaskHandle_t task);
UBaseType_t uxTaskGetNumberOfTasks(void);
BaseType_t xTaskGetSchedulerState(void);
eTaskState eTaskGetState(TaskHandle_t task);

/* Bytes of the thread's stack that were never touched. Counted in pages, so an upper bound. */
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
configSTACK_DEPTH_TYPE uxTaskGetStackHighWaterMark2(TaskHandle_t task);

/* One pointer per index and task, NULL at first. */
void vTaskSetThreadLocalStoragePointer(TaskHandle_t task, BaseType_t index, void *value);
void *pvTaskGetThreadLocalStoragePointer(TaskHandle_t task, BaseType_t index);

/* ---- Notifications: a 32-bit value and a pending flag per task and index - */

/* Change a task's value and mark it pending. pdFAIL only for eSetValueWithoutOverwrite on a pending one. */
BaseType_t xTaskGenericNotify(TaskHandle_t task, UBaseType_t index, uint32_t value, eNotifyAction action,
                              uint32_t *previous);

/*
 * Wait until the caller is notified. Bits of clear_on_entry are cleared first unless a notification is
 * pending, those of clear_on_exit after *value was stored. pdFALSE on time-out.
 */
BaseType_t xTaskGenericNotifyWait(UBaseType_t index, uint32_t clear_on_entry, uint32_t clear_on_exit,
                                  uint32_t *value, TickType_t ticks);

/* Wait until the caller's value is not 0, then clear or decrement it. Returns what it was; 0 on time-out. */
uint32_t ulTaskGenericNotifyTake(UBaseType_t index, BaseType_t clear_on_exit, TickType_t ticks);

/* pdTRUE if one was pending. / The bits before clearing. */
BaseType_t xTaskGenericNotifyStateClear(TaskHandle_t task, UBaseType_t index);
uint32_t ulTaskGenericNotifyValueClear(TaskHandle_t task, UBaseType_t index, uint32_t bits);

#define xTaskNotify(task, value, action) xTaskGenericNotify((task), 0, (value), (action), NULL)
#define xTaskNotifyIndexed(task, index, value, action) \
    xTaskGenericNotify((task), (index), (value), (action), NULL)
#define xTaskNotifyAndQuery(task, value, action, previous) \
    xTaskGenericNotify((task), 0, (value), (action), (previous))
#define xTaskNotifyFromISR(task, value, action, woken) \
    ((void)(woken), xTaskGenericNotify((task), 0, (value), (action), NULL))
#define xTaskNotifyGive(task)               xTaskGenericNotify((task), 0, 0, eIncrement, NULL)
#define xTaskNotifyGiveIndexed(task, index) xTaskGenericNotify((task), (index), 0, eIncrement, NULL)
#define vTaskNotifyGiveFromISR(task, woken) ((void)(woken), (void)xTaskNotifyGive(task))
#define xTaskNotifyWait(clear_on_entry, clear_on_exit, value, ticks) \
    xTaskGenericNotifyWait(0, (clear_on_entry), (clear_on_exit), (value), (ticks))
#define xTaskNotifyWaitIndexed(index, clear_on_entry, clear_on_exit, value, ticks) \
    xTaskGenericNotifyWait((index), (clear_on_entry), (clear_on_exit), (value), (ticks))
#define ulTaskNotifyTake(clear_on_exit, ticks) ulTaskGenericNotifyTake(0, (clear_on_exit), (ticks))
#define ulTaskNotifyTakeIndexed(index, clear_on_exit, ticks) \
    ulTaskGenericNotifyTake((index), (clear_on_exit), (ticks))
#define xTaskNotifyStateClear(task)        xTaskGenericNotifyStateClear((task), 0)
#define ulTaskNotifyValueClear(task, bits) ulTaskGenericNotifyValueClear((task), 0, (bits))

#ifdef __cplusplus
}
#endif
