/*
 * esp_flash_partitions.h - OTA data records and image states, as stored.
 */
#pragma once

#include <stdint.h>

#include "esp_assert.h"
#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_PARTITION_MAGIC             0x50AA
#define ESP_PARTITION_MAGIC_MD5         0xEBEB
#define ESP_PARTITION_TABLE_MAX_LEN     0xC00
#define ESP_PARTITION_TABLE_MAX_ENTRIES (ESP_PARTITION_TABLE_MAX_LEN / 32)
#define ESP_PARTITION_TABLE_SIZE        0x1000

#define ESP_BOOTLOADER_OFFSET      0x0 /* of the virtual device */
#define ESP_PARTITION_TABLE_OFFSET 0x8000

typedef enum {
    ESP_OTA_IMG_NEW = 0x0U,
    ESP_OTA_IMG_PENDING_VERIFY = 0x1U,
    ESP_OTA_IMG_VALID = 0x2U,
    ESP_OTA_IMG_INVALID = 0x3U,
    ESP_OTA_IMG_ABORTED = 0x4U,
    ESP_OTA_IMG_UNDEFINED = 0xFFFFFFFFU,
} esp_ota_img_states_t;

/* One record, at the start of each of the OTA data partition's two sectors. */
typedef struct {
    uint32_t ota_seq;
    uint8_t seq_label[20];
    uint32_t ota_state;
    uint32_t crc; /* of ota_seq alone */
} esp_ota_select_entry_t;

ESP_STATIC_ASSERT(sizeof(esp_ota_select_entry_t) == 32, "OTA data record must be 32 bytes");

typedef struct {
    uint32_t offset;
    uint32_t size;
} esp_partition_pos_t;

#ifdef __cplusplus
}
#endif
