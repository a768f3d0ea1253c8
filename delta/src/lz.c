/*
 * lz.c - literals and matches: of all ways to tell the bytes, the one that costs least by what the model has learned.
 *
 * A stretch is parsed in chunks. Within one, the cheapest way to each place is found in order (forward dynamic
 * programming); the model learns while the chunk is sent.
 */
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "make.h"

#define CHUNK      4096u
#define CHAIN_BITS 17u
#define TRIES      64u  /* places that are looked at */
#define NICE       192u /* a match this long is taken as it is */
#define NUM_BITS   31u  /* that a number has at most, and 1 */

enum how { LITERAL, REP, NEW, OLD };

/* The cheapest way to a place: where it came from, by what, and what the decoder remembers then. */
struct node {
    uint32_t cost; /* in 1/256 bits; UINT32_MAX: no way yet */
    uint32_t before;
    uint32_t value; /* REP: which; NEW: distance; OLD: offset */
    uint8_t how;
    uint8_t items;
    bool from_new;
    uint32_t rep[4];
    uint32_t old_pos;
};

struct place {
    struct al_delta_context context;
    uint32_t literal; /* cost */
};

struct lz {
    struct make *m;
    uint8_t *calls;         /* the new file with calls' targets in place of their offsets */
    uint32_t *chain, *head; /* earlier places with the same 4 bytes of that, plus 1 */
    size_t chained;
    struct al_delta_sweep scratch;
    uint32_t num[AL_NUM_KINDS][NUM_BITS]; /* cost of a number of so many bits */
    uint32_t num_top[AL_NUM_KINDS][AL_NUM_TOPS][16];
    bool from_new; /* the last match */
    uint32_t rep[4];
    struct node node[CHUNK + 1];
    struct place place[CHUNK + 1];
    bool valid[CHUNK + 1];
    uint16_t price[2048];
};

/* --- Prices ---------------------------------------------------------------- */

/* 256 * -log2((i + 1/2) / 2048), by squaring. */
static void make_prices(struct lz *lz)
{
    for (uint32_t i = 0; i < 2048; i++) {
        uint64_t w = (2 * i + 1) * 0x100000ull; /* of 2^32 */
        uint32_t whole = 0, part = 0;

        while (w < 0x80000000u) {
            w <<= 1;
            whole++;
        }
        for (unsigned bit = 0; bit < 8; bit++) { /* w is 1/2 to 1 of 2^32 */
            w = w * w >> 32;
            part <<= 1;
            if (w < 0x80000000u) {
                w <<= 1;
                part |= 1;
            }
        }
        lz->price[i] = (uint16_t)(whole * 256 + part);
    }
}

static uint32_t price_bit(const struct lz *lz, al_slot slot, bool one)
{
    const uint32_t chance = al_delta_bit_chance(slot);

    return lz->price[(one ? chance : 65536 - chance) >> 5];
}

static uint32_t price_nibble(const struct lz *lz, const struct al_nibble *m, unsigned n)
{
    return lz->price[(al_nibble_below(m, n + 1) - al_nibble_below(m, n)) >> 4];
}

static void price_numbers(struct lz *lz)
{
    for (unsigned kind = AL_NUM_OLD_LEN; kind < AL_NUM_KINDS; kind++) {
        const struct al_num_model *m = &lz->m->coder.model.nibbles.num[kind];

        for (unsigned n = 0; n < NUM_BITS; n++) {
            lz->num[kind][n] = price_nibble(lz, &m->len[0], n < 15 ? n : 15) +
                               (n < 15 ? 0 : price_nibble(lz, &m->len[1], n - 15));
        }
        for (unsigned i = 0; i < AL_NUM_TOPS; i++) {
            for (unsigned top = 0; top < 16; top++) {
                lz->num_top[kind][i][top] = price_nibble(lz, &m->top[i], top);
            }
        }
    }
}

static uint32_t price_num(const struct lz *lz, unsigned kind, uint32_t value)
{
    const uint32_t v = value + 1;
    const unsigned n = 31u - (unsigned)__builtin_clz(v), top = al_num_top_bits(n);

    if (n == 0) {
        return lz->num[kind][0];
    }
    return lz->num[kind][n] + lz->num_top[kind][al_num_top(n)][v >> (n - top) & ((1u << top) - 1)] +
           256 * (n - top);
}

static uint32_t price_literal(const struct lz *lz, const struct al_delta_context *c, uint8_t byte)
{
    const struct al_delta_byte m = al_delta_literal(&lz->m->coder.model, c, al_delta_class(c));

    return price_nibble(lz, m.upper, byte >> 4) + price_nibble(lz, &m.lower[byte >> 4], byte & 15u);
}

/* --- Finding --------------------------------------------------------------- */

static uint32_t key_of(const uint8_t *p)
{
    return al_get_le32(p) * 2654435761u >> (32 - CHAIN_BITS);
}

static void chain_up_to(struct lz *lz, size_t end)
{
    for (; lz->chained < end && lz->chained + 4 <= lz->m->new_len; lz->chained++) {
        const uint32_t key = key_of(lz->calls + lz->chained);

        lz->chain[lz->chained] = lz->head[key];
        lz->head[key] = (uint32_t)lz->chained + 1;
    }
}

/* Probably the same as before. */
static const struct al_delta_segment *segment_at(const struct al_delta_file *file,
                                                 const struct al_delta_segment *last, uint32_t off)
{
    return last != NULL && off - last->off < last->len ? last : al_delta_segment_at(file, off);
}

/*
 * How far the bytes from `at` on are what copying from off in the new file would give; lz->valid[len] for each length
 * that may be copied.
 */
static uint32_t reach(struct lz *lz, const struct al_delta_context *c, uint32_t off, uint32_t at,
                      uint32_t max)
{
    const struct make *m = lz->m;
    const struct al_delta_file *file = &m->sweep.new;
    const struct al_delta_segment *from = NULL, *to = NULL;
    const uint32_t dist = at - off;
    uint32_t len = 0, rest = c->left;

    memset(&lz->scratch.registers, 0, sizeof(lz->scratch.registers));
    lz->valid[0] = true;
    while (len < max) {
        const uint32_t left = max - len < dist ? max - len : dist;
        const uint32_t avail = left < AL_DELTA_AHEAD ? left : AL_DELTA_AHEAD;
        const uint8_t *old = m->new + off + len, *new = m->new + at + len;
        uint8_t bytes[AL_DELTA_AHEAD];
        struct al_delta_ref ref = {.len = (uint8_t)(rest < avail ? rest : avail)};

        if (rest == 0) {
            from = segment_at(file, from, off + len);
            to = segment_at(file, to, at + len);
            if (from == NULL || to == NULL || !al_delta_is_code(to)) {
                ref.len = (uint8_t)avail;
            } else {
                ref = al_delta_find(&lz->scratch, old, avail, from->addr + (off + len - from->off), true);
            }
        } else {
            rest -= ref.len;
        }
        const bool moves = al_delta_moves(&ref);

        memcpy(bytes, old, ref.len);
        if (moves) {
            al_delta_ref_put(bytes, &ref, to->addr + (at + len - to->off), ref.target);
        }
        const bool same = memcmp(bytes, new, ref.len) == 0;
        bool prefix = true;

        for (uint32_t i = 0; i < ref.len; i++) {
            prefix = prefix && old[i] == new[i] && ref.kind != AL_REF_WORD; /* part of it may be a call */
            lz->valid[len + i + 1] = prefix;
        }
        if (moves || same) {
            lz->valid[len + ref.len] = same;
        }
        if (!same) {
            len += ref.len;
            while (!lz->valid[len]) {
                len--;
            }
            return len;
        }
        len += ref.len;
    }
    return len;
}

/* --- Parsing --------------------------------------------------------------- */

static struct node *better(struct lz *lz, uint32_t from, uint32_t to, uint32_t cost)
{
    struct node *n = &lz->node[to];

    if (cost >= n->cost) {
        return NULL;
    }
    n->cost = cost;
    n->before = from;
    return n;
}

/* What the decoder remembers at a node, from the one before. */
static void settle(struct lz *lz, uint32_t i)
{
    struct node *n = &lz->node[i];
    const struct node *b = &lz->node[n->before];
    const uint32_t len = i - n->before;

    n->from_new = b->from_new;
    n->old_pos = b->old_pos + len;
    n->items = (uint8_t)((b->items << 1 | (n->how != LITERAL ? 1u : 0u)) & 7u);
    memcpy(n->rep, b->rep, sizeof(n->rep));
    if (n->how == OLD) {
        n->from_new = false;
        n->old_pos = n->value + len;
    } else if (n->how == REP) {
        n->from_new = true;
        al_delta_repeat(n->rep, n->value);
    } else if (n->how == NEW) {
        n->from_new = true;
        al_delta_repeat(n->rep, 3);
        n->rep[0] = n->value;
    }
}

static void try_literal(struct lz *lz, uint32_t i, uint32_t no_match)
{
    struct node *to = better(lz, i, i + 1, lz->node[i].cost + no_match + lz->place[i].literal);

    if (to != NULL) {
        to->how = LITERAL;
    }
}

/* Returns the longest length. */
static uint32_t try_reps(struct lz *lz, uint32_t at, uint32_t i, uint32_t max, uint32_t match)
{
    const struct node *n = &lz->node[i];
    const struct al_delta_model *model = &lz->m->coder.model;
    uint32_t longest = 0;

    for (unsigned r = 0; r < 4; r++) {
        const uint32_t cost =
            n->cost + match + price_nibble(lz, &model->nibbles.match[n->items], AL_MATCH_REP + r);

        if (n->rep[r] <= at && (r == 0 || n->rep[r] != n->rep[r - 1])) {
            const uint32_t len = reach(lz, &lz->place[i].context, at - n->rep[r], at, max);

            for (uint32_t l = len >= NICE ? len : 1; l <= len; l++) {
                struct node *to =
                    lz->valid[l] ? better(lz, i, i + l, cost + price_num(lz, AL_NUM_REP_LEN, l - 1)) : NULL;

                if (to != NULL) {
                    to->how = REP;
                    to->value = r;
                }
            }
            longest = len > longest ? len : longest;
        }
    }
    return longest;
}

static uint32_t try_new(struct lz *lz, uint32_t at, uint32_t i, uint32_t max, uint32_t match)
{
    const struct make *m = lz->m;
    const struct node *n = &lz->node[i];
    const struct al_delta_model *model = &m->coder.model;
    const uint32_t cost = n->cost + match + price_nibble(lz, &model->nibbles.match[n->items], AL_MATCH_NEW);
    uint32_t longest = AL_DELTA_MATCH_MIN - 1;
    unsigned tries = TRIES;

    if (at + 4 > m->new_len) {
        return 0;
    }
    for (uint32_t place = lz->head[key_of(lz->calls + at)]; place != 0 && tries > 0 && longest < max;
         place = lz->chain[place - 1], tries--) {
        const uint32_t off = place - 1;

        if (longest >= 4 && lz->calls[off + longest] != lz->calls[at + longest]) {
            continue;
        }
        const uint32_t len = reach(lz, &lz->place[i].context, off, at, max);

        for (uint32_t l = len >= NICE ? len : longest + 1; l <= len; l++) {
            if (!lz->valid[l]) {
                continue;
            }
            struct node *to = better(lz, i, i + l,
                                     cost + price_num(lz, AL_NUM_NEW_LEN, l - AL_DELTA_MATCH_MIN) +
                                         price_num(lz, AL_NUM_NEW_OFF + al_delta_off_kind(l), at - off - 1));

            if (to != NULL) {
                to->how = NEW;
                to->value = at - off;
            }
        }
        longest = len > longest ? len : longest;
    }
    return longest;
}

/* How far copying from off in the old file gives the bytes from `at` on. */
static uint32_t reach_old(struct lz *lz, const struct al_delta_context *c, uint32_t off, uint32_t at,
                          uint32_t max)
{
    const struct make *m = lz->m;
    struct al_delta_sweep *s = &lz->scratch;
    struct al_delta_unit unit;
    uint32_t len = (uint32_t)m->old_len - off < max ? (uint32_t)m->old_len - off : max;

    for (unsigned tries = 0; tries < 4 && len >= AL_DELTA_MATCH_MIN; tries++) {
        uint32_t same = 0;

        al_delta_sweep_begin(s, false, off, at, len, c->left);
        while (s->left != 0) {
            if (al_delta_sweep_next(s, &m->reader, &unit) != 0) {
                return 0;
            }
            uint32_t i = 0;

            while (i < unit.len && unit.bytes[i] == m->new[at + same + i]) {
                i++;
            }
            same += i;
            if (i < unit.len) {
                break;
            }
        }
        if (same == len) {
            return len;
        }
        len = same;
    }
    return 0;
}

static void try_old_at(struct lz *lz, uint32_t at, uint32_t i, uint32_t max, uint32_t match, uint32_t off)
{
    const struct node *n = &lz->node[i];
    const struct al_delta_model *model = &lz->m->coder.model;
    const uint32_t len = reach_old(lz, &lz->place[i].context, off, at, max);
    const int32_t skip = (int32_t)(off - n->old_pos);

    if (len < AL_DELTA_MATCH_MIN) {
        return;
    }
    const uint32_t cost = n->cost + match + price_nibble(lz, &model->nibbles.match[n->items], AL_MATCH_OLD) +
                          price_num(lz, AL_NUM_OLD_LEN, len - AL_DELTA_MATCH_MIN) +
                          price_num(lz, AL_NUM_OLD_OFF, code_zigzag(skip));
    struct node *to = better(lz, i, i + len, cost);

    if (to != NULL) {
        to->how = OLD;
        to->value = off;
    }
}

static void try_old(struct lz *lz, uint32_t at, uint32_t i, uint32_t max, uint32_t match)
{
    const struct make *m = lz->m;
    const struct node *n = &lz->node[i];
    size_t off;

    if (m->matcher == NULL) {
        return;
    }
    if (delta_longest(m->matcher, at, &off) >= AL_DELTA_MATCH_MIN) {
        try_old_at(lz, at, i, max, match, (uint32_t)off);
    }
    if (n->old_pos < m->old_len && n->old_pos != off) {
        try_old_at(lz, at, i, max, match, n->old_pos);
    }
}

/* --- Sending --------------------------------------------------------------- */

static void send_item(struct lz *lz, uint32_t at, const struct node *from, const struct node *n, uint32_t len)
{
    struct make *m = lz->m;
    struct delta_coder *c = &m->coder;
    struct al_delta_model *model = &c->model;

    al_delta_context_place(&c->context, &m->sweep);
    const unsigned class = al_delta_class(&c->context);

    code_bit(c, &model->is_match[class][from->items], n->how != LITERAL);
    if (n->how == LITERAL) {
        code_byte(c, al_delta_literal(model, &c->context, class), m->new[at]);
    } else {
        code_nibble(c, &model->nibbles.match[from->items],
                    n->how == OLD   ? AL_MATCH_OLD
                    : n->how == NEW ? AL_MATCH_NEW
                                    : AL_MATCH_REP + n->value);
        if (n->how == OLD) {
            code_num(c, AL_NUM_OLD_LEN, len - AL_DELTA_MATCH_MIN);
            code_signed(c, AL_NUM_OLD_OFF, (int32_t)(n->value - from->old_pos));
        } else if (n->how == NEW) {
            code_num(c, AL_NUM_NEW_LEN, len - AL_DELTA_MATCH_MIN);
            code_num(c, AL_NUM_NEW_OFF + al_delta_off_kind(len), n->value - 1);
        } else {
            code_num(c, AL_NUM_REP_LEN, len - 1);
        }
    }
    for (uint32_t i = 0; i < len; i++) {
        al_delta_context_add(&c->context, &m->sweep, m->new[at + i]);
    }
}

static void parse(struct lz *lz, uint32_t at, uint32_t n)
{
    struct make *m = lz->m;
    const struct al_delta_model *model = &m->coder.model;
    struct al_delta_context context = m->coder.context;
    uint32_t skip_to = 0;

    price_numbers(lz);
    for (uint32_t i = 0; i <= n; i++) {
        if (i > 0) {
            lz->node[i].cost = UINT32_MAX;
        }
        al_delta_context_place(&context, &m->sweep);
        lz->place[i].context = context;
        if (i < n) {
            lz->place[i].literal = price_literal(lz, &context, m->new[at + i]);
            al_delta_context_add(&context, &m->sweep, m->new[at + i]);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        struct node *node = &lz->node[i];

        if (i > 0 && node->cost == UINT32_MAX) {
            continue;
        }
        if (i > 0) {
            settle(lz, i);
        }
        chain_up_to(lz, at + i);
        if (i < skip_to) {
            continue; /* within a long match */
        }
        const al_slot is_match = model->is_match[al_delta_class(&lz->place[i].context)][node->items];
        const uint32_t match = price_bit(lz, is_match, true);

        try_literal(lz, i, price_bit(lz, is_match, false));
        uint32_t longest = try_reps(lz, at + i, i, n - i, match);

        if (longest < NICE) {
            const uint32_t len = try_new(lz, at + i, i, n - i, match);

            longest = len > longest ? len : longest;
            try_old(lz, at + i, i, n - i, match);
        }
        if (longest >= NICE) {
            skip_to = i + longest;
        }
    }
    settle(lz, n);
}

int lz_send(struct make *m, size_t at, size_t end)
{
    struct lz *lz = m->lz;
    uint32_t items = 0;

    while (at < end) {
        const uint32_t n = end - at < CHUNK ? (uint32_t)(end - at) : CHUNK;
        struct node *first = &lz->node[0];
        uint32_t path = n, after = 0;

        *first = (struct node){.from_new = lz->from_new, .items = (uint8_t)items, .old_pos = m->old_pos};
        memcpy(first->rep, lz->rep, sizeof(first->rep));
        parse(lz, (uint32_t)at, n);
        for (;;) { /* turn the path round: `before` becomes the next one */
            const uint32_t before = lz->node[path].before;

            lz->node[path].before = after;
            after = path;
            if (path == 0) {
                break;
            }
            path = before;
        }
        for (uint32_t i = 0; i < n;) {
            const uint32_t next = lz->node[i].before;

            send_item(lz, (uint32_t)at + i, &lz->node[i], &lz->node[next], next - i);
            i = next;
        }
        lz->from_new = lz->node[n].from_new;
        memcpy(lz->rep, lz->node[n].rep, sizeof(lz->rep));
        items = lz->node[n].items;
        m->old_pos = lz->node[n].old_pos;
        at += n;
    }
    return m->coder.failed ? -1 : 0;
}

/* --- Beginning and end ----------------------------------------------------- */

static void put_calls(struct lz *lz)
{
    const struct make *m = lz->m;

    memcpy(lz->calls, m->new, m->new_len);
    for (unsigned i = 0; i < m->sweep.new.n; i++) {
        const struct al_delta_segment *s = &m->sweep.new.segment[i];

        for (uint32_t at = 0; al_delta_is_code(s) && at < s->len;) {
            const struct al_delta_ref ref = al_delta_find(
                &lz->scratch, m->new + s->off + at,
                s->len - at < AL_DELTA_AHEAD ? s->len - at : AL_DELTA_AHEAD, s->addr + at, true);

            if (al_delta_moves(&ref)) { /* as if it stood at the segment's beginning */
                al_delta_ref_put(lz->calls + s->off + at, &ref, s->addr, ref.target);
            }
            at += ref.len;
        }
    }
}

struct lz *lz_new(struct make *m)
{
    struct lz *lz = calloc(1, sizeof(*lz));

    if (lz == NULL) {
        return NULL;
    }
    lz->m = m;
    lz->calls = malloc(m->new_len + 1);
    lz->chain = malloc((m->new_len + 1) * sizeof(*lz->chain));
    lz->head = calloc(1u << CHAIN_BITS, sizeof(*lz->head));
    if (lz->calls == NULL || lz->chain == NULL || lz->head == NULL) {
        lz_free(lz);
        return NULL;
    }
    for (unsigned i = 0; i < 4; i++) {
        lz->rep[i] = 1;
    }
    lz->scratch = m->sweep;
    make_prices(lz);
    put_calls(lz);
    return lz;
}

void lz_free(struct lz *lz)
{
    if (lz != NULL) {
        free(lz->calls);
        free(lz->chain);
        free(lz->head);
        free(lz);
    }
}
