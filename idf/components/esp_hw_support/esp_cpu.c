#include "esp_cpu.h"

#include <time.h>

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}
