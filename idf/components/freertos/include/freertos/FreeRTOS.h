/*
 * FreeRTOS.h - FreeRTOS's API over the threads of a Linux process.
 *
 * Each task is a thread, and Linux schedules them all at once, as on a chip
 * with many cores. Priorities decide who of several waiting tasks gets an item
 * first; they do not stop a lower task from running. Times are real time,
 * counted in ticks of CONFIG_FREERTOS_HZ; a wait lasts at least as long as asked.
 *
 * Any thread may call the API: it becomes a task at its first call.
 * Handles that name nothing alive are refused or ignored, never followed.
 */
#pragma once

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Programs rely on ESP-IDF's including these here. */
#include "esp_attr.h"
#include "esp_cpu.h"
#include "esp_err.h"
#include "esp_heap_caps.h"
#include "esp_macros.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "sdkconfig.h"

#include "freertos/FreeRTOSConfig.h"
#include "freertos/portmacro.h"
#include "freertos/projdefs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define tskKERNEL_VERSION_NUMBER "V10.5.1"

/* A broken rule of the API is a panic: it says where, and aborts. */
void vAssertCalled(const char *file, int line, const char *condition) __attribute__((noreturn));
#ifndef configASSERT
#define configASSERT(x)                            \
    do {                                           \
        if (!(x)) {                                \
            vAssertCalled(__FILE__, __LINE__, #x); \
        }                                          \
    } while (0)
#endif

/*
 * Memory for objects that the caller provides. What is inside is private. A
 * task's own memory is always the system's: StaticTask_t stays unused.
 */
typedef struct {
    void *opaque[16];
} StaticQueue_t;
typedef StaticQueue_t StaticSemaphore_t;
typedef struct {
    void *opaque[8];
} StaticEventGroup_t;
typedef struct {
    void *opaque[16];
} StaticTimer_t;
typedef struct {
    void *opaque[4];
} StaticTask_t;

/* Names of FreeRTOS before version 8. */
#if CONFIG_FREERTOS_ENABLE_BACKWARD_COMPATIBILITY
#define portCHAR            char
#define portTickType        TickType_t
#define xTaskHandle         TaskHandle_t
#define xQueueHandle        QueueHandle_t
#define xQueueSetHandle     QueueSetHandle_t
#define xSemaphoreHandle    SemaphoreHandle_t
#define xTimerHandle        TimerHandle_t
#define pdTASK_CODE         TaskFunction_t
#define tmrTIMER_CALLBACK   TimerCallbackFunction_t
#define pcTaskGetTaskName   pcTaskGetName
#define pcTimerGetTimerName pcTimerGetName
#endif

#ifdef __cplusplus
}
#endif
