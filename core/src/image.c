#include "airlift/image.h"

#include "airlift/bytes.h"

#define CHECKSUM_START   0xEFu
#define MMU_PAGE_DEFAULT 0x10000u    /* bytes */
#define LOWEST_LOADED    0x10000000u /* segments below this address are never loaded */

/* Steps of a verification, in order; segments repeat the middle two. */
enum step {
    STEP_PREFIX,
    STEP_HEADER,
    STEP_SEGMENT,
    STEP_DATA,
    STEP_PADDING,
    STEP_HASH,
    STEP_SIGNATURE,
    STEP_DONE
};

static bool within(uint32_t addr, const struct al_range *r)
{
    return addr >= r->lo && addr < r->hi;
}

/* A limit that is not set is stored as 0 or 65535. */
static bool is_set(uint16_t revision)
{
    return revision != 0 && revision != 0xFFFF;
}

static void copy_text(char *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, len);
    to[len] = '\0';
}

/* --- Parsing ------------------------------------------------------------- */

int al_image_parse_header(const uint8_t *raw, struct al_image_header *out)
{
    if (raw[0] != AL_IMAGE_MAGIC) {
        return AL_ERR_IMAGE;
    }
    out->n_segments = raw[1];
    out->spi_mode = raw[2];
    out->spi_speed = raw[3] & 0x0F;
    out->spi_size = raw[3] >> 4;
    out->entry = al_get_le32(raw + 4);
    out->chip_id = al_get_le16(raw + 12);
    out->min_rev_legacy = raw[14];
    out->min_rev = al_get_le16(raw + 15);
    out->max_rev = al_get_le16(raw + 17);
    out->hash_appended = raw[23] != 0;
    return 0;
}

int al_image_parse_desc(const uint8_t *raw, struct al_image_desc *out)
{
    if (al_get_le32(raw) != AL_IMAGE_DESC_MAGIC) {
        return AL_ERR_NOT_FOUND;
    }
    out->secure_version = al_get_le32(raw + 4);
    copy_text(out->version, raw + 16, 32);
    copy_text(out->project, raw + 48, 32);
    copy_text(out->time, raw + 80, 16);
    copy_text(out->date, raw + 96, 16);
    copy_text(out->idf_ver, raw + 112, 32);
    memcpy(out->elf_sha256, raw + 144, 32);
    out->min_blk_rev = al_get_le16(raw + 176);
    out->max_blk_rev = al_get_le16(raw + 178);
    out->mmu_page_log2 = raw[180];
    out->spi_mode = raw[181];
    return 0;
}

int al_image_read_desc(const struct al_flash *flash, uint32_t off, struct al_image_desc *out)
{
    uint8_t raw[AL_IMAGE_DESC_SIZE];
    int err;

    if (off > flash->size || flash->size - off < AL_IMAGE_DESC_OFF) {
        return AL_ERR_SIZE;
    }
    err = al_flash_read(flash, off + AL_IMAGE_DESC_OFF, raw, sizeof(raw));
    return err != 0 ? err : al_image_parse_desc(raw, out);
}

const char *al_image_fault_text(enum al_image_fault fault)
{
    switch (fault) {
    case AL_IMAGE_GOOD:
        return "good";
    case AL_IMAGE_BAD_MAGIC:
        return "no app image (magic byte is not 0xE9)";
    case AL_IMAGE_WRONG_CHIP:
        return "built for another chip";
    case AL_IMAGE_CHIP_TOO_OLD:
        return "needs a newer chip revision";
    case AL_IMAGE_CHIP_TOO_NEW:
        return "does not support so new a chip revision";
    case AL_IMAGE_BLK_TOO_OLD:
        return "needs a newer eFuse block revision";
    case AL_IMAGE_BLK_TOO_NEW:
        return "does not support so new an eFuse block revision";
    case AL_IMAGE_SEGMENT_COUNT:
        return "more than 16 segments";
    case AL_IMAGE_SEGMENT_LEN:
        return "segment length is not a multiple of 4, or 16 MB and more";
    case AL_IMAGE_SEGMENT_MAP:
        return "mapped segment does not lie at its address modulo the MMU page";
    case AL_IMAGE_SEGMENT_LOAD:
        return "segment's load address is not free RAM";
    case AL_IMAGE_DESC_MISSING:
        return "first segment does not start with an app description";
    case AL_IMAGE_TOO_LONG:
        return "longer than the partition";
    case AL_IMAGE_TRUNCATED:
        return "truncated";
    case AL_IMAGE_BAD_CHECKSUM:
        return "checksum is wrong";
    case AL_IMAGE_BAD_HASH:
        return "SHA-256 is wrong";
    case AL_IMAGE_PART_TOO_LARGE:
        return "partition is larger than 16 MB";
    case AL_IMAGE_UNALIGNED:
        return "does not begin at a multiple of 4 bytes";
    case AL_IMAGE_UNREADABLE:
        return "flash can't be read";
    case AL_IMAGE_NOT_TRUSTED:
        return "not signed by a trusted key";
    }
    return "unknown fault";
}

uint8_t al_image_checksum(uint8_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t fold = 0;

    for (; len >= 4 * sizeof(size_t); len -= 4 * sizeof(size_t)) {
        size_t word[4];

        memcpy(word, p, sizeof(word));
        fold ^= word[0] ^ word[1] ^ word[2] ^ word[3];
        p += sizeof(word);
    }
    for (unsigned i = 0; i < sizeof(fold); i++) {
        sum ^= (uint8_t)(fold >> 8 * i);
    }
    for (; len > 0; len--) {
        sum ^= *p++;
    }
    return sum;
}

/* --- Rules --------------------------------------------------------------- */

static enum al_image_fault check_header(const struct al_image_check *c)
{
    const struct al_image_rules *r = &c->rules;
    const struct al_image_header *h = &c->info.header;

    if (!r->skip_integrity && r->chip != NULL) {
        if (h->chip_id != r->chip->id) {
            return AL_IMAGE_WRONG_CHIP;
        }
        if (r->chip_rev < h->min_rev) {
            return AL_IMAGE_CHIP_TOO_OLD;
        }
        if (is_set(h->max_rev) && r->chip_rev > h->max_rev && !r->ignore_max_chip_rev && !r->bootloader) {
            return AL_IMAGE_CHIP_TOO_NEW;
        }
    }
    if (h->n_segments > AL_IMAGE_MAX_SEGMENTS) {
        return AL_IMAGE_SEGMENT_COUNT;
    }
    return AL_IMAGE_GOOD;
}

static enum al_image_fault check_blk_rev(const struct al_image_check *c, const struct al_chip *chip)
{
    const struct al_image_rules *r = &c->rules;
    const struct al_image_desc *d = &c->info.desc;

    if (r->chip == NULL || !chip->has_blk_rev || r->skip_integrity || r->bootloader) {
        return AL_IMAGE_GOOD;
    }
    if (is_set(d->min_blk_rev) && r->blk_rev < d->min_blk_rev) {
        return AL_IMAGE_BLK_TOO_OLD;
    }
    if (is_set(d->max_blk_rev) && r->blk_rev > d->max_blk_rev && !r->ignore_max_blk_rev) {
        return AL_IMAGE_BLK_TOO_NEW;
    }
    return AL_IMAGE_GOOD;
}

static bool loadable(const struct al_chip *chip, uint32_t lo, uint32_t len)
{
    uint32_t last = lo + len - 1;

    for (unsigned i = 0; i < sizeof(chip->bootloader) / sizeof(chip->bootloader[0]); i++) {
        if (lo < chip->bootloader[i].hi && last >= chip->bootloader[i].lo) {
            return false;
        }
    }
    if (chip->load[0].hi == 0) {
        return true; /* the chip's map is not known */
    }
    for (unsigned i = 0; i < sizeof(chip->load) / sizeof(chip->load[0]); i++) {
        if (within(lo, &chip->load[i]) && within(last, &chip->load[i])) {
            return true;
        }
    }
    return false;
}

static enum al_image_fault check_segment(const struct al_image_check *c, const struct al_chip *chip,
                                         const struct al_image_segment *s)
{
    uint32_t page = MMU_PAGE_DEFAULT;
    bool mapped = within(s->load_addr, &chip->mapped[0]) || within(s->load_addr, &chip->mapped[1]);

    if (s->len % 4 != 0 || s->len >= AL_IMAGE_MAX_LEN) {
        return AL_IMAGE_SEGMENT_LEN;
    }
    if (c->segment == 0 && !c->rules.bootloader && s->len < AL_IMAGE_DESC_SIZE) {
        return AL_IMAGE_DESC_MISSING;
    }
    if (chip->mmu_page_configurable && !c->rules.bootloader) {
        if (!c->info.has_desc) {
            return AL_IMAGE_DESC_MISSING;
        }
        if (c->info.desc.mmu_page_log2 != 0 && c->info.desc.mmu_page_log2 < 32) {
            page = (uint32_t)1 << c->info.desc.mmu_page_log2;
        }
    }
    if (mapped && (c->rules.flash_off + s->off) % page != s->load_addr % page) {
        return AL_IMAGE_SEGMENT_MAP;
    }
    if (c->rules.for_load && !mapped && s->load_addr >= LOWEST_LOADED && s->len > 0 &&
        !loadable(chip, s->load_addr, s->len)) {
        return AL_IMAGE_SEGMENT_LOAD;
    }
    return AL_IMAGE_GOOD;
}

/* --- The steps of a verification ----------------------------------------- */

/* AL_ERR_CHIP is what ESP-IDF reports as plain ESP_FAIL: this chip can't take the image. */
static int fail(struct al_image_check *c, enum al_image_fault fault)
{
    c->fault = fault;
    if (fault == AL_IMAGE_NOT_TRUSTED) {
        return AL_ERR_SIGNATURE;
    }
    return fault == AL_IMAGE_UNALIGNED || (fault >= AL_IMAGE_WRONG_CHIP && fault <= AL_IMAGE_BLK_TOO_NEW)
               ? AL_ERR_CHIP
               : AL_ERR_IMAGE;
}

static bool too_long(const struct al_image_check *c, uint32_t end)
{
    return c->rules.part_size != 0 && end > c->rules.part_size;
}

static void expect(struct al_image_check *c, enum step step, uint32_t len)
{
    c->step = (uint8_t)step;
    c->step_end = c->pos + len;
    c->held = 0;
}

/* After the header or a segment: the next segment's header, or the end. */
static int next_segment(struct al_image_check *c)
{
    if (c->segment < c->info.header.n_segments) {
        expect(c, STEP_SEGMENT, AL_IMAGE_SEGMENT_SIZE);
        return 0;
    }
    /* Zeros up to the checksum, the last byte of a 16-byte aligned region. */
    expect(c, STEP_PADDING, 16 - c->pos % 16);
    c->info.len = c->step_end + (c->info.header.hash_appended ? AL_SHA256_SIZE : 0);
    c->end = c->info.len;
    if (c->rules.signature != NULL) {
        c->end = al_sig_sector_off(c->info.len) + AL_SIG_SECTOR_SIZE;
    }
    return too_long(c, c->end) ? fail(c, AL_IMAGE_TOO_LONG) : 0;
}

/* Header to checksum or hash has been read, and is good. */
static int image_over(struct al_image_check *c)
{
    int left = 0;

    if (c->rules.signature == NULL) {
        expect(c, STEP_DONE, 0);
        return 0;
    }
    left = al_sig_image_ended(c->rules.signature, c->info.len);
    if (left < 0) {
        return left;
    }
    expect(c, STEP_SIGNATURE, (uint32_t)left);
    return 0;
}

/* The signature's verdict; AL_ERR_SIZE of it means that the bytes ended too early. */
static int take_signature(struct al_image_check *c)
{
    int err = al_sig_end(c->rules.signature);

    if (err != 0) {
        return fail(c, err == AL_ERR_SIZE ? AL_IMAGE_TRUNCATED : AL_IMAGE_NOT_TRUSTED);
    }
    expect(c, STEP_DONE, 0);
    return 0;
}

static int take_header(struct al_image_check *c, const uint8_t *raw)
{
    enum al_image_fault fault;

    if (al_image_parse_header(raw, &c->info.header) != 0) {
        return fail(c, AL_IMAGE_BAD_MAGIC);
    }
    fault = check_header(c);
    return fault != AL_IMAGE_GOOD ? fail(c, fault) : next_segment(c);
}

static int take_segment_header(struct al_image_check *c, const uint8_t *raw)
{
    const struct al_chip *chip = c->rules.chip;
    struct al_image_segment *s = &c->info.segment[c->segment];
    enum al_image_fault fault;

    if (chip == NULL || c->rules.skip_integrity) {
        chip = al_chip_by_id(c->info.header.chip_id);
    }
    if (chip == NULL) {
        return fail(c, AL_IMAGE_WRONG_CHIP);
    }
    s->load_addr = al_get_le32(raw);
    s->len = al_get_le32(raw + 4);
    s->off = c->pos;
    fault = check_segment(c, chip, s);
    if (fault == AL_IMAGE_GOOD && c->segment == 0 && s->len > 0) {
        fault = check_blk_rev(c, chip);
    }
    if (fault != AL_IMAGE_GOOD) {
        return fail(c, fault);
    }
    /* The sum can't wrap: a segment is below 16 MiB, and there are 16 at most. */
    if (too_long(c, c->pos + s->len)) {
        return fail(c, AL_IMAGE_TOO_LONG);
    }
    c->segment++;
    expect(c, STEP_DATA, s->len);
    return s->len == 0 ? next_segment(c) : 0;
}

static int take_checksum(struct al_image_check *c, uint8_t stored)
{
    int err;

    c->info.checksum = stored;
    if (c->rules.signature != NULL) {
        err = al_sig_take_hash(c->rules.signature, &c->hash);
        if (err != 0) {
            return err;
        }
    }
    c->hashing = false;
    err = al_hash_final(&c->hash, c->info.sha256);
    if (err != 0) {
        return err;
    }
    if (c->sum != stored && !c->rules.skip_integrity) {
        return fail(c, AL_IMAGE_BAD_CHECKSUM);
    }
    if (c->info.header.hash_appended) {
        expect(c, STEP_HASH, AL_SHA256_SIZE);
        return 0;
    }
    return image_over(c);
}

static int take_hash(struct al_image_check *c, const uint8_t *stored)
{
    bool enforced = !c->rules.skip_integrity && !c->rules.bootloader;

    if (enforced && memcmp(stored, c->info.sha256, AL_SHA256_SIZE) != 0) {
        return fail(c, AL_IMAGE_BAD_HASH);
    }
    return image_over(c);
}

/*
 * Gather the step's bytes in `hold`. Returns how many of `len` were taken. What
 * is taken from `hold` itself (the prefix) lies behind what is overwritten.
 */
static uint32_t gather(struct al_image_check *c, const uint8_t *data, uint32_t len)
{
    memmove(c->hold + c->held, data, len);
    c->held += len;
    c->pos += len;
    return len;
}

/* One step's share of `data`: consume it, and act if the step is complete. */
static int advance(struct al_image_check *c, const uint8_t *data, uint32_t len)
{
    int err = 0;

    if (c->step < STEP_HASH) {
        err = al_hash_update(&c->hash, data, len);
    }
    if (err == 0 && c->rules.signature != NULL) {
        err = c->step == STEP_SIGNATURE ? al_sig_feed(c->rules.signature, data, len)
                                        : al_sig_feed_image(c->rules.signature, data, len);
    }
    if (err != 0) {
        return err;
    }
    switch (c->step) {
    case STEP_HEADER:
    case STEP_SEGMENT:
    case STEP_HASH:
        (void)gather(c, data, len);
        if (c->pos < c->step_end) {
            return 0;
        }
        return c->step == STEP_HEADER    ? take_header(c, c->hold)
               : c->step == STEP_SEGMENT ? take_segment_header(c, c->hold)
                                         : take_hash(c, c->hold);
    case STEP_DATA:
        c->sum = al_image_checksum(c->sum, data, len);
        c->pos += len;
        return c->pos < c->step_end ? 0 : next_segment(c);
    case STEP_SIGNATURE:
        c->pos += len;
        return c->pos < c->step_end ? 0 : take_signature(c);
    default: /* STEP_PADDING */
        c->pos += len;
        return c->pos < c->step_end ? 0 : take_checksum(c, data[len - 1]);
    }
}

static int consume(struct al_image_check *c, const uint8_t *data, size_t len)
{
    while (len > 0 && c->step != STEP_DONE) {
        uint32_t left = c->step_end - c->pos;
        uint32_t part = len < left ? (uint32_t)len : left;
        int err = advance(c, data, part);

        if (err != 0) {
            return err;
        }
        data += part;
        len -= part;
    }
    return 0;
}

/*
 * The description is needed as soon as the first segment's header is read, and
 * lies behind it: so the first 288 bytes are collected before any is judged.
 */
static int start_steps(struct al_image_check *c)
{
    uint32_t held = c->held;

    c->info.has_desc =
        held == AL_IMAGE_PREFIX_SIZE && al_image_parse_desc(c->hold + AL_IMAGE_DESC_OFF, &c->info.desc) == 0;
    if (held == AL_IMAGE_PREFIX_SIZE && !c->info.has_desc) {
        /* The block revision's place is looked at whatever the magic says. */
        c->info.desc.min_blk_rev = al_get_le16(c->hold + AL_IMAGE_DESC_OFF + 176);
        c->info.desc.max_blk_rev = al_get_le16(c->hold + AL_IMAGE_DESC_OFF + 178);
    }
    expect(c, STEP_HEADER, AL_IMAGE_HEADER_SIZE);
    return consume(c, c->hold, held);
}

/* An error ends the verification: release what it holds, and remember. */
static int conclude(struct al_image_check *c, int err)
{
    if (err != 0) {
        al_image_check_abort(c);
        if (c->fault == AL_IMAGE_GOOD) {
            c->fault = AL_IMAGE_TRUNCATED; /* crypto failed: never good */
        }
    }
    return err;
}

/* --- Verifying ----------------------------------------------------------- */

int al_image_check_begin(struct al_image_check *c, const struct al_image_rules *rules)
{
    int err;

    memset(c, 0, sizeof(*c));
    c->rules = *rules;
    c->sum = CHECKSUM_START;
    if (rules->part_size > AL_IMAGE_MAX_LEN) {
        return fail(c, AL_IMAGE_PART_TOO_LARGE);
    }
    if (rules->flash_off % 4 != 0 && !rules->any_offset) {
        return fail(c, AL_IMAGE_UNALIGNED);
    }
    err = al_sha256_init(&c->hash);
    if (err != 0) {
        return err;
    }
    c->hashing = true;
    if (rules->signature != NULL) {
        err = al_sig_begin(rules->signature);
        if (err != 0) {
            c->rules.signature = NULL; /* holds nothing to release */
            al_image_check_abort(c);
        }
    }
    return err;
}

int al_image_check_feed(struct al_image_check *c, const void *data, size_t len)
{
    const uint8_t *p = data;
    int err;

    if (c->fault != AL_IMAGE_GOOD) {
        return fail(c, c->fault);
    }
    if (c->step == STEP_PREFIX) {
        size_t room = AL_IMAGE_PREFIX_SIZE - c->held;
        size_t part = len < room ? len : room;

        memcpy(c->hold + c->held, p, part);
        c->held += (uint32_t)part;
        if (c->held < AL_IMAGE_PREFIX_SIZE) {
            return 0;
        }
        p += part;
        len -= part;
        err = start_steps(c);
        if (err != 0) {
            return conclude(c, err);
        }
    }
    return conclude(c, consume(c, p, len));
}

bool al_image_check_done(const struct al_image_check *c)
{
    return c->step == STEP_DONE;
}

int al_image_check_end(struct al_image_check *c, struct al_image_info *out)
{
    if (c->fault != AL_IMAGE_GOOD) {
        return fail(c, c->fault);
    }
    if (c->step == STEP_PREFIX) { /* shorter than a prefix: judge what there is */
        int err = start_steps(c);

        if (err != 0) {
            return conclude(c, err);
        }
    }
    if (c->step == STEP_SIGNATURE) { /* the bytes ended before the sector did */
        return conclude(c, take_signature(c));
    }
    if (c->step != STEP_DONE) {
        return conclude(c, fail(c, AL_IMAGE_TRUNCATED));
    }
    if (out != NULL) {
        *out = c->info;
    }
    return 0;
}

void al_image_check_abort(struct al_image_check *c)
{
    if (c->hashing) {
        c->hashing = false;
        al_hash_abort(&c->hash);
    }
    if (c->rules.signature != NULL) {
        al_sig_abort(c->rules.signature);
    }
}

int al_image_verify(const struct al_flash *flash, const struct al_image_rules *rules,
                    struct al_image_check *c, void *buf, uint32_t buf_len)
{
    uint32_t off = rules->flash_off;
    int err;

    if (buf_len < AL_IMAGE_PREFIX_SIZE) {
        return AL_ERR_ARG;
    }
    err = al_image_check_begin(c, rules);
    while (err == 0 && !al_image_check_done(c)) {
        uint32_t left = off < flash->size ? flash->size - off : 0;
        uint32_t part = buf_len;

        /* Once the end is known nothing behind it is read. */
        if (c->end != 0 && c->end - c->pos < part) {
            part = c->end - c->pos;
        }
        if (left < part) {
            part = left;
        }
        if (part == 0) {
            break;
        }
        err = flash->read(flash->ctx, off, buf, part);
        if (err != 0) {
            al_image_check_abort(c);
            return err;
        }
        err = al_image_check_feed(c, buf, part);
        off += part;
    }
    return err != 0 ? err : al_image_check_end(c, NULL);
}

/* --- Building ------------------------------------------------------------ */

static void put_text(uint8_t *to, const char *from, size_t len)
{
    size_t i = 0;

    for (; i < len && from[i] != '\0'; i++) {
        to[i] = (uint8_t)from[i];
    }
    memset(to + i, 0, len - i);
}

void al_image_build_prefix(const struct al_image_new *what, uint32_t load_addr, uint32_t seg0_len,
                           uint8_t out[AL_IMAGE_PREFIX_SIZE])
{
    const struct al_image_header *h = &what->header;
    const struct al_image_desc *d = &what->desc;
    uint8_t *desc = out + AL_IMAGE_DESC_OFF;

    memset(out, 0, AL_IMAGE_PREFIX_SIZE);
    out[0] = AL_IMAGE_MAGIC;
    out[1] = h->n_segments;
    out[2] = h->spi_mode;
    out[3] = (uint8_t)(h->spi_speed | h->spi_size << 4);
    al_put_le32(out + 4, h->entry);
    out[8] = 0xEE; /* WP pin not used */
    al_put_le16(out + 12, h->chip_id);
    out[14] = h->min_rev_legacy;
    al_put_le16(out + 15, h->min_rev);
    al_put_le16(out + 17, h->max_rev);
    out[23] = h->hash_appended ? 1 : 0;
    al_put_le32(out + 24, load_addr);
    al_put_le32(out + 28, seg0_len);

    al_put_le32(desc, AL_IMAGE_DESC_MAGIC);
    al_put_le32(desc + 4, d->secure_version);
    put_text(desc + 16, d->version, 32);
    put_text(desc + 48, d->project, 32);
    put_text(desc + 80, d->time, 16);
    put_text(desc + 96, d->date, 16);
    put_text(desc + 112, d->idf_ver, 32);
    memcpy(desc + 144, d->elf_sha256, 32);
    al_put_le16(desc + 176, d->min_blk_rev);
    al_put_le16(desc + 178, d->max_blk_rev);
    desc[180] = d->mmu_page_log2;
    desc[181] = d->spi_mode;
}

int al_image_build_tail(struct al_hash *hash, uint32_t off, uint8_t sum, uint8_t out[AL_IMAGE_TAIL_MAX])
{
    uint32_t padding = 16 - off % 16;
    int err;

    memset(out, 0, padding);
    out[padding - 1] = sum;
    err = al_hash_update(hash, out, padding);
    if (err != 0) {
        al_hash_abort(hash);
        return err;
    }
    err = al_hash_final(hash, out + padding);
    return err != 0 ? err : (int)(padding + AL_SHA256_SIZE);
}
