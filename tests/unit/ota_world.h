/*
 * ota_world.h - a device in the middle of its life, for unit tests of updates.
 *
 * A flash file in a temporary directory: an ESP32-C3 with factory, ota_0 (running,
 * version 1.0.0), ota_1, two spare data partitions and a spare bootloader. The
 * flash is opened once per process; ota_world_reset() puts back what a test changed.
 */
#pragma once

#include <stdint.h>

#include "esp_partition.h"

#define OTA_WORLD_SLOT    0x40000u /* bytes of ota_0 and ota_1 */
#define OTA_WORLD_STORAGE 0x10000u /* bytes of a data partition */

/* Make the flash and the environment. desc: FLASH.bin.json, NULL for a plain esp32c3. */
void ota_world_start(const char *desc);
void ota_world_stop(void);

/* Blank OTA data, blank ota_1 and data partitions; no events seen. */
void ota_world_reset(void);

const esp_partition_t *ota_world_partition(const char *label);

/* The label of what would boot next. */
const char *ota_world_boot(void);

/* Does the partition begin with these bytes? */
bool ota_world_holds(const char *label, const uint8_t *data, size_t len);

/* Erased all over? */
bool ota_world_is_blank(const char *label);

/*
 * ESP_HTTPS_OTA events since the reset, a letter each, runs of one letter once:
 * Start Connected Desc chip-Id Revision decrYpt Write Update-boot Finish Abort.
 * Waits until `last` has come in.
 */
const char *ota_world_events(char last);
/* Data of the newest WRITE_FLASH, VERIFY_CHIP_ID, VERIFY_CHIP_REVISION and UPDATE_BOOT_PARTITION. */
int ota_world_event_value(char letter);
