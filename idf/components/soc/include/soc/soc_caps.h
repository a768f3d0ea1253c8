/*
 * soc_caps.h - what the chip can do. The virtual device has a network, pins and a flash; what is not named
 * here it lacks, and a test with #if finds that out.
 */
#pragma once

#define SOC_WIFI_SUPPORTED                1
#define SOC_EMAC_SUPPORTED                1
#define SOC_CPU_CORES_NUM                 1
#define SOC_GPIO_PORT                     1
#define SOC_GPIO_PIN_COUNT                64
#define SOC_RTCIO_PIN_COUNT               64
#define SOC_RTC_FAST_MEM_SUPPORTED        1
#define SOC_RTC_SLOW_MEM_SUPPORTED        1
#define SOC_DEEP_SLEEP_SUPPORTED          1
#define SOC_PM_SUPPORT_EXT0_WAKEUP        1
#define SOC_PM_SUPPORT_EXT1_WAKEUP        1
#define SOC_GPIO_SUPPORT_DEEPSLEEP_WAKEUP 1
#define SOC_GPIO_SUPPORT_HOLD_IO_IN_DSLP  1
