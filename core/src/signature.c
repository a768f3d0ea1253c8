#include "airlift/signature.h"

#include "airlift/bytes.h"
#include "airlift/crc32.h"

#define BLOCK_ZEROS_OFF 1200u /* 16 zeros behind the CRC, which it does not cover */

static const struct al_sig_layout layouts[] = {
    [AL_SIG_RSA3072] =
        {.key_off = 36, .key_len = 776, .number_off = 36, .signature_off = 812, .digest_len = 32},
    [AL_SIG_P192] = {36, 65, 37, 101, 32, 24},
    [AL_SIG_P256] = {36, 65, 37, 101, 32, 32},
    [AL_SIG_P384] = {52, 97, 53, 149, 48, 48},
    [AL_SIG_OTHER] = {0},
};

const struct al_sig_layout *al_sig_layout(enum al_sig_type type)
{
    return &layouts[type];
}

const char *al_sig_type_text(enum al_sig_type type)
{
    static const char *const text[] = {
        [AL_SIG_NO_BLOCK] = "none",    [AL_SIG_RSA3072] = "RSA-3072", [AL_SIG_P192] = "ECDSA P-192",
        [AL_SIG_P256] = "ECDSA P-256", [AL_SIG_P384] = "ECDSA P-384", [AL_SIG_OTHER] = "unknown",
    };

    return text[type];
}

const char *al_sig_fault_text(enum al_sig_fault fault)
{
    static const char *const text[] = {
        [AL_SIG_GOOD] = "signed",
        [AL_SIG_UNSIGNED] = "not signed",
        [AL_SIG_V1] = "signed for Secure Boot V1, which is not accepted",
        [AL_SIG_IGNORED] = "not looked at",
        [AL_SIG_UNSUPPORTED] = "signed with a kind of key that is not accepted",
        [AL_SIG_WRONG_DIGEST] = "changed after it was signed",
        [AL_SIG_UNKNOWN_KEY] = "signed with a key that is not trusted",
        [AL_SIG_REVOKED] = "signed with a key that was revoked",
        [AL_SIG_BAD] = "signature is wrong",
        [AL_SIG_DAMAGED] = "signature block is damaged",
    };

    return text[fault];
}

/* --- A block ------------------------------------------------------------- */

static bool is_all(const uint8_t *p, size_t len, uint8_t byte)
{
    while (len > 0 && *p == byte) {
        p++;
        len--;
    }
    return len == 0;
}

enum al_sig_type al_sig_block_type(const uint8_t *raw)
{
    if (raw[0] != AL_SIG_BLOCK_MAGIC ||
        al_crc32_zlib(0, raw, AL_SIG_CRC_OFF) != al_get_le32(raw + AL_SIG_CRC_OFF) ||
        !is_all(raw + BLOCK_ZEROS_OFF, AL_SIG_BLOCK_SIZE - BLOCK_ZEROS_OFF, 0)) {
        return AL_SIG_NO_BLOCK;
    }
    if (raw[1] == 2) {
        return AL_SIG_RSA3072;
    }
    if (raw[1] == 3 && raw[2] == 0) {
        return raw[36] == 1 ? AL_SIG_P192 : raw[36] == 2 ? AL_SIG_P256 : AL_SIG_OTHER;
    }
    return raw[1] == 3 && raw[2] == 1 && raw[52] == 3 ? AL_SIG_P384 : AL_SIG_OTHER;
}

int al_sig_key_digest(const uint8_t *raw, enum al_sig_type type, uint8_t out[AL_SIG_KEY_DIGEST_SIZE])
{
    const struct al_sig_layout *at = &layouts[type];

    return at->key_len != 0 ? al_sha256(raw + at->key_off, at->key_len, out) : AL_ERR_ARG;
}

/* Position of the key among the trusted ones; -1 if it is not. */
static int find_key(const struct al_sig_policy *policy, const uint8_t *digest)
{
    uint32_t len = policy->digest_len != 0 ? policy->digest_len : AL_SIG_KEY_DIGEST_SIZE;

    for (int i = 0; i < (int)policy->n_keys; i++) {
        if (memcmp(policy->key[i], digest, len) == 0) {
            return i;
        }
    }
    return -1;
}

/* Is the signature right? 0, AL_ERR_SIGNATURE, AL_ERR_CRYPTO. */
static int check_signature(const uint8_t *raw, const struct al_sig_layout *at)
{
    const uint8_t *digest = raw + AL_SIG_DIGEST_OFF;

    if (at->number_len == 0) {
        return al_verify_rsa3072_pss(raw + at->number_off,
                                     al_get_le32(raw + at->number_off + AL_RSA3072_SIZE),
                                     raw + at->signature_off, digest);
    }
    return al_verify_ecdsa(at->number_len, raw + at->number_off, raw + at->signature_off, digest);
}

/* Cheap questions first; the public-key operation only for a trusted key's block. Returns 0 or AL_ERR_CRYPTO. */
static int judge(const struct al_sig_check *s, const uint8_t *raw, struct al_sig_signer *out)
{
    const struct al_sig_layout *at = &layouts[out->type];
    const uint8_t *digest = out->type == AL_SIG_P384 ? s->sha384 : s->sha256;
    int key, err;

    out->fault = AL_SIG_UNSUPPORTED;
    if (out->type == AL_SIG_OTHER) {
        return 0;
    }
    err = al_sig_key_digest(raw, out->type, out->key_digest);
    if (err != 0 || out->type == AL_SIG_P192 || (out->type == AL_SIG_P384 && s->policy->no_p384)) {
        return err;
    }
    out->fault = AL_SIG_WRONG_DIGEST;
    if (memcmp(raw + AL_SIG_DIGEST_OFF, digest, at->digest_len) != 0) {
        return 0;
    }
    key = find_key(s->policy, out->key_digest);
    out->fault = AL_SIG_UNKNOWN_KEY;
    if (key < 0 && !s->policy->any_key) {
        return 0;
    }
    out->fault = AL_SIG_REVOKED;
    if (key >= 0 && (s->policy->revoked >> key & 1) != 0) {
        return 0;
    }
    err = check_signature(raw, at);
    out->fault = err == 0 ? AL_SIG_GOOD : AL_SIG_BAD;
    return err == AL_ERR_SIGNATURE ? 0 : err;
}

/* --- The sector ---------------------------------------------------------- */

/* `hold` has a block's whole room. Returns 0 or AL_ERR_CRYPTO. */
static int take_block(struct al_sig_check *s)
{
    const struct al_sig_policy *policy = s->policy;
    struct al_sig_signer *signer = &s->signer[s->n_signers];
    int err = 0;

    if (s->pos == AL_SIG_BLOCK_SIZE && s->hold[0] != AL_SIG_BLOCK_MAGIC) {
        s->no_block = true; /* whatever lies here is no signature sector */
        return 0;
    }
    signer->type = (uint8_t)al_sig_block_type(s->hold);
    if (signer->type == AL_SIG_NO_BLOCK) {
        s->damaged = s->damaged || !is_all(s->hold, sizeof(s->hold), 0xFF);
        return 0;
    }
    s->n_signers++;
    if (s->pos != s->n_signers * AL_SIG_BLOCK_SIZE) {
        s->damaged = true; /* behind a gap there is no block */
    }
    signer->fault = AL_SIG_IGNORED;
    if (policy->any_key || (!s->good && (s->n_signers == 1 || !policy->first_block_only))) {
        err = judge(s, s->hold, signer);
        s->good = s->good || signer->fault == AL_SIG_GOOD;
    }
    return err;
}

/* Bytes of the sector: up to the end of a block's room, or of the sector. Returns how many were taken. */
static int feed_sector(struct al_sig_check *s, const uint8_t *data, size_t len)
{
    uint32_t block = s->pos / AL_SIG_BLOCK_SIZE;
    uint32_t at = s->pos % AL_SIG_BLOCK_SIZE;
    uint32_t room =
        (block < AL_SIG_MAX_BLOCKS ? AL_SIG_BLOCK_SIZE : AL_SIG_SECTOR_SIZE % AL_SIG_BLOCK_SIZE) - at;
    uint32_t part = len < room ? (uint32_t)len : room;
    int err = 0;

    s->pos += part;
    if (block == AL_SIG_MAX_BLOCKS) {
        s->damaged = s->damaged || !is_all(data, part, 0xFF);
    } else {
        memcpy(s->hold + at, data, part);
        if (part == room && !s->no_block) {
            err = take_block(s);
        }
    }
    return err != 0 ? err : (int)part;
}

/* --- Public -------------------------------------------------------------- */

int al_sig_begin(struct al_sig_check *s)
{
    const struct al_sig_policy *policy = s->policy;

    memset(s, 0, sizeof(*s));
    s->policy = policy;
    s->fault = AL_SIG_UNSIGNED;
    if (!policy->no_p384) {
        int err = al_sha384_init(&s->hash384);

        if (err != 0) {
            return err;
        }
        s->hashing384 = true;
    }
    return 0;
}

int al_sig_feed_image(struct al_sig_check *s, const uint8_t *data, size_t len)
{
    int err = s->hashing384 ? al_hash_update(&s->hash384, data, len) : 0;

    return err == 0 && s->hashing256 ? al_hash_update(&s->hash256, data, len) : err;
}

int al_sig_take_hash(struct al_sig_check *s, const struct al_hash *hash)
{
    int err = al_hash_clone(&s->hash256, hash);

    s->hashing256 = err == 0;
    return err;
}

/* The sector begins: what was signed is complete. */
static int finish_hashes(struct al_sig_check *s)
{
    int err;

    s->hashing256 = false;
    err = al_hash_final(&s->hash256, s->sha256);
    if (err == 0 && s->hashing384) {
        s->hashing384 = false;
        err = al_hash_final(&s->hash384, s->sha384);
    }
    return err;
}

int al_sig_image_ended(struct al_sig_check *s, uint32_t len)
{
    int err = 0;

    s->padding = al_sig_sector_off(len) - len;
    if (s->padding == 0) {
        err = finish_hashes(s);
    }
    return err != 0 ? err : (int)(s->padding + AL_SIG_SECTOR_SIZE);
}

int al_sig_feed(struct al_sig_check *s, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && s->behind < 4; i++) {
        s->zeros = (uint8_t)(s->zeros + (data[i] == 0 ? 1 : 0));
        s->behind++;
    }
    if (s->padding > 0) {
        size_t part = len < s->padding ? len : s->padding;
        int err = al_sig_feed_image(s, data, part);

        s->padding -= (uint32_t)part;
        if (err == 0 && s->padding == 0) {
            err = finish_hashes(s);
        }
        if (err != 0) {
            return err;
        }
        data += part;
        len -= part;
    }
    while (len > 0) {
        int taken = feed_sector(s, data, len);

        if (taken < 0) {
            return taken;
        }
        data += taken;
        len -= (size_t)taken;
    }
    return 0;
}

int al_sig_end(struct al_sig_check *s)
{
    /* The first block's room may hold the next one's bytes by now. */
    bool begun = s->pos < AL_SIG_BLOCK_SIZE ? s->pos > 0 && s->hold[0] == AL_SIG_BLOCK_MAGIC : !s->no_block;

    al_sig_abort(s);
    if (!begun) {
        s->fault = s->zeros == 4 ? AL_SIG_V1 : AL_SIG_UNSIGNED;
        return AL_ERR_SIGNATURE;
    }
    s->fault = AL_SIG_DAMAGED;
    if (s->pos < AL_SIG_SECTOR_SIZE) {
        return AL_ERR_SIZE;
    }
    if (s->damaged) {
        return AL_ERR_SIGNATURE;
    }
    s->fault = AL_SIG_GOOD;
    for (unsigned i = 0; i < s->n_signers && !s->good; i++) {
        s->fault = s->signer[i].fault > s->fault ? s->signer[i].fault : s->fault;
    }
    return s->good ? 0 : AL_ERR_SIGNATURE;
}

void al_sig_abort(struct al_sig_check *s)
{
    if (s->hashing256) {
        s->hashing256 = false;
        al_hash_abort(&s->hash256);
    }
    if (s->hashing384) {
        s->hashing384 = false;
        al_hash_abort(&s->hash384);
    }
}
