/*
 * delta_make.c - the encoder: align the files, learn how addresses moved, send what that does not explain.
 */
#include "delta/delta.h"

#include <stdlib.h>
#include <string.h>

#include "address_map.h"
#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/crypto.h"
#include "coder.h"
#include "match.h"

#define LITERAL_BITS 6 /* about so many does a byte cost that no match covers */
#define CHAIN_BITS   18u
#define CHAIN_MAX    256u /* places that are tried for a match in the new file */

struct make {
    const uint8_t *old, *new;
    size_t old_len, new_len;
    const struct delta_options *options;
    struct al_delta_sweep sweep;
    struct delta_block *block; /* owned */
    size_t n_blocks, cap;
    struct address_sample *sample; /* owned */
    size_t n_samples, sample_cap;
    struct al_delta_registers registers; /* of the new image, while it is looked at */
    struct delta_matcher *matcher;       /* owned; NULL without an old file */
    uint32_t *chain, *chain_head;        /* owned: earlier places with the same 4 bytes, plus 1 */
    size_t chained;
    struct delta_coder coder;
    uint32_t out, old_pos, next, checked;
};

static int read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct make *m = ctx;

    memcpy(buf, m->old + off, len);
    return 0;
}

static int read_new(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct make *m = ctx;

    memcpy(buf, m->new + off, len);
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

static void see_field(void *ctx, const struct al_delta_ref *ref, uint32_t new_off, uint32_t new_addr)
{
    struct make *m = ctx;
    uint8_t bytes[8] = {0};
    uint32_t target;

    memcpy(bytes, m->new + new_off, m->new_len - new_off < 8 ? m->new_len - new_off : 8);
    if (!al_delta_ref_read(bytes, ref, new_addr, &m->registers, &target)) {
        return;
    }
    const int64_t shift = (int64_t)target - ref->target;

    if (shift > 0x3FFFF || shift < -0x3FFFF || ref->target < AL_DELTA_ADDRESS_BASE ||
        (ref->target - AL_DELTA_ADDRESS_BASE) >> 2 > AL_DELTA_ADDRESS_MAX) {
        return; /* not the same thing any more, or nothing that a table holds */
    }
    if (m->n_samples == m->sample_cap) {
        size_t cap = m->sample_cap ? 2 * m->sample_cap : 65536;
        struct address_sample *sample = realloc(m->sample, cap * sizeof(*sample));

        if (sample == NULL) {
            m->coder.failed = true;
            return;
        }
        m->sample = sample;
        m->sample_cap = cap;
    }
    m->sample[m->n_samples++] = (struct address_sample){ref->target, (int32_t)shift};
}

static int learn_addresses(struct make *m)
{
    const unsigned max = m->options->n_map ? m->options->n_map : AL_DELTA_MAP_MAX;

    for (size_t i = 0; i < m->n_blocks && m->sweep.isa != AL_ISA_NONE; i++) {
        const struct delta_block *b = &m->block[i];

        al_delta_sweep_begin(&m->sweep, (uint32_t)b->base, (uint32_t)b->to, (uint32_t)b->similar);
        memset(&m->registers, 0, sizeof(m->registers));
        while (m->sweep.at + m->sweep.n < m->sweep.len) {
            if (al_delta_sweep_next(&m->sweep, read_old, m, see_field, m) != 0) {
                return -1;
            }
        }
    }
    const int n = m->coder.failed ? -1 : address_map_fit(m->sample, m->n_samples, max, m->sweep.map);

    m->sweep.n_map = n < 0 ? 0 : (uint16_t)n;
    return n < 0 ? -1 : 0;
}

/* --- Sending --------------------------------------------------------------- */

static void send_segments(struct make *m)
{
    const struct al_delta_file *old = &m->sweep.old, *new = &m->sweep.new;

    code_num(&m->coder, AL_NUM_EXTRA, new->n);
    for (unsigned i = 0; i < new->n; i++) {
        const struct al_delta_segment *was = i < old->n ? &old->segment[i] : NULL;

        code_signed(&m->coder, AL_NUM_ADDRESS, (int32_t)(new->segment[i].addr - (was ? was->addr : 0)));
        code_signed(&m->coder, AL_NUM_SHIFT, (int32_t)(new->segment[i].len - (was ? was->len : 0)));
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

static int send_similar(struct make *m, const struct delta_block *b)
{
    struct delta_coder *c = &m->coder;
    const uint8_t *to = m->new + b->to;
    uint32_t run = 0;
    size_t at = 0;

    al_delta_sweep_begin(&m->sweep, (uint32_t)b->base, (uint32_t)b->to, (uint32_t)b->similar);
    while (at < b->similar) {
        if (al_delta_sweep_next(&m->sweep, read_old, m, NULL, NULL) != 0) {
            return -1;
        }
        for (uint32_t i = 0; i < m->sweep.n; i++, at++) {
            const uint8_t correction = (uint8_t)(to[at] - m->sweep.window[1 + i]);

            if (correction == 0) {
                run++;
                continue;
            }
            code_num(c, (enum al_delta_num)(AL_NUM_RUN + al_delta_run_kind(&c->context)), run);
            c->context.run = run;
            code_tree(c, c->model.correction[al_delta_correction_set(&c->context, run)], correction);
            c->context.correction = correction;
            run = 0;
        }
    }
    if (run > 0) {
        code_num(c, (enum al_delta_num)(AL_NUM_RUN + al_delta_run_kind(&c->context)), run);
        c->context.run = run;
    }
    if (b->similar > 0) {
        c->context.before = to[b->similar - 1];
    }
    return 0;
}

/* --- Extra bytes ----------------------------------------------------------- */

struct found {
    size_t len, off;
    int gain; /* bits that it saves, roughly; below 1: none */
};

static int log2_of(uint32_t v)
{
    return v ? 31 - __builtin_clz(v) : 0;
}

static uint32_t chain_key(const uint8_t *p)
{
    return al_get_le32(p) * 2654435761u >> (32 - CHAIN_BITS);
}

static void chain_up_to(struct make *m, size_t end)
{
    for (; m->chained < end && m->chained + 4 <= m->new_len; m->chained++) {
        const uint32_t key = chain_key(m->new + m->chained);

        m->chain[m->chained] = m->chain_head[key];
        m->chain_head[key] = (uint32_t)m->chained + 1;
    }
}

static struct found find_new(const struct make *m, size_t at, size_t max)
{
    struct found best = {0};
    unsigned tries = CHAIN_MAX;

    if (at + 4 > m->new_len) {
        return best;
    }
    for (uint32_t place = m->chain_head[chain_key(m->new + at)]; place && tries > 0;
         place = m->chain[place - 1], tries--) {
        const size_t off = place - 1;
        size_t len = 0;

        while (len < max && m->new[off + len] == m->new[at + len]) {
            len++;
        }
        if (len > best.len) {
            best.len = len;
            best.off = off;
        }
    }
    if (best.len >= AL_DELTA_MATCH_MIN) {
        best.gain = (int)best.len * 6 - 10 - log2_of((uint32_t)(at - best.off));
    }
    return best;
}

static struct found find_old(const struct make *m, size_t at, size_t max)
{
    struct found best = {0};

    if (m->matcher == NULL) {
        return best;
    }
    best.len = delta_longest(m->matcher, at, &best.off);
    best.len = best.len < max ? best.len : max;
    if (best.len >= AL_DELTA_MATCH_MIN) {
        const int32_t skip = (int32_t)((uint32_t)best.off - m->old_pos);
        const int far = skip ? 3 + log2_of((uint32_t)(skip < 0 ? -skip : skip) + 1) * 3 / 2 : 1;

        best.gain = (int)best.len * 6 - 6 - far;
    }
    return best;
}

/* Is what could be had a byte later so much better that this byte is worth a literal? */
static bool waiting_pays(struct make *m, size_t at, size_t end, int gain)
{
    if (at + AL_DELTA_MATCH_MIN > end) {
        return false;
    }
    chain_up_to(m, at);
    m->old_pos++;
    const struct found old = find_old(m, at, end - at), new = find_new(m, at, end - at);

    m->old_pos--;
    return (old.gain > new.gain ? old.gain : new.gain) > gain + LITERAL_BITS;
}

static void send_extra(struct make *m, const struct delta_block *b)
{
    struct delta_coder *c = &m->coder;
    const size_t end = b->to + b->similar + b->extra;

    for (size_t at = b->to + b->similar; at < end;) {
        chain_up_to(m, at);
        const struct found old = find_old(m, at, end - at), new = find_new(m, at, end - at);
        const bool from_new = new.gain > old.gain;
        const int gain = from_new ? new.gain : old.gain;
        const bool match = gain > 0 && !waiting_pays(m, at + 1, end, gain);
        al_prob *p = &c->model.is_match[(c->context.matched ? 2u : 0u) + (c->context.code ? 1u : 0u)];

        code_bit(c, p, match);
        c->context.matched = match;
        if (!match) {
            code_literal(c, (uint32_t)at, m->new[at]);
            m->old_pos++;
            at++;
        } else {
            code_bit(c, &c->model.is_new[c->context.code], from_new);
            if (from_new) {
                code_num(c, AL_NUM_NEW_LEN, (uint32_t)(new.len - AL_DELTA_MATCH_MIN));
                code_num(c, AL_NUM_NEW_OFF, (uint32_t)(at - 1 - new.off));
                m->old_pos += (uint32_t) new.len;
                at += new.len;
            } else {
                code_num(c, AL_NUM_OLD_LEN, (uint32_t)(old.len - AL_DELTA_MATCH_MIN));
                code_signed(c, AL_NUM_OLD_OFF, (int32_t)((uint32_t)old.off - m->old_pos));
                m->old_pos = (uint32_t)(old.off + old.len);
                at += old.len;
            }
        }
        c->context.before = m->new[at - 1];
    }
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
        c->context.code = al_delta_is_code(&m->sweep, &m->sweep.new, (uint32_t)b->to);
        c->context.correction = 0;
        c->context.matched = false;
        if (send_similar(m, b) != 0) {
            return -1;
        }
        send_extra(m, b);
        m->next = (uint32_t)(b->base + b->similar + b->extra); /* as if they replaced as many old bytes */
        m->out = (uint32_t)(b->to + b->similar + b->extra);
        if (m->out - m->checked >= AL_DELTA_BLOCK || m->out == m->new_len) {
            const uint32_t crc = al_crc32_zlib(0, m->new + m->checked, m->out - m->checked);

            code_plain(c, crc >> 16, 16);
            code_plain(c, crc & 0xFFFFu, 16);
            m->checked = m->out;
        }
        if (m->options->progress) {
            m->options->progress(m->options->progress_ctx, m->out);
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

    m->chain = malloc((m->new_len + 1) * sizeof(*m->chain));
    m->chain_head = calloc(1u << CHAIN_BITS, sizeof(*m->chain_head));
    if (m->chain == NULL || m->chain_head == NULL ||
        al_delta_read_segments(read_old, m, (uint32_t)m->old_len, &m->sweep.old, &m->sweep.isa) != 0 ||
        al_delta_read_segments(read_new, m, (uint32_t)m->new_len, &m->sweep.new, &new_isa) != 0) {
        return -1;
    }
    return align(m) == 0 && learn_addresses(m) == 0 ? 0 : -1;
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
    patch[5] = (uint8_t)m->coder.hash_bits;
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
        if (prepare(m) == 0) {
            coder_begin(&m->coder, options->hash_bits ? options->hash_bits : AL_DELTA_HASH_MAX);
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
        free(m->chain);
        free(m->chain_head);
    }
    free(m);
    return result;
}
