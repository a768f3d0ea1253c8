#include "airlift/delta_model.h"

#include "airlift/bytes.h"

/* --- Bits ------------------------------------------------------------------ */

/* 65536 / (1 + e^(-i / 2)), i from -24 on */
const uint16_t al_delta_chances[50] = {
    4,     4,     4,     4,     4,     5,     8,     13,    22,    36,    60,    98,    162,
    267,   439,   720,   1179,  1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
    47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476,
    65500, 65514, 65523, 65528, 65531, 65532, 65532, 65532, 65532, 65532, 65532,
};

/* What a bit changes, in units of 1/4096, by how often the slot was asked. */
const uint16_t al_delta_steps[8] = {4912, 3280, 2256, 1640, 1232, 1024, 816, 696};

/* --- Contexts -------------------------------------------------------------- */

void al_delta_context_place(struct al_delta_context *c, const struct al_delta_sweep *s)
{
    if (c->pos < c->boundary) {
        return;
    }
    const struct al_delta_segment *segment = al_delta_segment_at(&s->new, c->pos);

    c->boundary = segment != NULL ? segment->off + segment->len : c->pos + 1;
    c->isa = segment != NULL && al_delta_is_code(segment) ? s->isa : AL_ISA_NONE;
    c->at = 0;
    c->left = 0;
}

void al_delta_context_add(struct al_delta_context *c, const struct al_delta_sweep *s, uint8_t byte)
{
    al_delta_context_place(c, s);
    if (c->isa != AL_ISA_NONE) {
        if (c->left == 0) {
            c->op_before = c->op;
            c->op = byte;
            c->left = (uint8_t)al_delta_instruction_len(c->isa, byte);
            c->at = 0;
        }
        c->at++;
        c->left--;
        if (c->left == 0) {
            c->at = 0;
        }
    }
    c->before = c->before << 8 | byte;
    c->pos++;
}

unsigned al_delta_class(const struct al_delta_context *c)
{
    if (c->isa == AL_ISA_NONE) {
        return c->pos & 3u;
    }
    return 4u + c->at + (c->at != 0 && c->isa == AL_ISA_RISCV && (c->op & 3u) == 3 ? 1u : 0u);
}

static uint32_t mix(uint32_t h)
{
    h *= 0x9E3779B1u;
    return h ^ h >> 16;
}

struct al_delta_choice al_delta_literal(struct al_delta_model *m, struct al_delta_hashed hashed,
                                        const struct al_delta_context *c, int expected)
{
    const uint32_t two = c->before & 0xFFFFu, op = c->op;
    uint32_t a = op, b = two;

    if (c->isa == AL_ISA_NONE) {
        a = two & 0xFFu;
    } else if (c->isa == AL_ISA_XTENSA) {
        b = op;
        if (c->at == 1) {
            b = op & 15u;
        } else if (c->at == 2) {
            a = (op & 15u) | (two & 0xF0u);
        }
    } else if (c->at >= 2) {
        a = (op & 127u) | ((c->at == 2 ? two : two >> 8) & 0x70u) << 8;
        b = a | (two & (c->at == 2 ? 0xFFu : 15u)) << 16;
    } else if (c->at == 1) {
        b = (op & 0xE3u) | (uint32_t)c->op_before << 8;
    }
    if (expected >= 0) {
        b = (uint32_t)expected | 0x80000u;
    }
    const uint32_t class = al_delta_class(c);

    return (struct al_delta_choice){m->literal[class],
                                    hashed,
                                    {mix(a | class << 20), mix((b | class << 20) + 0x1000000u)},
                                    AL_STEP_HASHED};
}

void al_delta_repeat(uint32_t rep[4], unsigned i)
{
    const uint32_t chosen = rep[i];

    for (; i > 0; i--) {
        rep[i] = rep[i - 1];
    }
    rep[0] = chosen;
}

struct al_delta_choice al_delta_unit_flag(struct al_delta_model *m, struct al_delta_hashed hashed,
                                          const struct al_delta_context *c, const struct al_delta_unit *u)
{
    unsigned since = 0;

    while (c->since >> since != 0) {
        since++;
    }
    return (struct al_delta_choice){&m->unit[u->group][since],
                                    hashed,
                                    {mix((uint32_t)u->group << 4 | c->wrong), mix(u->hash)},
                                    AL_STEP_FLAG};
}

struct al_delta_choice al_delta_byte_flag(struct al_delta_model *m, struct al_delta_hashed hashed,
                                          const struct al_delta_context *c, const struct al_delta_unit *u,
                                          unsigned i, bool fixed)
{
    return (struct al_delta_choice){
        &m->byte[u->group][i * 2 + (fixed ? 1u : 0u)],
        hashed,
        {mix((uint32_t)u->group << 20 | i << 16 | c->correction | 0x1000000u), mix(u->hash + 1 + i)},
        AL_STEP_FLAG};
}

void al_delta_correction(struct al_delta_choice *choice, struct al_delta_model *m,
                         const struct al_delta_unit *u)
{
    choice->tree = m->correction[u->ref.kind != AL_REF_NONE ? 1 : 0];
    choice->step = AL_STEP_HASHED;
}

void al_delta_context_unit(struct al_delta_context *c, const struct al_delta_unit *u, bool wrong)
{
    c->since = (uint8_t)(wrong ? 0 : c->since < 255 ? c->since + 1 : 255);
    c->wrong = (uint8_t)(((unsigned)c->wrong << 1 | (wrong ? 1u : 0u)) & 15u);
    c->unit_before = u->hash;
}
