/*
 * crypto_openssl.c - core's hashes by OpenSSL, for host tools and the server.
 *
 * The context holds one pointer: OpenSSL keeps its state on the heap.
 */
#include "airlift/crypto.h"

#include <openssl/evp.h>

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

int al_md5_init(struct al_hash *h)
{
    return start(h, EVP_md5());
}

int al_hash_update(struct al_hash *h, const void *data, size_t len)
{
    return *slot(h) != NULL && EVP_DigestUpdate(*slot(h), data, len) == 1 ? 0 : AL_ERR_CRYPTO;
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
