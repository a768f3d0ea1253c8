/*
 * crypto.h - the hashes and public-key checks that core calls and does not contain.
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
#define AL_SHA384_SIZE 48u /* bytes */
#define AL_MD5_SIZE    16u /* bytes */

/* Room for any port's state; each port asserts at compile time that it fits. */
struct al_hash {
    uint64_t opaque[40]; /* zeroed or after final/abort: nothing held */
};

/* Each returns 0 or AL_ERR_CRYPTO. After an error of init nothing needs abort. */
AL_CHECK_RESULT int al_sha256_init(struct al_hash *h);
AL_CHECK_RESULT int al_sha384_init(struct al_hash *h);
AL_CHECK_RESULT int al_md5_init(struct al_hash *h);
AL_CHECK_RESULT int al_hash_update(struct al_hash *h, const void *data, size_t len);

/* Begin `to`, which must hold nothing, as a copy of `from`, which goes on unchanged. */
AL_CHECK_RESULT int al_hash_clone(struct al_hash *to, const struct al_hash *from);

/* Write the digest (AL_SHA256_SIZE, AL_SHA384_SIZE or AL_MD5_SIZE bytes) and release, also on error. */
AL_CHECK_RESULT int al_hash_final(struct al_hash *h, uint8_t *digest);

/* SHA-256 of bytes that lie in one piece; built from the calls above. */
AL_CHECK_RESULT int al_sha256(const void *data, size_t len, uint8_t digest[AL_SHA256_SIZE]);

/* Release without a result. */
void al_hash_abort(struct al_hash *h);

/* --- Public keys --------------------------------------------------------- */

#define AL_RSA3072_SIZE 384u /* bytes of a modulus, and of a signature */
#define AL_P256_SIZE    32u  /* bytes of a coordinate, and of half a signature */
#define AL_P384_SIZE    48u

/*
 * Does the signature fit the digest and the key? Numbers are little-endian, as
 * Secure Boot V2 stores them; the digest is in its usual order.
 *
 * Returns 0 if it does; AL_ERR_SIGNATURE if not, or if the numbers are no key;
 * AL_ERR_CRYPTO if the library failed (out of memory, ...). Threads: safe.
 */

/* RSA-3072, PSS with SHA-256, MGF1 with SHA-256 and a salt of exactly 32 bytes. */
AL_CHECK_RESULT int al_verify_rsa3072_pss(const uint8_t modulus[AL_RSA3072_SIZE], uint32_t exponent,
                                          const uint8_t signature[AL_RSA3072_SIZE],
                                          const uint8_t digest[AL_SHA256_SIZE]);

/*
 * ECDSA on P-256 with SHA-256 (size AL_P256_SIZE) or on P-384 with SHA-384
 * (AL_P384_SIZE): point is X, Y and signature r, s, each number of `size` bytes.
 */
AL_CHECK_RESULT int al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature,
                                    const uint8_t *digest);

#ifdef __cplusplus
}
#endif

#endif
