/*
 * esp_heap_caps.h - memory by capability. A process has one kind: all
 * capabilities are met, and memory may also be freed with free().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "multi_heap.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MALLOC_CAP_EXEC          (1 << 0)
#define MALLOC_CAP_32BIT         (1 << 1)
#define MALLOC_CAP_8BIT          (1 << 2)
#define MALLOC_CAP_DMA           (1 << 3)
#define MALLOC_CAP_SPIRAM        (1 << 10)
#define MALLOC_CAP_INTERNAL      (1 << 11)
#define MALLOC_CAP_DEFAULT       (1 << 12)
#define MALLOC_CAP_IRAM_8BIT     (1 << 13)
#define MALLOC_CAP_RETENTION     (1 << 14)
#define MALLOC_CAP_RTCRAM        (1 << 15)
#define MALLOC_CAP_TCM           (1 << 16)
#define MALLOC_CAP_DMA_DESC_AHB  (1 << 17)
#define MALLOC_CAP_DMA_DESC_AXI  (1 << 18)
#define MALLOC_CAP_CACHE_ALIGNED (1 << 19)
#define MALLOC_CAP_SIMD          (1 << 20)

/* NULL if there is no memory. alignment: a power of two. */
void *heap_caps_malloc(size_t size, uint32_t caps);
void *heap_caps_calloc(size_t n, size_t size, uint32_t caps);
void *heap_caps_realloc(void *ptr, size_t size, uint32_t caps);
void *heap_caps_aligned_alloc(size_t alignment, size_t size, uint32_t caps);
void *heap_caps_aligned_calloc(size_t alignment, size_t n, size_t size, uint32_t caps);
void *heap_caps_malloc_prefer(size_t size, size_t num, ...);
void heap_caps_free(void *ptr);
void heap_caps_aligned_free(void *ptr);

/* Bytes, of a heap taken to be 8 MiB; see esp_get_free_heap_size(). */
size_t heap_caps_get_total_size(uint32_t caps);
size_t heap_caps_get_free_size(uint32_t caps);
size_t heap_caps_get_minimum_free_size(uint32_t caps);
size_t heap_caps_get_largest_free_block(uint32_t caps);
void heap_caps_get_info(multi_heap_info_t *info, uint32_t caps);

/* Print them to the console. */
void heap_caps_print_heap_info(uint32_t caps);

/* True: the host's heap ends the program by itself when it finds itself damaged. */
bool heap_caps_check_integrity(uint32_t caps, bool print_errors);
bool heap_caps_check_integrity_all(bool print_errors);

#ifdef __cplusplus
}
#endif
