/* mqtt_tls.c - certificates and keys in memory as an OpenSSL context: libmosquitto reads files only. */
#include <arpa/inet.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "../esp-tls/tls_trust.h"
#include "esp_log.h"
#include "mqtt_settings.h"

#define MAX_ALPN 255 /* bytes of the whole list */

static const char *const TAG = "mqtt_client";

static int index_of_settings = -1; /* of a context's application data */
static int index_of_refused = -1;

static void make_indices(void)
{
    if (index_of_settings < 0) {
        index_of_settings = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        index_of_refused = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
}

static BIO *over(const char *data, size_t len)
{
    len = len != 0 ? len : strlen(data);
    return len <= INT_MAX ? BIO_new_mem_buf(data, (int)len) : NULL;
}

/* --- Whom to trust -------------------------------------------------------- */

/* All certificates of a PEM text. */
static bool trust_pem(SSL_CTX *ctx, const char *pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    BIO *bio = over(pem, 0);
    unsigned n = 0;
    X509 *cert;

    while (bio != NULL && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        n += X509_STORE_add_cert(store, cert) == 1;
        X509_free(cert);
    }
    BIO_free(bio);
    return n > 0;
}

static bool trust_one(SSL_CTX *ctx, const char *cert, size_t len)
{
    char *pem = tls_cert_to_pem(cert, len);
    const bool ok = pem != NULL && trust_pem(ctx, pem);

    free(pem);
    return ok;
}

static bool trust_bundle(SSL_CTX *ctx, const struct verification_t *v)
{
    struct tls_trust trust = {0};
    char *pem = NULL;

    if (v->crt_bundle_attach(&trust) != ESP_OK || !trust.bundle || !tls_bundle_pem(&pem)) {
        return false;
    }
    const bool ok = pem != NULL ? trust_pem(ctx, pem) : SSL_CTX_set_default_verify_paths(ctx) == 1;

    free(pem);
    return ok;
}

static bool trust_store(SSL_CTX *ctx)
{
    char *pem = tls_global_ca_pem();
    const bool ok = pem != NULL && trust_pem(ctx, pem);

    free(pem);
    return ok;
}

static unsigned give_psk(SSL *ssl, const char *hint, char *identity, unsigned identity_size,
                         unsigned char *psk, unsigned psk_size)
{
    const struct mqtt_settings *s = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_of_settings);
    const struct psk_key_hint *key = s->verification.psk_hint_key;

    (void)hint;
    if (strlen(key->hint) >= identity_size || key->key_size > psk_size) {
        return 0;
    }
    strcpy(identity, key->hint);
    memcpy(psk, key->key, key->key_size);
    return (unsigned)key->key_size;
}

static bool set_trust(SSL_CTX *ctx, const struct mqtt_settings *s)
{
    const struct verification_t *v = &s->verification;

    if (v->crt_bundle_attach != NULL) {
        return trust_bundle(ctx, v);
    }
    if (v->use_global_ca_store) {
        return trust_store(ctx);
    }
    if (v->certificate != NULL) {
        return trust_one(ctx, v->certificate, v->certificate_len);
    }
    if (v->psk_hint_key != NULL) {
        /* TLS 1.3 has other pre-shared keys than ESP-IDF's. */
        SSL_CTX_set_psk_client_callback(ctx, give_psk);
        return SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
               SSL_CTX_set_cipher_list(ctx, "PSK") == 1;
    }
    return false;
}

/* --- Who we are ----------------------------------------------------------- */

static int give_password(char *buf, int size, int writing, void *arg)
{
    const struct authentication_t *a = arg;

    (void)writing;
    if (a->key_password == NULL || a->key_password_len <= 0 || a->key_password_len > size) {
        return -1;
    }
    memcpy(buf, a->key_password, (size_t)a->key_password_len);
    return a->key_password_len;
}

static EVP_PKEY *read_key(const struct authentication_t *a)
{
    BIO *bio = over(a->key, a->key_len);
    EVP_PKEY *key = NULL;

    if (bio != NULL) {
        key = tls_is_der(a->key, a->key_len)
                  ? d2i_PrivateKey_bio(bio, NULL)
                  : PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)(uintptr_t)a);
    }
    BIO_free(bio);
    return key;
}

/* The certificate, and behind it those that lead to the root. */
static bool use_certificates(SSL_CTX *ctx, const char *pem)
{
    BIO *bio = over(pem, 0);
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    bool ok = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1;

    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        ok = SSL_CTX_add1_chain_cert(ctx, cert) == 1;
        X509_free(cert);
    }
    BIO_free(bio);
    return ok;
}

static bool set_identity(SSL_CTX *ctx, const struct authentication_t *a)
{
    if (a->certificate == NULL) {
        return true;
    }
    char *pem = tls_cert_to_pem(a->certificate, a->certificate_len);
    EVP_PKEY *key = read_key(a);
    const bool ok = pem != NULL && key != NULL && use_certificates(ctx, pem) &&
                    SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

    EVP_PKEY_free(key);
    free(pem);
    return ok;
}

/* --- The connection ------------------------------------------------------- */

/* Keep why a certificate was refused; the verdict stays OpenSSL's. */
static int note_verdict(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    int *refused = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_of_refused);

    if (!ok) {
        *refused = X509_STORE_CTX_get_error(store);
        ESP_LOGE(TAG, "the broker's certificate is refused: %s", X509_verify_cert_error_string(*refused));
    }
    return ok;
}

static bool set_name_check(SSL_CTX *ctx, const struct mqtt_settings *s)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    const char *name = s->verification.common_name != NULL ? s->verification.common_name : s->host;
    struct in6_addr address;

    if (s->verification.skip_cert_common_name_check) {
        return true;
    }
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    }
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

static bool set_alpn(SSL_CTX *ctx, const char **protos)
{
    unsigned char list[MAX_ALPN];
    unsigned len = 0;

    if (protos == NULL) {
        return true;
    }
    for (; *protos != NULL; protos++) {
        const size_t n = strlen(*protos);

        if (n == 0 || n > 255 || len + 1 + n > sizeof list) {
            return false;
        }
        list[len++] = (unsigned char)n;
        memcpy(list + len, *protos, n);
        len += (unsigned)n;
    }
    return SSL_CTX_set_alpn_protos(ctx, list, len) == 0;
}

static bool set_up(SSL_CTX *ctx, const struct mqtt_settings *s, int *refused)
{
    const char *wrong = NULL;

    SSL_CTX_set_ex_data(ctx, index_of_settings, (void *)(uintptr_t)s);
    SSL_CTX_set_ex_data(ctx, index_of_refused, refused);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, note_verdict);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        wrong = "TLS 1.2";
    } else if (!set_trust(ctx, s)) {
        wrong = "no way to verify the broker: certificate, bundle, store or key";
    } else if (!set_identity(ctx, &s->authentication)) {
        wrong = "the client's certificate and key are not readable, or no pair";
    } else if (!set_name_check(ctx, s)) {
        wrong = "the broker's name";
    } else if (!set_alpn(ctx, s->verification.alpn_protos)) {
        wrong = "the list of ALPN protocols";
    }
    if (wrong != NULL) {
        ESP_LOGE(TAG, "TLS cannot be set up: %s", wrong);
    }
    return wrong == NULL;
}

SSL_CTX *mqtt_tls_context(const struct mqtt_settings *s, int *refused)
{
    make_indices();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    *refused = 0;
    if (ctx != NULL && !set_up(ctx, s, refused)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}
