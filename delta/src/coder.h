/*
 * coder.h - the range encoder, and the models' numbers and bytes through it: the mirror of core/src/delta.c.
 */
#ifndef DELTA_CODER_H
#define DELTA_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/delta_model.h"

struct delta_coder {
    struct al_delta_model model;
    struct al_delta_hashed hashed;
    struct al_delta_context context;
    uint64_t low;
    uint32_t range;
    uint8_t held;    /* a byte that a carry may still change, */
    uint64_t n_held; /* and how many 0xFF follow it, itself counted */
    uint8_t *data;   /* owned */
    size_t len, cap;
    bool failed; /* memory ran out */
};

/* slots: n_hashed, all 0, borrowed. */
void coder_begin(struct delta_coder *c, al_slot *slots, uint32_t n_hashed);
void coder_end(struct delta_coder *c);
void coder_free(struct delta_coder *c);

void code_bit(struct delta_coder *c, al_slot *slot, bool one);
void code_flag(struct delta_coder *c, struct al_delta_flag flag, bool one);
void code_nibble(struct delta_coder *c, struct al_nibble *m, unsigned n);
void code_byte(struct delta_coder *c, struct al_delta_byte m, uint8_t byte);
void code_plain(struct delta_coder *c, uint32_t value, unsigned n);
void code_num(struct delta_coder *c, unsigned kind, uint32_t value); /* less than 2^31 - 1 */
uint32_t code_zigzag(int32_t value);
void code_signed(struct delta_coder *c, unsigned kind, int32_t value);

#endif
