/*
 * queue.h - queues of items that are copied in and out.
 *
 * Waiting: ticks 0 does not wait, portMAX_DELAY waits without limit. The
 * ...FromISR forms never wait; `woken` is left alone.
 */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct QueueDefinition *QueueHandle_t;

#define queueSEND_TO_BACK  ((BaseType_t)0)
#define queueSEND_TO_FRONT ((BaseType_t)1)
#define queueOVERWRITE     ((BaseType_t)2)

/* NULL without memory. Static: queue and storage (length * item_size bytes) are borrowed until deleted. */
QueueHandle_t xQueueCreate(UBaseType_t length, UBaseType_t item_size);
QueueHandle_t xQueueCreateStatic(UBaseType_t length, UBaseType_t item_size, uint8_t *storage,
                                 StaticQueue_t *queue);

/* No task may be waiting on it. */
void vQueueDelete(QueueHandle_t queue);

/*
 * pdTRUE, or errQUEUE_FULL after `ticks` without room. queueOVERWRITE, for queues of length 1, replaces
 * the item of a full queue.
 */
BaseType_t xQueueGenericSend(QueueHandle_t queue, const void *item, TickType_t ticks, BaseType_t position);

/* pdTRUE, or errQUEUE_EMPTY after `ticks` without an item. Peek leaves the item in place. */
BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t ticks);
BaseType_t xQueuePeek(QueueHandle_t queue, void *item, TickType_t ticks);
BaseType_t xQueueReset(QueueHandle_t queue);

UBaseType_t uxQueueMessagesWaiting(QueueHandle_t queue);
UBaseType_t uxQueueSpacesAvailable(QueueHandle_t queue);

/*
 * Sets: wait for several queues and semaphores at once. length: what all members can hold together. Members must be
 * empty when they come or go (pdFAIL), and be read once each time they are selected. Mutexes can't be members.
 */
typedef QueueHandle_t QueueSetHandle_t;
typedef QueueHandle_t QueueSetMemberHandle_t;
QueueSetHandle_t xQueueCreateSet(UBaseType_t length);
BaseType_t xQueueAddToSet(QueueSetMemberHandle_t member, QueueSetHandle_t set);
BaseType_t xQueueRemoveFromSet(QueueSetMemberHandle_t member, QueueSetHandle_t set);
QueueSetMemberHandle_t xQueueSelectFromSet(QueueSetHandle_t set, TickType_t ticks); /* NULL: none in time */
#define xQueueSelectFromSetFromISR(set) xQueueSelectFromSet((set), 0)

#define xQueueSend(queue, item, ticks)        xQueueGenericSend((queue), (item), (ticks), queueSEND_TO_BACK)
#define xQueueSendToBack(queue, item, ticks)  xQueueGenericSend((queue), (item), (ticks), queueSEND_TO_BACK)
#define xQueueSendToFront(queue, item, ticks) xQueueGenericSend((queue), (item), (ticks), queueSEND_TO_FRONT)
#define xQueueOverwrite(queue, item)          xQueueGenericSend((queue), (item), 0, queueOVERWRITE)

#define xQueueSendFromISR(queue, item, woken) \
    ((void)(woken), xQueueGenericSend((queue), (item), 0, queueSEND_TO_BACK))
#define xQueueSendToBackFromISR(queue, item, woken) xQueueSendFromISR(queue, item, woken)
#define xQueueSendToFrontFromISR(queue, item, woken) \
    ((void)(woken), xQueueGenericSend((queue), (item), 0, queueSEND_TO_FRONT))
#define xQueueOverwriteFromISR(queue, item, woken) \
    ((void)(woken), xQueueGenericSend((queue), (item), 0, queueOVERWRITE))
#define xQueueReceiveFromISR(queue, item, woken) ((void)(woken), xQueueReceive((queue), (item), 0))
#define xQueuePeekFromISR(queue, item)           xQueuePeek((queue), (item), 0)
#define uxQueueMessagesWaitingFromISR(queue)     uxQueueMessagesWaiting(queue)
#define xQueueIsQueueEmptyFromISR(queue)         ((BaseType_t)(uxQueueMessagesWaiting(queue) == 0))
#define xQueueIsQueueFullFromISR(queue)          ((BaseType_t)(uxQueueSpacesAvailable(queue) == 0))

#ifdef __cplusplus
}
#endif
