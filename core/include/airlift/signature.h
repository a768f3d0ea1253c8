/*
 * signature.h - Secure Boot V2 signature blocks: who signed an image, and is that enough?
 *
 * Format: docs/formats.md, "Signatures". Behind an image, padded with 0xFF to 4 KiB,
 * lies one sector with up to three blocks. A block names the digest of all bytes before
 * the sector, a public key, and that key's signature. What is trusted is the key's own
 * digest, as chips keep it in eFuses.
 *
 * The image's verification (airlift/image.h) feeds a struct al_sig_check on the way,
 * so that no byte is read twice. The public-key operation is the crypto port's.
 */
#ifndef AIRLIFT_SIGNATURE_H
#define AIRLIFT_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/crypto.h"
#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_SIG_SECTOR_SIZE     4096u /* bytes, on a boundary of as many */
#define AL_SIG_BLOCK_SIZE      1216u
#define AL_SIG_MAX_BLOCKS      3u
#define AL_SIG_BLOCK_MAGIC     0xE7u
#define AL_SIG_CRC_OFF         1196u /* in a block: al_crc32_zlib() of what is before it */
#define AL_SIG_DIGEST_OFF      4u    /* in a block: of the image */
#define AL_SIG_KEY_DIGEST_SIZE 32u   /* SHA-256 of the block's key part */

/* Where the signature sector of an image of `len` bytes begins. */
static inline uint32_t al_sig_sector_off(uint32_t len)
{
    return (len + AL_SIG_SECTOR_SIZE - 1) & ~(AL_SIG_SECTOR_SIZE - 1);
}

enum al_sig_type {
    AL_SIG_NO_BLOCK, /* not an intact block */
    AL_SIG_RSA3072,
    AL_SIG_P192, /* named, never accepted: too short */
    AL_SIG_P256,
    AL_SIG_P384,
    AL_SIG_OTHER, /* intact, of a kind not known */
};

/* "RSA-3072", "ECDSA P-256", ... */
const char *al_sig_type_text(enum al_sig_type type);

/*
 * Why a block, or an image, is refused. Among several blocks the highest number is
 * the reason given: it came closest to being accepted.
 */
enum al_sig_fault {
    AL_SIG_GOOD,
    AL_SIG_UNSIGNED,
    AL_SIG_V1,           /* Secure Boot V1, 68 bytes behind the image: recognised, not accepted */
    AL_SIG_IGNORED,      /* not asked: an earlier block was enough, or the chip looks at the first only */
    AL_SIG_UNSUPPORTED,  /* of a kind that is not accepted, such as P-192 */
    AL_SIG_WRONG_DIGEST, /* made for other bytes: image or padding was changed */
    AL_SIG_UNKNOWN_KEY,
    AL_SIG_REVOKED,
    AL_SIG_BAD,     /* a trusted key's signature, and it does not fit */
    AL_SIG_DAMAGED, /* a block's form or CRC is wrong, or the sector holds something else */
};

/* For people: "not signed", "signed with a key that is not trusted", ... */
const char *al_sig_fault_text(enum al_sig_fault fault);

/* Where a block has what. Zeroed for AL_SIG_NO_BLOCK and AL_SIG_OTHER. */
struct al_sig_layout {
    uint16_t key_off, key_len; /* the key part, which the key digest covers */
    uint16_t number_off;       /* modulus, or X and Y */
    uint16_t signature_off;    /* signature, or r and s */
    uint8_t digest_len;        /* of the image's digest: AL_SHA256_SIZE or AL_SHA384_SIZE */
    uint8_t number_len;        /* of X, Y, r, s; 0 for RSA */
};

const struct al_sig_layout *al_sig_layout(enum al_sig_type type);

/* What the AL_SIG_BLOCK_SIZE bytes at `raw` are; AL_SIG_NO_BLOCK if magic, form or CRC is wrong. */
enum al_sig_type al_sig_block_type(const uint8_t *raw);

/* Digest of the key in an intact block of this type. Returns 0, AL_ERR_ARG (no key), AL_ERR_CRYPTO. */
AL_CHECK_RESULT int al_sig_key_digest(const uint8_t *raw, enum al_sig_type type,
                                      uint8_t out[AL_SIG_KEY_DIGEST_SIZE]);

/* Whose signature is enough. Zeroed: nobody's. */
struct al_sig_policy {
    const uint8_t (*key)[AL_SIG_KEY_DIGEST_SIZE]; /* trusted keys' digests, borrowed */
    uint8_t n_keys;
    uint8_t revoked;       /* bit i: key[i] is not trusted any more */
    uint8_t digest_len;    /* bytes of each that count: 0 for all; 16 on ESP32-C2 */
    bool first_block_only; /* ESP32 and ESP32-C2 look at no other */
    bool no_p384;          /* refuse P-384, and save hashing with SHA-384 */
    bool any_key;          /* whoever's: only whether each block is right (for listing) */
};

struct al_sig_signer {
    uint8_t type;  /* enum al_sig_type */
    uint8_t fault; /* enum al_sig_fault; AL_SIG_GOOD: this one is enough */
    uint8_t key_digest[AL_SIG_KEY_DIGEST_SIZE];
};

/*
 * A check under way: about 2 KiB, the caller's. Set `policy` (borrowed), hang it into
 * struct al_image_rules; the image's functions do the rest, and leave the result here.
 *
 * The sector has one form: blocks one behind the other, each intact, then 0xFF. Chips
 * are less strict; here no bit of a signed image can change without being noticed.
 * The first good block decides; later ones are judged only with any_key.
 */
struct al_sig_check {
    const struct al_sig_policy *policy;
    enum al_sig_fault fault; /* the verdict */
    uint8_t n_signers;       /* blocks seen */
    struct al_sig_signer signer[AL_SIG_MAX_BLOCKS];
    uint8_t sha256[AL_SHA256_SIZE]; /* of all bytes before the sector, once it is reached */
    uint8_t sha384[AL_SHA384_SIZE];

    /* Inside. */
    struct al_hash hash256, hash384;
    bool hashing256, hashing384;
    bool good, damaged, no_block; /* of the sector so far */
    uint8_t behind, zeros;        /* the first bytes behind the image, up to 4, and zeros among them */
    uint32_t padding;             /* bytes left before the sector */
    uint32_t pos;                 /* in the sector */
    uint8_t hold[AL_SIG_BLOCK_SIZE];
};

/* --- For image.c --------------------------------------------------------- */

/* Start; keeps only `policy`. If it succeeds, al_sig_end() or al_sig_abort() is owed. */
AL_CHECK_RESULT int al_sig_begin(struct al_sig_check *s);

/* The image's own bytes, from its first to its last. */
AL_CHECK_RESULT int al_sig_feed_image(struct al_sig_check *s, const uint8_t *data, size_t len);

/* All of them up to now went through `hash` (SHA-256): go on from there. Called once. */
AL_CHECK_RESULT int al_sig_take_hash(struct al_sig_check *s, const struct al_hash *hash);

/* The image is over, `len` bytes in all. Returns how many follow it, to the sector's end; or AL_ERR_CRYPTO. */
AL_CHECK_RESULT int al_sig_image_ended(struct al_sig_check *s, uint32_t len);

/* These follow. Returns 0, or AL_ERR_CRYPTO. */
AL_CHECK_RESULT int al_sig_feed(struct al_sig_check *s, const uint8_t *data, size_t len);

/*
 * The verdict, once all has been fed or there is no more. Releases. Returns 0,
 * AL_ERR_SIGNATURE (see `fault`), AL_ERR_SIZE if the bytes ended within the sector's blocks.
 */
AL_CHECK_RESULT int al_sig_end(struct al_sig_check *s);

void al_sig_abort(struct al_sig_check *s);

#ifdef __cplusplus
}
#endif

#endif
