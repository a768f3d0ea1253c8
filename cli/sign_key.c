#include "sign_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "host/file.h"

#define PEM_MAX 65536u /* bytes; a certificate chain is longer than any key */

static const struct {
    const char *word;
    enum al_sig_type type;
} types[] = {{"rsa3072", AL_SIG_RSA3072}, {"ecdsa256", AL_SIG_P256}, {"ecdsa384", AL_SIG_P384}};

enum al_sig_type sign_type_parse(const char *word)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].word, word) == 0) {
            return types[i].type;
        }
    }
    return AL_SIG_NO_BLOCK;
}

/* --- Passphrases ----------------------------------------------------------- */

char *sign_passphrase_read(const char *path, char *err, size_t err_size)
{
    struct host_buf file;
    if (host_read_file(path, PEM_MAX, &file, err, err_size) != 0) {
        return NULL;
    }
    char *text = OPENSSL_strndup(file.data ? (const char *)file.data : "",
                                 strcspn(file.data ? (const char *)file.data : "", "\r\n"));
    if (file.data) {
        OPENSSL_cleanse(file.data, file.len);
    }
    host_buf_free(&file);
    if (!text || !*text) {
        snprintf(err, err_size, "%s: its first line is empty", path);
        sign_passphrase_free(text);
        return NULL;
    }
    return text;
}

void sign_passphrase_free(char *passphrase)
{
    if (passphrase) {
        OPENSSL_clear_free(passphrase, strlen(passphrase));
    }
}

/* --- Files ----------------------------------------------------------------- */

/* OpenSSL asks on the terminal only where this is not given. */
static int give_passphrase(char *buf, int size, int writing, void *passphrase)
{
    (void)writing;
    int len = (int)strlen(passphrase);
    if (len > size) {
        return -1;
    }
    memcpy(buf, passphrase, (size_t)len);
    return len;
}

static bool names(const struct host_buf *pem, const char *what)
{
    return strstr((const char *)pem->data, what) != NULL;
}

static EVP_PKEY *parse(const struct host_buf *pem, bool private_half, char *passphrase)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = NULL;
    if (!bio) {
        return NULL;
    }
    if (names(pem, "PRIVATE KEY-----")) {
        key = PEM_read_bio_PrivateKey(bio, NULL, passphrase ? give_passphrase : NULL, passphrase);
    } else if (!private_half && names(pem, "-----BEGIN PUBLIC KEY-----")) {
        key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    } else if (!private_half && names(pem, "-----BEGIN CERTIFICATE-----")) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        key = cert ? X509_get_pubkey(cert) : NULL;
        X509_free(cert);
    }
    BIO_free(bio);
    return key;
}

static EVP_PKEY *load_file(const char *path, bool private_half, char *passphrase, char *err, size_t err_size)
{
    struct host_buf pem;
    if (host_read_file(path, PEM_MAX, &pem, err, err_size) != 0) {
        return NULL;
    }
    EVP_PKEY *key = pem.data ? parse(&pem, private_half, passphrase) : NULL;
    if (!key) {
        bool encrypted =
            pem.data && (names(&pem, "ENCRYPTED PRIVATE") || names(&pem, "Proc-Type: 4,ENCRYPTED"));
        snprintf(err, err_size, "%s: %s", path,
                 encrypted      ? "the passphrase is wrong"
                 : private_half ? "not a private key in PEM"
                                : "neither a key nor a certificate in PEM");
        ERR_clear_error();
    }
    if (pem.data) {
        OPENSSL_cleanse(pem.data, pem.len);
    }
    host_buf_free(&pem);
    return key;
}

/* --- Keys ------------------------------------------------------------------ */

static enum al_sig_type type_of(EVP_PKEY *key)
{
    if (EVP_PKEY_base_id(key) == EVP_PKEY_RSA) {
        return EVP_PKEY_bits(key) == 3072 ? AL_SIG_RSA3072 : AL_SIG_OTHER;
    }
    char group[64];
    size_t len;
    if (EVP_PKEY_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1) {
        return AL_SIG_OTHER;
    }
    return strcmp(group, SN_X9_62_prime256v1) == 0   ? AL_SIG_P256
           : strcmp(group, SN_secp384r1) == 0        ? AL_SIG_P384
           : strcmp(group, SN_X9_62_prime192v1) == 0 ? AL_SIG_P192
                                                     : AL_SIG_OTHER;
}

int sign_key_load(const char *source, bool private_half, const char *passphrase_file, struct sign_key *out,
                  char *err, size_t err_size)
{
    char *passphrase = NULL;
    out->pkey = NULL; /* may be freed after a failure too */
    if (passphrase_file && !(passphrase = sign_passphrase_read(passphrase_file, err, err_size))) {
        return -1;
    }
    bool token = strncmp(source, "pkcs11:", 7) == 0;
    out->pkey = token ? sign_token_key(source, private_half, passphrase, err, err_size)
                      : load_file(source, private_half, passphrase, err, err_size);
    sign_passphrase_free(passphrase);
    if (!out->pkey) {
        return -1;
    }
    out->type = type_of(out->pkey);
    if (out->type == AL_SIG_P192 || out->type == AL_SIG_OTHER) {
        snprintf(err, err_size, "%s: %s; use RSA-3072, ECDSA P-256 or ECDSA P-384", source,
                 out->type == AL_SIG_P192 ? "P-192 is too short to be accepted"
                                          : "no key for Secure Boot V2");
        sign_key_free(out);
        return -1;
    }
    return 0;
}

bool sign_key_make(enum al_sig_type type, struct sign_key *out)
{
    out->type = type;
    out->pkey =
        type == AL_SIG_RSA3072 ? EVP_RSA_gen(3072) : EVP_EC_gen(type == AL_SIG_P256 ? "P-256" : "P-384");
    return out->pkey != NULL;
}

void sign_key_free(struct sign_key *key)
{
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}
