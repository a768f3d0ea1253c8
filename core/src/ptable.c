#include "airlift/ptable.h"

#include "airlift/bytes.h"
#include "airlift/crypto.h"

/* Offsets within a record. */
enum {
    REC_MAGIC = 0,
    REC_TYPE = 2,
    REC_SUBTYPE = 3,
    REC_OFF = 4,
    REC_SIZE = 8,
    REC_LABEL = 12,
    REC_FLAGS = 28
};

#define MAGIC_ENTRY 0x50AAu
#define MAGIC_MD5   0xEBEBu
#define MAGIC_END   0xFFFFu
#define MD5_AT      16u /* of the digest, within its record */
#define MAX_RECORDS (AL_PTABLE_SIZE / AL_PTABLE_RECORD_SIZE)

/* --- Where records come from: memory, or flash 32 bytes at a time -------------- */

struct source {
    const uint8_t *raw; /* NULL: flash */
    const struct al_flash *flash;
    uint32_t off;
};

static int get_record(const struct source *from, unsigned i, uint8_t rec[AL_PTABLE_RECORD_SIZE])
{
    uint32_t at = i * AL_PTABLE_RECORD_SIZE;
    if (from->raw == NULL) {
        return al_flash_read(from->flash, from->off + at, rec, AL_PTABLE_RECORD_SIZE);
    }
    memcpy(rec, from->raw + at, AL_PTABLE_RECORD_SIZE);
    return AL_OK;
}

/* --- One record ----------------------------------------------------------- */

static void decode(const uint8_t *rec, struct al_part *part)
{
    part->type = rec[REC_TYPE];
    part->subtype = rec[REC_SUBTYPE];
    part->off = al_get_le32(rec + REC_OFF);
    part->size = al_get_le32(rec + REC_SIZE);
    part->flags = al_get_le32(rec + REC_FLAGS);
    memcpy(part->label, rec + REC_LABEL, AL_LABEL_SIZE);
    part->label[AL_LABEL_SIZE] = '\0';
}

static void encode(const struct al_part *part, uint8_t *rec)
{
    al_put_le16(rec + REC_MAGIC, MAGIC_ENTRY);
    rec[REC_TYPE] = part->type;
    rec[REC_SUBTYPE] = part->subtype;
    al_put_le32(rec + REC_OFF, part->off);
    al_put_le32(rec + REC_SIZE, part->size);
    memcpy(rec + REC_LABEL, part->label, AL_LABEL_SIZE);
    al_put_le32(rec + REC_FLAGS, part->flags);
}

/* --- The table ------------------------------------------------------------ */

struct verdict {
    unsigned n_records; /* in front of the end marker, the MD5 record included */
    bool has_md5;
};

/*
 * Walk the records as the bootloader does. `sum` runs over everything in front
 * of the MD5 record and is finished there, or else by the caller. `out` is zeroed
 * by the caller.
 */
static int walk(const struct source *from, uint32_t flash_size, struct al_hash *sum, struct verdict *out)
{
    for (unsigned i = 0; i < MAX_RECORDS; i++) {
        uint8_t rec[AL_PTABLE_RECORD_SIZE];
        uint8_t digest[AL_MD5_SIZE];
        int err = get_record(from, i, rec);
        if (err != AL_OK) {
            return err;
        }
        switch (al_get_le16(rec + REC_MAGIC)) {
        case MAGIC_ENTRY: {
            uint32_t off = al_get_le32(rec + REC_OFF);
            if (off > flash_size || al_get_le32(rec + REC_SIZE) > flash_size - off) {
                return AL_ERR_TABLE;
            }
            break;
        }
        case MAGIC_MD5:
            if (out->has_md5) {
                return AL_ERR_TABLE;
            }
            out->has_md5 = true;
            err = al_hash_final(sum, digest);
            if (err != AL_OK) {
                return err;
            }
            if (memcmp(digest, rec + MD5_AT, AL_MD5_SIZE) != 0) {
                return AL_ERR_TABLE;
            }
            break;
        case MAGIC_END:
            if (i == 0 || rec[REC_TYPE] != 0xFF || rec[REC_SUBTYPE] != 0xFF) {
                return AL_ERR_TABLE;
            }
            out->n_records = i;
            return AL_OK;
        default:
            return AL_ERR_TABLE;
        }
        if (!out->has_md5) {
            err = al_hash_update(sum, rec, sizeof rec);
            if (err != AL_OK) {
                return err;
            }
        }
    }
    return AL_ERR_TABLE; /* no end marker */
}

static int parse(const struct source *from, uint32_t flash_size, struct al_ptable *out)
{
    struct al_hash sum;
    struct verdict verdict = {0};
    int err = al_md5_init(&sum);
    if (err != AL_OK) {
        return err;
    }
    err = walk(from, flash_size, &sum, &verdict);
    if (!verdict.has_md5) {
        al_hash_abort(&sum);
    }
    if (err != AL_OK) {
        return err;
    }

    /*
     * The bootloader subtracts the MD5 record and takes that many records from
     * the front. With entries behind the MD5 record it thus reads the digest as
     * an entry and misses the last one; so does this.
     */
    unsigned n = verdict.n_records - verdict.has_md5;
    for (unsigned i = 0; i < n; i++) {
        uint8_t rec[AL_PTABLE_RECORD_SIZE];
        err = get_record(from, i, rec);
        if (err != AL_OK) {
            return err;
        }
        decode(rec, &out->part[i]);
    }
    out->n = (uint16_t)n;
    out->has_md5 = verdict.has_md5;
    return AL_OK;
}

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* --- Public --------------------------------------------------------------- */

int al_ptable_parse(const uint8_t *raw, uint32_t flash_size, struct al_ptable *out)
{
    struct source from = {.raw = raw};
    return parse(&from, flash_size, out);
}

int al_ptable_read(const struct al_flash *flash, uint32_t off, struct al_ptable *out)
{
    struct source from = {.flash = flash, .off = off};
    if (off > flash->size || flash->size - off < AL_PTABLE_SIZE) {
        return AL_ERR_SIZE;
    }
    return parse(&from, flash->size, out);
}

int al_ptable_build(const struct al_ptable *table, bool with_md5, uint8_t *raw)
{
    if (table->n + (with_md5 ? 1u : 0u) >= MAX_RECORDS) {
        return AL_ERR_SIZE; /* no room for the end marker */
    }
    memset(raw, 0xFF, AL_PTABLE_SIZE);
    uint8_t *rec = raw;
    for (unsigned i = 0; i < table->n; i++) {
        encode(&table->part[i], rec);
        rec += AL_PTABLE_RECORD_SIZE;
    }
    if (!with_md5) {
        return AL_OK;
    }

    struct al_hash sum;
    int err = al_md5_init(&sum);
    if (err != AL_OK) {
        return err;
    }
    err = al_hash_update(&sum, raw, (size_t)(rec - raw));
    if (err != AL_OK) {
        al_hash_abort(&sum);
        return err;
    }
    al_put_le16(rec + REC_MAGIC, MAGIC_MD5);
    return al_hash_final(&sum, rec + MD5_AT);
}

const struct al_part *al_ptable_find(const struct al_ptable *table, uint8_t type, uint8_t subtype)
{
    for (unsigned i = 0; i < table->n; i++) {
        const struct al_part *part = &table->part[i];
        if (part->type == type && part->subtype == subtype) {
            return part;
        }
    }
    return NULL;
}

const struct al_part *al_ptable_find_label(const struct al_ptable *table, const char *label)
{
    for (unsigned i = 0; i < table->n; i++) {
        if (same_text(table->part[i].label, label)) {
            return &table->part[i];
        }
    }
    return NULL;
}

unsigned al_ptable_count_slots(const struct al_ptable *table)
{
    unsigned n = 0;
    while (n < AL_MAX_OTA_SLOTS &&
           al_ptable_find(table, AL_TYPE_APP, (uint8_t)(AL_SUB_APP_OTA_0 + n)) != NULL) {
        n++;
    }
    return n;
}
