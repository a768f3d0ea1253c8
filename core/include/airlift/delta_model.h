/*
 * delta_model.h - what a patch's encoder and decoder must have in common: probabilities, address
 * fields, and the sweep that predicts a stretch of the new file from the old one.
 *
 * Format and reasons: docs/delta-format.md. Used by delta.c and by delta/; nobody else needs it.
 */
#ifndef AIRLIFT_DELTA_MODEL_H
#define AIRLIFT_DELTA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A build for less memory (12 KiB) takes patches that were made for it: fewer addresses, a smaller model. */
#define AL_DELTA_SMALL_MAP  236u
#define AL_DELTA_SMALL_HASH 9u
#ifdef AL_DELTA_SMALL
#define AL_DELTA_MAP_MAX  AL_DELTA_SMALL_MAP
#define AL_DELTA_HASH_MAX AL_DELTA_SMALL_HASH
#else
#define AL_DELTA_MAP_MAX  1088u
#define AL_DELTA_HASH_MAX 11u
#endif

/* --- Probabilities --------------------------------------------------------- */

/*
 * That the next bit is 0: upper 12 bits, of 4096; lower 4: how often it was asked, which is how fast it
 * learns. Never surer than 24 to 4072.
 */
typedef uint16_t al_prob;

#define AL_PROB_HALF  0x8000u
#define AL_PROB_LIMIT 15u /* how often at most is counted: changes little then */
#define AL_PROB_QUICK 8u  /* for the hashed model, whose contexts are shared */

void al_prob_update(al_prob *p, unsigned bit, unsigned limit);

/* A number: 5 bits say how many bits v + 1 has behind its first, of which the upper 2 are modelled. */
struct al_num_model {
    al_prob len[32];
    al_prob top[24][3];
};

enum al_delta_num {
    AL_NUM_RUN,                      /* 6: by code or data, and by the run before */
    AL_NUM_SIMILAR = AL_NUM_RUN + 6, /* bytes of a block's stretch */
    AL_NUM_EXTRA,                    /* bytes of its own */
    AL_NUM_SKIP,                     /* from one stretch's end to the next one's beginning, old file */
    AL_NUM_ADDRESS,                  /* of the table, and of segments */
    AL_NUM_SHIFT,                    /* the same */
    AL_NUM_OLD_LEN,                  /* matches within extra bytes */
    AL_NUM_OLD_OFF,
    AL_NUM_NEW_LEN,
    AL_NUM_NEW_OFF,
    AL_NUM_KINDS,
};

struct al_delta_model {
    struct al_num_model num[AL_NUM_KINDS];
    al_prob sign[AL_NUM_KINDS];
    al_prob correction[6][256];              /* new byte less predicted one */
    al_prob literal[4][256];                 /* by the position's lowest 2 bits */
    al_prob hashed[1u << AL_DELTA_HASH_MAX]; /* by the byte before */
    al_prob is_match[4], is_new[2];
};

void al_delta_model_init(struct al_delta_model *m);

/* What the models' contexts are chosen by. */
struct al_delta_context {
    uint32_t run;       /* the last one */
    uint8_t correction; /* the last one */
    uint8_t before;     /* last byte of the new file */
    bool code;          /* the block lies in code */
    bool matched;       /* the last of the extra bytes came by a match */
};

unsigned al_delta_run_kind(const struct al_delta_context *c);
unsigned al_delta_correction_set(const struct al_delta_context *c, uint32_t run);
uint32_t al_delta_hash(const struct al_delta_context *c, unsigned node, unsigned hash_bits);

#define AL_DELTA_MATCH_MIN 4u /* bytes */

/* --- Segments and addresses ------------------------------------------------ */

enum al_delta_isa { AL_ISA_NONE, AL_ISA_XTENSA, AL_ISA_RISCV };

struct al_delta_segment {
    uint32_t off, len, addr;
};

struct al_delta_file {
    struct al_delta_segment segment[16];
    uint8_t n;
};

/* One entry: from this address of the old image on, addresses moved by so much. 6 bytes. */
struct al_delta_entry {
    uint16_t raw[3];
};

#define AL_DELTA_ADDRESS_BASE 0x3C000000u /* an entry's address: so much, plus 4 times 27 bits */
#define AL_DELTA_ADDRESS_MAX  0x7FFFFFFu
#define AL_DELTA_SHIFT_MAX    0xFFFFF /* an entry's shift, either way */

void al_delta_entry_set(struct al_delta_entry *e, uint32_t address, int32_t shift);
uint32_t al_delta_entry_address(const struct al_delta_entry *e); /* in units of 4 from the base */
int32_t al_delta_entry_shift(const struct al_delta_entry *e);

enum al_delta_ref_kind {
    AL_REF_NONE,
    AL_REF_WORD,     /* 32 bits that are an address */
    AL_REF_CALL,     /* Xtensa CALL0 .. CALL12 */
    AL_REF_JUMP,     /* Xtensa J */
    AL_REF_LITERAL,  /* Xtensa L32R */
    AL_REF_JAL,      /* RISC-V */
    AL_REF_CJ,       /* RISC-V C.J, C.JAL */
    AL_REF_AUIPC,    /* RISC-V AUIPC and what follows it */
    AL_REF_LUI,      /* RISC-V, upper 20 bits */
    AL_REF_LOW,      /* RISC-V, lower 12 bits of an earlier LUI's */
    AL_REF_RELATIVE, /* 32 bits, from their own place, to code (.eh_frame) or data (its LSDA) */
    AL_REF_BACK,     /* 32 bits, backward from their own place (.eh_frame, to its CIE) */
};

struct al_delta_ref {
    uint8_t kind;
    uint8_t len;     /* bytes to the next instruction or field */
    uint8_t form;    /* AL_REF_LOW, _AUIPC: of the immediate */
    uint32_t target; /* in the old image */
};

/* The upper parts that LUI put into registers, as the sweep passes them. */
struct al_delta_registers {
    uint32_t upper[32], at[32]; /* at 0: none */
};

/* Old and new image, and the table between them; then the stretch being predicted. */
#define AL_DELTA_WINDOW 256u
#define AL_DELTA_AHEAD  40u

struct al_delta_sweep {
    uint8_t isa;
    struct al_delta_file old, new;
    uint16_t n_map;
    struct al_delta_entry map[AL_DELTA_MAP_MAX];
    struct al_delta_registers registers;
    uint32_t old_off, new_off, len; /* the stretch */
    uint32_t at;                    /* of it, where the window begins */
    uint32_t n;                     /* bytes of the window that are predicted */
    uint8_t window[1 + AL_DELTA_WINDOW + AL_DELTA_AHEAD];
};

/* Read headers of the image that `read` reads. No image: no segments. Returns 0 or what read returned. */
AL_CHECK_RESULT int al_delta_read_segments(int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len),
                                           void *ctx, uint32_t file_len, struct al_delta_file *out,
                                           uint8_t *isa);

/* Does this offset of the file hold code? */
bool al_delta_is_code(const struct al_delta_sweep *s, const struct al_delta_file *file, uint32_t off);

/* Begin with a stretch. */
void al_delta_sweep_begin(struct al_delta_sweep *s, uint32_t old_off, uint32_t new_off, uint32_t len);

/*
 * Predict the next bytes of the stretch, at least one: s->window[1 .. s->n], for its bytes from s->at on.
 * With `see`, each field is shown instead, before anything is changed: where it is in both files.
 */
AL_CHECK_RESULT int al_delta_sweep_next(
    struct al_delta_sweep *s, int (*read_old)(void *ctx, uint32_t off, void *buf, uint32_t len), void *ctx,
    void (*see)(void *see_ctx, const struct al_delta_ref *ref, uint32_t new_off, uint32_t new_addr),
    void *see_ctx);

/* Where does the field at p, of the same form as `ref`, point to? For the encoder. False: it is another one. */
bool al_delta_ref_read(const uint8_t *p, const struct al_delta_ref *ref, uint32_t addr,
                       struct al_delta_registers *registers, uint32_t *target);

#ifdef __cplusplus
}
#endif

#endif
