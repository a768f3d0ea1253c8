/*
 * flash.h - the flash chip as core sees it: NOR semantics behind three calls.
 *
 * Programming can only turn ones into zeros; erasing sets whole sectors to
 * 0xFF. The implementation belongs to the platform; core calls it from one
 * thread at a time.
 */
#ifndef AIRLIFT_FLASH_H
#define AIRLIFT_FLASH_H

#include <stdint.h>

#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_SECTOR_SIZE 4096u /* bytes, the erase unit */

struct al_flash {
    void *ctx;     /* handed to each call, owned by the platform */
    uint32_t size; /* bytes, a multiple of AL_SECTOR_SIZE */

    /*
     * Offsets and lengths are in bytes and lie within `size` (core checks).
     * erase: both multiples of AL_SECTOR_SIZE. write: any alignment; a port
     * for a chip with flash encryption refuses what is not 16-byte aligned.
     * Each returns 0, or a negative AL_ERR_* that core passes up.
     */
    int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len);
    int (*write)(void *ctx, uint32_t off, const void *buf, uint32_t len);
    int (*erase)(void *ctx, uint32_t off, uint32_t len);
};

/*
 * The same calls with the bounds checked first: AL_ERR_SIZE if the range does
 * not lie within the chip, else what the port returns.
 */
AL_CHECK_RESULT int al_flash_read(const struct al_flash *f, uint32_t off, void *buf, uint32_t len);
AL_CHECK_RESULT int al_flash_write(const struct al_flash *f, uint32_t off, const void *buf, uint32_t len);
AL_CHECK_RESULT int al_flash_erase(const struct al_flash *f, uint32_t off, uint32_t len);

#ifdef __cplusplus
}
#endif

#endif
