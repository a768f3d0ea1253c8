#include "coder.h"

#include <stdlib.h>
#include <string.h>

#define RANGE_MIN (1u << 24)

static void put(struct delta_coder *c, uint8_t byte)
{
    if (c->len == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 65536;
        uint8_t *data = realloc(c->data, cap);

        if (data == NULL) {
            c->failed = true;
            return;
        }
        c->data = data;
        c->cap = cap;
    }
    c->data[c->len++] = byte;
}

/* Move the upper byte of `low` out. A carry ripples through what is held back. */
static void shift(struct delta_coder *c)
{
    if (c->n_held == 0 || c->low < 0xFF000000u || c->low > 0xFFFFFFFFu) {
        const uint8_t carry = (uint8_t)(c->low >> 32);
        uint8_t byte = c->held;

        while (c->n_held > 0) {
            put(c, (uint8_t)(byte + carry));
            byte = 0xFF;
            c->n_held--;
        }
        c->held = (uint8_t)(c->low >> 24);
    }
    c->n_held++;
    c->low = (c->low & 0x00FFFFFFu) << 8;
}

void coder_begin(struct delta_coder *c, al_slot *slots, uint32_t n_hashed)
{
    memset(c, 0, sizeof(*c));
    al_delta_model_begin(&c->model);
    c->range = 0xFFFFFFFFu;
    c->hashed = (struct al_delta_hashed){slots, n_hashed};
}

/* Four bytes more than what tells the last bit apart: the decoder has read them by then. */
void coder_end(struct delta_coder *c)
{
    for (int i = 0; i < 5; i++) {
        shift(c);
    }
}

void coder_free(struct delta_coder *c)
{
    free(c->data);
    c->data = NULL;
}

static void normalise(struct delta_coder *c)
{
    while (c->range < RANGE_MIN) {
        c->range <<= 8;
        shift(c);
    }
}

static void code(struct delta_coder *c, uint32_t chance, bool one)
{
    const uint32_t bound = (c->range >> 16) * chance;

    if (one) {
        c->range = bound;
    } else {
        c->low += bound;
        c->range -= bound;
    }
    normalise(c);
}

void code_bit(struct delta_coder *c, al_slot *slot, bool one)
{
    code(c, al_delta_bit_chance(*slot), one);
    al_delta_bit_learn(slot, one);
}

void code_flag(struct delta_coder *c, struct al_delta_flag flag, bool one)
{
    al_slot *slot[AL_DELTA_OPINIONS];

    al_delta_flag_slots(&flag, &c->hashed, slot);
    const uint32_t chance = al_delta_flag_chance(slot);

    code(c, chance, one);
    al_delta_flag_learn(slot, chance, one, c->range);
}

void code_nibble(struct delta_coder *c, struct al_nibble *m, unsigned n)
{
    const uint32_t part = c->range >> 15, below = al_nibble_below(m, n);

    c->low += (uint64_t)part * below;
    c->range = part * (al_nibble_below(m, n + 1) - below);
    normalise(c);
    al_nibble_learn(m, n);
}

void code_byte(struct delta_coder *c, struct al_delta_byte m, uint8_t byte)
{
    code_nibble(c, m.upper, byte >> 4);
    code_nibble(c, &m.lower[byte >> 4], byte & 15u);
}

void code_plain(struct delta_coder *c, uint32_t value, unsigned n)
{
    c->range >>= n;
    c->low += (uint64_t)value * c->range;
    normalise(c);
}

void code_num(struct delta_coder *c, unsigned kind, uint32_t value)
{
    struct al_num_model *m = &c->model.nibbles.num[kind];
    const uint32_t v = value + 1;
    const unsigned n = 31u - (unsigned)__builtin_clz(v), top = al_num_top_bits(n), plain = n - top;

    code_nibble(c, &m->len[0], n < 15 ? n : 15);
    if (n >= 15) {
        code_nibble(c, &m->len[1], n - 15);
    }
    if (n == 0) {
        return;
    }
    code_nibble(c, &m->top[al_num_top(n)], v >> plain & ((1u << top) - 1));
    if (plain > 16) {
        code_plain(c, v >> 16 & ((1u << (plain - 16)) - 1), plain - 16);
    }
    code_plain(c, v & ((1u << (plain < 16 ? plain : 16)) - 1), plain < 16 ? plain : 16);
}

uint32_t code_zigzag(int32_t value)
{
    return (uint32_t)value << 1 ^ (value < 0 ? UINT32_MAX : 0);
}

void code_signed(struct delta_coder *c, unsigned kind, int32_t value)
{
    code_num(c, kind, code_zigzag(value));
}
