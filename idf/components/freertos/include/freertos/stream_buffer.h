/*
 * stream_buffer.h - bytes from one task to another.
 *
 * One task may wait to send and one to receive at a time, as on a chip. Waiting is
 * as for queues.h; the ...FromISR forms never wait, `woken` is left alone.
 */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct StreamBufferDef_t *StreamBufferHandle_t;
typedef struct {
    void *opaque[10];
} StaticStreamBuffer_t;

/* Room for `size` bytes. A receiver wakes up when `trigger` bytes are there (0 counts as 1). NULL without memory. */
StreamBufferHandle_t xStreamBufferCreate(size_t size, size_t trigger);
/* storage: of size + 1 bytes; both are borrowed until the buffer is deleted. */
StreamBufferHandle_t xStreamBufferCreateStatic(size_t size, size_t trigger, uint8_t *storage,
                                               StaticStreamBuffer_t *buffer);
void vStreamBufferDelete(StreamBufferHandle_t stream);

/* How many bytes went in: all, or after `ticks` what there was room for. */
size_t xStreamBufferSend(StreamBufferHandle_t stream, const void *data, size_t len, TickType_t ticks);
/* How many came out, at most len; waits only while there is nothing. */
size_t xStreamBufferReceive(StreamBufferHandle_t stream, void *data, size_t len, TickType_t ticks);

BaseType_t xStreamBufferReset(StreamBufferHandle_t stream); /* pdFAIL while a task waits */
BaseType_t xStreamBufferIsEmpty(StreamBufferHandle_t stream);
BaseType_t xStreamBufferIsFull(StreamBufferHandle_t stream);
size_t xStreamBufferSpacesAvailable(StreamBufferHandle_t stream);
size_t xStreamBufferBytesAvailable(StreamBufferHandle_t stream);
BaseType_t xStreamBufferSetTriggerLevel(StreamBufferHandle_t stream,
                                        size_t trigger); /* pdFALSE: above its size */

#define xStreamBufferSendFromISR(stream, data, len, woken) \
    ((void)(woken), xStreamBufferSend((stream), (data), (len), 0))
#define xStreamBufferReceiveFromISR(stream, data, len, woken) \
    ((void)(woken), xStreamBufferReceive((stream), (data), (len), 0))
#define xStreamBufferResetFromISR(stream) xStreamBufferReset(stream)

#ifdef __cplusplus
}
#endif
