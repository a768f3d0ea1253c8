/*
 * idf_flash.h - the chip this firmware runs on, for the SDK's own components.
 *
 * Opened at the first call from the environment (device/shared.h): the flash
 * file, its description, the partition table. A process without a usable flash
 * ends with one line on stderr, as there is nothing an app could do without.
 * Thread safe.
 */
#pragma once

#include "airlift/flash.h"
#include "airlift/image.h"
#include "airlift/ptable.h"
#include "device/desc.h"
#include "esp_err.h"

/* Core's port to the flash; each operation is serialised with all others. */
const struct al_flash *idf_flash(void);

/* Mapped contents, read only. */
const uint8_t *idf_flash_bytes(void);

/* The device's partition table; empty if the flash holds none. */
const struct al_ptable *idf_ptable(void);

/* The description. Burning eFuses changes it: call under idf_chip_lock(). */
struct dev_desc *idf_desc(void);
void idf_chip_lock(void);
void idf_chip_unlock(void);

/* What an image must be to run on this device. flash_off and part_size are left 0. */
void idf_image_rules(struct al_image_rules *out);

/* The ESP-IDF code for a core error. */
esp_err_t idf_err(int al_err);
