#include "secrets.h"

#include <psa/crypto.h>
#include <string.h>

#define MAX_SALT 256u /* bytes */

void push_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 0xF];
    }
    out[2 * len] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool push_unhex(const char *text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const int high = digit(text[2 * i]);
        const int low = high < 0 ? -1 : digit(text[2 * i + 1]);

        if (low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* `h` was just begun. */
static bool digest_text(struct al_hash *h, const char *text, size_t len, char *out)
{
    uint8_t digest[AL_SHA256_SIZE];

    if (al_hash_update(h, text, strlen(text)) != 0) {
        al_hash_abort(h);
        return false;
    }
    if (al_hash_final(h, digest) != 0) {
        return false;
    }
    push_hex(digest, len, out);
    return true;
}

bool push_md5_hex(const char *text, char out[PUSH_HEX128_SIZE])
{
    struct al_hash h;

    return al_md5_init(&h) == 0 && digest_text(&h, text, AL_MD5_SIZE, out);
}

bool push_sha256_hex(const char *text, char out[PUSH_HEX256_SIZE])
{
    struct al_hash h;

    return al_sha256_init(&h) == 0 && digest_text(&h, text, AL_SHA256_SIZE, out);
}

/* A key for HMAC-SHA256; destroyed by the caller. */
static bool import(const void *key, size_t len, psa_key_id_t *out)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;

    psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_SIGN_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    return psa_crypto_init() == PSA_SUCCESS && psa_import_key(&attributes, key, len, out) == PSA_SUCCESS;
}

static bool mac(psa_key_id_t key, const void *data, size_t len, uint8_t out[AL_SHA256_SIZE])
{
    size_t out_len;

    return psa_mac_compute(key, PSA_ALG_HMAC(PSA_ALG_SHA_256), data, len, out, AL_SHA256_SIZE, &out_len) ==
           PSA_SUCCESS;
}

bool push_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                      uint8_t out[AL_SHA256_SIZE])
{
    psa_key_id_t id;

    if (!import(key, key_len, &id)) {
        return false;
    }
    const bool ok = mac(id, data, len, out);

    return psa_destroy_key(id) == PSA_SUCCESS && ok;
}

/* One block is all that 32 bytes need: T = U1 ^ U2 ^ ..., each the MAC of the one before. */
static bool derive(psa_key_id_t key, const void *salt, size_t salt_len, unsigned iterations,
                   uint8_t out[AL_SHA256_SIZE])
{
    uint8_t first[MAX_SALT + 4], u[AL_SHA256_SIZE];

    memcpy(first, salt, salt_len);
    memcpy(first + salt_len, "\0\0\0\1", 4);
    if (!mac(key, first, salt_len + 4, u)) {
        return false;
    }
    memcpy(out, u, sizeof(u));
    for (unsigned i = 1; i < iterations; i++) {
        if (!mac(key, u, sizeof(u), u)) {
            return false;
        }
        for (size_t k = 0; k < sizeof(u); k++) {
            out[k] ^= u[k];
        }
    }
    return true;
}

bool push_pbkdf2(const void *password, size_t password_len, const void *salt, size_t salt_len,
                 unsigned iterations, uint8_t out[AL_SHA256_SIZE])
{
    psa_key_id_t id;

    /* PSA has it under a name of its own only since mbedTLS 3.5. */
    if (salt_len > MAX_SALT || !import(password, password_len, &id)) {
        return false;
    }
    const bool ok = derive(id, salt, salt_len, iterations, out);

    return psa_destroy_key(id) == PSA_SUCCESS && ok;
}

bool push_same(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    uint8_t differ = 0;

    for (size_t i = 0; i < len; i++) {
        differ |= (uint8_t)(x[i] ^ y[i]);
    }
    return differ == 0;
}
