/*
 * desc.h - what the chip is and what its eFuses say: FLASH.bin.json.
 *
 * Missing keys, or no such file, mean the defaults: chip linux, partition table
 * at 0x8000, rollback on, everything else off or 0. The keys are part of the
 * stable contract (docs/architecture.md, "A device on disk").
 */
#ifndef DEVICE_DESC_H
#define DEVICE_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/boot.h"
#include "airlift/chip.h"
#include "airlift/err.h"

/* A pin that the bootloader looks at (CONFIG_BOOTLOADER_FACTORY_RESET, _APP_TEST). */
struct dev_boot_pin {
    int number; /* -1: none */
    int level;  /* at which it counts as held */
};

struct dev_desc {
    const struct al_chip *chip;
    uint16_t chip_revision; /* major * 100 + minor */
    uint16_t efuse_block_revision;
    uint32_t partition_table_offset;
    bool rollback;
    bool anti_rollback;
    uint32_t secure_version; /* ones burnt in the eFuse field */
    bool secure_boot;
    uint8_t key_digests[3][32];
    unsigned n_key_digests;
    uint8_t mac[6];
    struct dev_boot_pin factory_reset_pin, test_pin;
    uint32_t pin_hold_s;           /* for so long, so that it counts */
    char factory_reset_labels[97]; /* what it erases: labels of data partitions, between commas or spaces */
    bool factory_reset_otadata;    /* and OTA data */
    char path[4096];               /* of the .json, for burning */
};

/*
 * Read FLASH.json beside `flash_path`. Returns 0, AL_ERR_FORMAT (bad JSON, unknown chip,
 * value out of range: err says which key) or AL_ERR_IO.
 */
AL_CHECK_RESULT int dev_desc_load(const char *flash_path, struct dev_desc *out, char *err, size_t err_size);

/*
 * Write it, atomically: a new file is written, synced and renamed over the old
 * one, so a power cut leaves one or the other. Keys it does not know are kept.
 */
AL_CHECK_RESULT int dev_desc_save(const struct dev_desc *desc, char *err, size_t err_size);

/*
 * Burn the secure-version eFuse up to `version`: only ever grows. AL_ERR_ARG if
 * the field is too small, AL_ERR_STATE if version is below the burnt one.
 * Signature fits al_boot_config.burn_secure_version with ctx = desc.
 */
AL_CHECK_RESULT int dev_desc_burn_secure_version(void *desc, uint32_t version);

/* "0.4" <-> 4, "1.3" <-> 103. AL_ERR_FORMAT. */
AL_CHECK_RESULT int dev_revision_parse(const char *text, uint16_t *out);
void dev_revision_print(uint16_t revision, char out[8]);

/* Fill a boot configuration (burn callback included). */
void dev_desc_boot_config(struct dev_desc *desc, struct al_boot_config *out);

#endif
