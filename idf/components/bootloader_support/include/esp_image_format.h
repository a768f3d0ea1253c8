/*
 * esp_image_format.h - verify images that lie in flash.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_app_format.h"
#include "esp_err.h"
#include "esp_flash_partitions.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ERR_IMAGE_BASE       0x2000
#define ESP_ERR_IMAGE_FLASH_FAIL (ESP_ERR_IMAGE_BASE + 1)
#define ESP_ERR_IMAGE_INVALID    (ESP_ERR_IMAGE_BASE + 2)

#define ESP_IMAGE_HASH_LEN 32 /* bytes */

typedef enum {
    ESP_IMAGE_BOOTLOADER,
    ESP_IMAGE_APPLICATION,
} esp_image_type;

/* What is known of an image; a failed verification leaves zeros. */
typedef struct {
    uint32_t start_addr; /* in flash */
    esp_image_header_t image;
    esp_image_segment_header_t segments[ESP_IMAGE_MAX_SEGMENTS];
    uint32_t segment_data[ESP_IMAGE_MAX_SEGMENTS]; /* flash address of each segment's data */
    uint32_t image_len;                            /* bytes, with checksum and appended hash */
    uint8_t image_digest[32];
    uint32_t secure_version;
    uint32_t mmu_page_size; /* bytes */
} esp_image_metadata_t;

typedef enum {
    ESP_IMAGE_VERIFY,
    ESP_IMAGE_VERIFY_SILENT,
} esp_image_load_mode_t;

/*
 * Verify the image in `part`: ESP_OK; ESP_ERR_INVALID_ARG (NULL, partition over
 * 16 MB); ESP_ERR_IMAGE_INVALID; ESP_ERR_IMAGE_FLASH_FAIL; ESP_FAIL if it is for
 * another chip or revision.
 */
esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part,
                           esp_image_metadata_t *data);

/* Header, segments and length only: neither checksum, hash nor chip are checked. */
esp_err_t esp_image_get_metadata(const esp_partition_pos_t *part, esp_image_metadata_t *metadata);

#ifdef __cplusplus
}
#endif
