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
#include "airlift/signature.h"

#define DEV_MAX_KEYS 3u /* that eFuses hold; ESP32 and ESP32-C2: one, without revocation */

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
    uint8_t key_digests[DEV_MAX_KEYS][AL_SIG_KEY_DIGEST_SIZE]; /* zeros: not burnt */
    unsigned n_key_digests;                                    /* entries, the empty ones counted */
    uint8_t revoked_keys;                                      /* bit i: key_digests[i] is revoked */
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

/*
 * Burn the revocation bit of key `index`, whether a key was burnt there or not, as
 * dev_desc_save() does: a power cut leaves it revoked or not. Already revoked: 0, nothing is
 * written. AL_ERR_ARG if the chip has no such bit, AL_ERR_* of dev_desc_save().
 */
AL_CHECK_RESULT int dev_desc_revoke_key(struct dev_desc *desc, unsigned index);

/* A digest was burnt there, revoked or not. */
bool dev_desc_has_key(const struct dev_desc *desc, unsigned index);

/*
 * Whose signature this device accepts: the eFuses' keys that are burnt and not revoked, judged
 * as the chip does. `out` borrows the digests from `desc`. Whether secure boot is on is not asked.
 */
void dev_desc_trusted_keys(const struct dev_desc *desc, struct al_sig_policy *out);

/* "0.4" <-> 4, "1.3" <-> 103. AL_ERR_FORMAT. */
AL_CHECK_RESULT int dev_revision_parse(const char *text, uint16_t *out);
void dev_revision_print(uint16_t revision, char out[8]);

/* Fill a boot configuration (burn callback included). It borrows from `desc`. */
void dev_desc_boot_config(struct dev_desc *desc, struct al_boot_config *out);

#endif
