/* multi_heap.h - what heap_caps_get_info() tells. */
#pragma once

#include <stddef.h>

typedef struct {
    size_t total_free_bytes;
    size_t total_allocated_bytes;
    size_t largest_free_block;
    size_t minimum_free_bytes;
    size_t allocated_blocks; /* 0, as the next two: the host's heap does not tell */
    size_t free_blocks;
    size_t total_blocks;
} multi_heap_info_t;
