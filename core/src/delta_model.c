#include "airlift/delta_model.h"

/* How fast a slot that counts learns, of 65536, by how often it was asked. */
static const uint16_t steps[8] = {9824, 6560, 4512, 3280, 2464, 2048, 1632, 1392};

void al_delta_bit_learn(al_slot *s, bool one)
{
    const int32_t asked = *s & 7, error = (one ? 32760 : -32768) - (*s & ~7);

    *s = (al_slot)(*s + ((error * 2 * steps[asked] + 0x40000) >> 16 & ~7) + (asked < 7));
}

/* --- Flags ------------------------------------------------------------------- */

static al_slot limit(int32_t value)
{
    return (al_slot)(value > 32767 ? 32767 : value < -32761 ? -32761 : value); /* whose lowest 3 bits are 7 */
}

void al_delta_flag_learn(al_slot *const slot[AL_DELTA_OPINIONS], uint32_t chance, bool one, uint32_t range)
{
    const int32_t error = (one ? 65536 : 0) - (int32_t)chance, asked = *slot[0] & 7;
    const int32_t counted = (error * steps[asked] + (int32_t)(range >> 5 & 0x7FFF8u)) >> 16;
    int32_t change = (counted & ~7) + (asked < 7);

    for (unsigned i = 0; i < AL_DELTA_OPINIONS; i++) {
        *slot[i] = limit(*slot[i] + change);
        change = (error * 1000 + 32768) >> 16;
    }
}

/* --- Matches --------------------------------------------------------------- */

void al_delta_repeat(uint32_t rep[4], unsigned i)
{
    const uint32_t chosen = rep[i];

    for (; i > 0; i--) {
        rep[i] = rep[i - 1];
    }
    rep[0] = chosen;
}
