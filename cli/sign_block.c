#include "sign_block.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"

/* --- Digests --------------------------------------------------------------- */

unsigned sign_block_digest_size(enum al_sig_type type)
{
    return al_sig_layout(type)->digest_len;
}

static const EVP_MD *hash_of(enum al_sig_type type)
{
    return sign_block_digest_size(type) == AL_SHA384_SIZE ? EVP_sha384() : EVP_sha256();
}

bool sign_block_digest(enum al_sig_type type, const void *data, size_t len, uint8_t out[AL_SHA384_SIZE])
{
    return EVP_Digest(data, len, out, NULL, hash_of(type), NULL) == 1;
}

/* --- The key part ---------------------------------------------------------- */

/* Modulus, exponent, and what the chips' hardware wants precomputed: R = 2^6144 mod n, M' = -1/n mod 2^32. */
static bool put_rsa(EVP_PKEY *key, uint8_t *out)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = NULL, *e = NULL;
    BIGNUM *power = BN_new(), *r = BN_new(), *m = BN_new();
    bool ok = ctx && power && r && m && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bits(e) <= 32 &&
              BN_set_bit(power, 2 * 3072) == 1 && BN_mod(r, power, n, ctx) == 1;

    BN_zero(power);
    ok = ok && BN_set_bit(power, 32) == 1 && BN_mod_inverse(m, n, power, ctx) != NULL &&
         BN_sub(m, power, m) == 1 && BN_bn2lebinpad(n, out, (int)AL_RSA3072_SIZE) >= 0 &&
         BN_bn2lebinpad(e, out + 384, 4) >= 0 && BN_bn2lebinpad(r, out + 388, (int)AL_RSA3072_SIZE) >= 0 &&
         BN_bn2lebinpad(m, out + 772, 4) >= 0;
    BN_free(m);
    BN_free(r);
    BN_free(power);
    BN_free(e);
    BN_free(n);
    BN_CTX_free(ctx);
    return ok;
}

static bool put_point(EVP_PKEY *key, unsigned size, uint8_t *out)
{
    BIGNUM *x = NULL, *y = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
              BN_bn2lebinpad(x, out, (int)size) >= 0 && BN_bn2lebinpad(y, out + size, (int)size) >= 0;

    BN_free(x);
    BN_free(y);
    return ok;
}

/* A copy whose numbers can be read; a token's key has them behind its engine. */
static EVP_PKEY *public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY *half = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;

    OPENSSL_free(der);
    return half;
}

/* A block with its head and key; no digest, no signature, no CRC. */
static bool put_key(const struct sign_key *key, uint8_t out[AL_SIG_BLOCK_SIZE])
{
    const struct al_sig_layout *at = al_sig_layout(key->type);

    memset(out, 0, AL_SIG_BLOCK_SIZE);
    out[0] = AL_SIG_BLOCK_MAGIC;
    out[1] = key->type == AL_SIG_RSA3072 ? 2 : 3;
    out[2] = key->type == AL_SIG_P384 ? 1 : 0;
    EVP_PKEY *half = public_half(key->pkey);
    bool ok = half != NULL;
    if (ok && key->type == AL_SIG_RSA3072) {
        ok = put_rsa(half, out + at->number_off);
    } else if (ok) {
        out[at->key_off] = key->type == AL_SIG_P384 ? 3 : 2;
        ok = put_point(half, at->number_len, out + at->number_off);
    }
    EVP_PKEY_free(half);
    return ok;
}

bool sign_block_key_digest(const struct sign_key *key, uint8_t out[AL_SIG_KEY_DIGEST_SIZE])
{
    uint8_t block[AL_SIG_BLOCK_SIZE];

    return put_key(key, block) && al_sig_key_digest(block, key->type, out) == 0;
}

/* --- The signature --------------------------------------------------------- */

static bool sign(const struct sign_key *key, const uint8_t *digest, uint8_t *out, size_t *len)
{
    const EVP_MD *hash = hash_of(key->type);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, hash) == 1;

    if (ok && key->type == AL_SIG_RSA3072) {
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hash) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)AL_SHA256_SIZE) == 1;
    }
    ok = ok && EVP_PKEY_sign(ctx, out, len, digest, sign_block_digest_size(key->type)) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* r and s from DER, or as they are. */
static bool put_ecdsa(const uint8_t *signature, size_t len, unsigned size, uint8_t *out)
{
    const unsigned char *der = signature;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool ok;

    if (sig && der == signature + len) {
        ok = BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), out, (int)size) >= 0 &&
             BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), out + size, (int)size) >= 0;
    } else {
        ok = len == 2 * (size_t)size;
        for (unsigned i = 0; ok && i < size; i++) {
            out[i] = signature[size - 1 - i];
            out[size + i] = signature[2 * size - 1 - i];
        }
    }
    ECDSA_SIG_free(sig);
    ERR_clear_error();
    return ok;
}

static bool put_signature(enum al_sig_type type, const uint8_t *signature, size_t len, uint8_t *block)
{
    const struct al_sig_layout *at = al_sig_layout(type);

    if (type != AL_SIG_RSA3072) {
        return put_ecdsa(signature, len, at->number_len, block + at->signature_off);
    }
    for (size_t i = 0; len == AL_RSA3072_SIZE && i < len; i++) {
        block[at->signature_off + i] = signature[len - 1 - i];
    }
    return len == AL_RSA3072_SIZE;
}

static int fits(enum al_sig_type type, const uint8_t *block)
{
    const struct al_sig_layout *at = al_sig_layout(type);
    const uint8_t *number = block + at->number_off;
    const uint8_t *digest = block + AL_SIG_DIGEST_OFF;

    return type == AL_SIG_RSA3072
               ? al_verify_rsa3072_pss(number, al_get_le32(number + AL_RSA3072_SIZE),
                                       block + at->signature_off, digest)
               : al_verify_ecdsa(at->number_len, number, block + at->signature_off, digest);
}

int sign_block_attach(const struct sign_key *key, const uint8_t *digest, const uint8_t *signature, size_t len,
                      uint8_t out[AL_SIG_BLOCK_SIZE], char *err, size_t err_size)
{
    if (!put_key(key, out)) {
        snprintf(err, err_size, "the key's public half can't be read");
        return -1;
    }
    memcpy(out + AL_SIG_DIGEST_OFF, digest, sign_block_digest_size(key->type));
    if (!put_signature(key->type, signature, len, out)) {
        snprintf(err, err_size, "a signature of %zu bytes is not one of %s", len,
                 al_sig_type_text(key->type));
        return -1;
    }
    al_put_le32(out + AL_SIG_CRC_OFF, al_crc32_zlib(0, out, AL_SIG_CRC_OFF));
    if (fits(key->type, out) != 0) {
        snprintf(err, err_size, "the signature does not fit this image and key%s",
                 key->type == AL_SIG_RSA3072 ? " (RSA-PSS, SHA-256, salt of 32 bytes)" : "");
        return -1;
    }
    return 0;
}

int sign_block_make(const struct sign_key *key, const uint8_t *digest, uint8_t out[AL_SIG_BLOCK_SIZE],
                    char *err, size_t err_size)
{
    uint8_t signature[AL_RSA3072_SIZE];
    size_t len = sizeof signature;

    if (!sign(key, digest, signature, &len)) {
        ERR_error_string_n(ERR_get_error(), err, err_size);
        ERR_clear_error();
        return -1;
    }
    return sign_block_attach(key, digest, signature, len, out, err, err_size);
}
