#include "s3_sign.h"
#include "host/hex.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define SHA256_SIZE 32u
#define PART_MAX    (16u * 1024u) /* of each string put together here */

/* --- Encoding -------------------------------------------------------------- */

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool srv_s3_encode(struct host_buf *out, const char *text, bool keep_slash)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool ok = is_unreserved(c) || (c == '/' && keep_slash) ? host_buf_append(out, text, 1)
                                                               : host_buf_printf(out, "%%%02X", c);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* --- Addresses ------------------------------------------------------------- */

static bool is_label_end(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* May the bucket's name be part of the host's? A dot would not match a wildcard certificate. */
static bool is_host_label(const char *bucket)
{
    size_t len = strlen(bucket);
    if (len < 3 || len > 63 || !is_label_end(bucket[0]) || !is_label_end(bucket[len - 1])) {
        return false;
    }
    for (const char *p = bucket; *p; p++) {
        if (!is_label_end(*p) && *p != '-') {
            return false;
        }
    }
    return true;
}

static bool amazon_host(const struct srv_s3 *s3, struct host_buf *out)
{
    if (!s3->host_region) {
        return host_buf_printf(out, "s3.amazonaws.com");
    }
    const char *suffix = strncmp(s3->host_region, "cn-", 3) == 0 ? ".cn" : "";
    return host_buf_printf(out, "s3.%s.amazonaws.com%s", s3->host_region, suffix);
}

/* The host as a client sends it: without the port that the scheme implies. */
static bool signed_host(const char *scheme, const char *authority, struct host_buf *out)
{
    const char *own = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    size_t len = strlen(authority), own_len = strlen(own);
    if (len > own_len && strcmp(authority + len - own_len, own) == 0) {
        len -= own_len;
    }
    return host_buf_append(out, authority, len);
}

int srv_s3_address(const struct srv_s3 *s3, const struct srv_s3_uri *uri, struct srv_s3_address *out)
{
    struct host_buf base; /* the endpoint's authority */
    host_buf_init(&base, PART_MAX);
    host_buf_init(&out->scheme, 16);
    host_buf_init(&out->host, PART_MAX);
    host_buf_init(&out->authority, PART_MAX);
    host_buf_init(&out->path, PART_MAX);

    const char *rest = "";
    bool ok;
    if (s3->endpoint) {
        const char *after = strstr(s3->endpoint, "://");
        size_t scheme_len = after ? (size_t)(after - s3->endpoint) : 0;
        const char *authority = after ? after + 3 : s3->endpoint;
        size_t len = strcspn(authority, "/");
        rest = authority + len;
        ok =
            host_buf_append(&out->scheme, s3->endpoint, scheme_len) && host_buf_append(&base, authority, len);
    } else {
        ok = host_buf_printf(&out->scheme, "https") && amazon_host(s3, &base);
    }
    /* An endpoint of one's own seldom has a name for each bucket. */
    bool in_host = is_host_label(uri->bucket) && (s3->addressing == SRV_S3_ADDRESS_VIRTUAL ||
                                                  (s3->addressing == SRV_S3_ADDRESS_AUTO && !s3->endpoint));
    ok = ok && (!in_host || host_buf_printf(&out->authority, "%s.", uri->bucket)) &&
         host_buf_append(&out->authority, base.data, base.len) &&
         signed_host((const char *)out->scheme.data, (const char *)out->authority.data, &out->host) &&
         host_buf_printf(&out->path, "%s/", rest) &&
         (in_host || (srv_s3_encode(&out->path, uri->bucket, false) &&
                      (!uri->key[0] || host_buf_append(&out->path, "/", 1)))) &&
         srv_s3_encode(&out->path, uri->key, true);
    host_buf_free(&base);
    return ok ? 0 : -1;
}

void srv_s3_address_free(struct srv_s3_address *a)
{
    host_buf_free(&a->scheme);
    host_buf_free(&a->host);
    host_buf_free(&a->authority);
    host_buf_free(&a->path);
}

/* --- The signature --------------------------------------------------------- */

static bool hmac(const void *key, size_t key_len, const char *text, uint8_t out[SHA256_SIZE])
{
    unsigned len = 0;
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, &len) !=
           NULL;
}

static bool sha256_hex(const struct host_buf *text, char hex[65])
{
    uint8_t digest[SHA256_SIZE];
    unsigned len = 0;
    if (EVP_Digest(text->data, text->len, digest, &len, EVP_sha256(), NULL) != 1) {
        return false;
    }
    host_hex_print(digest, sizeof digest, hex);
    return true;
}

/* The chain secret -> date -> region -> service -> request, then over the text. */
static bool sign(const struct srv_s3 *s3, const char *date, const char *text, char hex[65])
{
    struct host_buf secret;
    uint8_t key[SHA256_SIZE], digest[SHA256_SIZE];
    host_buf_init(&secret, PART_MAX);
    bool ok = host_buf_printf(&secret, "AWS4%s", s3->secret_key) &&
              hmac(secret.data, secret.len, date, key) && hmac(key, sizeof key, s3->region, key) &&
              hmac(key, sizeof key, "s3", key) && hmac(key, sizeof key, "aws4_request", key) &&
              hmac(key, sizeof key, text, digest);
    if (secret.data) {
        OPENSSL_cleanse(secret.data, secret.len);
    }
    OPENSSL_cleanse(key, sizeof key);
    host_buf_free(&secret);
    host_hex_print(digest, sizeof digest, hex);
    return ok;
}

static bool add_parameter(struct host_buf *query, const char *name, const char *value)
{
    return (query->len == 0 || host_buf_append(query, "&", 1)) && srv_s3_encode(query, name, false) &&
           host_buf_append(query, "=", 1) && srv_s3_encode(query, value, false);
}

/*
 * All but the signature. What is signed has the names in the order of their bytes; the
 * link, as the AWS tools write it, has the token last.
 */
static bool make_query(const struct srv_s3 *s3, const char *scope, const char *timestamp, uint32_t expires,
                       bool for_signing, struct host_buf *query)
{
    const char *token = s3->session_token;
    char seconds[16];
    struct host_buf credential;
    host_buf_init(&credential, PART_MAX);
    snprintf(seconds, sizeof seconds, "%u", (unsigned)expires);
    bool ok = host_buf_printf(&credential, "%s/%s", s3->access_key, scope) &&
              add_parameter(query, "X-Amz-Algorithm", "AWS4-HMAC-SHA256") &&
              add_parameter(query, "X-Amz-Credential", (const char *)credential.data) &&
              add_parameter(query, "X-Amz-Date", timestamp) &&
              add_parameter(query, "X-Amz-Expires", seconds) &&
              (!token || !for_signing || add_parameter(query, "X-Amz-Security-Token", token)) &&
              add_parameter(query, "X-Amz-SignedHeaders", "host") &&
              (!token || for_signing || add_parameter(query, "X-Amz-Security-Token", token));
    host_buf_free(&credential);
    return ok;
}

/* The text whose hash is signed: method, path, query, the one header, no hash of the body. */
static bool hash_request(const char *method, const struct srv_s3_address *a, const struct host_buf *query,
                         char hex[65])
{
    struct host_buf text;
    host_buf_init(&text, 4 * PART_MAX);
    bool ok =
        host_buf_printf(&text, "%s\n%s\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", method,
                        (const char *)a->path.data, (const char *)query->data, (const char *)a->host.data) &&
        sha256_hex(&text, hex);
    host_buf_free(&text);
    return ok;
}

static bool presign(const struct srv_s3 *s3, const char *method, const struct srv_s3_address *a,
                    const struct tm *utc, uint32_t expires, struct host_buf *out)
{
    char date[16], timestamp[32], hash[65], signature[65];
    struct host_buf scope, signed_query, query, text;
    host_buf_init(&scope, PART_MAX);
    host_buf_init(&signed_query, PART_MAX);
    host_buf_init(&query, PART_MAX);
    host_buf_init(&text, PART_MAX);
    bool ok =
        strftime(date, sizeof date, "%Y%m%d", utc) != 0 &&
        strftime(timestamp, sizeof timestamp, "%Y%m%dT%H%M%SZ", utc) != 0 &&
        host_buf_printf(&scope, "%s/%s/s3/aws4_request", date, s3->region) &&
        make_query(s3, (const char *)scope.data, timestamp, expires, true, &signed_query) &&
        make_query(s3, (const char *)scope.data, timestamp, expires, false, &query) &&
        hash_request(method, a, &signed_query, hash) &&
        host_buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", timestamp, (const char *)scope.data, hash) &&
        sign(s3, date, (const char *)text.data, signature) &&
        host_buf_printf(out, "%s://%s%s?%s&X-Amz-Signature=%s", (const char *)a->scheme.data,
                        (const char *)a->authority.data, (const char *)a->path.data, (const char *)query.data,
                        signature);
    host_buf_free(&scope);
    host_buf_free(&signed_query);
    host_buf_free(&query);
    host_buf_free(&text);
    return ok;
}

int srv_s3_presign(const struct srv_s3 *s3, const char *method, const struct srv_s3_uri *uri, time_t now,
                   uint32_t expires, struct host_buf *out, char *err, size_t err_size)
{
    struct srv_s3_address address;
    struct tm utc;
    if (!uri->key[0]) {
        snprintf(err, err_size, SRV_S3_URI_SCHEME "%s: a link needs a key behind the bucket", uri->bucket);
        return -1;
    }
    if (expires < 1 || expires > SRV_S3_EXPIRY_MAX) {
        snprintf(err, err_size, "a link is valid for 1 to %u seconds, not for %u", SRV_S3_EXPIRY_MAX,
                 (unsigned)expires);
        return -1;
    }
    bool ok = gmtime_r(&now, &utc) && srv_s3_address(s3, uri, &address) == 0;
    if (ok) {
        ok = presign(s3, method, &address, &utc, expires, out);
        srv_s3_address_free(&address);
    }
    if (!ok) {
        snprintf(err, err_size, SRV_S3_URI_SCHEME "%s/%s: the link could not be made", uri->bucket, uri->key);
    }
    return ok ? 0 : -1;
}
