/*
 * nvs_nor.h - NOR flash in RAM for NVS tests: strict, and cut at any operation.
 *
 * A program that would need a 1 where there is a 0 fails and is counted. A cut
 * leaves the operation torn as asked and the flash dark: everything fails from
 * then on, until nor_power_on().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nvs_page.h"

#define NOR_MAX_PAGES 16u

/* What a cut leaves of a program or an erase. All but the first depend on the seed. */
enum nor_tear {
    NOR_NOT_BEGUN,
    NOR_PREFIX, /* the first bytes only */
    NOR_RANGE,  /* some run of bytes */
    NOR_BYTES,  /* bytes here and there */
    NOR_BITS,   /* bits here and there */
    NOR_N_TEARS,
};

struct nor {
    uint8_t bytes[NOR_MAX_PAGES * NVS_PAGE_SIZE];
    uint32_t size;
    uint64_t n_ops;                 /* programs and erases since power on */
    uint64_t cut_at;                /* the operation that is cut, from 1; 0: none */
    uint64_t fail_at;               /* the operation that fails and leaves all as it was; 0: none */
    enum nor_tear tear;             /* of the cut */
    uint32_t seed;                  /* of the tear; 0 is as good as any */
    bool dark;                      /* the cut has come */
    bool cut_in_erase;              /* and it hit an erase */
    unsigned violations;            /* programs that needed a 0 to become 1 */
    uint32_t erases[NOR_MAX_PAGES]; /* whole ones, of each page */
};

/* A blank chip. */
void nor_init(struct nor *nor, unsigned n_pages);

/* Light again, with nothing planned and the operations counted anew. */
void nor_power_on(struct nor *nor);

/* The port to it; borrows nor. */
struct nvs_port nor_port(struct nor *nor);

/* Next number of a small random sequence. */
uint32_t nor_random(uint32_t *state);
