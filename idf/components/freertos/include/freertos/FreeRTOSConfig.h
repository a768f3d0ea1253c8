/* FreeRTOSConfig.h - which FreeRTOS this is. Values follow ESP-IDF's defaults. */
#pragma once

#include "sdkconfig.h"

#define configTICK_RATE_HZ                      CONFIG_FREERTOS_HZ
#define configMAX_PRIORITIES                    25
#define configMINIMAL_STACK_SIZE                2048 /* bytes */
#define configMAX_TASK_NAME_LEN                 16   /* with the NUL */
#define configNUM_CORES                         1
#define configNUMBER_OF_CORES                   1
#define configTASK_NOTIFICATION_ARRAY_ENTRIES   CONFIG_FREERTOS_TASK_NOTIFICATION_ARRAY_ENTRIES
#define configNUM_THREAD_LOCAL_STORAGE_POINTERS 4
#define configTIMER_TASK_PRIORITY               1
#define configTIMER_QUEUE_LENGTH                10
#define configTIMER_SERVICE_TASK_NAME           "Tmr Svc"
#define configSTACK_DEPTH_TYPE                  uint32_t
#define configUSE_PREEMPTION                    1
#define configUSE_16_BIT_TICKS                  0
#define configUSE_MUTEXES                       1
#define configUSE_RECURSIVE_MUTEXES             1
#define configUSE_COUNTING_SEMAPHORES           1
#define configUSE_TASK_NOTIFICATIONS            1
#define configUSE_TIMERS                        1
#define configSUPPORT_STATIC_ALLOCATION         1
#define configSUPPORT_DYNAMIC_ALLOCATION        1
#define configUSE_QUEUE_SETS                    0
