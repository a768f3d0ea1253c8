/*
 * semphr.h - semaphores and mutexes, which are queues without contents.
 *
 * A mutex is given back by the task that took it; another task's giving is a
 * panic. Priorities are not inherited. Binary semaphores start empty.
 */
#pragma once

#include "freertos/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef QueueHandle_t SemaphoreHandle_t;

/* Create: NULL without memory; the buffer of a static one is borrowed until deleted. */
SemaphoreHandle_t xSemaphoreCreateBinary(void);
SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *buffer);
SemaphoreHandle_t xSemaphoreCreateCounting(UBaseType_t max_count, UBaseType_t initial_count);
SemaphoreHandle_t xSemaphoreCreateCountingStatic(UBaseType_t max_count, UBaseType_t initial_count,
                                                 StaticSemaphore_t *buffer);
SemaphoreHandle_t xSemaphoreCreateMutex(void);
SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *buffer);
SemaphoreHandle_t xSemaphoreCreateRecursiveMutex(void);
SemaphoreHandle_t xSemaphoreCreateRecursiveMutexStatic(StaticSemaphore_t *buffer);

/* pdTRUE, or pdFALSE: not to be had within `ticks`; nothing to give, full, or not the holder. */
BaseType_t xQueueSemaphoreTake(QueueHandle_t semaphore, TickType_t ticks);
BaseType_t xQueueTakeMutexRecursive(QueueHandle_t mutex, TickType_t ticks);
BaseType_t xQueueGiveMutexRecursive(QueueHandle_t mutex);

/* NULL if nobody holds it. */
TaskHandle_t xQueueGetMutexHolder(QueueHandle_t mutex);

#define xSemaphoreTake(semaphore, ticks)      xQueueSemaphoreTake((semaphore), (ticks))
#define xSemaphoreGive(semaphore)             xQueueGenericSend((semaphore), NULL, 0, queueSEND_TO_BACK)
#define xSemaphoreTakeRecursive(mutex, ticks) xQueueTakeMutexRecursive((mutex), (ticks))
#define xSemaphoreGiveRecursive(mutex)        xQueueGiveMutexRecursive(mutex)
#define xSemaphoreGiveFromISR(semaphore, woken) \
    ((void)(woken), xQueueGenericSend((semaphore), NULL, 0, queueSEND_TO_BACK))
#define xSemaphoreTakeFromISR(semaphore, woken) ((void)(woken), xQueueSemaphoreTake((semaphore), 0))
#define uxSemaphoreGetCount(semaphore)          uxQueueMessagesWaiting(semaphore)
#define xSemaphoreGetMutexHolder(mutex)         xQueueGetMutexHolder(mutex)
#define vSemaphoreDelete(semaphore)             vQueueDelete(semaphore)

#ifdef __cplusplus
}
#endif
