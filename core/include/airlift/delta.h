/*
 * delta.h - makes a new image out of the old one and a patch, as a stream.
 *
 * Format: docs/delta-format.md. A patch tells the new file by stretches that are nearly the same in the old
 * one, and by bytes of its own. Addresses that moved cost nothing: while a stretch is copied, the decoder
 * finds the fields that hold addresses (calls, literal loads, pointers ...), maps each through a table of the
 * patch, and re-encodes it for its new place; only what that guesses wrongly is sent. All is
 * coded by an adaptive binary range coder.
 *
 * No heap, no recursion; all state is one struct. It works on any bytes: where old or new is no app image,
 * or there is no old one at all, nothing is predicted.
 *
 *     al_delta_begin(&d, &io);
 *     while (more of the patch) al_delta_feed(&d, bytes, n);
 *     al_delta_end(&d);
 *
 * Threads: a decoder belongs to one thread at a time. Power cut: the decoder keeps nothing; decoding again
 * from the patch's first byte gives the same bytes, so a caller that has the patch skips what it has written.
 */
#ifndef AIRLIFT_DELTA_H
#define AIRLIFT_DELTA_H

#include "airlift/delta_model.h"
#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_DELTA_MAGIC       0x31444C41u /* "ALD1" */
#define AL_DELTA_HEADER_SIZE 88u         /* bytes */
#define AL_DELTA_MAX_LEN     0x1000000u  /* bytes of either file: 16 MiB */
#define AL_DELTA_BLOCK       65536u /* bytes of a stretch at most; so many later the output's CRC is compared */
#define AL_DELTA_PIECE       256u

/* What servers and devices call the format; the digit is the header's version. */
#define AL_DELTA_FORMAT "airlift-delta-1"

/* What a server tells and a device offers as the decoder's memory: struct al_delta takes no more on any chip. */
#define AL_DELTA_RAM_LARGE 20480u /* bytes */
#define AL_DELTA_RAM_SMALL 12288u

/* Most of it: address table and hashed slots share a pool, counted in units of 2 bytes. */
#define AL_DELTA_LARGE_POOL 3072u
#define AL_DELTA_SMALL_POOL 896u

/* A build for less memory takes patches that were made for it: fewer addresses, a smaller model. */
#ifdef AL_DELTA_SMALL
#define AL_DELTA_RAM  AL_DELTA_RAM_SMALL
#define AL_DELTA_POOL AL_DELTA_SMALL_POOL
#else
#define AL_DELTA_RAM  AL_DELTA_RAM_LARGE
#define AL_DELTA_POOL AL_DELTA_LARGE_POOL
#endif
#define AL_DELTA_HASHED_UNIT       64u /* in which the header counts hashed slots */
#define AL_DELTA_POOL_USED(map, n) (3u * (map) + (n))

/* What the first AL_DELTA_HEADER_SIZE bytes say. */
struct al_delta_header {
    uint32_t old_len, new_len, patch_len; /* bytes; patch_len counts the header */
    uint16_t n_map;                       /* entries of the address table */
    uint16_t n_hashed;                    /* slots of the model that are chosen by a hash */
    uint8_t old_sha256[32];               /* of the old file's old_len bytes */
    uint8_t new_sha256[32];
};

/* AL_ERR_FORMAT: not a patch, or its header is damaged. AL_ERR_SIZE: it needs more memory than this build has. */
AL_CHECK_RESULT int al_delta_parse_header(const uint8_t raw[AL_DELTA_HEADER_SIZE],
                                          struct al_delta_header *out);

/* The memory that a decoder needs for such a patch: AL_DELTA_RAM_SMALL or _LARGE. */
static inline uint32_t al_delta_ram(const struct al_delta_header *h)
{
    return AL_DELTA_POOL_USED(h->n_map, h->n_hashed) <= AL_DELTA_SMALL_POOL ? AL_DELTA_RAM_SMALL
                                                                            : AL_DELTA_RAM_LARGE;
}

/*
 * Where bytes come from and go to. Each function returns 0 or a negative AL_ERR_*, which is passed up.
 *
 * read_old  within old_len
 * read_new  bytes that write() has taken
 * write     in order, at most AL_DELTA_PIECE at a time
 * check     called once with the header, before anything else: compare old_sha256 with the old file's here, and
 *           refuse what does not fit
 *
 * A patch that is damaged by accident is refused by a CRC within 64 KiB or so; whether the result is what it
 * should be, only its SHA-256 tells: the caller compares it with new_sha256, or with what it trusts more.
 */
struct al_delta_io {
    void *ctx;
    int (*check)(void *ctx, const struct al_delta_header *header);
    int (*read_old)(void *ctx, uint32_t off, void *buf, uint32_t len);
    int (*read_new)(void *ctx, uint32_t off, void *buf, uint32_t len);
    int (*write)(void *ctx, const void *buf, uint32_t len);
};

#define AL_DELTA_INPUT 128u
#define AL_DELTA_STEP  64u /* bytes that one step of decoding can use up at most */

/* A patch being applied: caller's memory; nothing is held behind it. */
struct al_delta {
    struct al_delta_io io;
    struct al_delta_reader reader;
    uint32_t range, code; /* of the range coder */
    int error;            /* that every later call repeats */
    uint8_t state;
    uint8_t n_input, input_pos;
    uint8_t unit_at; /* byte of the unit that is to be corrected */
    bool unit_wrong, unit_fixed;
    bool from_new;    /* the last match */
    uint32_t rep[4];  /* distances of the last matches within the new file, less 1 */
    uint32_t taken;   /* bytes of the patch */
    uint32_t flushed; /* bytes of the new file that are written */
    uint32_t item;    /* segment or table entry being read */
    uint32_t old_pos; /* behind the last stretch, or match, in the old file */
    uint32_t next;    /* where the next stretch probably begins in it */
    uint32_t extra;   /* of the current block, still to come */
    uint32_t check;   /* of what was made since the last one was compared */
    uint32_t checked; /* bytes of the new file then */
    struct al_delta_context context;
    struct al_delta_unit unit;     /* of the stretch */
    struct al_delta_hashed hashed; /* in the pool */
    struct al_delta_header header;
    uint8_t input[AL_DELTA_INPUT];
    uint8_t piece[AL_DELTA_PIECE];
    struct al_delta_sweep sweep;
    struct al_delta_model model;
    union {
        struct al_delta_entry map[AL_DELTA_POOL / 3]; /* n_map of them, then */
        al_slot slot[AL_DELTA_POOL];
    } pool;
};

_Static_assert(sizeof(struct al_delta) <= AL_DELTA_RAM, "servers are told so");

void al_delta_begin(struct al_delta *d, const struct al_delta_io *io);

/* For al_delta_attach(): what the decoder reads files by. */
int al_delta_read(void *decoder, bool new, uint32_t off, void *buf, uint32_t len);

/*
 * Go on with a state that was copied, or stored and read back by the same build: all that points anywhere in it is
 * set anew. al_delta_detach() takes these addresses out before it is stored, which makes equal states equal bytes.
 */
static inline void al_delta_attach(struct al_delta *d, const struct al_delta_io *io)
{
    d->io = *io;
    d->reader = (struct al_delta_reader){al_delta_read, d};
    d->hashed.slot = d->pool.slot + 3u * d->header.n_map;
    d->sweep.map = d->pool.map;
    d->unit.bytes = al_delta_sweep_bytes(&d->sweep, d->unit.len);
}

static inline void al_delta_detach(struct al_delta *d)
{
    d->io = (struct al_delta_io){0};
    d->reader = (struct al_delta_reader){0};
    d->hashed.slot = NULL;
    d->sweep.map = NULL;
    d->unit.bytes = NULL;
}

/*
 * Take the next bytes of the patch, header included, in pieces of any size.
 *
 * Returns 0; AL_ERR_FORMAT if the patch is damaged, has additional bytes, or would read outside of the old file or
 * write more than it announces; AL_ERR_SIZE as for the header; or what io returned. After an error every call
 * returns it again.
 */
AL_CHECK_RESULT int al_delta_feed(struct al_delta *d, const void *data, size_t len);

/* All bytes are in: 0 if the new file is complete, AL_ERR_FORMAT if the patch ended early. */
AL_CHECK_RESULT int al_delta_end(const struct al_delta *d);

#ifdef __cplusplus
}
#endif

#endif
