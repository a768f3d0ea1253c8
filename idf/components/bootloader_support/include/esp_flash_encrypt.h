/*
 * esp_flash_encrypt.h - flash encryption: the virtual device's flash is plain.
 */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline bool esp_flash_encryption_enabled(void)
{
    return false;
}

#ifdef __cplusplus
}
#endif
