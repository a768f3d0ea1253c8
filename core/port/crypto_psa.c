/*
 * crypto_psa.c - core's hashes by the PSA Crypto API: mbedTLS 2.28, 3.x, 4.x, so
 * both ESP-IDF and the virtual device.
 */
#include "airlift/crypto.h"

#include <psa/crypto.h>
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

int al_md5_init(struct al_hash *h)
{
    return start(h, PSA_ALG_MD5);
}

int al_hash_update(struct al_hash *h, const void *data, size_t len)
{
    return psa_hash_update(slot(h), data, len) == PSA_SUCCESS ? 0 : AL_ERR_CRYPTO;
}

int al_hash_final(struct al_hash *h, uint8_t *digest)
{
    /* mbedTLS wipes all of the room it is given, so an MD5's 16 bytes can't be named as 32. */
    uint8_t whole[AL_SHA256_SIZE];
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
