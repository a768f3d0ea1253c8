/*
 * crypto.h - the hashes core calls and does not contain.
 *
 * The platform links exactly one port: core/port/crypto_psa.c (PSA Crypto API:
 * ESP-IDF and the virtual device) or core/port/crypto_openssl.c (host tools).
 *
 * A context is the caller's memory. Between init and final/abort a port may
 * hold resources behind it, so every init is followed by exactly one final or
 * abort, also on error paths. Contexts are independent: different ones may be
 * used from different threads.
 */
#ifndef AIRLIFT_CRYPTO_H
#define AIRLIFT_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_SHA256_SIZE 32u /* bytes */
#define AL_MD5_SIZE    16u /* bytes */

/* Room for any port's state; each port asserts at compile time that it fits. */
struct al_hash {
    uint64_t opaque[40]; /* zeroed or after final/abort: nothing held */
};

/* Each returns 0 or AL_ERR_CRYPTO. After an error of init nothing needs abort. */
AL_CHECK_RESULT int al_sha256_init(struct al_hash *h);
AL_CHECK_RESULT int al_md5_init(struct al_hash *h);
AL_CHECK_RESULT int al_hash_update(struct al_hash *h, const void *data, size_t len);

/* Write the digest (AL_SHA256_SIZE or AL_MD5_SIZE bytes) and release, also on error. */
AL_CHECK_RESULT int al_hash_final(struct al_hash *h, uint8_t *digest);

/* SHA-256 of bytes that lie in one piece; built from the calls above. */
AL_CHECK_RESULT int al_sha256(const void *data, size_t len, uint8_t digest[AL_SHA256_SIZE]);

/* Release without a result. */
void al_hash_abort(struct al_hash *h);

#ifdef __cplusplus
}
#endif

#endif
