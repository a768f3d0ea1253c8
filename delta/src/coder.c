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

static void encode(struct delta_coder *c, uint32_t chance, unsigned bit)
{
    const uint32_t bound = (c->range >> 16) * chance;

    if (bit) {
        c->range = bound;
    } else {
        c->low += bound;
        c->range -= bound;
    }
    normalise(c);
}

void code_tree(struct delta_coder *c, al_slot *tree, unsigned bits, unsigned value)
{
    unsigned node = 1;

    for (unsigned i = bits; i-- > 0;) {
        const unsigned bit = value >> i & 1u;
        const int32_t chance = al_delta_chance(tree[node - 1]);

        encode(c, (uint32_t)chance, bit);
        al_delta_learn(&tree[node - 1], (int32_t)(bit << 16) - chance, c->range);
        node = 2 * node + bit;
    }
}

void code_plain(struct delta_coder *c, uint32_t value, unsigned n)
{
    c->range >>= n;
    c->low += (uint64_t)value * c->range;
    normalise(c);
}

void code_num(struct delta_coder *c, unsigned kind, uint32_t value)
{
    struct al_num_model *m = &c->model.num[kind];
    const uint32_t v = value + 1;
    const unsigned n = 31u - (unsigned)__builtin_clz(v), top = n < 2 ? n : 2;

    code_tree(c, m->len, 5, n);
    code_tree(c, m->top[n < AL_NUM_TOPS ? n : AL_NUM_TOPS - 1], top, v >> (n - top) & ((1u << top) - 1));
    if (n - top > 16) {
        code_plain(c, (v & ((1u << (n - top)) - 1)) >> 16, n - top - 16);
    }
    code_plain(c, n - top > 16 ? v & 0xFFFFu : v & ((1u << (n - top)) - 1), n - top > 16 ? 16 : n - top);
}

uint32_t code_zigzag(int32_t value)
{
    return (uint32_t)value << 1 ^ (value < 0 ? UINT32_MAX : 0);
}

void code_signed(struct delta_coder *c, unsigned kind, int32_t value)
{
    code_num(c, kind, code_zigzag(value));
}

void code_choice(struct delta_coder *c, const struct al_delta_choice *choice, unsigned bits, unsigned value)
{
    unsigned node = 1;

    for (unsigned i = bits; i-- > 0;) {
        al_slot *a = &choice->tree[node - 1], *b = al_delta_hashed_at(choice, 0, node),
                *h = al_delta_hashed_at(choice, 1, node);
        const unsigned bit = value >> i & 1u;
        const int32_t chance = al_delta_chance(*a + *b + *h);
        const int32_t error = (int32_t)(bit << 16) - chance, change = al_delta_change(error, choice->step);

        encode(c, (uint32_t)chance, bit);
        al_delta_learn(a, error, c->range);
        *b = al_slot_limit(*b + change);
        *h = al_slot_limit(*h + change);
        node = 2 * node + bit;
    }
}
