/*
 * ringbuf.h - ESP-IDF's ring buffers: items of any length, or bytes, from task to task.
 *
 * What is received is borrowed until it is given back; its room is free only then. An item costs its length,
 * rounded up to 4, and 8 bytes; a byte costs a byte. Items are never split here, also in
 * RINGBUF_TYPE_ALLOWSPLIT: there is no tail. Waiting is as for queue.h.
 */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RingbufDef_t *RingbufHandle_t;

typedef enum {
    RINGBUF_TYPE_NOSPLIT = 0, /* an item is at most half the buffer */
    RINGBUF_TYPE_ALLOWSPLIT,
    RINGBUF_TYPE_BYTEBUF,
    RINGBUF_TYPE_MAX,
} RingbufferType_t;

/* NULL without memory. */
RingbufHandle_t xRingbufferCreate(size_t size, RingbufferType_t type);
RingbufHandle_t xRingbufferCreateNoSplit(size_t item_size, size_t items);
RingbufHandle_t xRingbufferCreateWithCaps(size_t size, RingbufferType_t type, UBaseType_t caps);
void vRingbufferDelete(RingbufHandle_t ring);
void vRingbufferDeleteWithCaps(RingbufHandle_t ring);

/* pdTRUE; pdFALSE if it is too long, or there was no room in time. */
BaseType_t xRingbufferSend(RingbufHandle_t ring, const void *item, size_t size, TickType_t ticks);

/* The oldest item, or all bytes; NULL if there is nothing in time. UpTo: at most so many bytes of a byte buffer. */
void *xRingbufferReceive(RingbufHandle_t ring, size_t *size, TickType_t ticks);
void *xRingbufferReceiveUpTo(RingbufHandle_t ring, size_t *size, TickType_t ticks, size_t most);
BaseType_t xRingbufferReceiveSplit(RingbufHandle_t ring, void **head, void **tail, size_t *head_size,
                                   size_t *tail_size, TickType_t ticks);
void vRingbufferReturnItem(RingbufHandle_t ring, void *item);

size_t xRingbufferGetMaxItemSize(RingbufHandle_t ring);
size_t xRingbufferGetCurFreeSize(RingbufHandle_t ring); /* the longest item that can be sent now */

#define xRingbufferSendFromISR(ring, item, size, woken) \
    ((void)(woken), xRingbufferSend((ring), (item), (size), 0))
#define xRingbufferReceiveFromISR(ring, size)           xRingbufferReceive((ring), (size), 0)
#define xRingbufferReceiveUpToFromISR(ring, size, most) xRingbufferReceiveUpTo((ring), (size), 0, (most))
#define vRingbufferReturnItemFromISR(ring, item, woken) ((void)(woken), vRingbufferReturnItem((ring), (item)))

#ifdef __cplusplus
}
#endif
