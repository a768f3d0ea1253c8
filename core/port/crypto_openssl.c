/*
 * crypto_openssl.c - core's hashes and public-key checks by OpenSSL, for host tools and
 * the server.
 *
 * The context holds one pointer: OpenSSL keeps its state on the heap.
 */
#include "airlift/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

static EVP_MD_CTX **slot(struct al_hash *h)
{
    return (EVP_MD_CTX **)h->opaque;
}

static int start(struct al_hash *h, const EVP_MD *algorithm)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    *slot(h) = NULL;
    if (ctx == NULL || EVP_DigestInit_ex(ctx, algorithm, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return AL_ERR_CRYPTO;
    }
    *slot(h) = ctx;
    return 0;
}

int al_sha256_init(struct al_hash *h)
{
    return start(h, EVP_sha256());
}

int al_sha384_init(struct al_hash *h)
{
    return start(h, EVP_sha384());
}

int al_md5_init(struct al_hash *h)
{
    return start(h, EVP_md5());
}

int al_hash_update(struct al_hash *h, const void *data, size_t len)
{
    return *slot(h) != NULL && EVP_DigestUpdate(*slot(h), data, len) == 1 ? 0 : AL_ERR_CRYPTO;
}

int al_hash_clone(struct al_hash *to, const struct al_hash *from)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    const EVP_MD_CTX *source;

    memcpy(&source, from->opaque, sizeof(source));
    *slot(to) = NULL;
    if (copy == NULL || source == NULL || EVP_MD_CTX_copy_ex(copy, source) != 1) {
        EVP_MD_CTX_free(copy);
        return AL_ERR_CRYPTO;
    }
    *slot(to) = copy;
    return 0;
}

int al_hash_final(struct al_hash *h, uint8_t *digest)
{
    int ok = *slot(h) != NULL && EVP_DigestFinal_ex(*slot(h), digest, NULL) == 1;

    al_hash_abort(h);
    return ok ? 0 : AL_ERR_CRYPTO;
}

void al_hash_abort(struct al_hash *h)
{
    EVP_MD_CTX_free(*slot(h));
    *slot(h) = NULL;
}

/* --- Public keys --------------------------------------------------------- */

/* A key of its parameters, or NULL: not a key (*err AL_ERR_SIGNATURE), or no memory. Takes `params`. */
static EVP_PKEY *make_key(const char *type, OSSL_PARAM *params, int *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    *err = AL_ERR_CRYPTO;
    if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        *err = AL_ERR_SIGNATURE;
        key = NULL;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Takes `key`. */
static int verify(EVP_PKEY *key, const EVP_MD *hash, const uint8_t *digest, const uint8_t *signature,
                  size_t signature_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    int err = AL_ERR_CRYPTO;

    if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, hash) == 1 &&
        (!EVP_PKEY_is_a(key, "RSA") || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                                        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hash) == 1 &&
                                        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)AL_SHA256_SIZE) == 1))) {
        err = EVP_PKEY_verify(ctx, signature, signature_len, digest, (size_t)EVP_MD_get_size(hash)) == 1
                  ? 0
                  : AL_ERR_SIGNATURE;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error(); /* a refusal is no error of the program's */
    return err;
}

static OSSL_PARAM *rsa_params(const uint8_t *modulus, uint32_t exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_lebin2bn(modulus, (int)AL_RSA3072_SIZE, NULL);
    OSSL_PARAM *params = NULL;

    if (build != NULL && n != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_uint32(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        params = OSSL_PARAM_BLD_to_param(build);
    }
    BN_free(n);
    OSSL_PARAM_BLD_free(build);
    return params;
}

int al_verify_rsa3072_pss(const uint8_t modulus[AL_RSA3072_SIZE], uint32_t exponent,
                          const uint8_t signature[AL_RSA3072_SIZE], const uint8_t digest[AL_SHA256_SIZE])
{
    uint8_t usual[AL_RSA3072_SIZE];
    EVP_PKEY *key;
    int err;

    if ((modulus[AL_RSA3072_SIZE - 1] & 0x80) == 0) {
        return AL_ERR_SIGNATURE; /* not of 3072 bits */
    }
    key = make_key("RSA", rsa_params(modulus, exponent), &err);
    if (key == NULL) {
        ERR_clear_error();
        return err;
    }
    for (unsigned i = 0; i < sizeof(usual); i++) {
        usual[i] = signature[sizeof(usual) - 1 - i];
    }
    return verify(key, EVP_sha256(), digest, usual, sizeof(usual));
}

static OSSL_PARAM *point_params(const char *group, unsigned size, const uint8_t *point)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    uint8_t octets[1 + 2 * AL_P384_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM *params = NULL;

    for (unsigned i = 0; i < size; i++) {
        octets[1 + i] = point[size - 1 - i];
        octets[1 + size + i] = point[2 * size - 1 - i];
    }
    if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, octets, 1 + 2 * (size_t)size) == 1) {
        params = OSSL_PARAM_BLD_to_param(build);
    }
    OSSL_PARAM_BLD_free(build);
    return params;
}

/* r and s as OpenSSL takes them. Returns the length, or -1; *der is OpenSSL's memory. */
static int signature_der(unsigned size, const uint8_t *signature, unsigned char **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_lebin2bn(signature, (int)size, NULL);
    BIGNUM *s = BN_lebin2bn(signature + size, (int)size, NULL);
    int len = -1;

    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* sig's now */
        len = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return len;
}

int al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature, const uint8_t *digest)
{
    const EVP_MD *hash = size == AL_P256_SIZE ? EVP_sha256() : EVP_sha384();
    unsigned char *der = NULL;
    EVP_PKEY *key;
    int err, len;

    if (size != AL_P256_SIZE && size != AL_P384_SIZE) {
        return AL_ERR_SIGNATURE;
    }
    key = make_key("EC", point_params(size == AL_P256_SIZE ? "P-256" : "P-384", size, point), &err);
    if (key == NULL) {
        ERR_clear_error();
        return err;
    }
    len = signature_der(size, signature, &der);
    if (len < 0) {
        EVP_PKEY_free(key);
        return AL_ERR_CRYPTO;
    }
    err = verify(key, hash, digest, der, (size_t)len);
    OPENSSL_free(der);
    return err;
}
