/*
 * cert.c - the development certificate, by OpenSSL.
 */
#include "cert.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "host/log.h"

#define VALID_DAYS   3650
#define PEM_MAX      (1024u * 1024u) /* chains of real certificates are a few KiB */
#define NAMES_MAX    4096u
#define ONE_DAY_SECS (24L * 3600)

/* --- Names ----------------------------------------------------------------- */

static bool is_address(const char *host)
{
    unsigned char raw[16];
    return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

static bool is_wildcard(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* Letters, digits, dots and hyphens: nothing else may reach the extension's little language. */
static bool is_dns_name(const char *host)
{
    size_t len = strlen(host);
    return len > 0 && len < 254 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789.-") == len;
}

static bool add_name(struct host_buf *names, const char *host)
{
    if (is_address(host)) {
        return host_buf_printf(names, ",IP:%s", host);
    }
    return !is_dns_name(host) || host_buf_printf(names, ",DNS:%s", host);
}

/* The addresses by which other machines reach this one. */
static bool add_interfaces(struct host_buf *names)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) {
        return true; /* the names above still work */
    }
    bool ok = true;
    for (struct ifaddrs *i = list; i && ok; i = i->ifa_next) {
        char text[INET6_ADDRSTRLEN];
        if (!i->ifa_addr) {
            continue;
        }
        if (i->ifa_addr->sa_family == AF_INET) {
            const struct sockaddr_in *in = (const void *)i->ifa_addr;
            ok = inet_ntop(AF_INET, &in->sin_addr, text, sizeof text) && add_name(names, text);
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const void *)i->ifa_addr;
            ok = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ||
                 (inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text) && add_name(names, text));
        }
    }
    freeifaddrs(list);
    return ok;
}

/* The subjectAltName value, in OpenSSL's notation. */
static bool collect_names(struct host_buf *names, const char *host)
{
    char machine[256] = "";
    if (gethostname(machine, sizeof machine - 1) != 0) {
        machine[0] = '\0';
    }
    bool ok = host_buf_printf(names, "DNS:localhost,IP:127.0.0.1,IP:::1");
    ok = ok && (strcmp(machine, "localhost") == 0 || add_name(names, machine));
    if (is_wildcard(host)) {
        return ok && add_interfaces(names);
    }
    bool known = !strcmp(host, "localhost") || !strcmp(host, "127.0.0.1") || !strcmp(host, "::1") ||
                 !strcmp(host, machine);
    return ok && (known || add_name(names, host));
}

/* --- Making ---------------------------------------------------------------- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    bytes[0] = (unsigned char)((bytes[0] & 0x7F) | 0x40); /* positive, and always 16 bytes */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return ok;
}

static bool fill_certificate(X509 *cert, EVP_PKEY *key, const char *names)
{
    X509_NAME *name = X509_get_subject_name(cert);
    const unsigned char common_name[] = "airlift development server";
    /* A day back, for clients whose clocks are a little slow. */
    return X509_set_version(cert, 2) == 1 && set_serial(cert) &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -ONE_DAY_SECS) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), VALID_DAYS * ONE_DAY_SECS) &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, NID_subject_key_identifier, "hash") &&
           add_extension(cert, NID_authority_key_identifier, "keyid:always") &&
           add_extension(cert, NID_subject_alt_name, names) && X509_sign(cert, key, EVP_sha256()) > 0;
}

/* What a memory BIO holds; not terminated. */
static size_t bio_bytes(BIO *bio, const char **data)
{
    char *p = NULL;
    long len = BIO_get_mem_data(bio, &p);
    *data = p;
    return len > 0 ? (size_t)len : 0;
}

static int write_pair(X509 *cert, EVP_PKEY *key, const char *cert_path, const char *key_path, char *err,
                      size_t err_size)
{
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    int result = -1;
    if (!cert_bio || !key_bio || PEM_write_bio_X509(cert_bio, cert) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        snprintf(err, err_size, "%s: OpenSSL could not encode the certificate", cert_path);
    } else {
        const char *data;
        size_t len = bio_bytes(key_bio, &data);
        mode_t mask = umask(0077);
        result = host_write_file(key_path, data, len, err, err_size);
        umask(mask);
        /* Key first: a certificate on the disk always has its key. */
        if (result == 0) {
            len = bio_bytes(cert_bio, &data);
            result = host_write_file(cert_path, data, len, err, err_size);
        }
    }
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return result;
}

int srv_cert_make(const char *cert_path, const char *key_path, const char *host, char *err, size_t err_size)
{
    if (access(cert_path, F_OK) == 0) {
        return 0;
    }
    struct host_buf names;
    host_buf_init(&names, NAMES_MAX);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    int result = -1;
    if (!collect_names(&names, host)) {
        snprintf(err, err_size, "%s: this machine has too many addresses for one certificate", cert_path);
    } else if (!key || !cert || !fill_certificate(cert, key, (const char *)names.data)) {
        snprintf(err, err_size, "%s: OpenSSL could not make a certificate: %s", cert_path,
                 ERR_reason_error_string(ERR_peek_last_error()));
    } else {
        result = write_pair(cert, key, cert_path, key_path, err, err_size);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    host_buf_free(&names);
    return result;
}

/* --- Reading --------------------------------------------------------------- */

static char *read_text(const char *path, char *err, size_t err_size)
{
    struct host_buf buf;
    host_buf_init(&buf, PEM_MAX);
    if (host_read_file(path, PEM_MAX, &buf, err, err_size) != 0) {
        host_buf_free(&buf);
        return NULL;
    }
    return (char *)buf.data; /* the buffer's memory passes to the caller */
}

static X509 *parse_cert(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return cert;
}

/* OpenSSL would ask on the terminal otherwise. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static int check_pair(const struct srv_cert *c, const char *cert_path, const char *key_path, char *err,
                      size_t err_size)
{
    X509 *cert = parse_cert(c->cert_pem);
    BIO *bio = BIO_new_mem_buf(c->key_pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    int result = -1;
    if (!cert) {
        snprintf(err, err_size, "%s: not a certificate in PEM form", cert_path);
    } else if (!key) {
        snprintf(err, err_size, "%s: not an unencrypted private key in PEM form", key_path);
    } else if (X509_check_private_key(cert, key) != 1) {
        snprintf(err, err_size, "%s: the certificate belongs to another key than %s", cert_path, key_path);
    } else {
        result = 0;
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

int srv_cert_load(struct srv_cert *c, const char *cert_path, const char *key_path, char *err, size_t err_size)
{
    c->cert_pem = read_text(cert_path, err, err_size);
    c->key_pem = c->cert_pem ? read_text(key_path, err, err_size) : NULL;
    if (!c->key_pem || check_pair(c, cert_path, key_path, err, err_size) != 0) {
        srv_cert_free(c);
        return -1;
    }
    return 0;
}

void srv_cert_free(struct srv_cert *c)
{
    if (c->key_pem) {
        OPENSSL_cleanse(c->key_pem, strlen(c->key_pem));
    }
    free(c->cert_pem);
    free(c->key_pem);
    c->cert_pem = c->key_pem = NULL;
}

void srv_cert_warn_host(const struct srv_cert *c, const char *host)
{
    X509 *cert = parse_cert(c->cert_pem);
    if (cert && !is_wildcard(host)) {
        int match =
            is_address(host) ? X509_check_ip_asc(cert, host, 0) : X509_check_host(cert, host, 0, 0, NULL);
        if (match != 1) {
            host_log(HOST_LOG_WARN, "certificate_not_for_host", "host", host, "hint",
                     "clients that connect by this name will refuse it", NULL);
        }
    }
    X509_free(cert);
}
