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

/* What one context knows of a bit: 0 at first. The lowest 3 bits of some count how often they were asked. */
typedef int16_t al_slot;

/* --- Bits ------------------------------------------------------------------ */

/* Chance of a 1, of 65536: the slot is that, less one half. */
static inline uint32_t al_delta_bit_chance(al_slot s)
{
    return (uint32_t)(32768 + (s | 7));
}

void al_delta_bit_learn(al_slot *s, bool one);

/* --- Flags: bits that are nearly always the same ----------------------------- */

/*
 * Each of its slots is one context's opinion: the logarithm of (chance of 1 / chance of 0), roughly, in units of
 * 1/4096 of a bit. The opinions are added. The first slot counts; the others are chosen by hashes, of as many as
 * the patch says.
 */
struct al_delta_flag {
    al_slot *slot;
    uint32_t context[2]; /* to be hashed */
};

#define AL_DELTA_OPINIONS 3u

struct al_delta_hashed {
    al_slot *slot;
    uint32_t n;
};

static inline void al_delta_flag_slots(const struct al_delta_flag *f, const struct al_delta_hashed *hashed,
                                       al_slot *slot[AL_DELTA_OPINIONS])
{
    slot[0] = f->slot;
    for (unsigned i = 1; i < AL_DELTA_OPINIONS; i++) {
        const uint32_t h = f->context[i - 1] * 0x9E3779B1u;

        slot[i] = &hashed->slot[(((h ^ h >> 16) & 0xFFFFu) * hashed->n) >> 16];
    }
}

/* Chance of a 1, of 65536: the rarer value's halves with every 4096, with straight lines between. */
static inline uint32_t al_delta_flag_chance(al_slot *const slot[AL_DELTA_OPINIONS])
{
    const int32_t sum = *slot[0] + *slot[1] + *slot[2];
    uint32_t size = (uint32_t)(sum < 0 ? -sum : sum);

    size = size < 0xCFFF ? size : 0xCFFF;
    const uint32_t rarer = (0x8000u - 4 * (size & 0xFFFu)) >> (size >> 12);

    return sum < 0 ? rarer : 65536 - rarer;
}

/* It was so. `range`, the range coder's, rounds what the one that counts learns. */
void al_delta_flag_learn(al_slot *const slot[AL_DELTA_OPINIONS], uint32_t chance, bool one, uint32_t range);

/* --- Nibbles: one of 16 ------------------------------------------------------ */

/*
 * How probable the 16 values are: below[i] is the chance of one below i, of 32768, for i from 1 on. below[0] counts
 * how often it was asked.
 */
struct al_nibble {
    uint16_t below[17];
};

/* All values are equally probable. */
static inline void al_nibble_begin(struct al_nibble *m, size_t n)
{
    for (; n > 0; n--, m++) {
        for (unsigned i = 0; i < 17; i++) {
            m->below[i] = (uint16_t)(2048 * i);
        }
    }
}

/* Chance of a value below n, of 32768; n is at most 16. */
static inline uint32_t al_nibble_below(const struct al_nibble *m, unsigned n)
{
    return m->below[n] & (0u - (uint32_t)(n != 0)); /* without a branch: nobody can foretell it */
}

/* Written so that compilers make vectors of it: a decoder spends much of its time here. */
static inline void al_nibble_learn(struct al_nibble *m, unsigned n)
{
    enum { LEAST = 32, REST = 32768 - 16 * LEAST }; /* chance of any value; of the right one besides */
    static const int16_t rates[16] = {14000, 11500, 9800, 8500, 7400, 6500, 5700, 5000,
                                      4400,  3900,  3500, 3100, 2700, 2300, 1900, 1000};
    const int16_t rate = rates[m->below[0]], value = (int16_t)n;

    m->below[0] = (uint16_t)(m->below[0] + (m->below[0] < 15));
    for (int16_t i = 0; i < 16; i++) {
        const int16_t target = (int16_t)(LEAST * (i + 1) + (i >= value ? REST : 0)),
                      change = (int16_t)(target - (int16_t)m->below[i + 1]);

        m->below[i + 1] = (uint16_t)(m->below[i + 1] + (change * rate >> 16));
    }
}

/* What a byte is coded by: its upper nibble, then its lower one, by the upper. */
struct al_delta_byte {
    struct al_nibble *upper, *lower; /* 1, 16 */
};

/* --- Numbers ----------------------------------------------------------------- */

/*
 * A number v: how many bits v + 1 has behind its first, at most 30, as one or two nibbles; their upper four, or as
 * many as there are, as another one; the rest as they are.
 */
#define AL_NUM_TOPS 5u

struct al_num_model {
    struct al_nibble len[2];           /* 0 to 14, 15: more; how many more */
    struct al_nibble top[AL_NUM_TOPS]; /* of 1, 2, 3, 4 bits, more */
};

/* Of n bits, 1 or more: how many are in the nibble, and by which model. */
static inline unsigned al_num_top_bits(unsigned n)
{
    return n < 4 ? n : 4;
}

static inline unsigned al_num_top(unsigned n)
{
    return n < AL_NUM_TOPS ? n - 1 : AL_NUM_TOPS - 1;
}

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

/* --- The check --------------------------------------------------------------- */

/* FNV-1a, but for its beginning, which is 0: of one byte more. */
static inline uint32_t al_delta_check_add(uint32_t check, uint8_t byte)
{
    return (check ^ byte) * 0x01000193u;
}

/* --- The model ------------------------------------------------------------- */

/*
 * Classes of bytes: 5 by their place in an instruction, then 4 by that in a word of data. A patch for a small
 * decoder takes all data for one, and does not look at opcodes.
 */
#define AL_DELTA_CODE_CLASSES 5u
#ifdef AL_DELTA_SMALL
#define AL_DELTA_CLASSES 6u
#else
#define AL_DELTA_CLASSES 9u
#endif

struct al_delta_model {
    struct al_delta_nibbles {
        struct al_nibble match[8]; /* which kind of match; by the last items */
        struct al_num_model num[AL_NUM_KINDS];
        struct al_nibble upper[AL_DELTA_CLASSES]; /* of a literal */
#ifndef AL_DELTA_SMALL
        struct al_nibble inner[AL_DELTA_CODE_CLASSES - 1][16]; /* the same, behind an opcode */
#endif
        struct al_nibble lower[AL_DELTA_CLASSES][16]; /* by the upper one */
        struct al_nibble correction[2][17];           /* upper, lower */
    } nibbles;
    al_slot is_match[AL_DELTA_CLASSES][8]; /* by the last items */
    al_slot unit[AL_DELTA_GROUPS][9];      /* is a unit other than predicted? by how long ago one was */
    al_slot byte[AL_DELTA_GROUPS][16];     /* is this byte of it? */
};

/* To be called before anything is asked; all slots are 0. */
static inline void al_delta_model_begin(struct al_delta_model *m)
{
    al_nibble_begin((struct al_nibble *)&m->nibbles, sizeof(m->nibbles) / sizeof(struct al_nibble));
}

/* --- What contexts are made of --------------------------------------------- */

/* Where the new file has got to. All 0 at first. */
struct al_delta_context {
    uint32_t pos;       /* bytes made */
    uint32_t boundary;  /* where its segment ends, or the next one begins */
    uint8_t isa;        /* of the new file, for bytes in code; AL_ISA_NONE in data */
    uint8_t op;         /* first byte of the instruction */
    uint8_t at, left;   /* bytes of the instruction before `pos`, and still to come: 0, 0 at its first one */
    uint8_t items;      /* last three items of the extra bytes: a bit each, 1 for a match */
    uint8_t wrong;      /* last four units of the stretch: a bit each, 1 for one that was corrected */
    uint8_t since;      /* units since the last that was corrected, up to 255 */
    uint8_t correction; /* last one */
    bool small;         /* the patch is for a small decoder */
};

/* The place is known before the byte: to be called before anything is asked about it. */
static inline void al_delta_context_place(struct al_delta_context *c, const struct al_delta_sweep *s)
{
    if (c->pos < c->boundary) {
        return;
    }
    const struct al_delta_segment *segment = al_delta_segment_at(&s->new, c->pos);

    c->boundary = segment != NULL ? segment->off + segment->len : c->pos + 1;
    c->isa = segment != NULL && al_delta_is_code(segment) ? s->isa : AL_ISA_NONE;
    c->at = 0;
    c->left = 0;
}

/* The next byte of the new file is this one. */
static inline void al_delta_context_add(struct al_delta_context *c, const struct al_delta_sweep *s,
                                        uint8_t byte)
{
    al_delta_context_place(c, s);
    if (c->isa != AL_ISA_NONE) {
        if (c->left == 0) {
            c->op = byte;
            c->left = (uint8_t)al_delta_instruction_len(c->isa, byte);
            c->at = 0;
        }
        c->at++;
        c->left--;
        if (c->left == 0) {
            c->at = 0;
        }
    }
    c->pos++;
}

/* Of the next byte. */
static inline unsigned al_delta_class(const struct al_delta_context *c)
{
    if (c->isa == AL_ISA_NONE) {
        return AL_DELTA_CODE_CLASSES + (c->small ? 0 : c->pos & 3u);
    }
    return c->at + (c->at != 0 && c->isa == AL_ISA_RISCV && (c->op & 3u) == 3 ? 1u : 0u);
}

/* What the next byte is coded by, if it is a literal. */
static inline struct al_delta_byte al_delta_literal(struct al_delta_model *m,
                                                    const struct al_delta_context *c, unsigned class)
{
    struct al_nibble *upper = &m->nibbles.upper[class];

#ifndef AL_DELTA_SMALL
    if (!c->small && c->at != 0) {
        const unsigned op = c->isa == AL_ISA_RISCV ? c->op >> 2 : c->op;

        upper = &m->nibbles.inner[class - 1][op & 15u];
    }
#else
    (void)c;
#endif
    return (struct al_delta_byte){upper, m->nibbles.lower[class]};
}

/* Is the unit other than predicted? Is its i-th byte; fixed: an earlier one was? */
static inline struct al_delta_flag al_delta_unit_flag(struct al_delta_model *m,
                                                      const struct al_delta_context *c,
                                                      const struct al_delta_unit *u)
{
    unsigned since = 0;

    while (c->since >> since != 0) {
        since++;
    }
    return (struct al_delta_flag){&m->unit[u->group][since], {(uint32_t)u->group << 4 | c->wrong, u->hash}};
}

static inline struct al_delta_flag al_delta_byte_flag(struct al_delta_model *m,
                                                      const struct al_delta_context *c,
                                                      const struct al_delta_unit *u, unsigned i, bool fixed)
{
    return (struct al_delta_flag){
        &m->byte[u->group][i * 2 + (fixed ? 1u : 0u)],
        {(uint32_t)u->group << 20 | i << 16 | c->correction | 0x1000000u, u->hash + 1 + i}};
}

/* The new byte less the predicted one. */
static inline struct al_delta_byte al_delta_correction(struct al_delta_model *m,
                                                       const struct al_delta_unit *u)
{
    struct al_nibble *correction = m->nibbles.correction[u->ref.kind != AL_REF_NONE ? 1 : 0];

    return (struct al_delta_byte){correction, correction + 1};
}

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
static inline void al_delta_context_unit(struct al_delta_context *c, bool wrong)
{
    c->since = (uint8_t)(wrong ? 0 : c->since < 255 ? c->since + 1 : 255);
    c->wrong = (uint8_t)(((unsigned)c->wrong << 1 | (wrong ? 1u : 0u)) & 15u);
}

#ifdef __cplusplus
}
#endif

#endif
