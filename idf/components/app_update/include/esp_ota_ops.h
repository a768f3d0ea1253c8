/*
 * esp_ota_ops.h - over-the-air update of the app: ESP-IDF's app_update component.
 *
 * Behaviour, call by call, is ESP-IDF's (docs/esp-idf.md, "esp_ota_*"): the order of
 * checks, the flash operations, and what is left behind on errors. The device's
 * description (FLASH.bin.json) says whether rollback and anti-rollback are on.
 *
 * Power cut: begin and write touch only the slot being updated and, with
 * rollback, the OTA data record that is not active. The record that boots is
 * replaced by esp_ota_set_boot_partition() and the mark_app functions alone, one
 * sector each: see al_otadata_write() in airlift/otadata.h.
 *
 * Threads: all calls may be made from any task; one session belongs to one task.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_app_desc.h"
#include "esp_bootloader_desc.h"
#include "esp_err.h"
#include "esp_flash_partitions.h"
#include "esp_image_format.h"
#include "esp_partition.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_SIZE_UNKNOWN           0xFFFFFFFFu /* erase the whole partition at begin */
#define OTA_WITH_SEQUENTIAL_WRITES 0xFFFFFFFEu /* erase each sector when it is reached */

#define ESP_ERR_OTA_BASE                   0x1500
#define ESP_ERR_OTA_PARTITION_CONFLICT     (ESP_ERR_OTA_BASE + 0x01) /* it is the running app's */
#define ESP_ERR_OTA_SELECT_INFO_INVALID    (ESP_ERR_OTA_BASE + 0x02)
#define ESP_ERR_OTA_VALIDATE_FAILED        (ESP_ERR_OTA_BASE + 0x03) /* image does not verify */
#define ESP_ERR_OTA_SMALL_SEC_VER          (ESP_ERR_OTA_BASE + 0x04) /* secure version below the eFuse's */
#define ESP_ERR_OTA_ROLLBACK_FAILED        (ESP_ERR_OTA_BASE + 0x05) /* no app to go back to */
#define ESP_ERR_OTA_ROLLBACK_INVALID_STATE (ESP_ERR_OTA_BASE + 0x06) /* running app is not confirmed yet */
#define ESP_ERR_OTA_ALREADY_IN_PROGRESS    (ESP_ERR_OTA_BASE + 0x07) /* another session has the partition */
#define ESP_ERR_OTA_SPI_MODE_MISMATCH      (ESP_ERR_OTA_BASE + 0x08)

typedef uint32_t esp_ota_handle_t;

/* --- Sessions: begin or resume, write, end or abort ---------------------- */

/*
 * On an error of the initial erase the session stays open and *out_handle is
 * set: abort it. INVALID_ARG, NOT_FOUND, OTA_PARTITION_CONFLICT,
 * OTA_ROLLBACK_INVALID_STATE, OTA_ALREADY_IN_PROGRESS, NO_MEM, INVALID_SIZE,
 * NOT_ALLOWED (read-only).
 */
esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t image_size, esp_ota_handle_t *out_handle);

/*
 * Go on at `image_offset` of what an earlier session wrote. Erases nothing by
 * itself; later writes do if erase_size is OTA_WITH_SEQUENTIAL_WRITES.
 */
esp_err_t esp_ota_resume(const esp_partition_t *partition, const size_t erase_size, const size_t image_offset,
                         esp_ota_handle_t *out_handle);

/* Where the image will finally lie, if not in the partition given to begin; before the first write. */
esp_err_t esp_ota_set_final_partition(esp_ota_handle_t handle, const esp_partition_t *final,
                                      bool finalize_with_copy);

/* Next bytes. INVALID_ARG, OTA_VALIDATE_FAILED (first byte is not an image's), INVALID_SIZE, FLASH_OP_FAIL. */
esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t size);

/* Bytes at any place of an area that begin has erased. */
esp_err_t esp_ota_write_with_offset(esp_ota_handle_t handle, const void *data, size_t size, uint32_t offset);

/*
 * Verify what was written, its signature too where one is needed (esp_secure_boot.h); the session is gone
 * whatever the result. An app with a wrong signature loses its first sector, so that no bootloader starts it.
 * NOT_FOUND, INVALID_ARG, OTA_VALIDATE_FAILED.
 */
esp_err_t esp_ota_end(esp_ota_handle_t handle);

/* Forget the session; flash is left as it is. NOT_FOUND. */
esp_err_t esp_ota_abort(esp_ota_handle_t handle);

/* --- Choosing and asking ------------------------------------------------- */

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition);

/* The same without verifying the image first. */
esp_err_t esp_ota_set_boot_partition_skip_validate(const esp_partition_t *partition);

const esp_partition_t *esp_ota_get_boot_partition(void);
const esp_partition_t *esp_ota_get_running_partition(void);
const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from);
uint8_t esp_ota_get_app_partition_count(void);

esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *app_desc);
esp_err_t esp_ota_get_bootloader_description(const esp_partition_t *bootloader_partition,
                                             esp_bootloader_desc_t *desc);
esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *ota_state);
const esp_partition_t *esp_ota_get_last_invalid_partition(void);

/* Chip id, revision and SPI mode of an image's first bytes; app_desc may be NULL. */
esp_err_t esp_ota_check_image_validity(esp_partition_type_t type, const esp_image_header_t *img_hdr,
                                       const esp_app_desc_t *app_desc);

/* Their older names. */
static inline __attribute__((deprecated("it is esp_app_get_description() now"))) const esp_app_desc_t *
esp_ota_get_app_description(void)
{
    return esp_app_get_description();
}

static inline __attribute__((deprecated("it is esp_app_get_elf_sha256() now"))) int
esp_ota_get_app_elf_sha256(char *dst, size_t size)
{
    return esp_app_get_elf_sha256(dst, size);
}

/* --- Rollback ------------------------------------------------------------ */

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void);
esp_err_t esp_ota_mark_app_invalid_rollback(void);
esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void);
bool esp_ota_check_rollback_is_possible(void);
esp_err_t esp_ota_erase_last_boot_app_partition(void);
esp_err_t esp_ota_invalidate_inactive_ota_data_slot(void);

typedef enum {
    SECURE_BOOT_PUBLIC_KEY_INDEX_0 = 0,
    SECURE_BOOT_PUBLIC_KEY_INDEX_1 = 1,
    SECURE_BOOT_PUBLIC_KEY_INDEX_2 = 2,
} esp_ota_secure_boot_public_key_index_t;

/*
 * Trust key `index` of the eFuses no more, for ever. The running app must be confirmed, and it
 * and the bootloader, if the flash holds one, must be signed with another key that is trusted;
 * what lies in the other slots is not asked: an app that only this key signed won't boot again.
 * ESP_OK, also if it was revoked before; ESP_ERR_INVALID_ARG; ESP_FAIL: secure boot is
 * off, or one of these conditions fails. Power cut: revoked or not, as the description's file.
 */
esp_err_t esp_ota_revoke_secure_boot_public_key(esp_ota_secure_boot_public_key_index_t index);

#ifdef __cplusplus
}
#endif
