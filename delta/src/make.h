/*
 * make.h - what the parts of the encoder share.
 */
#ifndef DELTA_MAKE_H
#define DELTA_MAKE_H

#include "address_map.h"
#include "airlift/delta.h"
#include "coder.h"
#include "delta/delta.h"
#include "match.h"

struct lz;

struct make {
    const uint8_t *old, *new;
    size_t old_len, new_len;
    const struct delta_options *options;
    struct al_delta_reader reader;
    struct al_delta_sweep sweep;
    struct delta_block *block; /* owned */
    size_t n_blocks, cap;
    struct address_sample *sample; /* owned */
    size_t n_samples, sample_cap;
    struct delta_matcher *matcher; /* owned; NULL without an old file */
    struct al_delta_entry map[DELTA_MAP];
    al_slot slots[AL_DELTA_LARGE_POOL];
    struct delta_coder coder;
    struct lz *lz; /* owned */
    uint32_t old_pos, next, checked;
};

/* --- lz.c: bytes of the new file that no stretch of the old one tells ------- */

/* NULL if memory ran out. To be made when segments and table are known. */
struct lz *lz_new(struct make *m);
void lz_free(struct lz *lz); /* NULL is allowed */

/* Send new[at .. end), which follow what has been sent; m->old_pos is moved on. Returns 0 or -1. */
int lz_send(struct make *m, size_t at, size_t end);

#endif
