#include "provision_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "host/hex.h"
#include "key_file.h"

#define PEM_MAX 16384u

static int make(const char *path, char *err, size_t err_size)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key) {
        snprintf(err, err_size, "%s: no key could be made", path);
        return -1;
    }
    int result = key_file_store(path, key, NULL, err, err_size);
    EVP_PKEY_free(key);
    return result;
}

/* SHA-256 of the public half. */
static bool fingerprint(const struct host_buf *pem, char hex[65])
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    unsigned char *der = NULL;
    uint8_t digest[32];
    int len = key ? i2d_PUBKEY(key, &der) : -1;
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;
    if (ok) {
        host_hex_print(digest, sizeof digest, hex);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

int provision_key(const char *path, struct host_buf *pem, char public_hex[65], char *err, size_t err_size)
{
    if (access(path, F_OK) != 0 && make(path, err, err_size) != 0) {
        return -1;
    }
    host_buf_init(pem, PEM_MAX);
    if (host_read_file(path, PEM_MAX, pem, err, err_size) != 0) {
        return -1;
    }
    if (!pem->data || !fingerprint(pem, public_hex)) {
        snprintf(err, err_size, "%s: not a private key in PEM", path);
        return -1;
    }
    return 0;
}
