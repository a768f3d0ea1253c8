/*
 * Queues, and the semaphores and mutexes made of them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "freertos/semphr.h"
#include "kernel.h"

enum kind { KIND_QUEUE, KIND_SEMAPHORE, KIND_MUTEX };

struct QueueDefinition {
    uint8_t *storage; /* a ring of `length` items */
    UBaseType_t length, item_size;
    UBaseType_t count; /* items, or the semaphore's count */
    UBaseType_t head;  /* the oldest item */
    enum kind kind;
    bool is_static;    /* the struct and its storage are the caller's */
    UBaseType_t depth; /* how often the holder has taken the mutex */
    TaskHandle_t holder;
    struct kernel_waitq receivers, senders;
    QueueHandle_t set; /* hears of each item; NULL: in none */
};

_Static_assert(sizeof(struct QueueDefinition) <= sizeof(StaticQueue_t), "StaticQueue_t is too small");

static void init(QueueHandle_t q, enum kind kind, UBaseType_t length, UBaseType_t item_size, uint8_t *storage,
                 UBaseType_t count, bool is_static)
{
    memset(q, 0, sizeof *q);
    q->storage = storage;
    q->length = length;
    q->item_size = item_size;
    q->count = count;
    q->kind = kind;
    q->is_static = is_static;
}

/* The storage follows the struct, so that there is one allocation. */
static QueueHandle_t create(enum kind kind, UBaseType_t length, UBaseType_t item_size, UBaseType_t count)
{
    QueueHandle_t q;
    size_t bytes;

    configASSERT(length > 0);
    if (__builtin_mul_overflow((size_t)length, (size_t)item_size, &bytes) || bytes > SIZE_MAX - sizeof *q) {
        return NULL;
    }
    q = malloc(sizeof *q + bytes);
    if (q != NULL) {
        init(q, kind, length, item_size, (uint8_t *)(q + 1), count, false);
    }
    return q;
}

static QueueHandle_t create_static(enum kind kind, UBaseType_t length, UBaseType_t item_size,
                                   uint8_t *storage, UBaseType_t count, StaticQueue_t *buffer)
{
    QueueHandle_t q = (QueueHandle_t)buffer;

    configASSERT(length > 0 && buffer != NULL && (item_size == 0 || storage != NULL));
    init(q, kind, length, item_size, storage, count, true);
    return q;
}

/* ---- With the lock ------------------------------------------------------- */

/* The set's own queue has room for all that its members can hold, if it was made long enough. */
static void tell_set(QueueHandle_t q)
{
    QueueHandle_t set = q->set;

    configASSERT(set->count < set->length);
    memcpy(set->storage + (size_t)((set->head + set->count) % set->length) * sizeof q, &q, sizeof q);
    set->count++;
    kernel_wake_one(&set->receivers);
}

static void put(QueueHandle_t q, const void *item, BaseType_t position)
{
    UBaseType_t at;
    bool is_new = true;

    if (q->kind == KIND_MUTEX) {
        configASSERT(q->holder == kernel_self()); /* given by a task that does not hold it */
        q->holder = NULL;
    }
    if (position == queueOVERWRITE && q->count == q->length) {
        at = q->head;
        is_new = false;
    } else if (position == queueSEND_TO_FRONT) {
        q->head = (q->head + q->length - 1) % q->length;
        at = q->head;
        q->count++;
    } else {
        at = (q->head + q->count) % q->length;
        q->count++;
    }
    if (q->item_size > 0) {
        assert(item != NULL);
        memcpy(q->storage + (size_t)at * q->item_size, item, q->item_size);
    }
    kernel_wake_one(&q->receivers);
    if (q->set != NULL && is_new) {
        tell_set(q);
    }
}

static void copy_oldest(QueueHandle_t q, void *item)
{
    if (q->item_size > 0) {
        assert(item != NULL);
        memcpy(item, q->storage + (size_t)q->head * q->item_size, q->item_size);
    }
}

static void take(QueueHandle_t q, void *item)
{
    copy_oldest(q, item);
    q->head = (q->head + 1) % q->length;
    q->count--;
    if (q->kind == KIND_MUTEX) {
        q->holder = kernel_self();
    }
    kernel_wake_one(&q->senders);
}

/* False if there was no item in time. */
static bool wait_for_item(QueueHandle_t q, TickType_t ticks)
{
    int64_t deadline = kernel_deadline(ticks);

    while (q->count == 0) {
        if (!kernel_wait(&q->receivers, deadline)) {
            return false;
        }
    }
    return true;
}

/* ---- Queues --------------------------------------------------------------- */

QueueHandle_t xQueueCreate(UBaseType_t length, UBaseType_t item_size)
{
    return create(KIND_QUEUE, length, item_size, 0);
}

QueueHandle_t xQueueCreateStatic(UBaseType_t length, UBaseType_t item_size, uint8_t *storage,
                                 StaticQueue_t *queue)
{
    return create_static(KIND_QUEUE, length, item_size, storage, 0, queue);
}

void vQueueDelete(QueueHandle_t queue)
{
    bool is_static;

    configASSERT(queue != NULL);
    kernel_lock();
    configASSERT(queue->receivers.first == NULL && queue->senders.first == NULL);
    is_static = queue->is_static;
    kernel_unlock();
    if (!is_static) {
        free(queue);
    }
}

BaseType_t xQueueGenericSend(QueueHandle_t queue, const void *item, TickType_t ticks, BaseType_t position)
{
    int64_t deadline;

    configASSERT(queue != NULL && (item != NULL || queue->item_size == 0));
    configASSERT(position != queueOVERWRITE || queue->length == 1);
    kernel_lock();
    deadline = kernel_deadline(ticks);
    while (queue->count == queue->length && position != queueOVERWRITE) {
        if (!kernel_wait(&queue->senders, deadline)) {
            kernel_unlock();
            return errQUEUE_FULL;
        }
    }
    put(queue, item, position);
    kernel_unlock();
    return pdTRUE;
}

BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t ticks)
{
    bool got;

    configASSERT(queue != NULL && (item != NULL || queue->item_size == 0));
    kernel_lock();
    got = wait_for_item(queue, ticks);
    if (got) {
        take(queue, item);
    }
    kernel_unlock();
    return got ? pdTRUE : errQUEUE_EMPTY;
}

BaseType_t xQueuePeek(QueueHandle_t queue, void *item, TickType_t ticks)
{
    bool got;

    configASSERT(queue != NULL && (item != NULL || queue->item_size == 0));
    kernel_lock();
    got = wait_for_item(queue, ticks);
    if (got) {
        copy_oldest(queue, item);
        kernel_wake_one(&queue->receivers); /* the item is still there for the next one */
    }
    kernel_unlock();
    return got ? pdTRUE : errQUEUE_EMPTY;
}

BaseType_t xQueueReset(QueueHandle_t queue)
{
    configASSERT(queue != NULL);
    kernel_lock();
    queue->count = 0;
    queue->head = 0;
    kernel_wake_all(&queue->senders);
    kernel_unlock();
    return pdPASS;
}

UBaseType_t uxQueueMessagesWaiting(QueueHandle_t queue)
{
    UBaseType_t n;

    configASSERT(queue != NULL);
    kernel_lock();
    n = queue->count;
    kernel_unlock();
    return n;
}

UBaseType_t uxQueueSpacesAvailable(QueueHandle_t queue)
{
    return queue->length - uxQueueMessagesWaiting(queue);
}

/* ---- Sets: queues of the queues that have something ------------------------ */

QueueSetHandle_t xQueueCreateSet(UBaseType_t length)
{
    return create(KIND_QUEUE, length, sizeof(QueueHandle_t), 0);
}

/* Into `to`, out of `from`; not while there is something in it. */
static BaseType_t change_set(QueueHandle_t queue, QueueHandle_t from, QueueHandle_t to)
{
    bool done;

    kernel_lock();
    done = queue->count == 0 && queue->set == from;
    if (done) {
        queue->set = to;
    }
    kernel_unlock();
    return done ? pdPASS : pdFAIL;
}

BaseType_t xQueueAddToSet(QueueSetMemberHandle_t member, QueueSetHandle_t set)
{
    configASSERT(member != NULL && set != NULL && member->kind != KIND_MUTEX);
    return change_set(member, NULL, set);
}

BaseType_t xQueueRemoveFromSet(QueueSetMemberHandle_t member, QueueSetHandle_t set)
{
    configASSERT(member != NULL && set != NULL);
    return change_set(member, set, NULL);
}

QueueSetMemberHandle_t xQueueSelectFromSet(QueueSetHandle_t set, TickType_t ticks)
{
    QueueHandle_t member = NULL;

    return xQueueReceive(set, &member, ticks) == pdTRUE ? member : NULL;
}

/* ---- Semaphores ----------------------------------------------------------- */

SemaphoreHandle_t xSemaphoreCreateBinary(void)
{
    return create(KIND_SEMAPHORE, 1, 0, 0);
}

SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *buffer)
{
    return create_static(KIND_SEMAPHORE, 1, 0, NULL, 0, buffer);
}

SemaphoreHandle_t xSemaphoreCreateCounting(UBaseType_t max_count, UBaseType_t initial_count)
{
    configASSERT(initial_count <= max_count);
    return create(KIND_SEMAPHORE, max_count, 0, initial_count);
}

SemaphoreHandle_t xSemaphoreCreateCountingStatic(UBaseType_t max_count, UBaseType_t initial_count,
                                                 StaticSemaphore_t *buffer)
{
    configASSERT(initial_count <= max_count);
    return create_static(KIND_SEMAPHORE, max_count, 0, NULL, initial_count, buffer);
}

BaseType_t xQueueSemaphoreTake(QueueHandle_t semaphore, TickType_t ticks)
{
    configASSERT(semaphore != NULL && semaphore->item_size == 0);
    return xQueueReceive(semaphore, NULL, ticks);
}

/* ---- Mutexes -------------------------------------------------------------- */

SemaphoreHandle_t xSemaphoreCreateMutex(void)
{
    return create(KIND_MUTEX, 1, 0, 1);
}

SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *buffer)
{
    return create_static(KIND_MUTEX, 1, 0, NULL, 1, buffer);
}

SemaphoreHandle_t xSemaphoreCreateRecursiveMutex(void)
{
    return xSemaphoreCreateMutex();
}

SemaphoreHandle_t xSemaphoreCreateRecursiveMutexStatic(StaticSemaphore_t *buffer)
{
    return xSemaphoreCreateMutexStatic(buffer);
}

BaseType_t xQueueTakeMutexRecursive(QueueHandle_t mutex, TickType_t ticks)
{
    TaskHandle_t self;
    bool got;

    configASSERT(mutex != NULL && mutex->kind == KIND_MUTEX);
    self = kernel_lock();
    got = mutex->holder == self;
    if (!got) {
        got = wait_for_item(mutex, ticks);
        if (got) {
            take(mutex, NULL);
        }
    }
    if (got) {
        mutex->depth++;
    }
    kernel_unlock();
    return got ? pdTRUE : pdFALSE;
}

BaseType_t xQueueGiveMutexRecursive(QueueHandle_t mutex)
{
    TaskHandle_t self;
    bool holds;

    configASSERT(mutex != NULL && mutex->kind == KIND_MUTEX);
    self = kernel_lock();
    holds = mutex->holder == self;
    if (holds && --mutex->depth == 0) {
        put(mutex, NULL, queueSEND_TO_BACK);
    }
    kernel_unlock();
    return holds ? pdTRUE : pdFALSE;
}

TaskHandle_t xQueueGetMutexHolder(QueueHandle_t mutex)
{
    TaskHandle_t holder;

    configASSERT(mutex != NULL);
    kernel_lock();
    holder = mutex->holder;
    kernel_unlock();
    return holder;
}
