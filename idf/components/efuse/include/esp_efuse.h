/*
 * esp_efuse.h - the anti-rollback eFuse: the virtual device keeps it in FLASH.bin.json.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ESP_ERR_EFUSE
#define ESP_ERR_EFUSE 0x1600
#endif

/* Ones burnt in the secure-version field. */
uint32_t esp_efuse_read_secure_version(void);

/* An app of that secure version may run. */
bool esp_efuse_check_secure_version(uint32_t secure_version);

/*
 * Burn up to `secure_version`; never back. ESP_OK (also if nothing was to do),
 * ESP_ERR_INVALID_ARG above the field's size, ESP_FAIL below what is burnt.
 */
esp_err_t esp_efuse_update_secure_version(uint32_t secure_version);

#ifdef __cplusplus
}
#endif
