/*
 * message_buffer.h - messages of any length from one task to another. Each takes 4 bytes
 * besides its own, as on a chip. See stream_buffer.h.
 */
#pragma once

#include "freertos/stream_buffer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef StreamBufferHandle_t MessageBufferHandle_t;
typedef StaticStreamBuffer_t StaticMessageBuffer_t;

MessageBufferHandle_t xMessageBufferCreate(size_t size);
MessageBufferHandle_t xMessageBufferCreateStatic(size_t size, uint8_t *storage,
                                                 StaticMessageBuffer_t *buffer);
void vMessageBufferDelete(MessageBufferHandle_t messages);

/* len, or 0 where there was no room in time. */
size_t xMessageBufferSend(MessageBufferHandle_t messages, const void *data, size_t len, TickType_t ticks);
/* The message's length; 0 where none came in time, or the next is longer than len: it stays. */
size_t xMessageBufferReceive(MessageBufferHandle_t messages, void *data, size_t len, TickType_t ticks);

size_t xMessageBufferNextLengthBytes(MessageBufferHandle_t messages); /* 0: there is none */

#define xMessageBufferReset(messages)           xStreamBufferReset(messages)
#define xMessageBufferIsEmpty(messages)         xStreamBufferIsEmpty(messages)
#define xMessageBufferIsFull(messages)          xStreamBufferIsFull(messages)
#define xMessageBufferSpaceAvailable(messages)  xStreamBufferSpacesAvailable(messages)
#define xMessageBufferSpacesAvailable(messages) xStreamBufferSpacesAvailable(messages)
#define xMessageBufferSendFromISR(messages, data, len, woken) \
    ((void)(woken), xMessageBufferSend((messages), (data), (len), 0))
#define xMessageBufferReceiveFromISR(messages, data, len, woken) \
    ((void)(woken), xMessageBufferReceive((messages), (data), (len), 0))

#ifdef __cplusplus
}
#endif
