/*
 * Tasks: FreeRTOS's calls over kernel.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "airlift_sdkconfig.h"
#include "idf_runtime.h"
#include "kernel.h"

/* With the lock: the task a handle means. NULL if it is gone. */
static TaskHandle_t resolve(TaskHandle_t task)
{
    if (task == NULL) {
        return kernel_self();
    }
    return kernel_is_task(task) ? task : NULL;
}

static void wait_ns(int64_t deadline)
{
    kernel_lock();
    kernel_wait(NULL, deadline);
    kernel_unlock();
}

/* ---- Creating and ending ------------------------------------------------ */

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                                   UBaseType_t priority, TaskHandle_t *out, BaseType_t core)
{
    (void)core;
    configASSERT(code != NULL);
    return kernel_start_task(code, name, stack, arg, priority, false, out) != NULL
               ? pdPASS
               : errCOULD_NOT_ALLOCATE_REQUIRED_MEMORY;
}

BaseType_t xTaskCreate(TaskFunction_t code, const char *name, uint32_t stack, void *arg, UBaseType_t priority,
                       TaskHandle_t *out)
{
    return xTaskCreatePinnedToCore(code, name, stack, arg, priority, out, tskNO_AFFINITY);
}

TaskHandle_t xTaskCreateStaticPinnedToCore(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                                           UBaseType_t priority, StackType_t *stack_buffer,
                                           StaticTask_t *task_buffer, BaseType_t core)
{
    TaskHandle_t task = NULL;

    configASSERT(stack_buffer != NULL && task_buffer != NULL);
    (void)xTaskCreatePinnedToCore(code, name, stack, arg, priority, &task, core);
    return task;
}

TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                               UBaseType_t priority, StackType_t *stack_buffer, StaticTask_t *task_buffer)
{
    return xTaskCreateStaticPinnedToCore(code, name, stack, arg, priority, stack_buffer, task_buffer,
                                         tskNO_AFFINITY);
}

void vTaskDelete(TaskHandle_t handle)
{
    TaskHandle_t self = kernel_lock();
    TaskHandle_t task = resolve(handle);

    if (task == self) {
        kernel_end_self();
    }
    if (task != NULL) {
        kernel_delete_other(task);
    }
    kernel_unlock();
}

/* ---- Time ---------------------------------------------------------------- */

void vTaskDelay(TickType_t ticks)
{
    if (ticks == 0) {
        vPortYield();
        return;
    }
    wait_ns(kernel_deadline(ticks));
}

BaseType_t xTaskDelayUntil(TickType_t *previous, TickType_t increment)
{
    uint64_t now = kernel_ticks();
    TickType_t passed = (TickType_t)now - *previous; /* also right when the count has wrapped */

    configASSERT(increment > 0);
    *previous += increment;
    if (passed >= increment) {
        idf_alive();
        return pdFALSE;
    }
    wait_ns(kernel_start_ns() + kernel_ticks_to_ns(now + increment - passed));
    return pdTRUE;
}

BaseType_t xTaskAbortDelay(TaskHandle_t handle)
{
    BaseType_t result = pdFAIL;
    TaskHandle_t task;

    kernel_lock();
    task = handle != NULL ? resolve(handle) : NULL;
    if (task != NULL && task->is_waiting && !task->is_suspended) {
        task->is_aborted = true;
        pthread_cond_signal(&task->wake);
        result = pdPASS;
    }
    kernel_unlock();
    return result;
}

TickType_t xTaskGetTickCount(void)
{
    idf_alive();
    return (TickType_t)kernel_ticks();
}

TickType_t xTaskGetTickCountFromISR(void)
{
    return xTaskGetTickCount();
}

/* ---- Suspending ---------------------------------------------------------- */

void vTaskSuspend(TaskHandle_t handle)
{
    TaskHandle_t task;

    kernel_lock();
    task = resolve(handle);
    if (task != NULL) {
        task->is_suspended = true;
    }
    kernel_unlock();
    kernel_lock(); /* where the caller stops, if it suspended itself */
    kernel_unlock();
}

void vTaskResume(TaskHandle_t handle)
{
    TaskHandle_t task;

    configASSERT(handle != NULL);
    kernel_lock();
    task = resolve(handle);
    if (task != NULL && task->is_suspended) {
        task->is_suspended = false;
        pthread_cond_signal(&task->wake);
    }
    kernel_unlock();
}

BaseType_t xTaskResumeFromISR(TaskHandle_t task)
{
    vTaskResume(task);
    return pdFALSE;
}

void vTaskSuspendAll(void)
{
    vPortEnterCritical();
}

BaseType_t xTaskResumeAll(void)
{
    vPortExitCritical();
    return pdFALSE;
}

/* ---- Looking at tasks ---------------------------------------------------- */

TaskHandle_t xTaskGetCurrentTaskHandle(void)
{
    idf_alive();
    return kernel_self();
}

TaskHandle_t xTaskGetCurrentTaskHandleForCore(BaseType_t core)
{
    (void)core;
    return xTaskGetCurrentTaskHandle();
}

TaskHandle_t xTaskGetHandle(const char *name)
{
    TaskHandle_t task;

    kernel_lock();
    task = kernel_first_task();
    while (task != NULL && strncmp(task->name, name, sizeof task->name - 1) != 0) {
        task = task->next;
    }
    kernel_unlock();
    return task;
}

char *pcTaskGetName(TaskHandle_t handle)
{
    static char gone[] = "";
    TaskHandle_t task;

    kernel_lock();
    task = resolve(handle);
    kernel_unlock();
    return task != NULL ? task->name : gone;
}

UBaseType_t uxTaskPriorityGet(TaskHandle_t handle)
{
    TaskHandle_t task;
    UBaseType_t priority;

    kernel_lock();
    task = resolve(handle);
    priority = task != NULL ? task->priority : 0;
    kernel_unlock();
    return priority;
}

void vTaskPrioritySet(TaskHandle_t handle, UBaseType_t priority)
{
    TaskHandle_t task;

    configASSERT(priority < configMAX_PRIORITIES);
    kernel_lock();
    task = resolve(handle);
    if (task != NULL) {
        task->priority = priority;
    }
    kernel_unlock();
}

BaseType_t xTaskGetCoreID(TaskHandle_t task)
{
    (void)task;
    return 0;
}

UBaseType_t uxTaskGetNumberOfTasks(void)
{
    UBaseType_t n = 0;
    TaskHandle_t task;

    kernel_lock();
    for (task = kernel_first_task(); task != NULL; task = task->next) {
        n++;
    }
    kernel_unlock();
    return n;
}

BaseType_t xTaskGetSchedulerState(void)
{
    return taskSCHEDULER_RUNNING;
}

eTaskState eTaskGetState(TaskHandle_t handle)
{
    TaskHandle_t self = kernel_lock();
    TaskHandle_t task = resolve(handle);
    eTaskState state;

    if (task == NULL || task->is_deleted) {
        state = eDeleted;
    } else if (task->is_suspended) {
        state = eSuspended;
    } else if (task == self) {
        state = eRunning;
    } else {
        state = task->is_waiting && !task->is_woken ? eBlocked : eReady;
    }
    kernel_unlock();
    return state;
}

/* With the lock. Pages that were never touched are not in memory, from the stack's far end on. */
static size_t untouched_stack(TaskHandle_t task)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    pthread_attr_t attr;
    void *low;
    size_t size;
    size_t free_bytes = 0;
    unsigned char resident;

    if (pthread_getattr_np(task->thread, &attr) != 0) {
        return 0;
    }
    if (pthread_attr_getstack(&attr, &low, &size) == 0) {
        /* mincore() fails for what is not mapped yet: the first thread's stack grows. */
        while (free_bytes < size &&
               (mincore((char *)low + free_bytes, page, &resident) != 0 || (resident & 1) == 0)) {
            free_bytes += page;
        }
    }
    pthread_attr_destroy(&attr);
    return free_bytes < size ? free_bytes : size;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t handle)
{
    TaskHandle_t task;
    size_t free_bytes;

    kernel_lock();
    task = resolve(handle);
    free_bytes = task != NULL ? untouched_stack(task) : 0;
    kernel_unlock();
    return (UBaseType_t)free_bytes;
}

configSTACK_DEPTH_TYPE uxTaskGetStackHighWaterMark2(TaskHandle_t task)
{
    return uxTaskGetStackHighWaterMark(task);
}

void vTaskSetThreadLocalStoragePointer(TaskHandle_t handle, BaseType_t index, void *value)
{
    TaskHandle_t task;

    configASSERT(index >= 0 && index < configNUM_THREAD_LOCAL_STORAGE_POINTERS);
    kernel_lock();
    task = resolve(handle);
    if (task != NULL) {
        task->local[index] = value;
    }
    kernel_unlock();
}

void *pvTaskGetThreadLocalStoragePointer(TaskHandle_t handle, BaseType_t index)
{
    TaskHandle_t task;
    void *value;

    configASSERT(index >= 0 && index < configNUM_THREAD_LOCAL_STORAGE_POINTERS);
    kernel_lock();
    task = resolve(handle);
    value = task != NULL ? task->local[index] : NULL;
    kernel_unlock();
    return value;
}

/* ---- Notifications ------------------------------------------------------- */

BaseType_t xTaskGenericNotify(TaskHandle_t handle, UBaseType_t index, uint32_t value, eNotifyAction action,
                              uint32_t *previous)
{
    BaseType_t result = pdPASS;
    TaskHandle_t task;

    configASSERT(handle != NULL && index < configTASK_NOTIFICATION_ARRAY_ENTRIES);
    kernel_lock();
    task = resolve(handle);
    if (task == NULL) {
        kernel_unlock();
        return pdFAIL;
    }
    if (previous != NULL) {
        *previous = task->note_value[index];
    }
    if (action == eSetBits) {
        task->note_value[index] |= value;
    } else if (action == eIncrement) {
        task->note_value[index]++;
    } else if (action == eSetValueWithOverwrite) {
        task->note_value[index] = value;
    } else if (action == eSetValueWithoutOverwrite) {
        if (task->note_pending[index]) {
            result = pdFAIL;
        } else {
            task->note_value[index] = value;
        }
    }
    task->note_pending[index] = true;
    if (task->note_waiting == (int)index) {
        task->note_waiting = -1;
        kernel_wake(task);
    }
    kernel_unlock();
    return result;
}

/* With the lock: wait until a notification is pending, or not in time. */
static void wait_for_note(TaskHandle_t self, UBaseType_t index, TickType_t ticks)
{
    int64_t deadline = kernel_deadline(ticks);
    bool in_time = true;

    while (!self->note_pending[index] && in_time) {
        self->note_waiting = (int)index;
        in_time = kernel_wait(NULL, deadline);
    }
    self->note_waiting = -1;
}

BaseType_t xTaskGenericNotifyWait(UBaseType_t index, uint32_t clear_on_entry, uint32_t clear_on_exit,
                                  uint32_t *value, TickType_t ticks)
{
    TaskHandle_t self;
    BaseType_t result;

    configASSERT(index < configTASK_NOTIFICATION_ARRAY_ENTRIES);
    self = kernel_lock();
    if (!self->note_pending[index]) {
        self->note_value[index] &= ~clear_on_entry;
        wait_for_note(self, index, ticks);
    }
    if (value != NULL) {
        *value = self->note_value[index];
    }
    result = self->note_pending[index] ? pdTRUE : pdFALSE;
    if (result == pdTRUE) {
        self->note_value[index] &= ~clear_on_exit;
    }
    self->note_pending[index] = false;
    kernel_unlock();
    return result;
}

uint32_t ulTaskGenericNotifyTake(UBaseType_t index, BaseType_t clear_on_exit, TickType_t ticks)
{
    TaskHandle_t self;
    uint32_t value;

    configASSERT(index < configTASK_NOTIFICATION_ARRAY_ENTRIES);
    self = kernel_lock();
    if (self->note_value[index] == 0) {
        self->note_pending[index] = false;
        wait_for_note(self, index, ticks);
    }
    value = self->note_value[index];
    if (value != 0) {
        self->note_value[index] = clear_on_exit ? 0 : value - 1;
    }
    self->note_pending[index] = false;
    kernel_unlock();
    return value;
}

BaseType_t xTaskGenericNotifyStateClear(TaskHandle_t handle, UBaseType_t index)
{
    BaseType_t was_pending = pdFALSE;
    TaskHandle_t task;

    configASSERT(index < configTASK_NOTIFICATION_ARRAY_ENTRIES);
    kernel_lock();
    task = resolve(handle);
    if (task != NULL) {
        was_pending = task->note_pending[index] ? pdTRUE : pdFALSE;
        task->note_pending[index] = false;
    }
    kernel_unlock();
    return was_pending;
}

uint32_t ulTaskGenericNotifyValueClear(TaskHandle_t handle, UBaseType_t index, uint32_t bits)
{
    uint32_t before = 0;
    TaskHandle_t task;

    configASSERT(index < configTASK_NOTIFICATION_ARRAY_ENTRIES);
    kernel_lock();
    task = resolve(handle);
    if (task != NULL) {
        before = task->note_value[index];
        task->note_value[index] &= ~bits;
    }
    kernel_unlock();
    return before;
}
