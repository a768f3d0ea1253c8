/*
 * Ring buffers: a list of items, and what they cost of the buffer's size.
 */
#include "freertos/ringbuf.h"

#include <stdlib.h>
#include <string.h>

#include "../freertos/kernel.h"

#define HEADER_SIZE 8u /* what an item costs besides its bytes */

/* An item, and a piece of a byte buffer. What programs hold is its bytes. */
struct item {
    struct item *next;
    size_t size;
    size_t cost;
    max_align_t bytes[];
};

struct RingbufDef_t {
    RingbufferType_t type;
    size_t size, used; /* used: also by what was received and not given back */
    struct item *first, **end;
    struct kernel_waitq senders, receivers;
};

static size_t round_up(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

RingbufHandle_t xRingbufferCreate(size_t size, RingbufferType_t type)
{
    RingbufHandle_t ring;

    configASSERT(size > 0 && type < RINGBUF_TYPE_MAX);
    ring = calloc(1, sizeof *ring);
    if (ring != NULL) {
        ring->type = type;
        ring->size = type == RINGBUF_TYPE_BYTEBUF ? size : round_up(size);
        ring->end = &ring->first;
    }
    return ring;
}

RingbufHandle_t xRingbufferCreateNoSplit(size_t item_size, size_t items)
{
    return xRingbufferCreate((round_up(item_size) + HEADER_SIZE) * items, RINGBUF_TYPE_NOSPLIT);
}

RingbufHandle_t xRingbufferCreateWithCaps(size_t size, RingbufferType_t type, UBaseType_t caps)
{
    (void)caps;
    return xRingbufferCreate(size, type);
}

void vRingbufferDelete(RingbufHandle_t ring)
{
    struct item *next;

    configASSERT(ring != NULL);
    for (struct item *item = ring->first; item != NULL; item = next) {
        next = item->next;
        free(item);
    }
    free(ring);
}

void vRingbufferDeleteWithCaps(RingbufHandle_t ring)
{
    vRingbufferDelete(ring);
}

static size_t cost_of(RingbufHandle_t ring, size_t size)
{
    return ring->type == RINGBUF_TYPE_BYTEBUF ? size : round_up(size) + HEADER_SIZE;
}

static size_t max_item(RingbufHandle_t ring, size_t room)
{
    size_t most = ring->type == RINGBUF_TYPE_NOSPLIT ? ring->size / 2 : ring->size;

    room = room < most ? room : most;
    if (ring->type == RINGBUF_TYPE_BYTEBUF) {
        return room;
    }
    return room > HEADER_SIZE ? (room - HEADER_SIZE) & ~(size_t)3 : 0;
}

size_t xRingbufferGetMaxItemSize(RingbufHandle_t ring)
{
    return max_item(ring, ring->size);
}

size_t xRingbufferGetCurFreeSize(RingbufHandle_t ring)
{
    size_t room;

    kernel_lock();
    room = ring->size - ring->used;
    kernel_unlock();
    return max_item(ring, room);
}

static struct item *new_item(const void *bytes, size_t size, size_t cost)
{
    struct item *item = size <= SIZE_MAX - sizeof *item ? malloc(sizeof *item + size) : NULL;

    if (item != NULL) {
        *item = (struct item){.size = size, .cost = cost};
        if (size > 0) {
            memcpy(item->bytes, bytes, size);
        }
    }
    return item;
}

BaseType_t xRingbufferSend(RingbufHandle_t ring, const void *item, size_t size, TickType_t ticks)
{
    size_t cost = cost_of(ring, size);
    int64_t deadline = kernel_deadline(ticks);
    struct item *copy = size <= xRingbufferGetMaxItemSize(ring) ? new_item(item, size, cost) : NULL;

    if (copy == NULL) {
        return pdFALSE;
    }
    kernel_lock();
    while (ring->size - ring->used < cost) {
        if (!kernel_wait(&ring->senders, deadline)) {
            kernel_unlock();
            free(copy);
            return pdFALSE;
        }
    }
    ring->used += cost;
    *ring->end = copy;
    ring->end = &copy->next;
    kernel_wake_one(&ring->receivers);
    kernel_unlock();
    return pdTRUE;
}

/* With the lock: the first item, out of the list. */
static struct item *take(RingbufHandle_t ring)
{
    struct item *item = ring->first;

    ring->first = item->next;
    if (ring->first == NULL) {
        ring->end = &ring->first;
    }
    return item;
}

/* With the lock, and something there: up to `most` bytes in one piece. NULL without memory. */
static struct item *take_bytes(RingbufHandle_t ring, size_t most)
{
    struct item *all, *piece;
    size_t total = 0;

    for (piece = ring->first; piece != NULL && total < most; piece = piece->next) {
        total += piece->size;
    }
    total = total < most ? total : most;
    all = malloc(sizeof *all + total);
    if (all == NULL) {
        return NULL;
    }
    *all = (struct item){.cost = total};
    while (all->size < total && (piece = ring->first) != NULL) {
        size_t n = total - all->size;

        n = n < piece->size ? n : piece->size;
        memcpy((uint8_t *)all->bytes + all->size, piece->bytes, n);
        all->size += n;
        piece->size -= n;
        if (piece->size > 0) {
            memmove(piece->bytes, (uint8_t *)piece->bytes + n, piece->size);
        } else {
            free(take(ring));
        }
    }
    return all;
}

static void *receive(RingbufHandle_t ring, size_t *size, TickType_t ticks, size_t most)
{
    int64_t deadline = kernel_deadline(ticks);
    struct item *item = NULL;

    kernel_lock();
    while (ring->first == NULL) {
        if (!kernel_wait(&ring->receivers, deadline)) {
            kernel_unlock();
            return NULL;
        }
    }
    item = ring->type == RINGBUF_TYPE_BYTEBUF ? take_bytes(ring, most) : take(ring);
    kernel_unlock();
    if (item != NULL && size != NULL) {
        *size = item->size;
    }
    return item != NULL ? item->bytes : NULL;
}

void *xRingbufferReceive(RingbufHandle_t ring, size_t *size, TickType_t ticks)
{
    return receive(ring, size, ticks, SIZE_MAX);
}

void *xRingbufferReceiveUpTo(RingbufHandle_t ring, size_t *size, TickType_t ticks, size_t most)
{
    configASSERT(ring->type == RINGBUF_TYPE_BYTEBUF && most > 0);
    return receive(ring, size, ticks, most);
}

BaseType_t xRingbufferReceiveSplit(RingbufHandle_t ring, void **head, void **tail, size_t *head_size,
                                   size_t *tail_size, TickType_t ticks)
{
    configASSERT(ring->type == RINGBUF_TYPE_ALLOWSPLIT);
    *tail = NULL;
    *tail_size = 0;
    *head = receive(ring, head_size, ticks, SIZE_MAX);
    return *head != NULL ? pdTRUE : pdFALSE;
}

void vRingbufferReturnItem(RingbufHandle_t ring, void *item)
{
    struct item *it = (struct item *)(void *)((uint8_t *)item - offsetof(struct item, bytes));

    configASSERT(ring != NULL && item != NULL);
    kernel_lock();
    ring->used -= it->cost;
    kernel_wake_all(&ring->senders);
    kernel_unlock();
    free(it);
}
