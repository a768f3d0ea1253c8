/*
 * ptable.h - the partition table as it lies in flash.
 *
 * Format: docs/formats.md, "Partition table" (ESP-IDF's, byte for byte). A
 * table is 96 records of 32 bytes at CONFIG_PARTITION_TABLE_OFFSET: entries, an
 * MD5 record, and an end marker. Everything here is pure or read-only.
 */
#ifndef AIRLIFT_PTABLE_H
#define AIRLIFT_PTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/err.h"
#include "airlift/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_PTABLE_OFFSET      0x8000u /* default place in flash */
#define AL_PTABLE_SIZE        0xC00u  /* bytes looked at and generated */
#define AL_PTABLE_RECORD_SIZE 32u     /* bytes */
#define AL_PTABLE_MAX_ENTRIES 95u     /* 94 when an MD5 record is added */
#define AL_LABEL_SIZE         16u     /* bytes on flash, not terminated when full */

#define AL_TYPE_APP             0x00u
#define AL_TYPE_DATA            0x01u
#define AL_TYPE_BOOTLOADER      0x02u
#define AL_TYPE_PARTITION_TABLE 0x03u

#define AL_SUB_APP_FACTORY    0x00u
#define AL_SUB_APP_OTA_0      0x10u /* .. 0x1F for ota_15 */
#define AL_SUB_APP_OTA_15     0x1Fu
#define AL_SUB_APP_TEST       0x20u
#define AL_SUB_APP_TEE_0      0x30u
#define AL_SUB_APP_TEE_1      0x31u
#define AL_SUB_DATA_OTA       0x00u
#define AL_SUB_DATA_PHY       0x01u
#define AL_SUB_DATA_NVS       0x02u
#define AL_SUB_DATA_COREDUMP  0x03u
#define AL_SUB_DATA_NVS_KEYS  0x04u
#define AL_SUB_DATA_EFUSE     0x05u
#define AL_SUB_DATA_UNDEFINED 0x06u
#define AL_SUB_DATA_TEE_OTA   0x90u

#define AL_SUB_PRIMARY             0x00u /* of types bootloader and partition_table */
#define AL_SUB_BOOTLOADER_RECOVERY 0x02u

#define AL_PART_ENCRYPTED 1u /* flag bits */
#define AL_PART_READONLY  2u

#define AL_MAX_OTA_SLOTS 16u

/* One entry. */
struct al_part {
    uint32_t off;   /* in flash, bytes */
    uint32_t size;  /* bytes */
    uint32_t flags; /* AL_PART_*, unknown bits kept */
    uint8_t type;
    uint8_t subtype;
    char label[AL_LABEL_SIZE + 1]; /* always terminated here */
};

struct al_ptable {
    uint16_t n;   /* entries in use */
    bool has_md5; /* an MD5 record was present (and right) */
    struct al_part part[AL_PTABLE_MAX_ENTRIES];
};

/*
 * Parse AL_PTABLE_SIZE bytes by the bootloader's rules.
 *
 * raw         borrowed, AL_PTABLE_SIZE bytes
 * flash_size  an entry reaching past it makes the table bad
 * out         written on success only
 *
 * Returns 0; AL_ERR_TABLE (bad magic, MD5, order of records, or an entry
 * outside the flash); AL_ERR_CRYPTO.
 */
AL_CHECK_RESULT int al_ptable_parse(const uint8_t *raw, uint32_t flash_size, struct al_ptable *out);

/* Read AL_PTABLE_SIZE bytes at `off` and parse them. Also AL_ERR_IO, AL_ERR_SIZE. */
AL_CHECK_RESULT int al_ptable_read(const struct al_flash *flash, uint32_t off, struct al_ptable *out);

/*
 * Encode into `raw` (AL_PTABLE_SIZE bytes): entries, the MD5 record if
 * `with_md5`, FF to the end. AL_ERR_SIZE if the table is too long.
 */
AL_CHECK_RESULT int al_ptable_build(const struct al_ptable *table, bool with_md5, uint8_t *raw);

/* First entry of that type and subtype, or NULL. Points into `table`. */
const struct al_part *al_ptable_find(const struct al_ptable *table, uint8_t type, uint8_t subtype);

/* First entry with that label, or NULL. Points into `table`. */
const struct al_part *al_ptable_find_label(const struct al_ptable *table, const char *label);

/* App partitions ota_0, ota_1, ... up to the first gap (the application's count). */
unsigned al_ptable_count_slots(const struct al_ptable *table);

#ifdef __cplusplus
}
#endif

#endif
