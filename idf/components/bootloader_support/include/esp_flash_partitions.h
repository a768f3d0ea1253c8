/*
 * esp_flash_partitions.h - OTA data records and image states, as stored.
 */
#pragma once

#include <stdint.h>

#include "esp_assert.h"
#include "esp_err.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_PARTITION_MAGIC             0x50AA
#define ESP_PARTITION_MAGIC_MD5         0xEBEB
#define ESP_PARTITION_TABLE_MAX_LEN     0xC00
#define ESP_PARTITION_TABLE_MAX_ENTRIES (ESP_PARTITION_TABLE_MAX_LEN / 32)
#define ESP_PARTITION_TABLE_SIZE        0x1000

/* Places in flash. What lies at the bootloader's is an image to be read, hashed and replaced: it is never run. */
#define ESP_BOOTLOADER_OFFSET              0x0
#define ESP_PRIMARY_BOOTLOADER_OFFSET      ESP_BOOTLOADER_OFFSET
#define ESP_PARTITION_TABLE_OFFSET         CONFIG_PARTITION_TABLE_OFFSET
#define ESP_PRIMARY_PARTITION_TABLE_OFFSET ESP_PARTITION_TABLE_OFFSET
#define ESP_BOOTLOADER_SIZE                (ESP_PARTITION_TABLE_OFFSET - ESP_PRIMARY_BOOTLOADER_OFFSET)

/* Types and subtypes as stored: esp_partition.h has them all. */
#define PART_TYPE_APP             0x00
#define PART_TYPE_DATA            0x01
#define PART_TYPE_BOOTLOADER      0x02
#define PART_TYPE_PARTITION_TABLE 0x03
#define PART_SUBTYPE_FACTORY      0x00
#define PART_SUBTYPE_OTA_FLAG     0x10
#define PART_SUBTYPE_OTA_MASK     0x0F
#define PART_SUBTYPE_TEST         0x20
#define PART_SUBTYPE_DATA_OTA     0x00
#define PART_SUBTYPE_DATA_WIFI    0x02
#define PART_FLAG_ENCRYPTED       (1u << 0)
#define PART_FLAG_READONLY        (1u << 1)

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

/* One entry of the partition table. */
typedef struct {
    uint16_t magic; /* ESP_PARTITION_MAGIC */
    uint8_t type;
    uint8_t subtype;
    esp_partition_pos_t pos;
    uint8_t label[16]; /* not terminated if all are used */
    uint32_t flags;    /* PART_FLAG_* */
} esp_partition_info_t;

ESP_STATIC_ASSERT(sizeof(esp_partition_info_t) == 32, "partition table entry must be 32 bytes");

#ifdef __cplusplus
}
#endif
