/*
 * tear.c - half-done flash operations.
 *
 * Two ways each, chosen by the seed: the operation got so far and no farther,
 * or all cells were on their way and some had arrived.
 */
#include "tear.h"

#include <string.h>

/* splitmix64: good bits from consecutive seeds. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void dev_tear_program(uint8_t *at, const uint8_t *data, size_t len, uint64_t seed)
{
    uint64_t state = seed;
    if (next_random(&state) & 1) {
        size_t done = (size_t)(next_random(&state) % len);
        memcpy(at, data, done);
        /* The byte it stopped in: some of its zeros are there already. */
        at[done] &= (uint8_t)(data[done] | (uint8_t)next_random(&state));
        return;
    }
    for (size_t i = 0; i < len; i++) {
        at[i] &= (uint8_t)(data[i] | (uint8_t)next_random(&state));
    }
}

void dev_tear_erase(uint8_t *at, size_t len, uint64_t seed)
{
    uint64_t state = seed;
    if (next_random(&state) & 1) {
        size_t done = (size_t)(next_random(&state) % len);
        memset(at, 0xFF, done);
        at[done] |= (uint8_t)next_random(&state);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        at[i] |= (uint8_t)next_random(&state);
    }
}
