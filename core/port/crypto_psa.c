/*
 * crypto_psa.c - core's hashes and public-key checks by the PSA Crypto API: mbedTLS
 * 2.28, 3.x, 4.x, so both ESP-IDF and the virtual device.
 */
#include "airlift/crypto.h"

#include <psa/crypto.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(psa_hash_operation_t) <= sizeof(struct al_hash), "al_hash is too small for PSA");

static psa_hash_operation_t *slot(struct al_hash *h)
{
    return (psa_hash_operation_t *)h->opaque;
}

static int start(struct al_hash *h, psa_algorithm_t algorithm)
{
    *slot(h) = psa_hash_operation_init();
    /* psa_crypto_init() may be called any number of times. */
    if (psa_crypto_init() != PSA_SUCCESS || psa_hash_setup(slot(h), algorithm) != PSA_SUCCESS) {
        return AL_ERR_CRYPTO;
    }
    return 0;
}

int al_sha256_init(struct al_hash *h)
{
    return start(h, PSA_ALG_SHA_256);
}

int al_sha384_init(struct al_hash *h)
{
    return start(h, PSA_ALG_SHA_384);
}

int al_md5_init(struct al_hash *h)
{
    return start(h, PSA_ALG_MD5);
}

int al_hash_update(struct al_hash *h, const void *data, size_t len)
{
    return psa_hash_update(slot(h), data, len) == PSA_SUCCESS ? 0 : AL_ERR_CRYPTO;
}

int al_hash_clone(struct al_hash *to, const struct al_hash *from)
{
    *slot(to) = psa_hash_operation_init();
    return psa_hash_clone((const psa_hash_operation_t *)from->opaque, slot(to)) == PSA_SUCCESS
               ? 0
               : AL_ERR_CRYPTO;
}

int al_hash_final(struct al_hash *h, uint8_t *digest)
{
    /* mbedTLS wipes all of the room it is given, so an MD5's 16 bytes can't be named as 48. */
    uint8_t whole[AL_SHA384_SIZE];
    size_t len;

    if (psa_hash_finish(slot(h), whole, sizeof(whole), &len) != PSA_SUCCESS) {
        al_hash_abort(h);
        return AL_ERR_CRYPTO;
    }
    memcpy(digest, whole, len);
    return 0;
}

void al_hash_abort(struct al_hash *h)
{
    /* An operation that is not active aborts without error. */
    (void)psa_hash_abort(slot(h));
}

/* --- Public keys --------------------------------------------------------- */

/* RSAPublicKey in DER: SEQUENCE { INTEGER n, INTEGER e }; n's top bit is set, e has four bytes at most. */
#define DER_BEFORE_N 9u /* 30 82 LL LL, 02 82 01 81, 00 */
#define DER_BEFORE_E 3u /* 02 LL, 00 */
#define DER_SIZE     (DER_BEFORE_N + AL_RSA3072_SIZE + DER_BEFORE_E + 4u)

static void reverse(uint8_t *to, const uint8_t *from, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        to[i] = from[len - 1 - i];
    }
}

/* What the library could not judge is a failure of its own; everything else is a bad key or signature. */
static int verdict(psa_status_t status)
{
    switch (status) {
    case PSA_SUCCESS:
        return 0;
    case PSA_ERROR_INSUFFICIENT_MEMORY:
    case PSA_ERROR_COMMUNICATION_FAILURE:
    case PSA_ERROR_HARDWARE_FAILURE:
    case PSA_ERROR_BAD_STATE:
    case PSA_ERROR_NOT_SUPPORTED:
        return AL_ERR_CRYPTO;
    default:
        return AL_ERR_SIGNATURE;
    }
}

static int verify(psa_key_type_t type, psa_algorithm_t algorithm, const uint8_t *key, size_t key_len,
                  const uint8_t *digest, size_t digest_len, const uint8_t *signature, size_t signature_len)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id;
    psa_status_t status;

    if (psa_crypto_init() != PSA_SUCCESS) {
        return AL_ERR_CRYPTO;
    }
    psa_set_key_type(&attributes, type);
    psa_set_key_algorithm(&attributes, algorithm);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);
    status = psa_import_key(&attributes, key, key_len, &id);
    if (status != PSA_SUCCESS) {
        return verdict(status);
    }
    status = psa_verify_hash(id, algorithm, digest, digest_len, signature, signature_len);
    /* A key that can't be destroyed would leak its memory. */
    return psa_destroy_key(id) == PSA_SUCCESS ? verdict(status) : AL_ERR_CRYPTO;
}

int al_verify_rsa3072_pss(const uint8_t modulus[AL_RSA3072_SIZE], uint32_t exponent,
                          const uint8_t signature[AL_RSA3072_SIZE], const uint8_t digest[AL_SHA256_SIZE])
{
    static const uint8_t before_n[DER_BEFORE_N] = {0x30, 0x82, 0, 0, 0x02, 0x82, 0x01, 0x81, 0x00};
    uint8_t key[DER_SIZE], usual[AL_RSA3072_SIZE];
    uint8_t *e = key + DER_BEFORE_N + AL_RSA3072_SIZE;
    unsigned e_len = 4;

    if ((modulus[AL_RSA3072_SIZE - 1] & 0x80) == 0) {
        return AL_ERR_SIGNATURE; /* not of 3072 bits */
    }
    memcpy(key, before_n, sizeof(before_n));
    reverse(key + DER_BEFORE_N, modulus, AL_RSA3072_SIZE);
    while (e_len > 1 && exponent >> 8 * (e_len - 1) == 0) {
        e_len--;
    }
    /* DER's shortest form: a zero stands only before a byte whose top bit is set. */
    bool zero = (exponent >> (8 * e_len - 1) & 1) != 0;

    *e++ = 0x02;
    *e++ = (uint8_t)(e_len + (zero ? 1 : 0));
    if (zero) {
        *e++ = 0;
    }
    for (unsigned i = e_len; i > 0; i--) {
        *e++ = (uint8_t)(exponent >> 8 * (i - 1));
    }
    key[2] = (uint8_t)((e - key - 4) >> 8);
    key[3] = (uint8_t)(e - key - 4);
    reverse(usual, signature, sizeof(usual));
    return verify(PSA_KEY_TYPE_RSA_PUBLIC_KEY, PSA_ALG_RSA_PSS(PSA_ALG_SHA_256), key, (size_t)(e - key),
                  digest, AL_SHA256_SIZE, usual, sizeof(usual));
}

int al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature, const uint8_t *digest)
{
    uint8_t key[1 + 2 * AL_P384_SIZE], usual[2 * AL_P384_SIZE];
    psa_algorithm_t hash = size == AL_P256_SIZE ? PSA_ALG_SHA_256 : PSA_ALG_SHA_384;

    if (size != AL_P256_SIZE && size != AL_P384_SIZE) {
        return AL_ERR_SIGNATURE;
    }
    key[0] = 0x04; /* an uncompressed point */
    reverse(key + 1, point, size);
    reverse(key + 1 + size, point + size, size);
    reverse(usual, signature, size);
    reverse(usual + size, signature + size, size);
    return verify(PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1), PSA_ALG_ECDSA(hash), key, 1 + 2 * size,
                  digest, size, usual, 2 * size);
}
