#include "heatshrink.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW   256u
#define LONGEST  128u
#define LITERAL  9u  /* bits */
#define BACK_REF 16u /* bits, whatever the length */

struct bits {
    uint8_t *data;
    size_t len; /* whole bytes */
    uint32_t held;
    unsigned n_held;
};

static void put(struct bits *b, uint32_t value, unsigned n)
{
    b->held = b->held << n | value;
    b->n_held += n;
    while (b->n_held >= 8) {
        b->n_held -= 8;
        b->data[b->len++] = (uint8_t)(b->held >> b->n_held);
    }
}

/* Length of the longest match at `at` that begins in the window; *distance is its, less one. */
static unsigned longest_match(const uint8_t *in, size_t len, size_t at, const uint16_t *back,
                              uint8_t *distance)
{
    const size_t limit = len - at < LONGEST ? len - at : LONGEST;
    unsigned best = 0;

    /* back[i & 255]: how far behind i the previous occurrence of i's two bytes lies; 0: out of the window. */
    for (size_t d = back[at % WINDOW]; d != 0 && d <= WINDOW && best < limit;) {
        const uint8_t *there = in + at - d;
        unsigned n = 0;

        while (n < limit && there[n] == in[at + n]) {
            n++;
        }
        if (n > best) {
            best = n;
            *distance = (uint8_t)(d - 1);
        }
        const uint16_t further = d < WINDOW ? back[(at - d) % WINDOW] : 0;

        d = further != 0 ? d + further : 0;
    }
    return best;
}

/* Find the longest match at each position; length 0 or 1: none worth having. */
static int find_matches(const uint8_t *in, size_t len, uint8_t *length, uint8_t *distance)
{
    uint16_t back[WINDOW] = {0};
    size_t *last = calloc(65536, sizeof(*last)); /* position + 1 of the last occurrence of two bytes */

    if (last == NULL) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        length[i] = 0;
        if (i + 1 == len) {
            break;
        }
        size_t *seen = &last[in[i] << 8 | in[i + 1]];

        back[i % WINDOW] = *seen != 0 && i + 1 - *seen <= WINDOW ? (uint16_t)(i + 1 - *seen) : 0;
        *seen = i + 1;
        length[i] = (uint8_t)longest_match(in, len, i, back, &distance[i]);
    }
    free(last);
    return 0;
}

/*
 * Choose between literal and match from the end backwards. A match can be cut to any shorter length at the same
 * price, and what remains is never cheaper for being longer: so the longest match is the only one to compare.
 */
static void choose(size_t len, uint8_t *length, uint32_t *cost)
{
    cost[len] = 0;
    for (size_t i = len; i-- > 0;) {
        const uint32_t literal = LITERAL + cost[i + 1];

        cost[i] = literal;
        if (length[i] >= 2 && BACK_REF + cost[i + length[i]] < literal) {
            cost[i] = BACK_REF + cost[i + length[i]];
        } else {
            length[i] = 0;
        }
    }
}

int delta_heatshrink_encode(const uint8_t *in, size_t len, uint8_t **out, size_t *out_len)
{
    uint8_t *length = malloc(len), *distance = malloc(len);
    uint32_t *cost = malloc((len + 1) * sizeof(*cost));
    struct bits bits = {0};
    int result = -1;

    if (length != NULL && distance != NULL && cost != NULL && find_matches(in, len, length, distance) == 0) {
        choose(len, length, cost);
        bits.data = malloc((size_t)cost[0] / 8 + 1);
    }
    if (bits.data != NULL) {
        for (size_t i = 0; i < len; i += length[i] != 0 ? length[i] : 1) {
            if (length[i] != 0) {
                put(&bits, (uint32_t)distance[i] << 7 | (uint32_t)(length[i] - 1), BACK_REF);
            } else {
                put(&bits, 0x100u | in[i], LITERAL);
            }
        }
        if (bits.n_held > 0) {
            put(&bits, 0, 8 - bits.n_held);
        }
        *out = bits.data;
        *out_len = bits.len;
        result = 0;
    }
    free(length);
    free(distance);
    free(cost);
    return result;
}
