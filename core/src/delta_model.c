#include "airlift/delta_model.h"

#include "airlift/bytes.h"
#include "airlift/chip.h"
#include "airlift/image.h"

/* --- Probabilities --------------------------------------------------------- */

#define PROB_MIN 24u
#define PROB_MAX 4072u

void al_prob_update(al_prob *p, unsigned bit, unsigned limit)
{
    /* 65536 / (n + 2); the last one is slower still, for what hardly changes. */
    static const uint16_t rate[16] = {32768, 21845, 16384, 13107, 10923, 9362, 8192, 7282,
                                      6554,  5958,  5461,  5041,  4681,  4369, 4096, 3400};
    uint32_t chance = *p >> 4, n = *p & 15u;

    chance = bit ? chance - (chance * rate[n] >> 16) : chance + ((4096u - chance) * rate[n] >> 16);
    chance = chance < PROB_MIN ? PROB_MIN : chance > PROB_MAX ? PROB_MAX : chance;
    *p = (al_prob)(chance << 4 | (n < limit ? n + 1 : n));
}

void al_delta_model_init(struct al_delta_model *m)
{
    al_prob *p = (al_prob *)(void *)m; /* it is made of nothing else */

    for (size_t i = 0; i < sizeof(*m) / sizeof(*p); i++) {
        p[i] = AL_PROB_HALF;
    }
}

unsigned al_delta_run_kind(const struct al_delta_context *c)
{
    return (c->code ? 3u : 0u) + (c->run == 0 ? 1u : c->run < 3 ? 2u : 0u);
}

unsigned al_delta_correction_set(const struct al_delta_context *c, uint32_t run)
{
    return (c->code ? 3u : 0u) + (run != 0 ? 0u : c->correction == 0xFF ? 1u : 2u);
}

uint32_t al_delta_hash(const struct al_delta_context *c, unsigned node, unsigned hash_bits)
{
    const uint32_t h =
        (uint32_t)c->before * 0x9E3779B1u ^ (uint32_t)node * 0x85EBCA6Bu ^ (c->code ? 77777u : 0u);

    return h >> (32 - hash_bits);
}

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

/* --- Segments -------------------------------------------------------------- */

int al_delta_read_segments(int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len), void *ctx,
                           uint32_t file_len, struct al_delta_file *out, uint8_t *isa)
{
    uint8_t raw[AL_IMAGE_HEADER_SIZE];
    struct al_image_header header;
    uint32_t off = AL_IMAGE_HEADER_SIZE;

    out->n = 0;
    *isa = AL_ISA_NONE;
    if (file_len < AL_IMAGE_HEADER_SIZE) {
        return 0;
    }
    int result = read(ctx, 0, raw, sizeof(raw));
    if (result != 0 || al_image_parse_header(raw, &header) != 0 ||
        header.n_segments > AL_IMAGE_MAX_SEGMENTS) {
        return result;
    }
    for (unsigned i = 0; i < header.n_segments; i++) {
        struct al_delta_segment *segment = &out->segment[i];

        if (file_len - off < AL_IMAGE_SEGMENT_SIZE) {
            out->n = 0;
            return 0;
        }
        result = read(ctx, off, raw, AL_IMAGE_SEGMENT_SIZE);
        if (result != 0) {
            return result;
        }
        off += AL_IMAGE_SEGMENT_SIZE;
        segment->off = off;
        segment->addr = al_get_le32(raw);
        segment->len = al_get_le32(raw + 4);
        if (segment->len > file_len - off) {
            out->n = 0;
            return 0;
        }
        off += segment->len;
        out->n = (uint8_t)(i + 1);
    }
    /* ESP32, S2, S3 are Xtensa; all others are RISC-V. */
    *isa = header.chip_id == 0 || header.chip_id == 2 || header.chip_id == 9 ? AL_ISA_XTENSA : AL_ISA_RISCV;
    return 0;
}

static const struct al_delta_segment *segment_at(const struct al_delta_file *file, uint32_t off)
{
    for (unsigned i = 0; i < file->n; i++) {
        if (off - file->segment[i].off < file->segment[i].len) {
            return &file->segment[i];
        }
    }
    return NULL;
}

/* By its address: on all chips instructions lie at 0x40000000 and above, data below. */
static bool is_code_address(uint32_t addr)
{
    return addr - 0x40000000u < 0x10000000u;
}

bool al_delta_is_code(const struct al_delta_sweep *s, const struct al_delta_file *file, uint32_t off)
{
    const struct al_delta_segment *segment = segment_at(file, off);

    (void)s;
    return segment != NULL && is_code_address(segment->addr);
}

static bool lies_in(const struct al_delta_sweep *s, uint32_t address, bool code)
{
    for (unsigned i = 0; i < s->old.n; i++) {
        const struct al_delta_segment *segment = &s->old.segment[i];

        if (is_code_address(segment->addr) == code && address - segment->addr < segment->len) {
            return true;
        }
    }
    return false;
}

/* May it be an address of something of the image, or of a variable that the file says nothing of? */
static bool is_address(const struct al_delta_sweep *s, uint32_t address)
{
    for (unsigned i = 0; i < s->old.n; i++) {
        const struct al_delta_segment *segment = &s->old.segment[i];
        const bool ram = segment->addr >= 0x3FC00000u && segment->addr < 0x40000000u;

        if (address - segment->addr <= segment->len ||
            (ram && address < 0x40000000u &&
             address - (segment->addr - 0x10000u) < segment->len + 0x50000u)) {
            return true;
        }
    }
    return false;
}

/* --- Fields ---------------------------------------------------------------- */

static uint32_t sign_extend(uint32_t value, unsigned bits)
{
    const uint32_t sign = 1u << (bits - 1);

    return ((value & ((sign << 1) - 1)) ^ sign) - sign;
}

static uint32_t get_le24(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static void put_le24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
}

static uint32_t jal_offset(uint32_t i)
{
    return sign_extend(
        (i >> 31) << 20 | (i >> 12 & 0xFFu) << 12 | (i >> 20 & 1u) << 11 | (i >> 21 & 0x3FFu) << 1, 21);
}

static uint32_t jal_with(uint32_t i, uint32_t off)
{
    return (i & 0xFFFu) | (off >> 20 & 1u) << 31 | (off >> 1 & 0x3FFu) << 21 | (off >> 11 & 1u) << 20 |
           (off >> 12 & 0xFFu) << 12;
}

static uint32_t cj_offset(uint32_t i)
{
    return sign_extend((i >> 12 & 1u) << 11 | (i >> 11 & 1u) << 4 | (i >> 9 & 3u) << 8 | (i >> 8 & 1u) << 10 |
                           (i >> 7 & 1u) << 6 | (i >> 6 & 1u) << 7 | (i >> 3 & 7u) << 1 | (i >> 2 & 1u) << 5,
                       12);
}

static uint32_t cj_with(uint32_t i, uint32_t off)
{
    return (i & 0xE003u) | (off >> 11 & 1u) << 12 | (off >> 4 & 1u) << 11 | (off >> 8 & 3u) << 9 |
           (off >> 10 & 1u) << 8 | (off >> 6 & 1u) << 7 | (off >> 7 & 1u) << 6 | (off >> 1 & 7u) << 3 |
           (off >> 5 & 1u) << 2;
}

/* Does instruction i add 12 bits to register rs: in which form (0: no), and how much? */
static unsigned low_form(uint32_t i, uint32_t rs, uint32_t *value)
{
    const uint32_t op = i & 0x7Fu;

    if ((i >> 15 & 31u) != rs) {
        return 0;
    }
    if (op == 0x67u || op == 0x03u || op == 0x07u ||
        (op == 0x13u && (i >> 12 & 7u) == 0)) { /* JALR, loads, ADDI */
        *value = sign_extend(i >> 20, 12);
        return 1;
    }
    if (op == 0x23u || op == 0x27u) { /* stores */
        *value = sign_extend((i >> 25) << 5 | (i >> 7 & 31u), 12);
        return 2;
    }
    return 0;
}

static uint32_t low_with(uint32_t i, unsigned form, uint32_t value)
{
    const uint32_t low = value & 0xFFFu;

    return form == 1 ? (i & 0xFFFFFu) | low << 20 : (i & ~0xFE000F80u) | (low >> 5) << 25 | (low & 31u) << 7;
}

static void find_in_data(const struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                         bool first, struct al_delta_ref *r)
{
    if (avail < 4) {
        return;
    }
    const uint32_t word = al_get_le32(p);
    const bool aligned = (addr & 3u) == 0;
    const bool back = aligned && avail >= 8 && word >= 8 && word < 0x100000u &&
                      lies_in(s, addr + 4 + al_get_le32(p + 4), true) && lies_in(s, addr - word, false);

    if ((aligned && lies_in(s, addr + word, true)) || (!back && !first && p[-1] == 4 && -word > 1024 &&
                                                       -word < 0x100000u && lies_in(s, addr + word, false))) {
        *r = (struct al_delta_ref){.kind = AL_REF_RELATIVE, .len = 4, .target = addr + word};
    } else if (back) {
        *r = (struct al_delta_ref){.kind = AL_REF_BACK, .len = 4, .target = addr - word};
    }
}

static void find_xtensa(const uint8_t *p, uint32_t avail, uint32_t addr, struct al_delta_ref *r)
{
    if (avail < 3) {
        r->len = (uint8_t)avail;
        return;
    }
    const uint32_t w = get_le24(p), op = w & 15u;

    r->len = op >= 8 && op < 14 ? 2 : 3;
    if (op == 5) {
        r->kind = AL_REF_CALL;
        r->target = (addr & ~3u) + (sign_extend(w >> 6, 18) << 2) + 4;
    } else if ((w & 0x3Fu) == 6) {
        r->kind = AL_REF_JUMP;
        r->target = addr + sign_extend(w >> 6, 18) + 4;
    } else if (op == 1) {
        r->kind = AL_REF_LITERAL;
        r->target = ((addr + 3) & ~3u) + (0xFFFC0000u | (w >> 8) << 2);
    }
}

/* What does LUI's register become? Looks for the first instruction that adds to it. */
static void find_lui(struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr, uint32_t word,
                     struct al_delta_ref *r)
{
    const uint32_t rd = word >> 7 & 31u;

    s->registers.at[rd] = 0;
    for (uint32_t off = 4; off + 4 <= avail && off < 32;) {
        uint32_t low;

        if ((p[off] & 3u) != 3) {
            off += 2;
            continue;
        }
        const uint32_t other = al_get_le32(p + off);

        if ((other & 0xFFFu) == (word & 0xFFFu)) { /* another LUI for it */
            return;
        }
        if (low_form(other, rd, &low) != 0) {
            if (is_address(s, (word & 0xFFFFF000u) + low)) {
                r->kind = AL_REF_LUI;
                r->target = (word & 0xFFFFF000u) + low;
                s->registers.upper[rd] = word & 0xFFFFF000u;
                s->registers.at[rd] = addr;
            }
            return;
        }
        off += 4;
    }
}

static void find_low(struct al_delta_sweep *s, uint32_t addr, uint32_t word, struct al_delta_ref *r)
{
    const uint32_t rs = word >> 15 & 31u;
    uint32_t low;

    if (s->registers.at[rs] == 0 || addr - s->registers.at[rs] >= 128) {
        return;
    }
    const unsigned form = low_form(word, rs, &low);

    if (form != 0 && is_address(s, s->registers.upper[rs] + low)) {
        r->kind = AL_REF_LOW;
        r->form = (uint8_t)form;
        r->target = s->registers.upper[rs] + low;
        if ((word & 0x7Fu) == 0x13u && (word >> 7 & 31u) == rs) {
            s->registers.at[rs] = 0; /* it holds the sum now */
        }
    }
}

static void find_riscv(struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                       struct al_delta_ref *r)
{
    if ((addr & 1u) != 0 || avail < 2) {
        return;
    }
    const uint32_t half = al_get_le16(p);

    if ((half & 3u) != 3) {
        r->len = 2;
        if ((half & 3u) == 1 && (half >> 13 & 3u) == 1) { /* C.JAL, C.J */
            r->kind = AL_REF_CJ;
            r->target = addr + cj_offset(half);
        }
        return;
    }
    if (avail < 4) {
        r->len = (uint8_t)avail;
        return;
    }
    r->len = 4;
    const uint32_t word = al_get_le32(p), op = word & 0x7Fu;
    uint32_t low;

    if (op == 0x6Fu) {
        r->kind = AL_REF_JAL;
        r->target = addr + jal_offset(word);
    } else if (op == 0x17u) {
        if (avail >= 8 && (r->form = (uint8_t)low_form(al_get_le32(p + 4), word >> 7 & 31u, &low)) != 0) {
            r->kind = AL_REF_AUIPC;
            r->len = 8;
            r->target = addr + (word & 0xFFFFF000u) + low;
        }
    } else if (op == 0x37u) {
        find_lui(s, p, avail, addr, word, r);
    } else {
        find_low(s, addr, word, r);
    }
}

/* What is at p, of which `avail` bytes may be looked at? `first`: the byte before p may not. */
static struct al_delta_ref find(struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                                bool code, bool first)
{
    struct al_delta_ref r = {.kind = AL_REF_NONE, .len = 1};

    if ((!code || s->isa == AL_ISA_XTENSA) && (addr & 3u) == 0 && avail >= 4 &&
        is_address(s, al_get_le32(p))) {
        return (struct al_delta_ref){.kind = AL_REF_WORD, .len = 4, .target = al_get_le32(p)};
    }
    if (!code) {
        find_in_data(s, p, avail, addr, first, &r);
    } else if (s->isa == AL_ISA_XTENSA) {
        find_xtensa(p, avail, addr, &r);
    } else {
        find_riscv(s, p, avail, addr, &r);
    }
    return r;
}

/* Encode the field anew, for its place in the new image. */
static void put(uint8_t *p, const struct al_delta_ref *r, uint32_t addr, uint32_t target)
{
    switch (r->kind) {
    case AL_REF_WORD:
        al_put_le32(p, target);
        break;
    case AL_REF_CALL:
        put_le24(p, (p[0] & 0x3Fu) | ((target - 4 - (addr & ~3u)) >> 2) << 6);
        break;
    case AL_REF_JUMP:
        put_le24(p, (p[0] & 0x3Fu) | (target - 4 - addr) << 6);
        break;
    case AL_REF_LITERAL:
        al_put_le16(p + 1, (uint16_t)((target - ((addr + 3) & ~3u)) >> 2));
        break;
    case AL_REF_JAL:
        al_put_le32(p, jal_with(al_get_le32(p), target - addr));
        break;
    case AL_REF_CJ:
        al_put_le16(p, (uint16_t)cj_with(al_get_le16(p), target - addr));
        break;
    case AL_REF_AUIPC:
        al_put_le32(p, (al_get_le32(p) & 0xFFFu) | ((target - addr + 0x800u) & 0xFFFFF000u));
        al_put_le32(p + 4, low_with(al_get_le32(p + 4), r->form, target - addr));
        break;
    case AL_REF_LUI:
        al_put_le32(p, (al_get_le32(p) & 0xFFFu) | ((target + 0x800u) & 0xFFFFF000u));
        break;
    case AL_REF_LOW:
        al_put_le32(p, low_with(al_get_le32(p), r->form, target));
        break;
    case AL_REF_RELATIVE:
        al_put_le32(p, target - addr);
        break;
    case AL_REF_BACK:
        al_put_le32(p, addr - target);
        break;
    default:
        break;
    }
}

bool al_delta_ref_read(const uint8_t *p, const struct al_delta_ref *r, uint32_t addr,
                       struct al_delta_registers *registers, uint32_t *target)
{
    const uint32_t word = al_get_le32(p), rd = word >> 7 & 31u, rs = word >> 15 & 31u;
    uint32_t low;

    switch (r->kind) {
    case AL_REF_WORD:
        *target = word;
        return true;
    case AL_REF_CALL:
        *target = (addr & ~3u) + (sign_extend(get_le24(p) >> 6, 18) << 2) + 4;
        return (word & 15u) == 5;
    case AL_REF_JUMP:
        *target = addr + sign_extend(get_le24(p) >> 6, 18) + 4;
        return (word & 0x3Fu) == 6;
    case AL_REF_LITERAL:
        *target = ((addr + 3) & ~3u) + (0xFFFC0000u | (get_le24(p) >> 8) << 2);
        return (word & 15u) == 1;
    case AL_REF_JAL:
        *target = addr + jal_offset(word);
        return (word & 0x7Fu) == 0x6Fu;
    case AL_REF_CJ:
        *target = addr + cj_offset(word & 0xFFFFu);
        return (word & 3u) == 1 && (word >> 13 & 3u) == 1;
    case AL_REF_AUIPC:
        if ((word & 0x7Fu) != 0x17u || low_form(al_get_le32(p + 4), rd, &low) != r->form) {
            return false;
        }
        *target = addr + (word & 0xFFFFF000u) + low;
        return true;
    case AL_REF_LUI:
        registers->upper[rd] = word & 0xFFFFF000u;
        registers->at[rd] = (word & 0x7Fu) == 0x37u;
        return false; /* its lower part will tell */
    case AL_REF_LOW:
        if (registers->at[rs] == 0 || low_form(word, rs, &low) != r->form) {
            return false;
        }
        *target = registers->upper[rs] + low;
        return true;
    case AL_REF_RELATIVE:
        *target = addr + word;
        return true;
    case AL_REF_BACK:
        *target = addr - word;
        return true;
    default:
        return false;
    }
}

/* --- The sweep ------------------------------------------------------------- */

void al_delta_sweep_begin(struct al_delta_sweep *s, uint32_t old_off, uint32_t new_off, uint32_t len)
{
    s->old_off = old_off;
    s->new_off = new_off;
    s->len = len;
    s->at = 0;
    s->n = 0;
    memset(&s->registers, 0, sizeof(s->registers));
}

int al_delta_sweep_next(struct al_delta_sweep *s,
                        int (*read_old)(void *ctx, uint32_t off, void *buf, uint32_t len), void *ctx,
                        void (*see)(void *see_ctx, const struct al_delta_ref *ref, uint32_t new_off,
                                    uint32_t new_addr),
                        void *see_ctx)
{
    s->at += s->n;
    const uint32_t first = s->at == 0 ? 0 : 1; /* one byte before is looked at */
    const uint32_t left = s->len - s->at;
    const uint32_t len = left < AL_DELTA_WINDOW + AL_DELTA_AHEAD ? left : AL_DELTA_WINDOW + AL_DELTA_AHEAD;
    const int result = read_old(ctx, s->old_off + s->at - first, s->window + 1 - first, len + first);
    uint32_t i = 0;

    s->n = 0;
    if (result != 0) {
        return result;
    }
    while (i < len && i < AL_DELTA_WINDOW) {
        const uint32_t old_off = s->old_off + s->at + i, new_off = s->new_off + s->at + i;
        const struct al_delta_segment *old = segment_at(&s->old, old_off),
                                      *new = segment_at(&s->new, new_off);

        if (s->isa == AL_ISA_NONE || old == NULL || new == NULL) {
            i++;
            continue;
        }
        const uint32_t new_addr = new->addr + (new_off - new->off);
        uint8_t *p = s->window + 1 + i;
        const struct al_delta_ref r =
            find(s, p, len - i, old->addr + (old_off - old->off), is_code_address(old->addr), s->at + i == 0);

        if (r.kind != AL_REF_NONE) {
            if (see != NULL) {
                see(see_ctx, &r, new_off, new_addr);
            } else {
                put(p, &r, new_addr, map(s, r.target));
            }
        }
        i += r.len;
    }
    s->n = i;
    return 0;
}
