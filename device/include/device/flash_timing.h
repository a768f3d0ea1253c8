/*
 * flash_timing.h - how long flash chips take for what they do.
 *
 * Typical figures of the data sheets: an emulated chip is never as slow as the
 * worst a vendor guarantees, nor has it the cache of a file.
 */
#ifndef DEVICE_FLASH_TIMING_H
#define DEVICE_FLASH_TIMING_H

#include <stddef.h>
#include <stdint.h>

#define DEV_BLOCK_SIZE      65536u /* bytes, the larger unit of erasing */
#define DEV_FLASH_PAGE_SIZE 256u   /* bytes, the unit of programming */

struct dev_flash_timing {
    const char *name;
    uint32_t sector_erase_us; /* 4 KiB */
    uint32_t block_erase_us;  /* 64 KiB */
    uint32_t page_program_us; /* 256 bytes, or some of them */
};

/* The chip of that name, or NULL. Static storage. */
const struct dev_flash_timing *dev_flash_timing(const char *name);

/* "w25q32, gd25q32, ..." for messages; out holds `size` bytes. */
void dev_flash_timing_names(char *out, size_t size);

#endif
