/*
 * esp_secure_boot.h - whose images does this device take?
 *
 * Secure boot is what the device's description says (FLASH.bin.json, "secure_boot"): its
 * bootloader verifies at each boot, by the key digests in the eFuses. Without it,
 * CONFIG_SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT makes updates show a signature all the
 * same: by a key that the running app is signed with (any of up to three, where ESP-IDF
 * looks at the first only), or one of CONFIG_AIRLIFT_TRUSTED_KEY_DIGESTS.
 *
 * esp_ota_end(), esp_ota_set_boot_partition() and esp_image_verify() ask; nothing here
 * needs to be called for that. Threads: safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SECURE_BOOT_NUM_BLOCKS     3
#define ESP_SECURE_BOOT_DIGEST_LEN 32

typedef struct {
    uint8_t key_digests[SECURE_BOOT_NUM_BLOCKS][ESP_SECURE_BOOT_DIGEST_LEN];
    unsigned num_digests;
} esp_image_sig_public_key_digests_t;

/* Is secure boot burnt into this device? */
bool esp_secure_boot_enabled(void);

/*
 * Who signed the running app: the keys whose signatures fit it, whether trusted or not.
 * The digests are filled in if asked for. ESP_OK; ESP_ERR_NOT_FOUND (not signed);
 * ESP_ERR_INVALID_ARG; ESP_FAIL (it could not be read); ESP_ERR_NO_MEM.
 */
esp_err_t esp_secure_boot_get_signature_blocks_for_running_app(
    bool digest_public_keys, esp_image_sig_public_key_digests_t *public_key_digests);

/*
 * Is what lies at `src_addr` in flash signed by a key that updates are trusted of?
 * `length` bytes, padded to 4 KiB, then the signature sector. Where nothing asks for
 * signatures, any signer will do. ESP_OK; ESP_ERR_IMAGE_INVALID;
 * ESP_ERR_INVALID_ARG (past the flash's end); ESP_ERR_IMAGE_FLASH_FAIL; ESP_ERR_NO_MEM; ESP_FAIL.
 */
esp_err_t esp_secure_boot_verify_signature(uint32_t src_addr, uint32_t length);

#ifdef __cplusplus
}
#endif
