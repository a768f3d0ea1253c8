#include "provision_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX 16384u

/* Write and sync a temporary file beside `path`, then give it that name, which must be free. */
static int store(const char *path, EVP_PKEY *key, char *err, size_t err_size)
{
    char *part = NULL;
    if (asprintf(&part, "%s.XXXXXX", path) < 0) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    int fd = mkostemp(part, O_CLOEXEC); /* mode 0600 */
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    int result = -1;
    if (!f) {
        snprintf(err, err_size, "%s: %s", part, strerror(errno));
    } else if (PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1 || fflush(f) != 0 ||
               fsync(fd) != 0 || link(part, path) != 0) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
    } else {
        result = 0;
    }
    if (f) {
        fclose(f);
    } else if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0) {
        unlink(part);
    }
    free(part);
    return result;
}

static int make(const char *path, char *err, size_t err_size)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key) {
        snprintf(err, err_size, "%s: no key could be made", path);
        return -1;
    }
    int result = store(path, key, err, err_size);
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
    for (size_t i = 0; ok && i < sizeof digest; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
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
