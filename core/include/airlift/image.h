/*
 * image.h - app images: parse, verify (as a stream, and from flash), build.
 *
 * Format: docs/formats.md, "Application image". One verifier serves both ways,
 * so a download and the boot stage can't disagree.
 */
#ifndef AIRLIFT_IMAGE_H
#define AIRLIFT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/chip.h"
#include "airlift/crypto.h"
#include "airlift/err.h"
#include "airlift/flash.h"
#include "airlift/signature.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_IMAGE_MAGIC        0xE9u
#define AL_IMAGE_HEADER_SIZE  24u /* bytes */
#define AL_IMAGE_SEGMENT_SIZE 8u  /* bytes, a segment's header */
#define AL_IMAGE_MAX_SEGMENTS 16u
#define AL_IMAGE_MAX_LEN      0x1000000u /* a segment's and a partition's bound: 16 MiB */
#define AL_IMAGE_DESC_OFF     0x20u      /* app description, from the image's start */
#define AL_IMAGE_DESC_SIZE    256u
#define AL_IMAGE_DESC_MAGIC   0xABCD5432u
#define AL_IMAGE_PREFIX_SIZE  (AL_IMAGE_DESC_OFF + AL_IMAGE_DESC_SIZE) /* header to description */

/* The 24-byte header. */
struct al_image_header {
    uint8_t n_segments;
    uint8_t spi_mode, spi_speed, spi_size; /* as stored; speed and size are nibbles */
    uint32_t entry;
    uint16_t chip_id;
    uint8_t min_rev_legacy;
    uint16_t min_rev, max_rev; /* major * 100 + minor; max 0 or 65535: none */
    bool hash_appended;
};

struct al_image_segment {
    uint32_t load_addr;
    uint32_t off; /* of the data, from the image's start */
    uint32_t len;
};

/* The description at AL_IMAGE_DESC_OFF. Strings are always terminated here. */
struct al_image_desc {
    uint32_t secure_version;
    char version[33];
    char project[33];
    char time[17];
    char date[17];
    char idf_ver[33];
    uint8_t elf_sha256[32];
    uint16_t min_blk_rev, max_blk_rev;
    uint8_t mmu_page_log2; /* 0: 64 KiB */
    uint8_t spi_mode;      /* 0: not recorded */
};

/* Parse AL_IMAGE_HEADER_SIZE bytes; AL_ERR_IMAGE if the magic is wrong. */
AL_CHECK_RESULT int al_image_parse_header(const uint8_t *raw, struct al_image_header *out);

/* Parse AL_IMAGE_DESC_SIZE bytes; AL_ERR_NOT_FOUND if the magic is wrong. */
AL_CHECK_RESULT int al_image_parse_desc(const uint8_t *raw, struct al_image_desc *out);

/* Read the description of the image at `off` in flash. Also AL_ERR_IO, AL_ERR_SIZE. */
AL_CHECK_RESULT int al_image_read_desc(const struct al_flash *flash, uint32_t off, struct al_image_desc *out);

/* First thing found wrong. Names for people: al_image_fault_text(). */
enum al_image_fault {
    AL_IMAGE_GOOD,
    AL_IMAGE_BAD_MAGIC,
    AL_IMAGE_WRONG_CHIP,
    AL_IMAGE_CHIP_TOO_OLD, /* below the image's minimum revision */
    AL_IMAGE_CHIP_TOO_NEW,
    AL_IMAGE_BLK_TOO_OLD, /* the same for the eFuse block */
    AL_IMAGE_BLK_TOO_NEW,
    AL_IMAGE_SEGMENT_COUNT,
    AL_IMAGE_SEGMENT_LEN,  /* not a multiple of 4, or 16 MiB and more */
    AL_IMAGE_SEGMENT_MAP,  /* flash offset and address differ modulo the MMU page */
    AL_IMAGE_SEGMENT_LOAD, /* not RAM a bootloader may write */
    AL_IMAGE_DESC_MISSING, /* first segment too short for it; or no magic, where the MMU page size is read from it */
    AL_IMAGE_TOO_LONG,  /* for the partition */
    AL_IMAGE_TRUNCATED, /* the bytes ended early */
    AL_IMAGE_BAD_CHECKSUM,
    AL_IMAGE_BAD_HASH,
    AL_IMAGE_PART_TOO_LARGE, /* a partition of more than 16 MiB is refused unread */
    AL_IMAGE_UNALIGNED,      /* a bootloader reads only from multiples of 4 bytes */
    AL_IMAGE_UNREADABLE,     /* flash failed (al_boot's result only) */
    AL_IMAGE_NOT_TRUSTED,    /* not signed as rules.signature wants it; its `fault` says why */
};

const char *al_image_fault_text(enum al_image_fault fault);

/* Where the image shall run. Zeroed: any chip, any length, at an aligned offset. */
struct al_image_rules {
    uint32_t flash_off;         /* of the image; decides how mapped segments must lie */
    uint32_t part_size;         /* 0: not limited */
    const struct al_chip *chip; /* NULL: the chip named by the image itself, any revision */
    uint16_t chip_rev;          /* major * 100 + minor */
    uint16_t blk_rev;           /* eFuse block revision, likewise */
    bool ignore_max_chip_rev;   /* eFuse "disable wafer version major" */
    bool ignore_max_blk_rev;    /* eFuse "disable blk version major" */
    bool bootloader;            /* a bootloader's image: no description, hash not enforced, no maximum */
    bool for_load;              /* as a bootloader: also check where segments are loaded */
    bool skip_integrity;        /* BOOTLOADER_SKIP_VALIDATE_*: layout only */
    bool any_offset;            /* as an app: flash_off need not be a multiple of 4 */

    /*
     * Must be signed as this one's policy says; NULL: signatures are not looked at.
     * Borrowed until end or abort. The signature sector then counts to what must fit
     * part_size, and to what is fed or read.
     */
    struct al_sig_check *signature;
};

/* What a verified image is. */
struct al_image_info {
    struct al_image_header header;
    struct al_image_segment segment[AL_IMAGE_MAX_SEGMENTS];
    struct al_image_desc desc; /* meaningful if has_desc */
    bool has_desc;
    uint32_t len;                   /* bytes, header to checksum or hash; a signature sector is not counted */
    uint8_t checksum;               /* as stored */
    uint8_t sha256[AL_SHA256_SIZE]; /* over header to checksum; equals the appended one if there is one */
};

/*
 * A verification under way. Caller's memory, about 1.5 KiB; no pointers into
 * itself, but it holds a hash context: end or abort it.
 */
struct al_image_check {
    struct al_image_rules rules;
    struct al_image_info info;
    struct al_hash hash;
    enum al_image_fault fault;
    uint32_t pos;      /* bytes consumed */
    uint32_t step_end; /* where the current step ends */
    uint32_t end;      /* where the last one will; 0: not known yet */
    uint8_t step;
    uint8_t segment; /* being read */
    uint8_t sum;     /* XOR so far */
    bool hashing;
    uint32_t held;                      /* bytes in `hold` */
    uint8_t hold[AL_IMAGE_PREFIX_SIZE]; /* first bytes, later split headers and the digest */
};

/*
 * Start. rules is copied. Returns 0, AL_ERR_IMAGE (partition too large),
 * AL_ERR_CHIP (flash_off not aligned), AL_ERR_CRYPTO.
 */
AL_CHECK_RESULT int al_image_check_begin(struct al_image_check *c, const struct al_image_rules *rules);

/*
 * Feed the next bytes, in pieces of any size. What follows the image's end is
 * ignored. Returns 0 while nothing is wrong, else AL_ERR_IMAGE, AL_ERR_CHIP,
 * AL_ERR_SIGNATURE or AL_ERR_CRYPTO, now and for every later call; c->fault says why.
 */
AL_CHECK_RESULT int al_image_check_feed(struct al_image_check *c, const void *data, size_t len);

/* True once all has been fed (c->info.len bytes, or up to the signature sector's end): more is not needed. */
bool al_image_check_done(const struct al_image_check *c);

/* Verdict after the last byte; releases the hash. out may be NULL. */
AL_CHECK_RESULT int al_image_check_end(struct al_image_check *c, struct al_image_info *out);

void al_image_check_abort(struct al_image_check *c);

/*
 * Verify the image at rules->flash_off. Each byte is read once, in pieces of
 * `buf_len` (at least AL_IMAGE_PREFIX_SIZE; 4096 is good).
 *
 * c  workspace; afterwards c->fault says why, c->info what was parsed so far
 *
 * Returns 0, AL_ERR_IMAGE, AL_ERR_CHIP, AL_ERR_SIGNATURE, AL_ERR_IO, AL_ERR_CRYPTO.
 */
AL_CHECK_RESULT int al_image_verify(const struct al_flash *flash, const struct al_image_rules *rules,
                                    struct al_image_check *c, void *buf, uint32_t buf_len);

/* --- Building ------------------------------------------------------------ */

/* What goes into an image's first 288 bytes. Strings longer than their field are cut. */
struct al_image_new {
    struct al_image_header header;
    struct al_image_desc desc;
};

/*
 * Encode header + first segment header + description (AL_IMAGE_PREFIX_SIZE
 * bytes) for an image whose first segment has `seg0_len` bytes of data, the
 * description included, loaded at `load_addr`.
 */
void al_image_build_prefix(const struct al_image_new *what, uint32_t load_addr, uint32_t seg0_len,
                           uint8_t out[AL_IMAGE_PREFIX_SIZE]);

/*
 * Encode the end of an image whose last segment's data ends at `off`: zeros,
 * checksum, SHA-256. `hash` has been fed everything before; it is finished
 * here. `sum` is the XOR of all segment data with 0xEF. Returns the number of
 * bytes written to out (33 to 48), or AL_ERR_CRYPTO.
 */
#define AL_IMAGE_TAIL_MAX 48u
AL_CHECK_RESULT int al_image_build_tail(struct al_hash *hash, uint32_t off, uint8_t sum,
                                        uint8_t out[AL_IMAGE_TAIL_MAX]);

/* XOR `len` bytes into a running checksum; start with 0xEF. */
uint8_t al_image_checksum(uint8_t sum, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
