/*
 * sign_block.h - make a Secure Boot V2 signature block (docs/formats.md, "Signatures").
 */
#ifndef CLI_SIGN_BLOCK_H
#define CLI_SIGN_BLOCK_H

#include "sign_key.h"

/* What goes into eFuses for this key. False if OpenSSL fails. */
bool sign_block_key_digest(const struct sign_key *key, uint8_t out[AL_SIG_KEY_DIGEST_SIZE]);

/* Bytes of the image digest that this type signs, and the digest of `len` bytes at `data`. */
unsigned sign_block_digest_size(enum al_sig_type type);
bool sign_block_digest(enum al_sig_type type, const void *data, size_t len, uint8_t out[AL_SHA384_SIZE]);

/*
 * Sign `digest` and encode the block. It is checked as a device would check it before it
 * is returned: 0, or -1 with one line in err.
 */
int sign_block_make(const struct sign_key *key, const uint8_t *digest, uint8_t out[AL_SIG_BLOCK_SIZE],
                    char *err, size_t err_size);

/*
 * The same with a signature that was made elsewhere: RSA-PSS as 384 bytes, ECDSA in DER or as r and s
 * one behind the other, all in their usual (big-endian) order. One that does not fit is refused.
 */
int sign_block_attach(const struct sign_key *key, const uint8_t *digest, const uint8_t *signature, size_t len,
                      uint8_t out[AL_SIG_BLOCK_SIZE], char *err, size_t err_size);

#endif
