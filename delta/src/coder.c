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
    if (c->low < 0xFF000000u || c->low > 0xFFFFFFFFu) {
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

void coder_begin(struct delta_coder *c, unsigned hash_bits)
{
    memset(c, 0, sizeof(*c));
    al_delta_model_init(&c->model);
    c->hash_bits = hash_bits;
    c->range = 0xFFFFFFFFu;
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

static void encode(struct delta_coder *c, uint32_t chance, unsigned bits, unsigned bit)
{
    const uint32_t bound = (c->range >> bits) * chance;

    if (bit) {
        c->low += bound;
        c->range -= bound;
    } else {
        c->range = bound;
    }
    if (c->range < RANGE_MIN) {
        c->range <<= 8;
        shift(c);
    }
}

void code_bit(struct delta_coder *c, al_prob *p, unsigned bit)
{
    encode(c, *p >> 4, 12, bit);
    al_prob_update(p, bit, AL_PROB_LIMIT);
}

void code_plain(struct delta_coder *c, uint32_t value, unsigned n)
{
    while (n-- > 0) {
        encode(c, 1, 1, value >> n & 1u);
    }
}

void code_num(struct delta_coder *c, enum al_delta_num kind, uint32_t value)
{
    struct al_num_model *m = &c->model.num[kind];
    const uint32_t v = value + 1;
    const unsigned n = 31u - (unsigned)__builtin_clz(v);
    unsigned node = 1, plain = n;

    for (unsigned i = 5; i-- > 0;) {
        const unsigned bit = n >> i & 1u;

        code_bit(c, &m->len[node], bit);
        node = node << 1 | bit;
    }
    node = 1;
    while (plain > 0 && node < 4 && n < 24) {
        const unsigned bit = v >> (plain - 1) & 1u;

        code_bit(c, &m->top[n][node - 1], bit);
        node = node << 1 | bit;
        plain--;
    }
    code_plain(c, v & ((1u << plain) - 1), plain);
}

void code_signed(struct delta_coder *c, enum al_delta_num kind, int32_t value)
{
    code_num(c, kind, (uint32_t)(value < 0 ? -value : value));
    if (value != 0) {
        code_bit(c, &c->model.sign[kind], value < 0);
    }
}

void code_tree(struct delta_coder *c, al_prob tree[256], uint8_t byte)
{
    unsigned node = 1;

    for (unsigned i = 8; i-- > 0;) {
        const unsigned bit = (unsigned)byte >> i & 1u;

        code_bit(c, &tree[node], bit);
        node = node << 1 | bit;
    }
}

void code_literal(struct delta_coder *c, uint32_t position, uint8_t byte)
{
    al_prob *tree = c->model.literal[position & 3u];
    unsigned node = 1;

    for (unsigned i = 8; i-- > 0;) {
        al_prob *p = &tree[node], *q = &c->model.hashed[al_delta_hash(&c->context, node, c->hash_bits)];
        const unsigned bit = (unsigned)byte >> i & 1u;

        encode(c, (uint32_t)(*p >> 4) + (*q >> 4), 13, bit);
        al_prob_update(p, bit, AL_PROB_LIMIT);
        al_prob_update(q, bit, AL_PROB_QUICK);
        node = node << 1 | bit;
    }
}
