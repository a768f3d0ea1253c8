#include "image_elf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"

#define SECTIONS_MAX 256u

/* --- ELF fields ------------------------------------------------------------ */

#define ELF_CLASS32 1
#define ELF_CLASS64 2
#define ELF_EXEC    2u
#define ELF_DYN     3u

#define SECTION_PROGBITS   1u
#define SECTION_INIT_ARRAY 14u
#define SECTION_FINI_ARRAY 15u
#define SECTION_ALLOC      2u /* flag: occupies memory when the program runs */

static bool complain(char *err, size_t err_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(char *err, size_t err_size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err, err_size, format, args);
    va_end(args);
    return false;
}

bool image_elf_check(const struct host_buf *elf, unsigned *bits, unsigned *machine, char *err,
                     size_t err_size)
{
    const uint8_t *p = elf->data;

    if (elf->len < 52 || memcmp(p, "\177ELF", 4) != 0) {
        return complain(err, err_size, "not an ELF program");
    }
    if (p[5] != 1) {
        return complain(err, err_size, "a big-endian ELF: no such chip is supported");
    }
    if (p[4] != ELF_CLASS32 && p[4] != ELF_CLASS64) {
        return complain(err, err_size, "an ELF of unknown class %u", p[4]);
    }
    unsigned type = al_get_le16(p + 16);
    if (type != ELF_EXEC && type != ELF_DYN) {
        return complain(err, err_size, "an ELF, but not a linked program (type %u)", type);
    }
    if (bits) {
        *bits = p[4] == ELF_CLASS32 ? 32 : 64;
    }
    if (machine) {
        *machine = al_get_le16(p + 18);
    }
    return true;
}

/* --- Sections -------------------------------------------------------------- */

/* A run of memory that the program wants filled. */
struct block {
    uint32_t addr;
    uint32_t len;
    uint32_t off; /* of its bytes in image_plan.memory */
    bool mapped;  /* from flash, by the MMU */
};

struct blocks {
    struct block item[SECTIONS_MAX];
    unsigned n;
};

static bool in_range(const struct al_range *range, uint32_t addr)
{
    return addr >= range->lo && addr < range->hi;
}

static bool is_mapped(const struct al_chip *chip, uint32_t addr)
{
    for (size_t i = 0; i < sizeof chip->mapped / sizeof chip->mapped[0]; i++) {
        if (in_range(&chip->mapped[i], addr)) {
            return true;
        }
    }
    return false;
}

static bool collect_sections(const struct host_buf *elf, const struct al_chip *chip, struct blocks *blocks,
                             char *err, size_t err_size)
{
    const uint8_t *p = elf->data;
    uint64_t table = al_get_le32(p + 32);
    unsigned entry_size = al_get_le16(p + 46);
    unsigned n = al_get_le16(p + 48);

    if (n == 0 || entry_size < 40 || table + (uint64_t)n * entry_size > elf->len) {
        return complain(err, err_size, "no section headers, or they lie outside the file");
    }
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *s = p + table + (size_t)i * entry_size;
        uint32_t type = al_get_le32(s + 4);
        uint32_t addr = al_get_le32(s + 12);
        uint64_t off = al_get_le32(s + 16);
        uint64_t len = al_get_le32(s + 20);

        if (type != SECTION_PROGBITS && type != SECTION_INIT_ARRAY && type != SECTION_FINI_ARRAY) {
            continue; /* among them what is only zeroed at start */
        }
        if (!(al_get_le32(s + 8) & SECTION_ALLOC) || addr == 0 || len == 0) {
            continue;
        }
        if (off + len > elf->len || addr + len > UINT32_MAX) {
            return complain(err, err_size, "section %u lies outside the file", i);
        }
        if (blocks->n == SECTIONS_MAX) {
            return complain(err, err_size, "more than %u sections", SECTIONS_MAX);
        }
        blocks->item[blocks->n++] = (struct block){
            .addr = addr, .len = (uint32_t)len, .off = (uint32_t)off, .mapped = is_mapped(chip, addr)};
    }
    return true;
}

static int by_addr(const void *a, const void *b)
{
    const struct block *x = a;
    const struct block *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/*
 * Copy the bytes into plan->memory in order of address, joining sections that
 * touch; each block is zero-padded to a multiple of 4.
 */
static bool join_sections(const struct host_buf *elf, struct blocks *blocks, struct image_plan *plan,
                          char *err, size_t err_size)
{
    size_t room = 0;
    size_t used = 0;
    unsigned n = 0;

    qsort(blocks->item, blocks->n, sizeof blocks->item[0], by_addr);
    for (unsigned i = 0; i < blocks->n; i++) {
        room += blocks->item[i].len + 4;
    }
    plan->memory = calloc(1, room + 1);
    if (!plan->memory) {
        return complain(err, err_size, "out of memory");
    }
    for (unsigned i = 0; i < blocks->n; i++) {
        struct block b = blocks->item[i];
        struct block *last = n > 0 ? &blocks->item[n - 1] : NULL;

        /* The padding of a block may reach into the section behind it, which then continues it. */
        if (last && b.addr < last->addr + last->len) {
            return complain(err, err_size, "sections overlap at 0x%08x", (unsigned)b.addr);
        }
        bool joins = last && b.addr - (last->addr + last->len) < 4 && b.mapped == last->mapped &&
                     b.addr <= last->addr + ((last->len + 3) & ~3u);
        if (joins) {
            used = last->off + (b.addr - last->addr);
            memcpy(plan->memory + used, elf->data + b.off, b.len);
            last->len = b.addr - last->addr + b.len;
        } else {
            used = (used + 3) & ~(size_t)3;
            memcpy(plan->memory + used, elf->data + b.off, b.len);
            b.off = (uint32_t)used;
            blocks->item[n++] = b;
        }
        used += b.len;
    }
    for (unsigned i = 0; i < n; i++) {
        blocks->item[i].len = (blocks->item[i].len + 3) & ~3u;
    }
    blocks->n = n;
    return true;
}

/* --- Layout ---------------------------------------------------------------- */

static bool add_piece(struct image_plan *plan, uint32_t *pos, struct image_piece piece, char *err,
                      size_t err_size)
{
    if (plan->n == AL_IMAGE_MAX_SEGMENTS) {
        return complain(err, err_size, "needs more than %u segments", AL_IMAGE_MAX_SEGMENTS);
    }
    if (piece.len >= AL_IMAGE_MAX_LEN - *pos) {
        return complain(err, err_size, "makes an image of more than 16 MiB");
    }
    plan->piece[plan->n++] = piece;
    *pos += AL_IMAGE_SEGMENT_SIZE + piece.len;
    return true;
}

/*
 * Bytes of padding, without its own header, so that the data of a segment for
 * `addr` placed behind it lies right; 0 if it already does at `pos`.
 */
static uint32_t padding_for(uint32_t pos, uint32_t addr, uint32_t page)
{
    uint32_t gap = (addr - (pos + AL_IMAGE_SEGMENT_SIZE)) & (page - 1);

    if (gap == 0) {
        return 0;
    }
    return gap >= AL_IMAGE_SEGMENT_SIZE ? gap - AL_IMAGE_SEGMENT_SIZE : gap + page - AL_IMAGE_SEGMENT_SIZE;
}

/*
 * A mapped segment that ends within the first 36 bytes of a page is lengthened:
 * bootloaders map its last page by a rounding that would leave it out.
 */
static uint32_t mapped_len(uint32_t pos, uint32_t len, uint32_t page)
{
    uint32_t rest = (pos + AL_IMAGE_SEGMENT_SIZE + len) & (page - 1);

    return rest < 0x24 ? len + 0x24 - rest : len;
}

/* The block for RAM that is to be written next, or NULL. */
static struct block *next_ram(struct blocks *blocks)
{
    for (unsigned i = 0; i < blocks->n; i++) {
        if (!blocks->item[i].mapped && blocks->item[i].len > 0) {
            return &blocks->item[i];
        }
    }
    return NULL;
}

static struct image_piece take(const struct image_plan *plan, struct block *b, uint32_t len)
{
    struct image_piece piece = {.addr = b->addr, .len = len, .data_len = len, .data = plan->memory + b->off};

    b->addr += len;
    b->off += len;
    b->len -= len;
    return piece;
}

/* Add a mapped block, with what must lie before it. */
static bool add_mapped(struct image_plan *plan, uint32_t *pos, struct blocks *blocks, struct block *b,
                       uint32_t page, char *err, size_t err_size)
{
    for (uint32_t pad; (pad = padding_for(*pos, b->addr, page)) > 0;) {
        struct block *ram = next_ram(blocks);
        struct image_piece filler = {.addr = 0, .len = pad};

        if (ram && pad > AL_IMAGE_SEGMENT_SIZE) {
            filler = take(plan, ram, ram->len < pad ? ram->len : pad);
        }
        if (!add_piece(plan, pos, filler, err, err_size)) {
            return false;
        }
    }
    struct image_piece piece = take(plan, b, b->len);
    piece.len = mapped_len(*pos, piece.len, page);
    return add_piece(plan, pos, piece, err, err_size);
}

/* `first` holds the app description, which opens an image wherever it is linked. */
static bool lay_out(struct image_plan *plan, struct blocks *blocks, struct block *first, uint32_t page,
                    char *err, size_t err_size)
{
    uint32_t pos = AL_IMAGE_HEADER_SIZE;
    struct block *ram;

    if (padding_for(pos, first->addr, page) != 0) {
        return complain(err, err_size,
                        "the app description is linked to 0x%08x, not 32 bytes into a page, where the first "
                        "segment's data lies",
                        (unsigned)first->addr);
    }
    if (!add_mapped(plan, &pos, blocks, first, page, err, err_size)) {
        return false;
    }
    for (unsigned i = 0; i < blocks->n; i++) {
        struct block *b = &blocks->item[i];

        if (b->mapped && b->len > 0 && !add_mapped(plan, &pos, blocks, b, page, err, err_size)) {
            return false;
        }
    }
    while ((ram = next_ram(blocks)) != NULL) {
        if (!add_piece(plan, &pos, take(plan, ram, ram->len), err, err_size)) {
            return false;
        }
    }
    return true;
}

/* --- Public ---------------------------------------------------------------- */

/* The mapped block that starts with an app description, or NULL. */
static struct block *find_description(struct blocks *blocks, const struct image_plan *plan)
{
    for (unsigned i = 0; i < blocks->n; i++) {
        struct block *b = &blocks->item[i];

        if (b->mapped && b->len >= AL_IMAGE_DESC_SIZE &&
            al_get_le32(plan->memory + b->off) == AL_IMAGE_DESC_MAGIC) {
            return b;
        }
    }
    return NULL;
}

/* Two mapped blocks in one page can't both be mapped: their file offsets would contradict each other. */
static bool check_pages(const struct blocks *blocks, uint32_t page, char *err, size_t err_size)
{
    const struct block *last = NULL;

    for (unsigned i = 0; i < blocks->n; i++) {
        const struct block *b = &blocks->item[i];

        if (!b->mapped) {
            continue;
        }
        if (last && b->addr / page == (last->addr + last->len - 1) / page) {
            return complain(err, err_size,
                            "what is linked at 0x%08x and at 0x%08x falls into one %u KiB page of the MMU",
                            (unsigned)last->addr, (unsigned)b->addr, (unsigned)(page / 1024));
        }
        last = b;
    }
    return true;
}

bool image_plan_chip(const struct host_buf *elf, const struct al_chip *chip, struct image_plan *out,
                     char *err, size_t err_size)
{
    static const char *const xtensa[] = {"esp32", "esp32s2", "esp32s3"};
    unsigned bits = 0;
    unsigned machine = 0;
    unsigned wanted = IMAGE_ELF_RISCV;

    memset(out, 0, sizeof *out);
    if (!image_elf_check(elf, &bits, &machine, err, err_size)) {
        return false;
    }
    for (size_t i = 0; i < sizeof xtensa / sizeof xtensa[0]; i++) {
        wanted = strcmp(chip->name, xtensa[i]) == 0 ? IMAGE_ELF_XTENSA : wanted;
    }
    if (bits != 32 || machine != wanted) {
        return complain(err, err_size, "a %u-bit ELF for machine %u; %s runs 32-bit programs for %s (%u)",
                        bits, machine, chip->name, wanted == IMAGE_ELF_XTENSA ? "Xtensa" : "RISC-V", wanted);
    }

    struct blocks *blocks = calloc(1, sizeof *blocks);
    if (!blocks) {
        return complain(err, err_size, "out of memory");
    }
    struct block *first = NULL;
    bool ok =
        collect_sections(elf, chip, blocks, err, err_size) && join_sections(elf, blocks, out, err, err_size);
    if (ok) {
        first = find_description(blocks, out);
        ok = first || complain(err, err_size,
                               "no app description (.flash.appdesc) at the start of what is mapped from "
                               "flash");
    }
    if (ok) {
        unsigned log2 = out->memory[first->off + 180];
        uint32_t page = chip->mmu_page_configurable && log2 >= 13 && log2 <= 18 ? 1u << log2 : 0x10000u;

        out->entry = al_get_le32(elf->data + 24);
        ok = check_pages(blocks, page, err, err_size) && lay_out(out, blocks, first, page, err, err_size);
    }
    free(blocks);
    if (!ok) {
        image_plan_free(out);
    }
    return ok;
}

bool image_plan_linux(const struct host_buf *elf, struct image_plan *out, char *err, size_t err_size)
{
    unsigned bits = 0;
    unsigned machine = 0;

    memset(out, 0, sizeof *out);
    if (!image_elf_check(elf, &bits, &machine, err, err_size)) {
        return false;
    }
    if (machine == IMAGE_ELF_XTENSA || (machine == IMAGE_ELF_RISCV && bits == 32)) {
        return complain(err, err_size, "a program for a real chip: name it with --chip");
    }
    size_t len = AL_IMAGE_DESC_SIZE + ((elf->len + 3) & ~(size_t)3);
    if (len >= AL_IMAGE_MAX_LEN) {
        return complain(err, err_size, "%zu bytes; an image's segment must stay below 16 MiB", elf->len);
    }
    /* The description is written in front, so the segment's data is kept in one piece here. */
    out->memory = calloc(1, len);
    if (!out->memory) {
        return complain(err, err_size, "out of memory");
    }
    memcpy(out->memory + AL_IMAGE_DESC_SIZE, elf->data, elf->len);
    out->piece[0] =
        (struct image_piece){.addr = 0, .len = (uint32_t)len, .data_len = (uint32_t)len, .data = out->memory};
    out->n = 1;
    return true;
}

void image_plan_free(struct image_plan *plan)
{
    free(plan->memory);
    plan->memory = NULL;
}
