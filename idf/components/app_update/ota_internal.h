/*
 * ota_internal.h - what the files of app_update share: OTA data as the app sees it.
 */
#pragma once

#include <stdbool.h>

#include "airlift/otadata.h"
#include "esp_ota_ops.h"

/* OTA data read from flash, with where it lies and how many slots it chooses among. */
struct ota_state {
    struct al_part part;
    const esp_partition_t *partition;
    struct al_otadata data;
    unsigned n_slots; /* ota_0 .. up to the first gap */
    int active;       /* sector of the active record, or -1 */
};

/* False if there is no OTA data partition, or it can't be read. */
bool ota_state_read(struct ota_state *out);

/* Rewrite one record as it stands in `s`. ESP_ERR_NOT_ALLOWED if the partition is read-only; FLASH_OP_FAIL. */
esp_err_t ota_state_write(const struct ota_state *s, unsigned sector);

/* The partition that a record selects, or NULL. n_slots must not be 0. */
const esp_partition_t *ota_state_target(const struct ota_state *s, unsigned sector);

bool ota_is_slot(const esp_partition_t *partition);

/* ESP_OK if the partition holds a whole image that an update may bring, judged as an app's or a bootloader's. */
esp_err_t ota_verify_update(esp_partition_type_t type, const esp_partition_t *partition);

/* The bootloader would start it: nothing else is asked of an app that is there already. */
bool ota_bootable(const esp_partition_t *partition);

/* The image is readable and its secure version not below the eFuse's. */
bool ota_secure_version_ok(const esp_partition_t *partition);

/* CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE and _ANTI_ROLLBACK of this device. */
bool ota_rollback_enabled(void);
bool ota_anti_rollback_enabled(void);
