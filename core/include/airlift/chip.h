/*
 * chip.h - what differs between the chips: ids, memory map, eFuse field sizes.
 *
 * Values: docs/formats.md, "Chips"; the ranges are those of ESP-IDF's soc.h.
 */
#ifndef AIRLIFT_CHIP_H
#define AIRLIFT_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_CHIP_LINUX 0xFFFFu /* the virtual device: images hold a native program */

struct al_range {
    uint32_t lo, hi; /* first and last address + 1; lo == hi: unused */
};

struct al_chip {
    const char *name; /* as esptool and ESP-IDF spell it: "esp32c3" */
    uint16_t id;
    uint8_t secure_version_bits; /* size of the anti-rollback eFuse field */
    bool mmu_page_configurable;  /* page size comes from the app description */
    bool has_blk_rev;            /* eFuse block revisions are checked */
    bool one_signer;             /* eFuses hold one signing key's digest, and only the first block counts */
    uint8_t key_digest_len;      /* bytes of it that eFuses hold; 0: all 32 */
    uint32_t bootloader_off;
    struct al_range mapped[2];     /* flash-mapped data and code */
    struct al_range load[5];       /* RAM that a bootloader may load segments into */
    struct al_range bootloader[2]; /* the bootloader's own part of it, and its alias; unknown: empty */
};

/* NULL if unknown. Static storage. "linux" and AL_CHIP_LINUX are known. */
const struct al_chip *al_chip_by_id(uint16_t id);
const struct al_chip *al_chip_by_name(const char *name);

/* Chip number `i` from 0, or NULL behind the last. */
const struct al_chip *al_chip_at(unsigned i);

#ifdef __cplusplus
}
#endif

#endif
