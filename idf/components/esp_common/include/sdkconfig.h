/*
 * sdkconfig.h - configuration of a program that is built by hand.
 *
 * A project built with project.cmake has its own, generated from its Kconfig
 * files, which comes first in its include path. These are the same defaults,
 * as far as headers and usual OTA firmware ask for them.
 */
#pragma once

#define CONFIG_IDF_TARGET           "linux"
#define CONFIG_IDF_TARGET_LINUX     1
#define CONFIG_IDF_FIRMWARE_CHIP_ID 0xFFFF
#define CONFIG_IDF_INIT_VERSION     "5.5.0"

#define CONFIG_APP_COMPILE_TIME_DATE    1
#define CONFIG_APP_RETRIEVE_LEN_ELF_SHA 9

#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
#define CONFIG_PARTITION_TABLE_OFFSET         0x8000

#define CONFIG_COMPILER_OPTIMIZATION_ASSERTIONS_ENABLE 1
#define CONFIG_COMPILER_OPTIMIZATION_ASSERTION_LEVEL   2
#define CONFIG_ESP_ERR_TO_NAME_LOOKUP                  1

#define CONFIG_ESP_MAIN_TASK_STACK_SIZE         3584
#define CONFIG_ESP_SYSTEM_EVENT_QUEUE_SIZE      32
#define CONFIG_ESP_SYSTEM_EVENT_TASK_STACK_SIZE 2304
#define CONFIG_ESP_TASK_WDT_EN                  1
#define CONFIG_ESP_TASK_WDT_INIT                1
#define CONFIG_ESP_TASK_WDT_TIMEOUT_S           5
#define CONFIG_ESP_TIMER_TASK_STACK_SIZE        3584

#define CONFIG_FREERTOS_HZ                              100
#define CONFIG_FREERTOS_UNICORE                         1
#define CONFIG_FREERTOS_NUMBER_OF_CORES                 1
#define CONFIG_FREERTOS_MAX_TASK_NAME_LEN               16
#define CONFIG_FREERTOS_TASK_NOTIFICATION_ARRAY_ENTRIES 1
#define CONFIG_FREERTOS_THREAD_LOCAL_STORAGE_POINTERS   1

#define CONFIG_HTTPD_MAX_REQ_HDR_LEN 1024
#define CONFIG_HTTPD_MAX_URI_LEN     512

#define CONFIG_LOG_DEFAULT_LEVEL_INFO 1
#define CONFIG_LOG_DEFAULT_LEVEL      3
#define CONFIG_LOG_MAXIMUM_LEVEL      3

#define CONFIG_ESP_HTTPS_OTA_EVENT_POST_TIMEOUT 2000
#define CONFIG_MBEDTLS_CERTIFICATE_BUNDLE       1
