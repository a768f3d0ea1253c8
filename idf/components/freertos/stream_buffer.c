/*
 * Stream buffers, and message buffers, which are streams of lengths and bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "freertos/message_buffer.h"
#include "kernel.h"

#define LENGTH_SIZE sizeof(uint32_t) /* of a message, before its bytes */

struct StreamBufferDef_t {
    uint8_t *storage; /* a ring of `size` bytes */
    size_t size, count, head;
    size_t trigger;
    bool is_messages, is_static;
    struct kernel_waitq sender, receiver;
};

_Static_assert(sizeof(struct StreamBufferDef_t) <= sizeof(StaticStreamBuffer_t),
               "StaticStreamBuffer_t is too small");

static StreamBufferHandle_t init(StreamBufferHandle_t s, size_t size, size_t trigger, uint8_t *storage,
                                 bool is_messages, bool is_static)
{
    configASSERT(size > 0 && trigger <= size && (!is_messages || size > LENGTH_SIZE));
    memset(s, 0, sizeof *s);
    s->storage = storage;
    s->size = size;
    s->trigger = trigger > 0 ? trigger : 1;
    s->is_messages = is_messages;
    s->is_static = is_static;
    return s;
}

static StreamBufferHandle_t create(size_t size, size_t trigger, bool is_messages)
{
    StreamBufferHandle_t s = size <= SIZE_MAX - sizeof *s ? malloc(sizeof *s + size) : NULL;

    return s == NULL ? NULL : init(s, size, trigger, (uint8_t *)(s + 1), is_messages, false);
}

StreamBufferHandle_t xStreamBufferCreate(size_t size, size_t trigger)
{
    return create(size, trigger, false);
}

StreamBufferHandle_t xStreamBufferCreateStatic(size_t size, size_t trigger, uint8_t *storage,
                                               StaticStreamBuffer_t *buffer)
{
    configASSERT(storage != NULL && buffer != NULL);
    return init((StreamBufferHandle_t)buffer, size, trigger, storage, false, true);
}

MessageBufferHandle_t xMessageBufferCreate(size_t size)
{
    return create(size, 0, true);
}

MessageBufferHandle_t xMessageBufferCreateStatic(size_t size, uint8_t *storage, StaticMessageBuffer_t *buffer)
{
    configASSERT(storage != NULL && buffer != NULL);
    return init((StreamBufferHandle_t)buffer, size, 0, storage, true, true);
}

void vStreamBufferDelete(StreamBufferHandle_t stream)
{
    configASSERT(stream != NULL);
    if (!stream->is_static) {
        free(stream);
    }
}

void vMessageBufferDelete(MessageBufferHandle_t messages)
{
    vStreamBufferDelete(messages);
}

/* ---- With the lock ------------------------------------------------------------- */

static void put(StreamBufferHandle_t s, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s->storage[(s->head + s->count++) % s->size] = ((const uint8_t *)data)[i];
    }
}

/* Bytes from the front; they stay. */
static void peek(StreamBufferHandle_t s, void *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)data)[i] = s->storage[(s->head + i) % s->size];
    }
}

static void take(StreamBufferHandle_t s, void *data, size_t len)
{
    peek(s, data, len);
    s->head = (s->head + len) % s->size;
    s->count -= len;
}

/* False if there is not so much room in time. */
static bool wait_for_room(StreamBufferHandle_t s, size_t len, TickType_t ticks)
{
    int64_t deadline = kernel_deadline(ticks);

    while (s->size - s->count < len) {
        if (!kernel_wait(&s->sender, deadline)) {
            return false;
        }
    }
    return true;
}

/* Wait until something is there; a wait ends at the trigger. */
static void wait_for_data(StreamBufferHandle_t s, TickType_t ticks)
{
    int64_t deadline = kernel_deadline(ticks);
    size_t enough = s->count == 0 ? s->trigger : 1;

    while (s->count < enough && kernel_wait(&s->receiver, deadline)) {
    }
}

/* ---- Streams --------------------------------------------------------------------- */

size_t xStreamBufferSend(StreamBufferHandle_t stream, const void *data, size_t len, TickType_t ticks)
{
    size_t room;

    configASSERT(stream != NULL && data != NULL);
    if (stream->is_messages) {
        return xMessageBufferSend(stream, data, len, ticks);
    }
    kernel_lock();
    (void)wait_for_room(stream, len < stream->size ? len : stream->size, ticks);
    room = stream->size - stream->count;
    len = len < room ? len : room;
    put(stream, data, len);
    if (stream->count >= stream->trigger) {
        kernel_wake_one(&stream->receiver);
    }
    kernel_unlock();
    return len;
}

size_t xStreamBufferReceive(StreamBufferHandle_t stream, void *data, size_t len, TickType_t ticks)
{
    configASSERT(stream != NULL && data != NULL);
    if (stream->is_messages) {
        return xMessageBufferReceive(stream, data, len, ticks);
    }
    kernel_lock();
    wait_for_data(stream, ticks);
    len = len < stream->count ? len : stream->count;
    take(stream, data, len);
    kernel_wake_one(&stream->sender);
    kernel_unlock();
    return len;
}

BaseType_t xStreamBufferReset(StreamBufferHandle_t stream)
{
    BaseType_t done;

    kernel_lock();
    done = stream->sender.first == NULL && stream->receiver.first == NULL ? pdPASS : pdFAIL;
    if (done == pdPASS) {
        stream->count = stream->head = 0;
    }
    kernel_unlock();
    return done;
}

size_t xStreamBufferBytesAvailable(StreamBufferHandle_t stream)
{
    size_t count;

    kernel_lock();
    count = stream->count;
    kernel_unlock();
    return count;
}

size_t xStreamBufferSpacesAvailable(StreamBufferHandle_t stream)
{
    return stream->size - xStreamBufferBytesAvailable(stream);
}

BaseType_t xStreamBufferIsEmpty(StreamBufferHandle_t stream)
{
    return xStreamBufferBytesAvailable(stream) == 0 ? pdTRUE : pdFALSE;
}

BaseType_t xStreamBufferIsFull(StreamBufferHandle_t stream)
{
    return xStreamBufferSpacesAvailable(stream) <= (stream->is_messages ? LENGTH_SIZE : 0) ? pdTRUE : pdFALSE;
}

BaseType_t xStreamBufferSetTriggerLevel(StreamBufferHandle_t stream, size_t trigger)
{
    if (trigger > stream->size) {
        return pdFALSE;
    }
    kernel_lock();
    stream->trigger = trigger > 0 ? trigger : 1;
    kernel_unlock();
    return pdTRUE;
}

/* ---- Messages ---------------------------------------------------------------------- */

size_t xMessageBufferSend(MessageBufferHandle_t messages, const void *data, size_t len, TickType_t ticks)
{
    uint32_t length = (uint32_t)len;
    bool sent;

    configASSERT(messages != NULL && data != NULL);
    kernel_lock();
    sent =
        len > 0 && len <= messages->size - LENGTH_SIZE && wait_for_room(messages, LENGTH_SIZE + len, ticks);
    if (sent) {
        put(messages, &length, LENGTH_SIZE);
        put(messages, data, len);
        kernel_wake_one(&messages->receiver);
    }
    kernel_unlock();
    return sent ? len : 0;
}

size_t xMessageBufferReceive(MessageBufferHandle_t messages, void *data, size_t len, TickType_t ticks)
{
    uint32_t length = 0;

    configASSERT(messages != NULL && data != NULL);
    kernel_lock();
    wait_for_data(messages, ticks);
    if (messages->count > 0) {
        peek(messages, &length, LENGTH_SIZE);
        if (length > len) {
            length = 0;
        } else {
            uint32_t ignored;

            take(messages, &ignored, LENGTH_SIZE);
            take(messages, data, length);
            kernel_wake_one(&messages->sender);
        }
    }
    kernel_unlock();
    return length;
}

size_t xMessageBufferNextLengthBytes(MessageBufferHandle_t messages)
{
    uint32_t length = 0;

    kernel_lock();
    if (messages->count > 0) {
        peek(messages, &length, LENGTH_SIZE);
    }
    kernel_unlock();
    return length;
}
