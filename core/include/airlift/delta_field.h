/*
 * delta_field.h - where an app image holds addresses, and how a stretch of the new one is predicted from the
 * old one with them moved.
 *
 * Format and reasons: docs/delta-format.md. Used by a patch's decoder and encoder; nobody else needs it.
 */
#ifndef AIRLIFT_DELTA_FIELD_H
#define AIRLIFT_DELTA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Segments -------------------------------------------------------------- */

enum al_delta_isa { AL_ISA_NONE, AL_ISA_XTENSA, AL_ISA_RISCV };

struct al_delta_segment {
    uint32_t off, len, addr;
};

struct al_delta_file {
    struct al_delta_segment segment[16];
    uint8_t n;
};

/* Read `len` bytes of the old or the new file. Returns 0 or a negative AL_ERR_*. */
struct al_delta_reader {
    int (*read)(void *ctx, bool new, uint32_t off, void *buf, uint32_t len);
    void *ctx;
};

/* Read the headers of an image. No image: no segments, AL_ISA_NONE. Returns 0 or what reading returned. */
AL_CHECK_RESULT int al_delta_read_segments(const struct al_delta_reader *reader, bool new, uint32_t file_len,
                                           struct al_delta_file *out, uint8_t *isa);

/* The one that holds this offset, or NULL. */
const struct al_delta_segment *al_delta_segment_at(const struct al_delta_file *file, uint32_t off);

/* From what the address and length of the new image's i-th one are told. */
const struct al_delta_segment *al_delta_segment_before(const struct al_delta_file *old, unsigned i);

/* By its address: on all chips instructions lie at 0x40000000 and above, data below. */
bool al_delta_is_code(const struct al_delta_segment *segment);

/* --- The table of addresses ------------------------------------------------ */

/* One entry: from this address of the old image on, addresses moved by so much. */
struct al_delta_entry {
    uint16_t raw[3];
};

#define AL_DELTA_ADDRESS_BASE 0x3C000000u /* an entry's address: so much, plus 4 times 27 bits */
#define AL_DELTA_ADDRESS_MAX  0x7FFFFFFu
#define AL_DELTA_SHIFT_MAX    0xFFFFF /* an entry's shift, either way */

void al_delta_entry_set(struct al_delta_entry *e, uint32_t address, int32_t shift);
uint32_t al_delta_entry_address(const struct al_delta_entry *e); /* in units of 4 from the base */
int32_t al_delta_entry_shift(const struct al_delta_entry *e);

/* --- Fields ---------------------------------------------------------------- */

enum al_delta_ref_kind {
    AL_REF_NONE,
    AL_REF_WORD,     /* 32 bits that are an address */
    AL_REF_RELATIVE, /* 32 bits, from their own place, to code (.eh_frame) or data (its LSDA) */
    AL_REF_BACK,     /* 32 bits, backward from their own place (.eh_frame, to its CIE) */
    AL_REF_CALL,     /* Xtensa CALL0 .. CALL12 */
    AL_REF_JUMP,     /* Xtensa J */
    AL_REF_LITERAL,  /* Xtensa L32R */
    AL_REF_JAL,      /* RISC-V JAL that calls */
    AL_REF_BRANCH,   /* RISC-V JAL that does not */
    AL_REF_AUIPC,    /* RISC-V AUIPC and what follows it */
    AL_REF_LUI,      /* RISC-V, upper 20 bits */
    AL_REF_LOW,      /* RISC-V, lower 12 bits of an earlier LUI's */
    AL_REF_KINDS,
};

/* What a unit is: a field's kind (AL_REF_NONE: bytes of data), or one of these. */
enum al_delta_group {
    AL_UNIT_SHORT = AL_REF_KINDS, /* instruction of 2 bytes */
    AL_UNIT_LONG,                 /* of 3 or 4 */
    AL_UNIT_FOUND,                /* L32R whose literal was found in the new file */
    AL_DELTA_GROUPS,
};

struct al_delta_ref {
    uint8_t kind;
    uint8_t len;     /* bytes to the next instruction or field */
    uint8_t form;    /* AL_REF_LOW, _AUIPC: of the immediate; _RELATIVE: bytes before the field */
    uint32_t target; /* in the image that it was found in */
};

/* The upper parts that LUI put into registers, as the sweep passes them. */
struct al_delta_registers {
    uint32_t upper[32], at[32]; /* at 0: none */
};

struct al_delta_sweep;

/* May it be an address of something of the old image, or of a variable that the file says nothing of? */
bool al_delta_is_address(const struct al_delta_sweep *s, uint32_t address);

/*
 * What is at p, whose address is addr, and of which `avail` bytes may be looked at, one or more?
 */
struct al_delta_ref al_delta_find(struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                                  bool code);

/* Bytes of an instruction that begins with this one. */
unsigned al_delta_instruction_len(uint8_t isa, uint8_t first);

/* Is it encoded anew where code is copied within the new file? */
static inline bool al_delta_moves(const struct al_delta_ref *ref)
{
    return ref->kind != AL_REF_NONE && ref->kind != AL_REF_JUMP && ref->kind != AL_REF_BRANCH;
}

/* Encode the field anew, for its place in the new image. */
void al_delta_ref_put(uint8_t *p, const struct al_delta_ref *ref, uint32_t addr, uint32_t target);

/* Parts of RISC-V instructions, for the encoder: of JAL; does i add 12 bits to register rs: in which form (0: no), and how much? */
uint32_t al_delta_sign_extend(uint32_t value, unsigned bits);
uint32_t al_delta_jal_offset(uint32_t i);
unsigned al_delta_low_form(uint32_t i, uint32_t rs, uint32_t *value);

/* --- The sweep ------------------------------------------------------------- */

#define AL_DELTA_WINDOW 256u
#define AL_DELTA_AHEAD  40u /* bytes that are looked at to judge an instruction */

/* Old and new image, the table between them; then a stretch that is copied from either. */
struct al_delta_sweep {
    uint8_t isa; /* of both images */
    struct al_delta_file old, new;
    const struct al_delta_entry *map;
    uint16_t n_map;
    struct al_delta_registers registers;
    bool from_new;
    uint8_t rest;            /* bytes of an instruction that had begun before the stretch */
    uint32_t begin, len;     /* the stretch's, where it comes from */
    uint32_t from, to, left; /* next unit's places, in both files; bytes */
    uint32_t window_at;      /* its offset */
    uint32_t window_n;       /* bytes from there */
    uint8_t window[AL_DELTA_WINDOW + AL_DELTA_AHEAD];
};

/* A piece of the stretch: an instruction, a field, or some bytes. */
struct al_delta_unit {
    uint8_t group;
    uint8_t len;
    uint32_t hash;  /* of what stood in the old file */
    uint8_t *bytes; /* as predicted, within the window: until the next call */
    struct al_delta_ref ref;
    uint32_t addr; /* in the new image */
};

/* Both are images for this one; if not, nothing is predicted. */
static inline void al_delta_set_isa(struct al_delta_sweep *s, uint8_t isa)
{
    if (s->isa != isa) {
        s->old.n = 0;
    }
    s->isa = isa;
}

/*
 * Begin with a stretch of len > 0 bytes from offset `from` to `to`. rest: bytes until the next instruction
 * begins in the new file.
 */
void al_delta_sweep_begin(struct al_delta_sweep *s, bool from_new, uint32_t from, uint32_t to, uint32_t len,
                          unsigned rest);

/* Bytes of the unit of this length that was the last one. */
static inline uint8_t *al_delta_sweep_bytes(struct al_delta_sweep *s, unsigned len)
{
    return s->window + (s->from - len - s->window_at);
}

/* The next unit, predicted; there is one as long as s->left is not 0. */
AL_CHECK_RESULT int al_delta_sweep_next(struct al_delta_sweep *s, const struct al_delta_reader *reader,
                                        struct al_delta_unit *unit);

#ifdef __cplusplus
}
#endif

#endif
