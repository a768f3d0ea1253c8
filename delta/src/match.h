/*
 * match.h - how one file can be told by another: stretches that are nearly the same, and bytes in between.
 *
 * The method is Colin Percival's ("Naive differences of executable code", 2003): matches are found in a suffix
 * array, and one replaces the current alignment only where it explains at least 8 bytes more.
 */
#ifndef DELTA_MATCH_H
#define DELTA_MATCH_H

#include <stddef.h>
#include <stdint.h>

/* The next piece of the new file: `similar` bytes to be told by as many old ones, then `extra` bytes of its own. */
struct delta_block {
    size_t to, base; /* where the similar stretch begins in each file */
    size_t similar, extra;
};

/*
 * Tell `to` by `base`: blocks in order, which together cover `to`. `take` is called for each; not 0 ends it.
 * Memory: 4 bytes for each of base. Returns 0, -1 if memory ran out, or what `take` returned.
 */
int delta_match(const uint8_t *base, size_t base_len, const uint8_t *to, size_t to_len,
                int (*take)(void *ctx, const struct delta_block *block), void *ctx);

/* The same in parts. The files are borrowed until free; base_len is not 0. NULL if memory ran out. */
struct delta_matcher;
struct delta_matcher *delta_matcher_new(const uint8_t *base, size_t base_len, const uint8_t *to,
                                        size_t to_len);
void delta_matcher_free(struct delta_matcher *m); /* NULL is allowed */
int delta_matcher_tell(const struct delta_matcher *m, int (*take)(void *ctx, const struct delta_block *block),
                       void *ctx);

/* Longest match in base of what begins at `at` in the new file; *where is its place. */
size_t delta_longest(const struct delta_matcher *m, size_t at, size_t *where);

#endif
