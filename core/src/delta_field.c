/*
 * delta_field.c - which bytes of an app image hold addresses, by what Xtensa and RISC-V instructions look like.
 */
#include "airlift/delta_field.h"

#include "airlift/bytes.h"
#include "airlift/image.h"

/* --- Segments -------------------------------------------------------------- */

int al_delta_read_segments(const struct al_delta_reader *reader, bool new, uint32_t file_len,
                           struct al_delta_file *out, uint8_t *isa)
{
    uint8_t raw[AL_IMAGE_HEADER_SIZE];
    uint32_t off = AL_IMAGE_HEADER_SIZE;

    out->n = 0;
    *isa = AL_ISA_NONE;
    int result = file_len < off ? 0 : reader->read(reader->ctx, new, 0, raw, sizeof(raw));
    if (file_len < off || result != 0 || raw[0] != AL_IMAGE_MAGIC || raw[1] > AL_IMAGE_MAX_SEGMENTS) {
        return result;
    }
    const uint8_t n = raw[1], chip = raw[12];

    for (unsigned i = 0; i < n; i++) {
        struct al_delta_segment *segment = &out->segment[i];

        if (file_len - off < AL_IMAGE_SEGMENT_SIZE) {
            return 0;
        }
        result = reader->read(reader->ctx, new, off, raw, AL_IMAGE_SEGMENT_SIZE);
        if (result != 0) {
            return result;
        }
        off += AL_IMAGE_SEGMENT_SIZE;
        *segment = (struct al_delta_segment){off, al_get_le32(raw + 4), al_get_le32(raw)};
        if (segment->len > file_len - off) {
            return 0;
        }
        off += segment->len;
    }
    out->n = n;
    /* ESP32, S2, S3 are Xtensa; all others are RISC-V. */
    *isa = chip == 0 || chip == 2 || chip == 9 ? AL_ISA_XTENSA : AL_ISA_RISCV;
    return 0;
}

const struct al_delta_segment *al_delta_segment_at(const struct al_delta_file *file, uint32_t off)
{
    for (unsigned i = 0; i < file->n; i++) {
        if (off - file->segment[i].off < file->segment[i].len) {
            return &file->segment[i];
        }
    }
    return NULL;
}

const struct al_delta_segment *al_delta_segment_before(const struct al_delta_file *old, unsigned i)
{
    static const struct al_delta_segment none = {.addr = AL_DELTA_ADDRESS_BASE};

    return i < old->n ? &old->segment[i] : &none;
}

bool al_delta_is_code(const struct al_delta_segment *segment)
{
    return segment->addr - 0x40000000u < 0x10000000u;
}

static bool lies_in(const struct al_delta_sweep *s, uint32_t address, bool code)
{
    for (unsigned i = 0; i < s->old.n; i++) {
        const struct al_delta_segment *segment = &s->old.segment[i];

        if (al_delta_is_code(segment) == code && address - segment->addr < segment->len) {
            return true;
        }
    }
    return false;
}

bool al_delta_is_address(const struct al_delta_sweep *s, uint32_t address)
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

uint32_t al_delta_sign_extend(uint32_t value, unsigned bits)
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

uint32_t al_delta_jal_offset(uint32_t i)
{
    return al_delta_sign_extend(
        (i >> 31) << 20 | (i >> 12 & 0xFFu) << 12 | (i >> 20 & 1u) << 11 | (i >> 21 & 0x3FFu) << 1, 21);
}

static uint32_t jal_with(uint32_t i, uint32_t off)
{
    return (i & 0xFFFu) | (off >> 20 & 1u) << 31 | (off >> 1 & 0x3FFu) << 21 | (off >> 11 & 1u) << 20 |
           (off >> 12 & 0xFFu) << 12;
}

/* Does instruction i add 12 bits to register rs: in which form (0: no), and how much? */
unsigned al_delta_low_form(uint32_t i, uint32_t rs, uint32_t *value)
{
    const bool store = (i & 0x7Bu) == 0x23u; /* integer or float, as the loads */
    const bool other =
        (i & 0x7Bu) == 0x03u || (i & 0x7Fu) == 0x67u || (i & 0x707Fu) == 0x13u; /* JALR, ADDI */

    if ((i >> 15 & 31u) != rs || !(store || other)) {
        return 0;
    }
    *value = al_delta_sign_extend(store ? i >> 25 << 5 | (i >> 7 & 31u) : i >> 20, 12);
    return store ? 2 : 1;
}

static uint32_t low_with(uint32_t i, unsigned form, uint32_t value)
{
    const uint32_t low = value & 0xFFFu;

    return form == 1 ? (i & 0xFFFFFu) | low << 20 : (i & ~0xFE000F80u) | (low >> 5) << 25 | (low & 31u) << 7;
}

/* Words that tell where something is from where they are themselves, as .eh_frame has them. */
static void find_in_data(const struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                         struct al_delta_ref *r)
{
    const uint32_t word = al_get_le32(p);

    if (lies_in(s, addr + word, true)) {
        r->kind = AL_REF_RELATIVE;
        r->target = addr + word;
    } else if (avail >= 8 && lies_in(s, addr + 4 + al_get_le32(p + 4), true) &&
               lies_in(s, addr - word, false)) {
        r->kind = AL_REF_BACK;
        r->target = addr - word;
    } else if (p[0] == 4 && avail >= 5) { /* 4 bytes of augmentation: where the LSDA is */
        const uint32_t off = al_get_le32(p + 1);

        if (0 - off < 0x100000u && lies_in(s, addr + 1 + off, false)) {
            r->kind = AL_REF_RELATIVE;
            r->form = 1;
            r->len = 5;
            r->target = addr + 1 + off;
        }
    }
}

unsigned al_delta_instruction_len(uint8_t isa, uint8_t first)
{
    if (isa == AL_ISA_XTENSA) {
        return (first & 15u) >= 8 && (first & 15u) < 14 ? 2 : 3;
    }
    return (first & 3u) == 3 ? 4 : 2;
}

static void find_xtensa(const uint8_t *p, uint32_t avail, uint32_t addr, struct al_delta_ref *r)
{
    if (avail < 3) {
        r->len = (uint8_t)avail;
        return;
    }
    const uint32_t w = get_le24(p), op = w & 15u;

    r->len = (uint8_t)al_delta_instruction_len(AL_ISA_XTENSA, p[0]);
    if (op == 5) {
        r->kind = AL_REF_CALL;
        r->target = (addr & ~3u) + (al_delta_sign_extend(w >> 6, 18) << 2) + 4;
    } else if ((w & 0x3Fu) == 6) {
        r->kind = AL_REF_JUMP;
        r->target = addr + al_delta_sign_extend(w >> 6, 18) + 4;
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

        if (al_delta_low_form(other, rd, &low) != 0) {
            if (al_delta_is_address(s, (word & 0xFFFFF000u) + low)) {
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
    const unsigned form = al_delta_low_form(word, rs, &low);

    if (form != 0 && al_delta_is_address(s, s->registers.upper[rs] + low)) {
        r->kind = AL_REF_LOW;
        r->form = (uint8_t)form;
        r->target = s->registers.upper[rs] + low;
        if ((word & 0x7Fu) == 0x13u && (word >> 7 & 31u) == rs) {
            s->registers.at[rs] = 0; /* it holds the sum now */
        }
    }
}

static void find_auipc(const uint8_t *p, uint32_t avail, uint32_t addr, uint32_t word, struct al_delta_ref *r)
{
    uint32_t low;

    if (avail >= 8 &&
        (r->form = (uint8_t)al_delta_low_form(al_get_le32(p + 4), word >> 7 & 31u, &low)) != 0) {
        r->kind = AL_REF_AUIPC;
        r->len = 8;
        r->target = addr + (word & 0xFFFFF000u) + low;
    }
}

static void find_riscv(struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                       struct al_delta_ref *r)
{
    if (avail < 2) {
        r->len = 1;
        return;
    }
    if ((p[0] & 3u) != 3) {
        r->len = 2;
        return;
    }
    if (avail < 4) {
        r->len = (uint8_t)avail;
        return;
    }
    r->len = 4;
    const uint32_t word = al_get_le32(p), op = word & 0x7Fu;

    if (op == 0x6Fu) {
        r->kind = (word & 0xF80u) == 0 ? AL_REF_BRANCH : AL_REF_JAL;
        r->target = addr + al_delta_jal_offset(word);
    } else if (op == 0x17u) {
        find_auipc(p, avail, addr, word, r);
    } else if (op == 0x37u) {
        find_lui(s, p, avail, addr, word, r);
    } else {
        find_low(s, addr, word, r);
    }
}

struct al_delta_ref al_delta_find(struct al_delta_sweep *s, const uint8_t *p, uint32_t avail, uint32_t addr,
                                  bool code)
{
    struct al_delta_ref r = {.kind = AL_REF_NONE, .len = (uint8_t)(4 - (addr & 3u))};

    if (!code && r.len > avail) {
        r.len = (uint8_t)avail;
    }
    if ((!code || s->isa == AL_ISA_XTENSA) && r.len == 4 && avail >= 4) {
        const uint32_t word = al_get_le32(p);

        if (al_delta_is_address(s, word)) {
            r.kind = AL_REF_WORD;
            r.target = word;
            return r;
        }
        if (!code && s->isa == AL_ISA_RISCV) {
            find_in_data(s, p, avail, addr, &r);
        }
    }
    if (!code) {
        return r;
    }
    if (s->isa == AL_ISA_XTENSA) {
        find_xtensa(p, avail, addr, &r);
    } else {
        find_riscv(s, p, avail, addr, &r);
    }
    return r;
}

/* Encode the field anew, for its place in the new image. */
void al_delta_ref_put(uint8_t *p, const struct al_delta_ref *r, uint32_t addr, uint32_t target)
{
    uint32_t value = target - addr;

    switch (r->kind) {
    case AL_REF_WORD:
        al_put_le32(p, target);
        break;
    case AL_REF_RELATIVE:
        al_put_le32(p + r->form, value - r->form);
        break;
    case AL_REF_BACK:
        al_put_le32(p, 0 - value);
        break;
    case AL_REF_CALL:
        value = (value + (addr & 3u)) >> 2;
        put_le24(p, (p[0] & 0x3Fu) | (value - 1) << 6);
        break;
    case AL_REF_JUMP:
        put_le24(p, (p[0] & 0x3Fu) | (value - 4) << 6);
        break;
    case AL_REF_LITERAL:
        al_put_le16(p + 1, (uint16_t)((target - ((addr + 3) & ~3u)) >> 2));
        break;
    case AL_REF_JAL:
    case AL_REF_BRANCH:
        al_put_le32(p, jal_with(al_get_le32(p), value));
        break;
    case AL_REF_AUIPC:
    case AL_REF_LUI:
    case AL_REF_LOW:
        if (r->kind != AL_REF_AUIPC) {
            value = target;
        }
        if (r->kind != AL_REF_LOW) {
            al_put_le32(p, (al_get_le32(p) & 0xFFFu) | ((value + 0x800u) & 0xFFFFF000u));
        }
        if (r->kind != AL_REF_LUI) {
            p += r->len - 4u; /* the last instruction */
            al_put_le32(p, low_with(al_get_le32(p), r->form, value));
        }
        break;
    default:
        break;
    }
}
