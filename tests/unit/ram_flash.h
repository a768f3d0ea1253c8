/*
 * ram_flash.h - a flash in RAM for unit tests of core: strict, counting, failing on demand.
 */
#ifndef RAM_FLASH_H
#define RAM_FLASH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/flash.h"

#define RAM_FLASH_SIZE 0x100000u

struct ram_flash {
    uint8_t bytes[RAM_FLASH_SIZE];
    unsigned erases[RAM_FLASH_SIZE / AL_SECTOR_SIZE];   /* of each sector */
    unsigned programs[RAM_FLASH_SIZE / AL_SECTOR_SIZE]; /* calls that touched it */
    unsigned reads[RAM_FLASH_SIZE / AL_SECTOR_SIZE];    /* calls that began in it */
    unsigned n_ops;                                     /* erase and write calls so far */
    unsigned fail_at;                                   /* this call fails, and all later ones; 0: none */
    unsigned n_reads;
    unsigned fail_read_at;
};

static inline int ram_flash_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct ram_flash *f = ctx;

    if (f->fail_read_at != 0 && ++f->n_reads >= f->fail_read_at) {
        return AL_ERR_IO;
    }
    memcpy(buf, f->bytes + off, len);
    f->reads[off / AL_SECTOR_SIZE]++;
    return 0;
}

static inline int ram_flash_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    struct ram_flash *f = ctx;

    if (f->fail_at != 0 && ++f->n_ops >= f->fail_at) {
        return AL_ERR_IO;
    }
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = ((const uint8_t *)buf)[i];

        assert_int_equal(f->bytes[off + i] & byte, byte); /* no 0 can become a 1 */
        f->bytes[off + i] = byte;
    }
    for (uint32_t s = off / AL_SECTOR_SIZE; len > 0 && s <= (off + len - 1) / AL_SECTOR_SIZE; s++) {
        f->programs[s]++;
    }
    return 0;
}

static inline int ram_flash_erase(void *ctx, uint32_t off, uint32_t len)
{
    struct ram_flash *f = ctx;

    if (f->fail_at != 0 && ++f->n_ops >= f->fail_at) {
        return AL_ERR_IO;
    }
    memset(f->bytes + off, 0xFF, len);
    for (uint32_t s = off / AL_SECTOR_SIZE; s < (off + len) / AL_SECTOR_SIZE; s++) {
        f->erases[s]++;
    }
    return 0;
}

/* An erased chip. */
static inline struct al_flash ram_flash_init(struct ram_flash *f)
{
    memset(f, 0, sizeof(*f));
    memset(f->bytes, 0xFF, sizeof(f->bytes));
    return (struct al_flash){.ctx = f,
                             .size = RAM_FLASH_SIZE,
                             .read = ram_flash_read,
                             .write = ram_flash_write,
                             .erase = ram_flash_erase};
}

#endif
