/* unity_test_utils.h - help for test cases with tasks. */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "unity_test_utils_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Delete another task and wait until its memory is free again. */
void unity_utils_task_delete(TaskHandle_t thandle);

#ifdef __cplusplus
}
#endif
