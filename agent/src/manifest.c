#include "manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cJSON.h"

#include "airlift/semver.h"
#include "url.h"

#define MAX_VALUES     64u        /* in a manifest; six are known */
#define MAX_IMAGE_SIZE 0x1000000u /* 16 MiB, the largest app partition */

__attribute__((format(printf, 3, 4))) static airlift_fail_t refuse(char *why, airlift_fail_t reason,
                                                                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, AGENT_TEXT_SIZE, format, args);
    va_end(args);
    return reason;
}

/*
 * Count values by the punctuation outside of strings. cJSON takes some 64 bytes
 * for each, so 8 KiB of "[1,1,1,..." would ask for a chip's whole heap.
 */
static bool too_many_values(const char *text, size_t len)
{
    unsigned n = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && strchr(",[{", text[i]) != NULL && text[i] != '\0') {
            n++;
        }
    }
    return n > MAX_VALUES;
}

/* The field's value, or NULL if it is missing or null. */
static const cJSON *field(const cJSON *root, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, name);

    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

static bool decode_hex(const char *hex, uint8_t *out, size_t n)
{
    if (strlen(hex) != 2 * n) {
        return false;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        const char c = hex[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return false;
        }
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

/* An optional digest. */
static airlift_fail_t parse_hash(const cJSON *root, const char *name, uint8_t *out, size_t n, bool *has,
                                 char *why)
{
    const cJSON *item = field(root, name);

    *has = false;
    if (item == NULL || (cJSON_IsString(item) && item->valuestring[0] == '\0')) {
        return AIRLIFT_FAIL_NONE;
    }
    if (!cJSON_IsString(item) || !decode_hex(item->valuestring, out, n)) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest's %s is not %u hex digits", name,
                      (unsigned)(2 * n));
    }
    *has = true;
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t parse_size(const cJSON *root, uint32_t *out, char *why)
{
    const cJSON *item = field(root, "size");

    *out = 0;
    if (item == NULL) {
        return AIRLIFT_FAIL_NONE;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 1 && item->valuedouble <= MAX_IMAGE_SIZE) ||
        item->valuedouble != (double)(uint32_t)item->valuedouble) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest's size is not a size in bytes up to 16 MiB");
    }
    *out = (uint32_t)item->valuedouble;
    return AIRLIFT_FAIL_NONE;
}

/* version and url: what makes it a manifest. */
static airlift_fail_t parse_offer(const cJSON *root, const char *base_url, bool allow_http,
                                  struct agent_manifest *out, char *why)
{
    const cJSON *version = field(root, "version");
    const cJSON *url = field(root, "url");

    if (!cJSON_IsString(version)) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest has no text \"version\"");
    }
    if (!cJSON_IsString(url)) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest has no text \"url\"");
    }
    if (version->valuestring[0] == '\0' || url->valuestring[0] == '\0') {
        return AIRLIFT_FAIL_NONE; /* nothing is published */
    }
    if (strlen(version->valuestring) >= AGENT_VERSION_SIZE) {
        return refuse(why, AIRLIFT_FAIL_VERSION, "the manifest's version is longer than %u characters",
                      AGENT_VERSION_SIZE - 1);
    }
    if (!al_semver_valid(version->valuestring)) {
        return refuse(why, AIRLIFT_FAIL_VERSION, "the manifest's version \"%s\" is not a semantic version",
                      version->valuestring);
    }
    if (!agent_url_resolve(base_url, url->valuestring, out->url, sizeof(out->url))) {
        return refuse(why, AIRLIFT_FAIL_URL, "the manifest's url is too long, or relative in no simple way");
    }
    if (!agent_url_allowed(out->url, allow_http)) {
        return refuse(why, AIRLIFT_FAIL_URL, "the manifest's url is refused: %s",
                      agent_url_allowed(out->url, true) ? "plain HTTP is not allowed" : "not an HTTPS URL");
    }
    strcpy(out->version, version->valuestring);
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t parse_object(const cJSON *root, const char *base_url, bool allow_http,
                                   struct agent_manifest *out, char *why)
{
    const cJSON *mandatory = field(root, "mandatory");

    if (!cJSON_IsObject(root)) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest is JSON, but no object");
    }
    if (mandatory != NULL && !cJSON_IsBool(mandatory)) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest's \"mandatory\" is neither true nor false");
    }
    out->mandatory = cJSON_IsTrue(mandatory);

    airlift_fail_t fail = parse_hash(root, "sha256", out->sha256, sizeof(out->sha256), &out->has_sha256, why);
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_hash(root, "md5", out->md5, sizeof(out->md5), &out->has_md5, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_size(root, &out->size, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_offer(root, base_url, allow_http, out, why);
    }
    return fail;
}

/* --- Public --------------------------------------------------------------- */

airlift_fail_t agent_manifest_parse(const char *text, size_t len, const char *base_url, bool allow_http,
                                    struct agent_manifest *out, char why[AGENT_TEXT_SIZE])
{
    memset(out, 0, sizeof(*out));
    if (too_many_values(text, len)) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest holds more than %u values", MAX_VALUES);
    }

    /* With its NUL, so that nothing may follow the object. */
    cJSON *root = cJSON_ParseWithLengthOpts(text, len + 1, NULL, true);

    if (root == NULL) {
        return refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest is not JSON");
    }
    const airlift_fail_t fail = parse_object(root, base_url, allow_http, out, why);

    cJSON_Delete(root);
    return fail;
}

int agent_manifest_identity(const struct agent_manifest *m, uint8_t out[AL_SHA256_SIZE])
{
    if (m->has_sha256) {
        memcpy(out, m->sha256, AL_SHA256_SIZE);
        return 0;
    }

    const uint8_t size[4] = {(uint8_t)m->size, (uint8_t)(m->size >> 8), (uint8_t)(m->size >> 16),
                             (uint8_t)(m->size >> 24)};
    struct al_hash hash;
    int err = al_sha256_init(&hash);

    if (err != 0) {
        return err;
    }
    err = al_hash_update(&hash, m->version, strlen(m->version) + 1);
    if (err == 0) {
        err = al_hash_update(&hash, size, sizeof(size));
    }
    if (err == 0) {
        err = al_hash_update(&hash, m->md5, m->has_md5 ? sizeof(m->md5) : 0);
    }
    if (err != 0) {
        al_hash_abort(&hash);
        return err;
    }
    return al_hash_final(&hash, out);
}
