/*
 * soc_caps.h - what the chip can do. The virtual device has a network, pins and a flash; what is not named
 * here it lacks, and a test with #if finds that out.
 */
#pragma once

#define SOC_WIFI_SUPPORTED 1
#define SOC_EMAC_SUPPORTED 1
#define SOC_CPU_CORES_NUM  1
#define SOC_GPIO_PORT      1
#define SOC_GPIO_PIN_COUNT 64
