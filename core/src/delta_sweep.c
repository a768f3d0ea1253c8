/*
 * delta_sweep.c - a stretch of the old image, or of the new one, as it reads in its new place.
 */
#include "airlift/bytes.h"
#include "airlift/delta_field.h"

/* --- The table of addresses ------------------------------------------------ */

void al_delta_entry_set(struct al_delta_entry *e, uint32_t address, int32_t shift)
{
    const uint32_t low = (uint32_t)shift & 0x1FFFFFu;

    e->raw[0] = (uint16_t)address;
    e->raw[1] = (uint16_t)(address >> 16 | (low & 0x1Fu) << 11);
    e->raw[2] = (uint16_t)(low >> 5);
}

uint32_t al_delta_entry_address(const struct al_delta_entry *e)
{
    return e->raw[0] | (uint32_t)(e->raw[1] & 0x7FFu) << 16;
}

int32_t al_delta_entry_shift(const struct al_delta_entry *e)
{
    const uint32_t low = (uint32_t)e->raw[1] >> 11 | (uint32_t)e->raw[2] << 5;

    return (int32_t)(low ^ 0x100000u) - 0x100000;
}

/* Where an address of the old image lies in the new one. */
static uint32_t map(const struct al_delta_sweep *s, uint32_t address)
{
    const uint32_t key = (address - AL_DELTA_ADDRESS_BASE) >> 2;
    unsigned low = 0, high = s->n_map;

    while (low < high) {
        const unsigned middle = (low + high) / 2;

        if (al_delta_entry_address(&s->map[middle]) <= key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low ? address + (uint32_t)al_delta_entry_shift(&s->map[low - 1]) : address;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- Literals -------------------------------------------------------------- */

#define LITERALS 32u /* that are looked through, either way */

/*
 * An L32R's target is known by what it holds: the word that the old one loads, mapped. If it is not where the table says,
 * it may be near. *target is that place, and is changed. `from` and `to` are the code's segments, which hold literals
 * too. Returns 0 or what reading returned.
 */
static int find_literal(const struct al_delta_sweep *s, const struct al_delta_reader *reader,
                        const struct al_delta_segment *from, const struct al_delta_segment *to,
                        struct al_delta_unit *u, uint32_t *target)
{
    uint8_t raw[8 * LITERALS + 4];
    const uint32_t old_at = u->ref.target - from->addr, at = *target - to->addr;
    const uint32_t end = least(to->len, s->to - to->off); /* of what can be read of the new segment */

    if (old_at >= from->len || from->len - old_at < 4 || at >= end || end - at < 4) {
        return 0;
    }
    int result = reader->read(reader->ctx, false, from->off + old_at, raw, 4);
    const uint32_t old = al_get_le32(raw), word = al_delta_is_address(s, old) ? map(s, old) : old;
    const uint32_t below = least(at / 4, LITERALS), above = least((end - at) / 4 - 1, LITERALS);

    if (result == 0) {
        result = reader->read(reader->ctx, true, to->off + at - 4 * below, raw, 4 * (below + above) + 4);
    }
    for (uint32_t i = 0; i <= 2 * LITERALS && result == 0; i++) { /* 0, -1, 1, -2, 2 ... */
        const uint32_t place = below + (i & 1u ? 0 - (i + 1) / 2 : i / 2);

        if (place <= below + above && al_get_le32(raw + 4 * place) == word) {
            u->group = AL_UNIT_FOUND;
            *target += 4 * (place - below);
            break;
        }
    }
    return result;
}

/* --- The sweep ------------------------------------------------------------- */

void al_delta_sweep_begin(struct al_delta_sweep *s, bool from_new, uint32_t from, uint32_t to, uint32_t len,
                          unsigned rest)
{
    s->from_new = from_new;
    s->begin = from;
    s->len = len;
    s->from = from;
    s->to = to;
    s->left = len;
    s->rest = (uint8_t)(rest < len ? rest : len);
    s->window_at = from;
    s->window_n = 0;
    memset(s->registers.at, 0, sizeof(s->registers.at));
}

/* See to it that `need` bytes from the next unit on are in the window. */
static int fill(struct al_delta_sweep *s, const struct al_delta_reader *reader, uint32_t limit, uint32_t need)
{
    if (s->from - s->window_at + need <= s->window_n) {
        return 0;
    }
    s->window_at = s->from;
    s->window_n = least(limit, AL_DELTA_WINDOW + AL_DELTA_AHEAD);
    return reader->read(reader->ctx, s->from_new, s->from, s->window, s->window_n);
}

/* Of what stood there before. */
static uint32_t hash_of(const struct al_delta_unit *u)
{
    uint32_t h = u->ref.target;

    for (unsigned i = 0; u->ref.kind == AL_REF_NONE && i < u->len; i++) {
        h = h << 8 ^ h >> 24 ^ u->bytes[i];
    }
    h = (h ^ (uint32_t)u->group << 27) * 0x9E3779B1u;
    return h ^ h >> 15;
}

/* Bytes that lie in no segment, or in none of an image. */
static void take_bytes(struct al_delta_unit *u, uint32_t len)
{
    u->len = (uint8_t)len;
    u->hash = hash_of(u);
}

static int take_unit(struct al_delta_sweep *s, const struct al_delta_reader *reader, uint32_t avail,
                     struct al_delta_unit *u)
{
    const struct al_delta_segment *from = al_delta_segment_at(s->from_new ? &s->new : &s->old, s->from),
                                  *to = al_delta_segment_at(&s->new, s->to);
    uint8_t *p = u->bytes;
    int result = 0;

    if (from == NULL || to == NULL || (s->from_new && !al_delta_is_code(to))) {
        take_bytes(u, s->from_new ? avail : least(avail, 4 - (s->to & 3u)));
        return 0;
    }
    const uint32_t from_addr = from->addr + (s->from - from->off);
    const bool code = s->from_new || al_delta_is_code(from);

    u->addr = to->addr + (s->to - to->off);
    u->ref = al_delta_find(s, p, avail, from_addr, code);
    u->len = u->ref.len;
    u->group = u->ref.kind != AL_REF_NONE || !code ? u->ref.kind : u->len == 2 ? AL_UNIT_SHORT : AL_UNIT_LONG;
    u->hash = hash_of(u);
    if (u->ref.kind == AL_REF_NONE) {
        return 0;
    }
    uint32_t target = u->ref.target;

    if (s->from_new && !al_delta_moves(&u->ref)) {
        return 0; /* which stays in what is copied, more often than not */
    }
    if (s->from_new) {
        /* the same target */
    } else if (target - (from_addr - (s->from - s->begin)) < s->len) {
        target += u->addr - from_addr; /* what is copied along moves along */
    } else {
        target = map(s, target);
    }
    if (u->ref.kind == AL_REF_LITERAL && !s->from_new) {
        result = find_literal(s, reader, from, to, u, &target);
    }
    al_delta_ref_put(p, &u->ref, u->addr, target);
    return result;
}

int al_delta_sweep_next(struct al_delta_sweep *s, const struct al_delta_reader *reader,
                        struct al_delta_unit *u)
{
    const uint32_t limit = s->from_new ? least(s->left, s->to - s->from) : s->left;
    const uint32_t avail = least(limit, AL_DELTA_AHEAD);
    int result = fill(s, reader, limit, avail);

    memset(u, 0, sizeof(*u));
    u->bytes = s->window + (s->from - s->window_at);
    if (result != 0) {
        return result;
    }
    if (s->rest != 0) {
        take_bytes(u, least(s->rest, avail));
        s->rest = (uint8_t)(s->rest - u->len);
    } else {
        result = take_unit(s, reader, avail, u);
    }
    s->from += u->len;
    s->to += u->len;
    s->left -= u->len;
    return result;
}
