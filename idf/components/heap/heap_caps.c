/*
 * The heap of the process, seen as a chip's.
 *
 * How much is free can't be said of a process, and firmware only wants to know
 * that there is enough and that it does not shrink. So the heap is taken to be
 * 8 MiB, as with external RAM, less what is in use.
 */
#include "esp_heap_caps.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "esp_rom_sys.h"

#define TOTAL (8u * 1024u * 1024u)

static _Atomic size_t minimum = TOTAL;

void *heap_caps_malloc(size_t size, uint32_t caps)
{
    (void)caps;
    return malloc(size);
}

void *heap_caps_calloc(size_t n, size_t size, uint32_t caps)
{
    (void)caps;
    return calloc(n, size);
}

void *heap_caps_realloc(void *ptr, size_t size, uint32_t caps)
{
    (void)caps;
    return realloc(ptr, size);
}

void *heap_caps_aligned_alloc(size_t alignment, size_t size, uint32_t caps)
{
    void *block;

    (void)caps;
    alignment = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

void *heap_caps_aligned_calloc(size_t alignment, size_t n, size_t size, uint32_t caps)
{
    size_t bytes;
    void *block;

    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    block = heap_caps_aligned_alloc(alignment, bytes, caps);
    if (block != NULL) {
        memset(block, 0, bytes);
    }
    return block;
}

void *heap_caps_malloc_prefer(size_t size, size_t num, ...)
{
    (void)num;
    return malloc(size);
}

void heap_caps_free(void *ptr)
{
    free(ptr);
}

void heap_caps_aligned_free(void *ptr)
{
    free(ptr);
}

size_t heap_caps_get_total_size(uint32_t caps)
{
    (void)caps;
    return TOTAL;
}

size_t heap_caps_get_free_size(uint32_t caps)
{
    struct mallinfo2 info = mallinfo2();
    size_t used = info.uordblks + info.hblkhd;
    size_t now = used < TOTAL ? TOTAL - used : 0;
    size_t least = atomic_load(&minimum);

    (void)caps;
    while (now < least && !atomic_compare_exchange_weak(&minimum, &least, now)) {
    }
    return now;
}

size_t heap_caps_get_minimum_free_size(uint32_t caps)
{
    (void)heap_caps_get_free_size(caps);
    return atomic_load(&minimum);
}

size_t heap_caps_get_largest_free_block(uint32_t caps)
{
    return heap_caps_get_free_size(caps);
}

void heap_caps_get_info(multi_heap_info_t *info, uint32_t caps)
{
    size_t now = heap_caps_get_free_size(caps);

    *info = (multi_heap_info_t){.total_free_bytes = now,
                                .total_allocated_bytes = TOTAL - now,
                                .largest_free_block = now,
                                .minimum_free_bytes = heap_caps_get_minimum_free_size(caps)};
}

void heap_caps_print_heap_info(uint32_t caps)
{
    multi_heap_info_t info;

    heap_caps_get_info(&info, caps);
    esp_rom_printf("Heap: %zu bytes free, %zu allocated, at least %zu were free\n", info.total_free_bytes,
                   info.total_allocated_bytes, info.minimum_free_bytes);
}

bool heap_caps_check_integrity(uint32_t caps, bool print_errors)
{
    (void)caps;
    (void)print_errors;
    return true;
}

bool heap_caps_check_integrity_all(bool print_errors)
{
    return heap_caps_check_integrity(0, print_errors);
}
