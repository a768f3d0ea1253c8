/*
 * bootloader_common.h - what bootloader and app judge alike: OTA data records, images, descriptions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_app_desc.h"
#include "esp_err.h"
#include "esp_flash_partitions.h"
#include "esp_image_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CRC of a record's sequence number. */
uint32_t bootloader_common_ota_select_crc(const esp_ota_select_entry_t *s);
/* Usable: neither blank nor rejected, and the CRC is right. */
bool bootloader_common_ota_select_valid(const esp_ota_select_entry_t *s);
/* Rejected: blank, INVALID or ABORTED. */
bool bootloader_common_ota_select_invalid(const esp_ota_select_entry_t *s);

/* Which of two records counts, 0 or 1; -1: neither. */
int bootloader_common_get_active_otadata(esp_ota_select_entry_t *two_otadata);
int bootloader_common_select_otadata(const esp_ota_select_entry_t *two_otadata, bool *valid_two_otadata,
                                     bool max);

/*
 * 32 bytes: of an app or bootloader the verified digest, of data the hash of all of it.
 * ESP_ERR_IMAGE_INVALID leaves out_sha_256 as it is; ESP_ERR_INVALID_ARG; ESP_FAIL.
 */
esp_err_t bootloader_common_get_sha256_of_partition(uint32_t address, uint32_t size, int type,
                                                    uint8_t *out_sha_256);

/* ESP_ERR_INVALID_ARG (NULL), ESP_ERR_NOT_FOUND (no description there), ESP_FAIL. */
esp_err_t bootloader_common_get_partition_description(const esp_partition_pos_t *partition,
                                                      esp_app_desc_t *app_desc);

/* Is `label` in a list separated by commas or spaces? */
bool bootloader_common_label_search(const char *list, char *label);

/* Has the bootloader done a factory reset? True once. */
bool bootloader_common_get_rtc_retain_mem_factory_reset_state(void);

#ifdef __cplusplus
}
#endif
