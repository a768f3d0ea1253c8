/*
 * esp_efuse.h - eFuses of anti-rollback and secure boot: the virtual device keeps them in FLASH.bin.json.
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

/* Is the secure boot key of this number (0 to 2) revoked? */
bool esp_efuse_get_digest_revoke(unsigned num_digest);

/*
 * Revoke it, unasked: esp_ota_revoke_secure_boot_public_key() looks first whether the device
 * would still boot. ESP_OK, ESP_ERR_INVALID_ARG (no such key), ESP_ERR_FLASH_OP_FAIL.
 */
esp_err_t esp_efuse_set_digest_revoke(unsigned num_digest);

#ifdef __cplusplus
}
#endif
