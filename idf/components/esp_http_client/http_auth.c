/* http_auth.c - answers to 401. */
#include "http_auth.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <mbedtls/base64.h>
#include <mbedtls/md.h>

#include "esp_random.h"

#define HEX_SIZE (2 * 32 + 1) /* SHA-256, the longest digest here, with its NUL */

/* The value of `name` in a list of name=value, name="value"; NULL if absent. To be freed. */
static char *parameter(const char *list, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *p = list; *p != '\0';) {
        p += strspn(p, " \t,");
        size_t key_len = strcspn(p, "=, \t");
        const char *key = p;
        p += key_len;
        if (*p != '=') {
            p += *p != '\0';
            continue;
        }
        const char *value = ++p;
        size_t len;
        if (*p == '"') {
            value++;
            len = strcspn(value, "\"");
            p = value + len + (value[len] == '"');
        } else {
            len = strcspn(value, ", \t");
            p = value + len;
        }
        if (key_len == name_len && strncasecmp(key, name, name_len) == 0) {
            return strndup(value, len);
        }
    }
    return NULL;
}

/* qop is a list: "auth,auth-int". */
static bool offers_auth(const char *qop)
{
    for (const char *p = qop; p != NULL && *p != '\0';) {
        p += strspn(p, " ,");
        size_t len = strcspn(p, " ,");
        if (len == 4 && strncasecmp(p, "auth", 4) == 0) {
            return true;
        }
        p += len;
    }
    return false;
}

static const mbedtls_md_info_t *digest_of(const struct http_challenge *challenge)
{
    if (challenge->algorithm == NULL || strcasecmp(challenge->algorithm, "MD5") == 0) {
        return mbedtls_md_info_from_type(MBEDTLS_MD_MD5);
    }
    if (strcasecmp(challenge->algorithm, "SHA-256") == 0) {
        return mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    }
    return NULL;
}

/* Hex digest of the `n` parts, joined by colons. */
static bool hash_joined(const mbedtls_md_info_t *info, const char *const *parts, size_t n, char out[HEX_SIZE])
{
    unsigned char raw[MBEDTLS_MD_MAX_SIZE];
    mbedtls_md_context_t ctx;

    mbedtls_md_init(&ctx);
    bool ok = mbedtls_md_setup(&ctx, info, 0) == 0 && mbedtls_md_starts(&ctx) == 0;
    for (size_t i = 0; ok && i < n; i++) {
        ok = (i == 0 || mbedtls_md_update(&ctx, (const unsigned char *)":", 1) == 0) &&
             mbedtls_md_update(&ctx, (const unsigned char *)parts[i], strlen(parts[i])) == 0;
    }
    ok = ok && mbedtls_md_finish(&ctx, raw) == 0;
    mbedtls_md_free(&ctx);
    for (size_t i = 0; ok && i < mbedtls_md_get_size(info); i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
    }
    return ok;
}

static char *basic(const char *username, const char *password)
{
    char *plain = NULL;
    int len = asprintf(&plain, "%s:%s", username, password);

    if (len < 0) {
        return NULL;
    }
    size_t size = sizeof "Basic " + ((size_t)len + 2) / 3 * 4, written;
    char *value = malloc(size);
    if (value != NULL) {
        memcpy(value, "Basic ", 6);
        if (mbedtls_base64_encode((unsigned char *)value + 6, size - 6, &written, (unsigned char *)plain,
                                  (size_t)len) != 0) {
            free(value);
            value = NULL;
        }
    }
    free(plain);
    return value;
}

static char *digest(struct http_challenge *challenge, const char *username, const char *password,
                    const char *method, const char *uri)
{
    const mbedtls_md_info_t *info = digest_of(challenge);
    const char *realm = challenge->realm != NULL ? challenge->realm : "";
    char ha1[HEX_SIZE], ha2[HEX_SIZE], response[HEX_SIZE], count[9], cnonce[17];

    (void)snprintf(count, sizeof count, "%08x", ++challenge->n_used);
    (void)snprintf(cnonce, sizeof cnonce, "%08x%08x", (unsigned)esp_random(), (unsigned)esp_random());
    bool ok = hash_joined(info, (const char *[]){username, realm, password}, 3, ha1) &&
              hash_joined(info, (const char *[]){method, uri}, 2, ha2);
    if (challenge->qop_auth) {
        ok = ok && hash_joined(info, (const char *[]){ha1, challenge->nonce, count, cnonce, "auth", ha2}, 6,
                               response);
    } else {
        ok = ok && hash_joined(info, (const char *[]){ha1, challenge->nonce, ha2}, 3, response);
    }
    if (!ok) {
        return NULL;
    }
    char qop[64] = "";
    if (challenge->qop_auth) {
        (void)snprintf(qop, sizeof qop, ", qop=auth, nc=%s, cnonce=\"%s\"", count, cnonce);
    }
    char *value = NULL;
    bool opaque = challenge->opaque != NULL;
    int len = asprintf(&value,
                       "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", algorithm=%s, "
                       "response=\"%s\"%s%s%s%s",
                       username, realm, challenge->nonce, uri,
                       challenge->algorithm != NULL ? challenge->algorithm : "MD5", response, qop,
                       opaque ? ", opaque=\"" : "", opaque ? challenge->opaque : "", opaque ? "\"" : "");
    return len >= 0 ? value : NULL;
}

/* ---- for the client ------------------------------------------------------ */

void http_challenge_free(struct http_challenge *challenge)
{
    free(challenge->realm);
    free(challenge->nonce);
    free(challenge->opaque);
    free(challenge->algorithm);
    memset(challenge, 0, sizeof *challenge);
}

esp_err_t http_challenge_parse(struct http_challenge *challenge, const char *text)
{
    http_challenge_free(challenge);
    text += strspn(text, " \t");
    if (strncasecmp(text, "Basic", 5) == 0 && !isalnum((unsigned char)text[5])) {
        challenge->type = HTTP_AUTH_TYPE_BASIC;
        return ESP_OK;
    }
    if (strncasecmp(text, "Digest ", 7) != 0) {
        return ESP_FAIL;
    }
    challenge->type = HTTP_AUTH_TYPE_DIGEST;
    challenge->realm = parameter(text + 7, "realm");
    challenge->nonce = parameter(text + 7, "nonce");
    challenge->opaque = parameter(text + 7, "opaque");
    challenge->algorithm = parameter(text + 7, "algorithm");
    char *qop = parameter(text + 7, "qop");
    challenge->qop_auth = offers_auth(qop);
    bool only_others = qop != NULL && !challenge->qop_auth;
    free(qop);
    if (challenge->nonce == NULL || only_others || digest_of(challenge) == NULL) {
        http_challenge_free(challenge);
        return ESP_FAIL;
    }
    return ESP_OK;
}

char *http_authorization(struct http_challenge *challenge, esp_http_client_auth_type_t type,
                         const char *username, const char *password, const char *method, const char *uri)
{
    if (type == HTTP_AUTH_TYPE_BASIC) {
        return basic(username, password);
    }
    if (type == HTTP_AUTH_TYPE_DIGEST && challenge->nonce != NULL) {
        return digest(challenge, username, password, method, uri);
    }
    return NULL;
}
