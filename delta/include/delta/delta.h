/*
 * delta.h - makes the patches that airlift/delta.h applies.
 */
#ifndef DELTA_DELTA_H
#define DELTA_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "airlift/delta.h"

struct delta_options {
    unsigned n_map; /* entries of the address table at most; 0: DELTA_MAP; DELTA_SMALL_MAP */
    unsigned pool;  /* of the decoder; 0: AL_DELTA_LARGE_POOL; AL_DELTA_SMALL_POOL */
    void (*progress)(void *ctx, uint64_t done); /* bytes of the new file; or NULL */
    void *progress_ctx;
};

/* The address table pays up to this many entries; for devices whose decoder has 12 KiB: this many. */
#define DELTA_MAP       800u
#define DELTA_SMALL_MAP 160u

/*
 * Make a patch from `old` (0 bytes: compress `new` by itself) to `new`; any bytes, AL_DELTA_MAX_LEN each.
 * Deterministic.
 *
 * out  the patch, owned by the caller, free(); written on success only
 *
 * Memory: about 5 times old_len plus 10 times new_len. Returns 0, AL_ERR_SIZE, AL_ERR_CRYPTO, or AL_ERR_STATE
 * if memory ran out.
 */
AL_CHECK_RESULT int delta_make(const uint8_t *old, size_t old_len, const uint8_t *new, size_t new_len,
                               const struct delta_options *options, uint8_t **out, size_t *out_len);

#endif
