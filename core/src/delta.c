/*
 * delta.c - the decoder. One step decodes one item, of at most AL_DELTA_STEP bytes of the patch, so that a
 * patch may arrive in pieces of any size:
 *
 *     header -> check -> segments -> table -> block -> [unit, its corrections] ... -> [literal | match] ... -> block ...
 */
#include "airlift/delta.h"

#include "airlift/bytes.h"
#include "airlift/crc32.h"

enum { HEADER, SEGMENTS, TABLE, BLOCK, SIMILAR, CORRECTION, EXTRA, DONE };

#define RANGE_MIN  (1u << 24)
#define BEGIN_SIZE (AL_DELTA_HEADER_SIZE + 4u) /* header, and what the range decoder begins with */

/* --- Header ---------------------------------------------------------------- */

int al_delta_parse_header(const uint8_t raw[AL_DELTA_HEADER_SIZE], struct al_delta_header *out)
{
    if (al_get_le32(raw) != AL_DELTA_MAGIC || raw[4] != 1 || raw[5] == 0 ||
        al_get_le32(raw + 84) != al_crc32_zlib(0, raw, 84)) {
        return AL_ERR_FORMAT;
    }
    out->old_len = al_get_le32(raw + 8);
    out->new_len = al_get_le32(raw + 12);
    out->patch_len = al_get_le32(raw + 16);
    out->n_hashed = (uint16_t)(raw[5] * AL_DELTA_HASHED_UNIT);
    out->n_map = al_get_le16(raw + 6);
    for (unsigned i = 0; i < 32; i++) {
        out->old_sha256[i] = raw[20 + i];
        out->new_sha256[i] = raw[52 + i];
    }
    if (out->old_len > AL_DELTA_MAX_LEN || out->new_len > AL_DELTA_MAX_LEN || out->patch_len < BEGIN_SIZE) {
        return AL_ERR_FORMAT;
    }
    return AL_DELTA_POOL_USED(out->n_map, out->n_hashed) > AL_DELTA_POOL ? AL_ERR_SIZE : 0;
}

/* --- Range decoder --------------------------------------------------------- */

static void fail(struct al_delta *d, int error)
{
    if (d->error == 0) {
        d->error = error;
    }
}

/* Bytes behind the patch's end read as zero: feed() sees to it that none is used before all are there. */
static uint32_t next_byte(struct al_delta *d)
{
    if (d->input_pos < d->n_input) {
        return d->input[d->input_pos++];
    }
    fail(d, AL_ERR_FORMAT);
    return 0;
}

static void normalise(struct al_delta *d)
{
    while (d->range < RANGE_MIN) {
        d->range <<= 8;
        d->code = d->code << 8 | next_byte(d);
    }
}

/* Without a branch on what is nearly a coin's toss. */
static bool decode_bit(struct al_delta *d, uint32_t chance)
{
    const uint32_t bound = (d->range >> 16) * chance, rest = d->range - bound;
    const uint32_t one = 0u - (uint32_t)(d->code < bound);

    d->range = rest ^ ((rest ^ bound) & one);
    d->code -= bound & ~one;
    normalise(d);
    return one != 0;
}

static bool decode_modelled(struct al_delta *d, al_slot *slot)
{
    const bool one = decode_bit(d, al_delta_bit_chance(*slot));

    al_delta_bit_learn(slot, one);
    return one;
}

static bool decode_flag(struct al_delta *d, const struct al_delta_flag *flag)
{
    al_slot *slot[AL_DELTA_OPINIONS];

    al_delta_flag_slots(flag, &d->hashed, slot);
    const uint32_t chance = al_delta_flag_chance(slot);
    const bool one = decode_bit(d, chance);

    al_delta_flag_learn(slot, chance, one, d->range);
    return one;
}

static unsigned decode_nibble(struct al_delta *d, struct al_nibble *m)
{
    const uint32_t part = d->range >> 15, code = d->code;
    unsigned n = 0;

    for (unsigned step = 4; step > 0; step /= 4) { /* how many of the next three are at or below the code? */
        const uint16_t *below = &m->below[n];

        n += step * ((unsigned)(code >= part * below[step]) + (unsigned)(code >= part * below[2 * step]) +
                     (unsigned)(code >= part * below[3 * step]));
    }
    const uint32_t below = al_nibble_below(m, n);

    d->code -= part * below;
    d->range = part * (al_nibble_below(m, n + 1) - below);
    normalise(d);
    al_nibble_learn(m, n);
    return n;
}

static uint8_t decode_byte(struct al_delta *d, struct al_delta_byte m)
{
    const unsigned upper = decode_nibble(d, m.upper);

    return (uint8_t)(upper << 4 | decode_nibble(d, &m.lower[upper]));
}

/* At most 16 bits, all equally probable. */
static uint32_t decode_plain(struct al_delta *d, unsigned n)
{
    d->range >>= n;
    const uint32_t value = d->code / d->range & ((1u << n) - 1);

    d->code -= value * d->range;
    normalise(d);
    return value;
}

static uint32_t decode_num(struct al_delta *d, unsigned kind)
{
    struct al_num_model *m = &d->model.nibbles.num[kind];
    unsigned n = decode_nibble(d, &m->len[0]);

    if (n == 15) {
        n += decode_nibble(d, &m->len[1]);
    }
    if (n == 0) {
        return 0;
    }
    const unsigned top = al_num_top_bits(n);
    uint32_t value = 1u << top | decode_nibble(d, &m->top[al_num_top(n)]);

    for (unsigned plain = n - top; plain > 0;) {
        const unsigned some = plain > 16 ? plain - 16 : plain;

        value = value << some | decode_plain(d, some);
        plain -= some;
    }
    return value - 1;
}

/* Its lowest bit is the sign. */
static uint32_t decode_signed(struct al_delta *d, unsigned kind)
{
    const uint32_t value = decode_num(d, kind);

    return value >> 1 ^ (0 - (value & 1u));
}

/* --- Files ----------------------------------------------------------------- */

static void flush(struct al_delta *d)
{
    const uint32_t len = d->context.pos - d->flushed;

    if (len != 0 && d->error == 0) {
        fail(d, d->io.write(d->io.ctx, d->piece, len));
    }
    d->flushed = d->context.pos;
}

static void emit(struct al_delta *d, uint8_t byte)
{
    d->check = al_delta_check_add(d->check, byte);
    d->piece[d->context.pos - d->flushed] = byte;
    al_delta_context_add(&d->context, &d->sweep, byte);
    if (d->context.pos - d->flushed == AL_DELTA_PIECE) {
        flush(d);
    }
}

int al_delta_read(void *decoder, bool new, uint32_t off, void *buf, uint32_t len)
{
    struct al_delta *d = decoder;
    const uint32_t end = new ? d->context.pos : d->header.old_len;
    uint8_t *out = buf;
    uint32_t n = len;

    if (off > end || len > end - off) {
        return AL_ERR_FORMAT;
    }
    if (!new) {
        return d->io.read_old(d->io.ctx, off, buf, len);
    }
    if (off < d->flushed) {
        n = len < d->flushed - off ? len : d->flushed - off;
        const int result = d->io.read_new(d->io.ctx, off, buf, n);

        if (result != 0 || n == len) {
            return result;
        }
        off += n;
        out += n;
        n = len - n;
    }
    memcpy(out, d->piece + (off - d->flushed), n);
    return 0;
}

/* --- Items ----------------------------------------------------------------- */

static void begin(struct al_delta *d)
{
    fail(d, al_delta_parse_header(d->input, &d->header));
    if (d->error == 0) {
        fail(d, d->io.check(d->io.ctx, &d->header));
    }
    if (d->error == 0) {
        fail(d, al_delta_read_segments(&d->reader, false, d->header.old_len, &d->sweep.old, &d->sweep.isa));
    }
    d->sweep.n_map = d->header.n_map;
    d->sweep.map = d->pool.map;
    d->hashed = (struct al_delta_hashed){d->pool.slot + 3u * d->header.n_map, d->header.n_hashed};
    d->context.small = al_delta_ram(&d->header) == AL_DELTA_RAM_SMALL;
    d->input_pos = AL_DELTA_HEADER_SIZE;
    for (unsigned i = 0; i < 4; i++) {
        d->code = d->code << 8 | next_byte(d);
    }
    d->range = 0xFFFFFFFFu;
    d->state = SEGMENTS;
}

/* The new image's segments, told by the old one's: count, then address and length of each. */
static void read_segment(struct al_delta *d)
{
    struct al_delta_file *new = &d->sweep.new;

    if (d->item == 0) {
        const uint32_t both = decode_num(d, AL_NUM_EXTRA);

        if (both >= 4 * 17 || both % 4 > AL_ISA_RISCV) {
            fail(d, AL_ERR_FORMAT);
            return;
        }
        new->n = (uint8_t)(both / 4);
        al_delta_set_isa(&d->sweep, both % 4);
    }
    if (d->item < new->n) {
        const unsigned i = d->item++;
        const struct al_delta_segment *before = al_delta_segment_before(&d->sweep.old, i);
        struct al_delta_segment *segment = &new->segment[i];

        segment->addr = before->addr + decode_signed(d, AL_NUM_ADDRESS);
        segment->len = before->len + decode_signed(d, AL_NUM_SHIFT);
        segment->off = i == 0 ? 32 : new->segment[i - 1].off + new->segment[i - 1].len + 8;
    }
    if (d->item >= new->n) {
        d->item = 0;
        d->state = d->sweep.n_map != 0 ? TABLE : BLOCK;
    }
}

static void read_entry(struct al_delta *d)
{
    const struct al_delta_entry *before = d->item != 0 ? &d->pool.map[d->item - 1] : NULL;
    const uint32_t address = (before ? al_delta_entry_address(before) : 0) + decode_num(d, AL_NUM_ADDRESS);
    const uint32_t shift =
        (before ? (uint32_t)al_delta_entry_shift(before) : 0) + decode_signed(d, AL_NUM_SHIFT);

    if (address > AL_DELTA_ADDRESS_MAX || shift + AL_DELTA_SHIFT_MAX > 2 * AL_DELTA_SHIFT_MAX) {
        fail(d, AL_ERR_FORMAT);
        return;
    }
    al_delta_entry_set(&d->pool.map[d->item], address, (int32_t)shift);
    if (++d->item == d->sweep.n_map) {
        d->state = BLOCK;
    }
}

/* Is what was made since the last check right? */
static void check_block(struct al_delta *d)
{
    flush(d);
    if (decode_plain(d, 16) != d->check >> 16) {
        fail(d, AL_ERR_FORMAT);
    }
    d->check = 0;
    d->checked = d->context.pos;
}

static void read_block(struct al_delta *d)
{
    const uint32_t pos = d->context.pos, left = d->header.new_len - pos;

    if (pos != d->checked && (pos - d->checked >= AL_DELTA_BLOCK || left == 0)) {
        check_block(d);
    }
    if (left == 0) {
        d->state = DONE;
        return;
    }
    const uint32_t similar = decode_num(d, AL_NUM_SIMILAR);
    d->extra = decode_num(d, AL_NUM_EXTRA);
    const uint32_t begin = d->next + decode_signed(d, AL_NUM_SKIP);

    if (similar > left || d->extra > left - similar || similar + d->extra == 0 || similar > AL_DELTA_BLOCK ||
        d->extra > AL_DELTA_BLOCK || /* so that the next check is near */
        begin > d->header.old_len || similar > d->header.old_len - begin) {
        fail(d, AL_ERR_FORMAT);
        return;
    }
    d->old_pos = begin + similar;
    d->next = d->old_pos + d->extra; /* as if the extra bytes replaced as many old ones */
    al_delta_context_place(&d->context, &d->sweep);
    d->context.items = 0;
    al_delta_sweep_begin(&d->sweep, false, begin, pos, similar, d->context.left);
    d->state = similar != 0 ? SIMILAR : EXTRA;
}

static void emit_unit(struct al_delta *d)
{
    for (unsigned i = 0; i < d->unit.len && d->error == 0; i++) {
        emit(d, d->unit.bytes[i]);
    }
}

static void end_unit(struct al_delta *d)
{
    al_delta_context_unit(&d->context, d->unit_wrong);
    d->state = d->sweep.left != 0 ? SIMILAR : d->extra != 0 ? EXTRA : BLOCK;
}

/* Is the next unit as predicted? */
static void read_unit(struct al_delta *d)
{
    struct al_delta_unit *u = &d->unit;
    struct al_delta_context *c = &d->context;
    const int result = al_delta_sweep_next(&d->sweep, &d->reader, u);

    if (result != 0) {
        fail(d, result);
        return;
    }
    const struct al_delta_flag flag = al_delta_unit_flag(&d->model, c, u);

    d->unit_wrong = decode_flag(d, &flag);
    if (d->unit_wrong) {
        d->unit_at = 0;
        d->unit_fixed = false;
        d->state = CORRECTION;
        return;
    }
    emit_unit(d);
    end_unit(d);
}

/* A byte of a unit that is not. */
static void read_correction(struct al_delta *d)
{
    struct al_delta_unit *u = &d->unit;
    struct al_delta_context *c = &d->context;
    const struct al_delta_flag flag = al_delta_byte_flag(&d->model, c, u, d->unit_at, d->unit_fixed);
    const bool last = d->unit_at + 1u == u->len;
    uint8_t correction = 0;

    if ((last && !d->unit_fixed) || decode_flag(d, &flag)) {
        correction = decode_byte(d, al_delta_correction(&d->model, u));
        c->correction = correction;
        d->unit_fixed = true;
    }
    emit(d, (uint8_t)(u->bytes[d->unit_at++] + correction));
    if (last) {
        end_unit(d);
    }
}

/* Bytes that stand in the old file, or earlier in the new one. */
static void read_match(struct al_delta *d)
{
    struct al_delta_context *c = &d->context;
    const unsigned kind = decode_nibble(d, &d->model.nibbles.match[c->items]);
    uint32_t len, off, end;

    d->from_new = kind != AL_MATCH_OLD;
    if (!d->from_new) {
        len = decode_num(d, AL_NUM_OLD_LEN) + AL_DELTA_MATCH_MIN;
        off = d->old_pos + decode_signed(d, AL_NUM_OLD_OFF);
        end = d->header.old_len;
        d->old_pos = off;
    } else {
        if (kind == AL_MATCH_NEW) {
            len = decode_num(d, AL_NUM_NEW_LEN) + AL_DELTA_MATCH_MIN;
            al_delta_repeat(d->rep, 3);
            d->rep[0] = decode_num(d, AL_NUM_NEW_OFF + al_delta_off_kind(len));
        } else {
            al_delta_repeat(d->rep, (kind - AL_MATCH_REP) & 3u);
            len = decode_num(d, AL_NUM_REP_LEN) + 1;
        }
        off = c->pos - 1 - d->rep[0];
        end = off < c->pos ? UINT32_MAX : 0;
    }
    if (kind >= AL_MATCH_KINDS || off > end || len > end - off || len > d->extra || len == 0) {
        fail(d, AL_ERR_FORMAT);
        return;
    }
    d->extra -= len;
    d->old_pos += len;
    al_delta_sweep_begin(&d->sweep, d->from_new, off, c->pos, len, c->left);
    while (d->sweep.left != 0 && d->error == 0) {
        fail(d, al_delta_sweep_next(&d->sweep, &d->reader, &d->unit));
        emit_unit(d);
    }
}

static void read_extra(struct al_delta *d)
{
    struct al_delta_context *c = &d->context;

    al_delta_context_place(c, &d->sweep);
    const unsigned class = al_delta_class(c);
    const bool match = decode_modelled(d, &d->model.is_match[class][c->items]);

    if (match) {
        read_match(d);
    } else {
        d->extra--;
        d->old_pos++;
        emit(d, decode_byte(d, al_delta_literal(&d->model, c, class)));
    }
    c->items = (uint8_t)(((unsigned)c->items << 1 | (match ? 1u : 0u)) & 7u);
    if (d->extra == 0) {
        d->state = BLOCK;
    }
}

static void step(struct al_delta *d)
{
    switch (d->state) {
    case HEADER:
        begin(d);
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
        read_unit(d);
        break;
    case CORRECTION:
        read_correction(d);
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
    al_delta_model_begin(&d->model);
    d->io = *io;
    d->reader = (struct al_delta_reader){al_delta_read, d};
}

/* May one more item be decoded, of what has arrived? */
static bool can_step(const struct al_delta *d)
{
    const unsigned ready = (unsigned)(d->n_input - d->input_pos);

    if (d->state == DONE || d->error != 0) {
        return false;
    }
    if (d->state == HEADER) {
        return ready >= BEGIN_SIZE;
    }
    return ready >= AL_DELTA_STEP || d->taken == d->header.patch_len;
}

int al_delta_feed(struct al_delta *d, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (d->error == 0 && len > 0) {
        const uint32_t max = d->state == HEADER ? BEGIN_SIZE : d->header.patch_len;
        const size_t room = AL_DELTA_INPUT - d->n_input;
        size_t n = len < room ? len : room;

        if (d->taken == max || d->state == DONE) {
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
