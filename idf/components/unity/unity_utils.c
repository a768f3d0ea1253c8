/* unity_utils.c - help for test cases: tasks and leaks. */
#include <stdio.h>

#include "esp_heap_caps.h"
#include "unity.h"
#include "unity_test_utils.h"

static size_t allowed, free_before;

void unity_utils_task_delete(TaskHandle_t thandle)
{
    vTaskDelete(thandle);
    vTaskDelay(2); /* a task is gone when it next waits */
}

void unity_utils_set_leak_level(size_t leak_level)
{
    allowed = leak_level;
}

void unity_utils_record_free_mem(void)
{
    free_before = heap_caps_get_free_size(MALLOC_CAP_8BIT);
}

void unity_utils_check_leak(unsigned int before_free, unsigned int after_free, const char *type,
                            unsigned int threshold)
{
    unsigned leaked = before_free > after_free ? before_free - after_free : 0;

    printf("%s: %u bytes free before, %u after: %u gone, %u allowed\n", type, before_free, after_free, leaked,
           threshold);
    TEST_ASSERT_MESSAGE(leaked <= threshold, "The test leaked too much memory");
}

void unity_utils_evaluate_leaks_direct(size_t threshold)
{
    unity_utils_check_leak((unsigned)free_before, (unsigned)heap_caps_get_free_size(MALLOC_CAP_8BIT), "8BIT",
                           (unsigned)threshold);
}

void unity_utils_evaluate_leaks(void)
{
    unity_utils_evaluate_leaks_direct(allowed);
}
