/*
 * FreeRTOS's names for the heap of the process.
 */
#include "esp_heap_caps.h"
#include "freertos/FreeRTOS.h"

void *pvPortMalloc(size_t size)
{
    return heap_caps_malloc(size, MALLOC_CAP_DEFAULT);
}

void vPortFree(void *block)
{
    heap_caps_free(block);
}

size_t xPortGetFreeHeapSize(void)
{
    return heap_caps_get_free_size(MALLOC_CAP_DEFAULT);
}

size_t xPortGetMinimumEverFreeHeapSize(void)
{
    return heap_caps_get_minimum_free_size(MALLOC_CAP_DEFAULT);
}
