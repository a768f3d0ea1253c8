/* esp_cpu.h - the processor's counter of cycles: nanoseconds here, a processor of 1 GHz. */
#pragma once

#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t esp_cpu_cycle_count_t;

static inline esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static inline int esp_cpu_get_core_id(void)
{
    return 0;
}

#ifdef __cplusplus
}
#endif
