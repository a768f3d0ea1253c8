/*
 * image_elf.h - which bytes of an ELF become which segments of an app image.
 *
 * For a real chip the loadable sections are laid out as `esptool elf2image`
 * does: what the chip maps from flash must lie at a file offset congruent to
 * its address modulo the MMU page; the gaps are filled with what goes to RAM.
 */
#ifndef CLI_IMAGE_ELF_H
#define CLI_IMAGE_ELF_H

#include <stdint.h>

#include "airlift/chip.h"
#include "airlift/image.h"
#include "host/file.h"

/* One segment of the image: `data_len` bytes of `data`, then zeros up to `len`. */
struct image_piece {
    uint32_t addr;
    uint32_t len;
    uint32_t data_len;
    const uint8_t *data; /* borrowed from the ELF's buffer or from image_plan.memory */
};

struct image_plan {
    struct image_piece piece[AL_IMAGE_MAX_SEGMENTS];
    unsigned n;
    uint32_t entry;
    uint8_t *memory; /* owned: section bytes, joined */
};

/* Machines that occur; e_machine of the ELF header. */
#define IMAGE_ELF_XTENSA 94u
#define IMAGE_ELF_RISCV  243u

/*
 * Look at an ELF header. False with one line in err if these bytes are not an
 * ELF program (relocatable objects are none). Both results may be NULL.
 */
bool image_elf_check(const struct host_buf *elf, unsigned *bits, unsigned *machine, char *err,
                     size_t err_size);

/* One segment for the virtual device: room for a description, then the ELF itself, at address 0. */
bool image_plan_linux(const struct host_buf *elf, struct image_plan *out, char *err, size_t err_size);

/*
 * The segments for `chip`. The first begins with the app description. Takes time
 * linear in the ELF's size.
 *
 * elf  borrowed until image_plan_free()
 *
 * False with one line in err: not a 32-bit program for that chip, broken
 * headers, no description at the start of mapped data, or a memory layout that
 * no image can express.
 */
bool image_plan_chip(const struct host_buf *elf, const struct al_chip *chip, struct image_plan *out,
                     char *err, size_t err_size);

void image_plan_free(struct image_plan *plan);

#endif
