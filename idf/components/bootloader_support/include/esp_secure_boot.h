/*
 * esp_secure_boot.h - is the chip's secure boot on? The virtual device has none.
 */
#pragma once

#include <stdbool.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline bool esp_secure_boot_enabled(void)
{
    return false;
}

#ifdef __cplusplus
}
#endif
