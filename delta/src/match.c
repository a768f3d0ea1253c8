#include "match.h"

#include <divsufsort.h>
#include <stdlib.h>
#include <string.h>

#define WORTH 8u

struct delta_matcher {
    const uint8_t *base, *to;
    size_t base_len, to_len;
    saidx_t *order; /* suffixes of base, sorted */
};

static size_t common(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    const size_t limit = a_len < b_len ? a_len : b_len;
    size_t n = 0;

    while (n < limit && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* Longest match of what begins at `at` in the new file; *where is its place in the base. */
size_t delta_longest(const struct delta_matcher *m, size_t at, size_t *where)
{
    const uint8_t *key = m->to + at;
    const size_t key_len = m->to_len - at;
    size_t low = 0, high = m->base_len - 1; /* the key sorts between these two, or outside */
    size_t low_len = 0, high_len = 0;       /* known common length with each */
    size_t best = 0;

    *where = 0;
    for (;;) {
        const size_t middle = low + (high - low) / 2;
        const size_t suffix = (size_t)m->order[middle];
        const size_t known = low_len < high_len ? low_len : high_len;
        const size_t skip = known < m->base_len - suffix ? known : m->base_len - suffix;
        const size_t n =
            skip + common(m->base + suffix + skip, m->base_len - suffix - skip, key + skip, key_len - skip);

        if (n > best) {
            best = n;
            *where = suffix;
        }
        if (low == high || n == key_len) {
            return best;
        }
        /* A suffix that ends within the key sorts before it. */
        if (suffix + n == m->base_len || m->base[suffix + n] < key[n]) {
            if (middle == low) {
                low = high;
                low_len = high_len;
            } else {
                low = middle;
                low_len = n;
            }
        } else {
            high = middle;
            high_len = n;
        }
    }
}

/* How far forward from (to, base) more bytes are equal than not, with the gap growing: at most `limit`. */
static size_t reach_forward(const struct delta_matcher *m, size_t to, size_t base, size_t limit)
{
    size_t equal = 0, best_equal = 0, best = 0;

    for (size_t i = 0; i < limit && base + i < m->base_len; i++) {
        equal += m->base[base + i] == m->to[to + i];
        if (2 * equal + best > 2 * best_equal + i + 1) {
            best_equal = equal;
            best = i + 1;
        }
    }
    return best;
}

/* The same backward from the bytes before (to, base). */
static size_t reach_backward(const struct delta_matcher *m, size_t to, size_t base, size_t limit)
{
    size_t equal = 0, best_equal = 0, best = 0;

    for (size_t i = 1; i <= limit && i <= base; i++) {
        equal += m->base[base - i] == m->to[to - i];
        if (2 * equal + best > 2 * best_equal + i) {
            best_equal = equal;
            best = i;
        }
    }
    return best;
}

/* Two stretches claim the same `overlap` bytes: how many of them the left one explains better. */
static size_t split(const struct delta_matcher *m, size_t to, size_t left_base, size_t right_base,
                    size_t overlap)
{
    long score = 0, best_score = 0;
    size_t best = 0;

    for (size_t i = 0; i < overlap; i++) {
        score += m->to[to + i] == m->base[left_base + i];
        score -= m->to[to + i] == m->base[right_base + i];
        if (score > best_score) {
            best_score = score;
            best = i + 1;
        }
    }
    return best;
}

/* Bytes of [from, from + len) that the alignment `shift` (base - to) explains. */
static size_t explained(const struct delta_matcher *m, size_t from, size_t len, long shift)
{
    size_t n = 0;

    for (size_t i = from; i < from + len; i++) {
        const long base = (long)i + shift;

        n += base >= 0 && (size_t)base < m->base_len && m->base[base] == m->to[i];
    }
    return n;
}

/*
 * Go on from `at` to where another alignment than `shift` is worth having. Returns the position, m->to_len if there
 * is none; *where and *len describe the match there.
 */
static size_t next_alignment(const struct delta_matcher *m, size_t at, long shift, size_t *where, size_t *len)
{
    size_t counted = at, old_score = 0; /* bytes of [at, counted) that the present alignment explains */

    for (*len = 0; at < m->to_len; at++) {
        *len = delta_longest(m, at, where);
        if (counted < at + *len) {
            old_score += explained(m, counted, at + *len - counted, shift);
            counted = at + *len;
        }
        if (*len == old_score && *len != 0) {
            at += *len - 1; /* the present alignment does as well: leave all of it behind */
            old_score = 0;
            counted = at + 1;
            continue;
        }
        if (*len > old_score + WORTH) {
            return at;
        }
        if (counted > at) {
            old_score -= explained(m, at, 1, shift); /* leaves what is counted */
        } else {
            counted = at + 1;
        }
    }
    *len = 0;
    return m->to_len;
}

int delta_matcher_tell(const struct delta_matcher *m, int (*take)(void *ctx, const struct delta_block *block),
                       void *ctx)
{
    size_t to = 0, base = 0; /* where the current stretch begins */
    size_t at = 0, match_len = 0;

    while (to < m->to_len) {
        size_t where = 0;
        const long shift = (long)base - (long)to;

        at = next_alignment(m, at + match_len, shift, &where, &match_len);

        size_t forward = reach_forward(m, to, base, at - to);
        size_t backward = at < m->to_len ? reach_backward(m, at, where, at - to) : 0;

        if (to + forward > at - backward) {
            const size_t overlap = to + forward - (at - backward);
            const size_t kept =
                split(m, to + forward - overlap, base + forward - overlap, where - backward, overlap);

            forward -= overlap - kept;
            backward -= kept;
        }
        const struct delta_block block = {to, base, forward, at - backward - (to + forward)};
        const int result = block.similar + block.extra != 0 ? take(ctx, &block) : 0;

        if (result != 0) {
            return result;
        }
        to = at - backward;
        base = where - backward;
    }
    return 0;
}

struct delta_matcher *delta_matcher_new(const uint8_t *base, size_t base_len, const uint8_t *to,
                                        size_t to_len)
{
    struct delta_matcher *m = malloc(sizeof(*m));

    if (m != NULL) {
        *m = (struct delta_matcher){base, to, base_len, to_len, malloc((base_len + 1) * sizeof(saidx_t))};
        if (m->order == NULL || divsufsort(base, m->order, (saidx_t)base_len) != 0) {
            delta_matcher_free(m);
            m = NULL;
        }
    }
    return m;
}

void delta_matcher_free(struct delta_matcher *m)
{
    if (m != NULL) {
        free(m->order);
        free(m);
    }
}

int delta_match(const uint8_t *base, size_t base_len, const uint8_t *to, size_t to_len,
                int (*take)(void *ctx, const struct delta_block *block), void *ctx)
{
    struct delta_matcher *m = delta_matcher_new(base, base_len, to, to_len);
    const int result = m != NULL ? delta_matcher_tell(m, take, ctx) : -1;

    delta_matcher_free(m);
    return result;
}
