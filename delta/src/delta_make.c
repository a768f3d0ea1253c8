/*
 * delta_make.c - the encoder: align the files, learn how addresses moved, send what that does not explain.
 */
#include "delta/delta.h"

#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/crypto.h"
#include "field.h"
#include "make.h"

static int read_file(void *ctx, bool new, uint32_t off, void *buf, uint32_t len)
{
    const struct make *m = ctx;

    memcpy(buf, (new ? m->new : m->old) + off, len);
    return 0;
}

/* --- Aligning -------------------------------------------------------------- */

static int add_block(struct make *m, size_t to, size_t base, size_t similar, size_t extra)
{
    if (m->n_blocks == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 1024;
        struct delta_block *block = realloc(m->block, cap * sizeof(*block));

        if (block == NULL) {
            return -1;
        }
        m->block = block;
        m->cap = cap;
    }
    m->block[m->n_blocks++] = (struct delta_block){to, base, similar, extra};
    return 0;
}

/* In pieces that the decoder takes. */
static int take_block(void *ctx, const struct delta_block *block)
{
    size_t to = block->to, base = block->base, similar = block->similar, extra = block->extra;

    while (similar > AL_DELTA_BLOCK || extra > AL_DELTA_BLOCK) {
        const size_t s = similar < AL_DELTA_BLOCK ? similar : AL_DELTA_BLOCK;
        const size_t e = s < similar ? 0 : extra < AL_DELTA_BLOCK ? extra : AL_DELTA_BLOCK;

        if (add_block(ctx, to, base, s, e) != 0) {
            return -1;
        }
        to += s + e;
        base += s;
        similar -= s;
        extra -= e;
    }
    return similar + extra > 0 ? add_block(ctx, to, base, similar, extra) : 0;
}

/* --- Addresses ------------------------------------------------------------- */

static int see_field(struct make *m, const struct al_delta_unit *u, uint32_t new_off,
                     struct al_delta_registers *registers)
{
    uint8_t bytes[8] = {0};
    uint32_t target;

    memcpy(bytes, m->new + new_off, m->new_len - new_off < 8 ? m->new_len - new_off : 8);
    if (!field_read(bytes, &u->ref, u->addr, registers, &target)) {
        return 0;
    }
    const int64_t shift = (int64_t)target - u->ref.target;

    if (shift > 0x3FFFF || shift < -0x3FFFF || u->ref.target < AL_DELTA_ADDRESS_BASE ||
        (u->ref.target - AL_DELTA_ADDRESS_BASE) >> 2 > AL_DELTA_ADDRESS_MAX) {
        return 0; /* not the same thing any more, or nothing that a table holds */
    }
    if (m->n_samples == m->sample_cap) {
        size_t cap = m->sample_cap ? 2 * m->sample_cap : 65536;
        struct address_sample *sample = realloc(m->sample, cap * sizeof(*sample));

        if (sample == NULL) {
            return -1;
        }
        m->sample = sample;
        m->sample_cap = cap;
    }
    m->sample[m->n_samples++] = (struct address_sample){u->ref.target, (int32_t)shift};
    return 0;
}

static int learn_addresses(struct make *m)
{
    struct al_delta_context context;
    struct al_delta_registers registers;
    struct al_delta_unit unit;
    size_t at = 0;

    memset(&context, 0, sizeof(context));
    for (size_t i = 0; i < m->n_blocks && m->sweep.old.n != 0; i++) {
        const struct delta_block *b = &m->block[i];

        for (; at < b->to; at++) {
            al_delta_context_add(&context, &m->sweep, m->new[at]);
        }
        al_delta_context_place(&context, &m->sweep);
        al_delta_sweep_begin(&m->sweep, false, (uint32_t)b->base, (uint32_t)b->to, (uint32_t)b->similar,
                             context.left);
        memset(&registers, 0, sizeof(registers));
        while (m->sweep.left != 0) {
            const uint32_t to = m->sweep.to;

            if (al_delta_sweep_next(&m->sweep, &m->reader, &unit) != 0 ||
                (unit.ref.kind != AL_REF_NONE && see_field(m, &unit, to, &registers) != 0)) {
                return -1;
            }
        }
    }
    const unsigned max = m->options->n_map ? m->options->n_map : DELTA_MAP;
    const int n = address_map_fit(m->sample, m->n_samples, max, m->map);

    m->sweep.map = m->map;
    m->sweep.n_map = n < 0 ? 0 : (uint16_t)n;
    return n < 0 ? -1 : 0;
}

/* --- Sending --------------------------------------------------------------- */

static void send_segments(struct make *m)
{
    const struct al_delta_file *new = &m->sweep.new;

    code_num(&m->coder, AL_NUM_EXTRA, 4u * new->n + m->sweep.isa);
    for (unsigned i = 0; i < new->n; i++) {
        const struct al_delta_segment *before = al_delta_segment_before(&m->sweep.old, i);

        code_signed(&m->coder, AL_NUM_ADDRESS, (int32_t)(new->segment[i].addr - before->addr));
        code_signed(&m->coder, AL_NUM_SHIFT, (int32_t)(new->segment[i].len - before->len));
    }
}

static void send_table(struct make *m)
{
    uint32_t address = 0;
    int32_t shift = 0;

    for (unsigned i = 0; i < m->sweep.n_map; i++) {
        const struct al_delta_entry *e = &m->sweep.map[i];

        code_num(&m->coder, AL_NUM_ADDRESS, al_delta_entry_address(e) - address);
        code_signed(&m->coder, AL_NUM_SHIFT, al_delta_entry_shift(e) - shift);
        address = al_delta_entry_address(e);
        shift = al_delta_entry_shift(e);
    }
}

/* What was predicted otherwise. */
static void send_corrections(struct make *m, const struct al_delta_unit *u, const uint8_t *to)
{
    struct delta_coder *c = &m->coder;
    bool fixed = false;

    for (unsigned i = 0; i < u->len; i++) {
        const uint8_t correction = (uint8_t)(to[i] - u->bytes[i]);

        if (fixed || i + 1u < u->len) {
            code_flag(c, al_delta_byte_flag(&c->model, &c->context, u, i, fixed), correction != 0);
        }
        if (correction != 0) {
            code_byte(c, al_delta_correction(&c->model, u), correction);
            c->context.correction = correction;
            fixed = true;
        }
        al_delta_context_add(&c->context, &m->sweep, to[i]);
    }
}

static int send_similar(struct make *m, const struct delta_block *b)
{
    struct delta_coder *c = &m->coder;
    struct al_delta_unit unit;

    al_delta_sweep_begin(&m->sweep, false, (uint32_t)b->base, (uint32_t)b->to, (uint32_t)b->similar,
                         c->context.left);
    while (m->sweep.left != 0) {
        const uint8_t *to = m->new + m->sweep.to;

        if (al_delta_sweep_next(&m->sweep, &m->reader, &unit) != 0) {
            return -1;
        }
        const bool wrong = memcmp(to, unit.bytes, unit.len) != 0;

        code_flag(c, al_delta_unit_flag(&c->model, &c->context, &unit), wrong);
        if (wrong) {
            send_corrections(m, &unit, to);
        } else {
            for (unsigned i = 0; i < unit.len; i++) {
                al_delta_context_add(&c->context, &m->sweep, to[i]);
            }
        }
        al_delta_context_unit(&c->context, wrong);
    }
    return 0;
}

static int send_blocks(struct make *m)
{
    struct delta_coder *c = &m->coder;

    for (size_t i = 0; i < m->n_blocks; i++) {
        const struct delta_block *b = &m->block[i];

        code_num(c, AL_NUM_SIMILAR, (uint32_t)b->similar);
        code_num(c, AL_NUM_EXTRA, (uint32_t)b->extra);
        code_signed(c, AL_NUM_SKIP, (int32_t)((uint32_t)b->base - m->next));
        m->old_pos = (uint32_t)(b->base + b->similar);
        al_delta_context_place(&c->context, &m->sweep);
        if (send_similar(m, b) != 0 || lz_send(m, b->to + b->similar, b->to + b->similar + b->extra) != 0) {
            return -1;
        }
        m->next = (uint32_t)(b->base + b->similar + b->extra); /* as if they replaced as many old bytes */
        const uint32_t out = c->context.pos;

        if (out - m->checked >= AL_DELTA_BLOCK || out == m->new_len) {
            uint32_t check = 0;

            for (; m->checked < out; m->checked++) {
                check = al_delta_check_add(check, m->new[m->checked]);
            }
            code_plain(c, check >> 16, 16);
        }
        if (m->options->progress) {
            m->options->progress(m->options->progress_ctx, out);
        }
    }
    return 0;
}

/* --- Putting it together --------------------------------------------------- */

static int align(struct make *m)
{
    if (m->old_len == 0) {
        const struct delta_block all = {0, 0, 0, m->new_len};

        return take_block(m, &all);
    }
    m->matcher = delta_matcher_new(m->old, m->old_len, m->new, m->new_len);
    return m->matcher != NULL ? delta_matcher_tell(m->matcher, take_block, m) : -1;
}

static int prepare(struct make *m)
{
    uint8_t new_isa;

    if (al_delta_read_segments(&m->reader, false, (uint32_t)m->old_len, &m->sweep.old, &m->sweep.isa) != 0 ||
        al_delta_read_segments(&m->reader, true, (uint32_t)m->new_len, &m->sweep.new, &new_isa) != 0) {
        return -1;
    }
    al_delta_set_isa(&m->sweep, new_isa);
    for (unsigned i = 0; i < m->sweep.new.n; i++) {
        if (m->sweep.new.segment[i].addr - al_delta_segment_before(&m->sweep.old, i)->addr + 0x20000000u >=
            0x40000000u) {
            m->sweep.new.n = 0; /* no number says so much, and no chip has it there */
            al_delta_set_isa(&m->sweep, AL_ISA_NONE);
        }
    }
    if (align(m) != 0 || learn_addresses(m) != 0) {
        return -1;
    }
    const unsigned pool = m->options->pool ? m->options->pool : AL_DELTA_LARGE_POOL;
    const unsigned units = (pool - 3u * m->sweep.n_map) / AL_DELTA_HASHED_UNIT;

    coder_begin(&m->coder, m->slots, (units < 255 ? units : 255) * AL_DELTA_HASHED_UNIT);
    m->coder.context.small = AL_DELTA_POOL_USED(m->sweep.n_map, m->coder.hashed.n) <= AL_DELTA_SMALL_POOL;
    m->lz = lz_new(m);
    return m->lz != NULL ? 0 : -1;
}

static int finish(struct make *m, uint8_t **out, size_t *out_len)
{
    const size_t len = AL_DELTA_HEADER_SIZE + m->coder.len;
    uint8_t *patch = malloc(len);

    if (patch == NULL || m->coder.failed) {
        free(patch);
        return AL_ERR_STATE;
    }
    al_put_le32(patch, AL_DELTA_MAGIC);
    patch[4] = 1;
    patch[5] = (uint8_t)(m->coder.hashed.n / AL_DELTA_HASHED_UNIT);
    al_put_le16(patch + 6, m->sweep.n_map);
    al_put_le32(patch + 8, (uint32_t)m->old_len);
    al_put_le32(patch + 12, (uint32_t)m->new_len);
    al_put_le32(patch + 16, (uint32_t)len);
    if (al_sha256(m->old, m->old_len, patch + 20) != 0 || al_sha256(m->new, m->new_len, patch + 52) != 0) {
        free(patch);
        return AL_ERR_CRYPTO;
    }
    al_put_le32(patch + 84, al_crc32_zlib(0, patch, 84));
    memcpy(patch + AL_DELTA_HEADER_SIZE, m->coder.data, m->coder.len);
    *out = patch;
    *out_len = len;
    return 0;
}

int delta_make(const uint8_t *old, size_t old_len, const uint8_t *new, size_t new_len,
               const struct delta_options *options, uint8_t **out, size_t *out_len)
{
    struct make *m = calloc(1, sizeof(*m));
    int result = AL_ERR_STATE;

    if (old_len > AL_DELTA_MAX_LEN || new_len > AL_DELTA_MAX_LEN) {
        free(m);
        return AL_ERR_SIZE;
    }
    if (m != NULL) {
        m->old = old;
        m->new = new;
        m->old_len = old_len;
        m->new_len = new_len;
        m->options = options;
        m->reader = (struct al_delta_reader){read_file, m};
        if (prepare(m) == 0) {
            send_segments(m);
            send_table(m);
            if (send_blocks(m) == 0) {
                coder_end(&m->coder);
                result = finish(m, out, out_len);
            }
        }
        delta_matcher_free(m->matcher);
        coder_free(&m->coder);
        free(m->block);
        free(m->sample);
        lz_free(m->lz);
    }
    free(m);
    return result;
}
