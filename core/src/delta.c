/*
 * delta.c - the decoder. One step decodes one item, of at most AL_DELTA_STEP bytes of the patch, so that a
 * patch may arrive in pieces of any size:
 *
 *     header -> check -> segments -> table -> block -> [run, correction] ... -> [literal | match] ... -> block ...
 */
#include "airlift/delta.h"

#include "airlift/bytes.h"
#include "airlift/crc32.h"

enum { HEADER, CODER, SEGMENTS, TABLE, BLOCK, SIMILAR, EXTRA, DONE };

#define RANGE_MIN  (1u << 24)
#define CODER_SIZE 4u /* bytes that the range decoder begins with */

/* --- Header ---------------------------------------------------------------- */

int al_delta_parse_header(const uint8_t raw[AL_DELTA_HEADER_SIZE], struct al_delta_header *out)
{
    if (al_get_le32(raw) != AL_DELTA_MAGIC || raw[4] != 1 ||
        al_get_le32(raw + 84) != al_crc32_zlib(0, raw, 84)) {
        return AL_ERR_FORMAT;
    }
    out->hash_bits = raw[5];
    out->n_map = al_get_le16(raw + 6);
    out->old_len = al_get_le32(raw + 8);
    out->new_len = al_get_le32(raw + 12);
    out->patch_len = al_get_le32(raw + 16);
    memcpy(out->old_sha256, raw + 20, 32);
    memcpy(out->new_sha256, raw + 52, 32);
    if (out->old_len > AL_DELTA_MAX_LEN || out->new_len > AL_DELTA_MAX_LEN || out->hash_bits < 1 ||
        out->hash_bits > 24 || out->patch_len < AL_DELTA_HEADER_SIZE + CODER_SIZE) {
        return AL_ERR_FORMAT;
    }
    return out->n_map > AL_DELTA_MAP_MAX || out->hash_bits > AL_DELTA_HASH_MAX ? AL_ERR_SIZE : 0;
}

/* --- Range decoder --------------------------------------------------------- */

/* Bytes behind the patch's end read as zero: feed() sees to it that none is used before all are there. */
static void normalise(struct al_delta *d)
{
    if (d->range < RANGE_MIN) {
        if (d->input_pos >= d->n_input) {
            d->error = AL_ERR_FORMAT;
        }
        const uint8_t next = d->input_pos < d->n_input ? d->input[d->input_pos++] : 0;

        d->range <<= 8;
        d->code = d->code << 8 | next;
    }
}

/* chance: that it is 0, of 2^bits. */
static unsigned decode(struct al_delta *d, uint32_t chance, unsigned bits)
{
    const uint32_t bound = (d->range >> bits) * chance;
    const unsigned bit = d->code >= bound;

    if (bit) {
        d->code -= bound;
        d->range -= bound;
    } else {
        d->range = bound;
    }
    normalise(d);
    return bit;
}

static unsigned decode_bit(struct al_delta *d, al_prob *p)
{
    const unsigned bit = decode(d, *p >> 4, 12);

    al_prob_update(p, bit, AL_PROB_LIMIT);
    return bit;
}

static uint32_t decode_plain(struct al_delta *d, unsigned n)
{
    uint32_t value = 0;

    while (n-- > 0) {
        value = value << 1 | decode(d, 1, 1);
    }
    return value;
}

static uint32_t decode_num(struct al_delta *d, enum al_delta_num kind)
{
    struct al_num_model *m = &d->model.num[kind];
    unsigned n = 1, node = 1, plain;

    for (unsigned i = 0; i < 5; i++) {
        n = n << 1 | decode_bit(d, &m->len[n]);
    }
    n &= 31u;
    plain = n;
    while (plain > 0 && node < 4 && n < 24) {
        node = node << 1 | decode_bit(d, &m->top[n][node - 1]);
        plain--;
    }
    uint32_t value = n < 24 ? node : 1; /* 1, and the bits so far */

    value = value << plain | decode_plain(d, plain);
    return value - 1;
}

static int32_t decode_signed(struct al_delta *d, enum al_delta_num kind)
{
    const uint32_t value = decode_num(d, kind);

    if (value == 0 || value > 0x7FFFFFFFu) {
        return 0;
    }
    return decode_bit(d, &d->model.sign[kind]) ? -(int32_t)value : (int32_t)value;
}

static uint8_t decode_tree(struct al_delta *d, al_prob tree[256])
{
    unsigned node = 1;

    while (node < 256) {
        node = node << 1 | decode_bit(d, &tree[node]);
    }
    return (uint8_t)node;
}

/* By two models at once: their average. */
static uint8_t decode_literal(struct al_delta *d)
{
    al_prob *tree = d->model.literal[d->out_len & 3u];
    unsigned node = 1;

    while (node < 256) {
        al_prob *p = &tree[node],
                *q = &d->model.hashed[al_delta_hash(&d->context, node, d->header.hash_bits)];
        const unsigned bit = decode(d, (uint32_t)(*p >> 4) + (*q >> 4), 13);

        al_prob_update(p, bit, AL_PROB_LIMIT);
        al_prob_update(q, bit, AL_PROB_QUICK);
        node = node << 1 | bit;
    }
    return (uint8_t)node;
}

/* --- Output ---------------------------------------------------------------- */

static void fail(struct al_delta *d, int error)
{
    if (d->error == 0) {
        d->error = error;
    }
}

static void flush(struct al_delta *d)
{
    const uint32_t len = d->out_len - d->flushed;

    if (len != 0 && d->error == 0) {
        d->crc = al_crc32_zlib(d->crc, d->piece, len);
        fail(d, d->io.write(d->io.ctx, d->piece, len));
    }
    d->flushed = d->out_len;
}

static void emit(struct al_delta *d, uint8_t byte)
{
    d->piece[d->out_len - d->flushed] = byte;
    d->out_len++;
    d->context.before = byte;
    if (d->out_len - d->flushed == AL_DELTA_PIECE) {
        flush(d);
    }
}

static int read_old(struct al_delta *d, uint32_t off, void *buf, uint32_t len)
{
    if (off > d->header.old_len || len > d->header.old_len - off) {
        return AL_ERR_FORMAT;
    }
    return d->io.read_old(d->io.ctx, off, buf, len);
}

static int sweep_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    return read_old(ctx, off, buf, len);
}

/* --- Items ----------------------------------------------------------------- */

static void begin_coder(struct al_delta *d)
{
    for (unsigned i = 0; i < CODER_SIZE; i++) {
        d->code = d->code << 8 | d->input[d->input_pos++];
    }
    d->range = 0xFFFFFFFFu;
    d->state = SEGMENTS;
    fail(d, al_delta_read_segments(sweep_read, d, d->header.old_len, &d->sweep.old, &d->sweep.isa));
}

/* The new image's segments, told by the old one's: count, then address and length of each. */
static void read_segment(struct al_delta *d)
{
    struct al_delta_file *new = &d->sweep.new;
    const struct al_delta_file *old = &d->sweep.old;

    if (d->item == 0) {
        const uint32_t n = decode_num(d, AL_NUM_EXTRA);

        if (n > 16) {
            fail(d, AL_ERR_FORMAT);
            return;
        }
        new->n = (uint8_t)n;
    }
    if (d->item < new->n) {
        const unsigned i = d->item++;
        struct al_delta_segment *segment = &new->segment[i];

        segment->addr = (i < old->n ? old->segment[i].addr : 0) + (uint32_t)decode_signed(d, AL_NUM_ADDRESS);
        segment->len = (i < old->n ? old->segment[i].len : 0) + (uint32_t)decode_signed(d, AL_NUM_SHIFT);
        segment->off = i == 0 ? 32 : new->segment[i - 1].off + new->segment[i - 1].len + 8;
        if (segment->len > d->header.new_len || segment->off > d->header.new_len) {
            fail(d, AL_ERR_FORMAT);
        }
    }
    if (d->item >= new->n) {
        d->item = 0;
        d->state = d->sweep.n_map != 0 ? TABLE : BLOCK;
    }
}

static void read_entry(struct al_delta *d)
{
    const struct al_delta_entry *before = d->item != 0 ? &d->sweep.map[d->item - 1] : NULL;
    const uint32_t address = (before ? al_delta_entry_address(before) : 0) + decode_num(d, AL_NUM_ADDRESS);
    const int32_t change = decode_signed(d, AL_NUM_SHIFT);
    const int64_t shift = (int64_t)(before ? al_delta_entry_shift(before) : 0) + change;

    if (address > AL_DELTA_ADDRESS_MAX || shift > AL_DELTA_SHIFT_MAX || shift < -AL_DELTA_SHIFT_MAX) {
        fail(d, AL_ERR_FORMAT);
        return;
    }
    al_delta_entry_set(&d->sweep.map[d->item], address, (int32_t)shift);
    if (++d->item == d->sweep.n_map) {
        d->state = BLOCK;
    }
}

/* Is what was made since the last check right? */
static void check_block(struct al_delta *d)
{
    flush(d);
    const uint32_t high = decode_plain(d, 16);

    if ((high << 16 | decode_plain(d, 16)) != d->crc) {
        fail(d, AL_ERR_FORMAT);
    }
    d->crc = 0;
    d->checked = d->out_len;
}

static void read_block(struct al_delta *d)
{
    if (d->out_len != d->checked &&
        (d->out_len - d->checked >= AL_DELTA_BLOCK || d->out_len == d->header.new_len)) {
        check_block(d);
    }
    if (d->out_len == d->header.new_len) {
        d->state = DONE;
        return;
    }
    d->similar = decode_num(d, AL_NUM_SIMILAR);
    d->extra = decode_num(d, AL_NUM_EXTRA);
    const uint32_t begin = d->next + (uint32_t)decode_signed(d, AL_NUM_SKIP);
    const uint32_t left = d->header.new_len - d->out_len;

    if (d->similar > left || d->extra > left - d->similar || d->similar + d->extra == 0 ||
        d->similar > AL_DELTA_BLOCK || d->extra > AL_DELTA_BLOCK || /* so that the next check is near */
        begin > d->header.old_len || d->similar > d->header.old_len - begin) {
        fail(d, AL_ERR_FORMAT);
        return;
    }
    d->old_pos = begin + d->similar;
    d->next = d->old_pos + d->extra; /* as if the extra bytes replaced as many old ones */
    d->done = 0;
    d->context.code = al_delta_is_code(&d->sweep, &d->sweep.new, d->out_len);
    d->context.correction = 0;
    d->context.matched = false;
    al_delta_sweep_begin(&d->sweep, begin, d->out_len, d->similar);
    d->state = d->similar != 0 ? SIMILAR : EXTRA;
}

/* Byte d->done of the stretch, as predicted. */
static uint8_t predicted(struct al_delta *d)
{
    if (d->done == d->sweep.at + d->sweep.n) {
        const int result = al_delta_sweep_next(&d->sweep, sweep_read, d, NULL, NULL);

        if (result != 0) {
            fail(d, result);
            return 0;
        }
    }
    return d->sweep.window[1 + d->done++ - d->sweep.at];
}

/* So many bytes are as predicted; the next one is not, unless the stretch ends there. */
static void read_similar(struct al_delta *d)
{
    const uint32_t run = decode_num(d, (enum al_delta_num)(AL_NUM_RUN + al_delta_run_kind(&d->context)));

    if (run > d->similar - d->done) {
        fail(d, AL_ERR_FORMAT);
        return;
    }
    d->context.run = run;
    const bool corrected = d->done + run < d->similar;
    uint8_t correction = 0;

    if (corrected) {
        correction = decode_tree(d, d->model.correction[al_delta_correction_set(&d->context, run)]);
    }
    for (uint32_t i = 0; i < run && d->error == 0; i++) {
        emit(d, predicted(d));
    }
    if (corrected && d->error == 0) {
        d->context.correction = correction;
        emit(d, (uint8_t)(predicted(d) + correction));
    }
    if (d->done == d->similar) {
        d->state = d->extra != 0 ? EXTRA : BLOCK;
    }
}

/* Bytes that stand in the old file, or earlier in the new one. */
static void copy(struct al_delta *d, bool from_new, uint32_t off, uint32_t len)
{
    uint8_t buf[64];

    while (len > 0 && d->error == 0) {
        uint32_t n = len < sizeof(buf) ? len : (uint32_t)sizeof(buf);

        if (!from_new) {
            fail(d, read_old(d, off, buf, n));
        } else if (off >= d->flushed) {
            n = 1; /* it may be one that this very match makes */
            buf[0] = d->piece[off - d->flushed];
        } else {
            n = n < d->flushed - off ? n : d->flushed - off;
            fail(d, d->io.read_new(d->io.ctx, off, buf, n));
        }
        for (uint32_t i = 0; i < n && d->error == 0; i++) {
            emit(d, buf[i]);
        }
        off += n;
        len -= n;
    }
}

static void read_match(struct al_delta *d)
{
    const bool from_new = decode_bit(d, &d->model.is_new[d->context.code]);
    const uint32_t len = decode_num(d, from_new ? AL_NUM_NEW_LEN : AL_NUM_OLD_LEN) + AL_DELTA_MATCH_MIN;
    uint32_t off;

    if (from_new) {
        const uint32_t back = decode_num(d, AL_NUM_NEW_OFF);

        off = d->out_len - 1 - back;
        if (back >= d->out_len) {
            fail(d, AL_ERR_FORMAT);
        }
    } else {
        off = d->old_pos + (uint32_t)decode_signed(d, AL_NUM_OLD_OFF);
        if (off > d->header.old_len || len > d->header.old_len - off) {
            fail(d, AL_ERR_FORMAT);
        }
    }
    if (len > d->extra || len < AL_DELTA_MATCH_MIN) {
        fail(d, AL_ERR_FORMAT);
    }
    if (d->error == 0) {
        d->extra -= len;
        d->old_pos = from_new ? d->old_pos + len : off + len;
        copy(d, from_new, off, len);
    }
}

static void read_extra(struct al_delta *d)
{
    al_prob *p = &d->model.is_match[(d->context.matched ? 2u : 0u) + (d->context.code ? 1u : 0u)];

    d->context.matched = decode_bit(d, p) != 0;
    if (d->context.matched) {
        read_match(d);
    } else {
        d->extra--;
        d->old_pos++;
        emit(d, decode_literal(d));
    }
    if (d->extra == 0) {
        d->state = BLOCK;
    }
}

static void step(struct al_delta *d)
{
    switch (d->state) {
    case HEADER:
        fail(d, al_delta_parse_header(d->input, &d->header));
        d->input_pos = AL_DELTA_HEADER_SIZE;
        d->state = CODER;
        if (d->error == 0) {
            fail(d, d->io.check(d->io.ctx, &d->header));
        }
        d->sweep.n_map = d->header.n_map;
        break;
    case CODER:
        begin_coder(d);
        break;
    case SEGMENTS:
        read_segment(d);
        break;
    case TABLE:
        read_entry(d);
        break;
    case BLOCK:
        read_block(d);
        break;
    case SIMILAR:
        read_similar(d);
        break;
    default:
        read_extra(d);
        break;
    }
}

/* --- Public ---------------------------------------------------------------- */

void al_delta_begin(struct al_delta *d, const struct al_delta_io *io)
{
    memset(d, 0, sizeof(*d));
    d->io = *io;
    al_delta_model_init(&d->model);
}

/* May one more item be decoded, of what has arrived? */
static bool can_step(const struct al_delta *d)
{
    const unsigned ready = (unsigned)(d->n_input - d->input_pos);

    if (d->state == DONE || d->error != 0) {
        return false;
    }
    if (d->state == HEADER) {
        return ready >= AL_DELTA_HEADER_SIZE;
    }
    return ready >= AL_DELTA_STEP || d->taken == d->header.patch_len;
}

int al_delta_feed(struct al_delta *d, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (d->error == 0 && len > 0) {
        const uint32_t max = d->state == HEADER ? AL_DELTA_HEADER_SIZE : d->header.patch_len;
        const size_t room = AL_DELTA_INPUT - d->n_input;
        size_t n = len < room ? len : room;

        if (d->taken == max) {
            fail(d, AL_ERR_FORMAT); /* bytes behind the end */
            break;
        }
        n = n < max - d->taken ? n : max - d->taken;
        memcpy(d->input + d->n_input, p, n);
        d->n_input = (uint8_t)(d->n_input + n);
        d->taken += (uint32_t)n;
        p += n;
        len -= n;
        while (can_step(d)) {
            step(d);
        }
        memmove(d->input, d->input + d->input_pos, (size_t)(d->n_input - d->input_pos));
        d->n_input = (uint8_t)(d->n_input - d->input_pos);
        d->input_pos = 0;
    }
    return d->error;
}

int al_delta_end(const struct al_delta *d)
{
    if (d->error != 0) {
        return d->error;
    }
    return d->state == DONE && d->taken == d->header.patch_len && d->n_input == 0 ? 0 : AL_ERR_FORMAT;
}
