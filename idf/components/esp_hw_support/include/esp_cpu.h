/* esp_cpu.h - the processor's counter of cycles: nanoseconds here, as of a processor of 1 GHz. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t esp_cpu_cycle_count_t;

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void);

static inline int esp_cpu_get_core_id(void)
{
    return 0;
}

#ifdef __cplusplus
}
#endif
