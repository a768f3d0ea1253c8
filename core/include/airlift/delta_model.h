/*
 * delta_model.h - what a patch's encoder and decoder must have in common: probabilities, and what they
 * are chosen by.
 *
 * Format and reasons: docs/delta-format.md. Used by delta.c and by delta/; nobody else needs it.
 */
#ifndef AIRLIFT_DELTA_MODEL_H
#define AIRLIFT_DELTA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/delta_field.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Bits ------------------------------------------------------------------ */

/*
 * One context's opinion of a bit: the logarithm of (chance of 1 / chance of 0), in units of 1/4096. The opinions of
 * several contexts are added. The lowest 3 bits of some count how often they were asked.
 */
typedef int16_t al_slot;

extern const uint16_t al_delta_chances[50], al_delta_steps[8];

/* Chance of a 1, of 65536, when the opinions add up to z. */
static inline int32_t al_delta_chance(int32_t z)
{
    z = z < -49151 ? -49151 : z > 49151 ? 49151 : z;
    const uint32_t at = (uint32_t)(z + 49152);
    const int32_t low = al_delta_chances[at >> 11];

    return low + ((al_delta_chances[(at >> 11) + 1] - low) * (int32_t)(at & 2047u) >> 11);
}

static inline al_slot al_slot_limit(int32_t value)
{
    return (al_slot)((uint32_t)(value + 32768) <= 65535 ? value : value < 0 ? -32761 : 32767);
}

/*
 * Learn a bit, of which `error` is 65536 times less its chance of being 1. One that counts learns fast first; bits of the range coder
 * round it.
 */
static inline void al_delta_learn(al_slot *s, int32_t error, uint32_t range)
{
    const uint32_t n = (uint32_t)*s & 7u;
    const int32_t change = (error * al_delta_steps[n] + (int32_t)(range >> 5 & 0x7FFF8u)) >> 16;

    *s = al_slot_limit(*s + (change & ~7) + (n < 7));
}

/* One that does not: by how much its value changes. */
#define AL_STEP_HASHED 240
#define AL_STEP_FLAG   400

static inline int32_t al_delta_change(int32_t error, int32_t step)
{
    return (error * step + 32768) >> 16;
}

/* --- Numbers --------------------------------------------------------------- */

/* 5 bits say how many bits v + 1 has behind its first, of which the upper 2 are modelled. */
#define AL_NUM_TOPS 20u /* numbers of more bits share one model for the upper 2 */

struct al_num_model {
    al_slot len[31];
    al_slot top[AL_NUM_TOPS][3];
};

enum al_delta_num {
    AL_NUM_SIMILAR, /* bytes of a block's stretch */
    AL_NUM_EXTRA,   /* bytes of its own */
    AL_NUM_SKIP,    /* from one stretch's end to the next one's beginning, old file */
    AL_NUM_ADDRESS, /* of the table, and of segments */
    AL_NUM_SHIFT,   /* the same */
    AL_NUM_OLD_LEN, /* matches within extra bytes */
    AL_NUM_OLD_OFF,
    AL_NUM_REP_LEN,
    AL_NUM_NEW_LEN,
    AL_NUM_NEW_OFF, /* 3: by the length */
    AL_NUM_KINDS = AL_NUM_NEW_OFF + 3,
};

/* --- The model ------------------------------------------------------------- */

#define AL_DELTA_CLASSES 9u /* of bytes: 4 by their place in a word of data, 5 by that in an instruction */

struct al_delta_model {
    al_slot match[8][7]; /* which kind of match; by the last items */
    al_slot is_match[AL_DELTA_CLASSES][8];
    al_slot unit[AL_DELTA_GROUPS][9];  /* is a unit other than predicted? by how long ago one was */
    al_slot byte[AL_DELTA_GROUPS][16]; /* is this byte of it? */
    struct al_num_model num[AL_NUM_KINDS];
    al_slot correction[2][255];
    al_slot literal[AL_DELTA_CLASSES][255];
};

/* Slots that are chosen by a hash: for literals and corrections, as many as the patch says. */
struct al_delta_hashed {
    al_slot *slot;
    uint32_t n;
};

/*
 * What some bits are coded by, the highest first: a tree of 2^bits - 1 slots, and for each of its nodes one slot by
 * either hash. A node is numbered by the bits before, with a 1 in front of them.
 */
struct al_delta_choice {
    al_slot *tree;
    struct al_delta_hashed hashed;
    uint32_t hash[2];
    int32_t step; /* 0: no hashed ones */
};

static inline al_slot *al_delta_hashed_at(const struct al_delta_choice *c, unsigned i, uint32_t node)
{
    return &c->hashed.slot[(((c->hash[i] ^ node * 0x9E5u) & 0xFFFFu) * c->hashed.n) >> 16];
}

/* --- What contexts are made of --------------------------------------------- */

/* Where the new file has got to. All 0 at first. */
struct al_delta_context {
    uint32_t pos;          /* bytes made */
    uint32_t boundary;     /* where its segment ends, or the next one begins */
    uint32_t before;       /* last 4 bytes, the last one lowest */
    uint8_t isa;           /* of the new file, for bytes in code; AL_ISA_NONE in data */
    uint8_t op, op_before; /* first byte of the instruction, and of the one before */
    uint8_t at, left;   /* bytes of the instruction before `pos`, and still to come: 0, 0 at its first one */
    uint8_t items;      /* last three items of the extra bytes: a bit each, 1 for a match */
    uint8_t wrong;      /* last four units of the stretch: a bit each, 1 for one that was corrected */
    uint8_t since;      /* units since the last that was corrected, up to 255 */
    uint8_t correction; /* last one */
    uint32_t unit_before; /* hash of the last unit */
};

/* The next byte of the new file is this one. */
void al_delta_context_add(struct al_delta_context *c, const struct al_delta_sweep *s, uint8_t byte);

/* The place is known before the byte: to be called before anything is asked about it. */
void al_delta_context_place(struct al_delta_context *c, const struct al_delta_sweep *s);

unsigned al_delta_class(const struct al_delta_context *c);

/* For a literal; expected: what follows the last match's source, or -1. */
struct al_delta_choice al_delta_literal(struct al_delta_model *m, struct al_delta_hashed hashed,
                                        const struct al_delta_context *c, int expected);

/* Is the unit other than predicted (1 bit)? Is its i-th byte; fixed: an earlier one was? */
struct al_delta_choice al_delta_unit_flag(struct al_delta_model *m, struct al_delta_hashed hashed,
                                          const struct al_delta_context *c, const struct al_delta_unit *u);
struct al_delta_choice al_delta_byte_flag(struct al_delta_model *m, struct al_delta_hashed hashed,
                                          const struct al_delta_context *c, const struct al_delta_unit *u,
                                          unsigned i, bool fixed);

/* Make of the byte's flag what its correction, the new byte less the predicted one, is coded by. */
void al_delta_correction(struct al_delta_choice *choice, struct al_delta_model *m,
                         const struct al_delta_unit *u);

#define AL_DELTA_MATCH_MIN 2u /* bytes */

/* Matches. */
enum al_delta_match { AL_MATCH_OLD, AL_MATCH_NEW, AL_MATCH_REP, AL_MATCH_KINDS = AL_MATCH_REP + 4 };

/* Which number says how far back a match of this length is. */
static inline unsigned al_delta_off_kind(uint32_t len)
{
    return len < 4 ? 0 : len < 8 ? 1 : 2;
}

/* Move the i-th of the last distances to the front. */
void al_delta_repeat(uint32_t rep[4], unsigned i);

/* After a unit. */
void al_delta_context_unit(struct al_delta_context *c, const struct al_delta_unit *u, bool wrong);

#ifdef __cplusplus
}
#endif

#endif
