#include "manifest.h"

#include <string.h>

#include "cJSON.h"

#include "airlift/semver.h"
#include "json_fields.h"
#include "url.h"

/* version and url: what makes it a manifest. */
static airlift_fail_t parse_offer(const cJSON *root, const char *base_url, bool allow_http,
                                  struct agent_manifest *out, char *why)
{
    const cJSON *version = agent_json_field(root, "version");
    const cJSON *url = agent_json_field(root, "url");

    if (!cJSON_IsString(version)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest has no text \"version\"");
    }
    if (!cJSON_IsString(url)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest has no text \"url\"");
    }
    if (version->valuestring[0] == '\0' || url->valuestring[0] == '\0') {
        return AIRLIFT_FAIL_NONE; /* nothing is published */
    }
    if (strlen(version->valuestring) >= AGENT_VERSION_SIZE) {
        return agent_json_refuse(why, AIRLIFT_FAIL_VERSION,
                                 "the manifest's version is longer than %u characters",
                                 AGENT_VERSION_SIZE - 1);
    }
    if (!al_semver_valid(version->valuestring)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_VERSION,
                                 "the manifest's version \"%s\" is not a semantic version",
                                 version->valuestring);
    }
    if (!agent_url_resolve(base_url, url->valuestring, out->url, sizeof(out->url))) {
        return agent_json_refuse(why, AIRLIFT_FAIL_URL,
                                 "the manifest's url is too long, or relative in no simple way");
    }
    if (!agent_url_allowed(out->url, allow_http)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_URL, "the manifest's url is refused: %s",
                                 agent_url_allowed(out->url, true) ? "plain HTTP is not allowed"
                                                                   : "not an HTTPS URL");
    }
    strcpy(out->version, version->valuestring);
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t parse_secure_version(const cJSON *root, struct agent_manifest *out, char *why)
{
    const cJSON *item = agent_json_field(root, "secure_version");

    if (item == NULL) {
        return AIRLIFT_FAIL_NONE;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= UINT32_MAX) ||
        item->valuedouble != (double)(uint32_t)item->valuedouble) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST,
                                 "the manifest's secure_version is no number of its kind");
    }
    out->secure_version = (uint32_t)item->valuedouble;
    out->has_secure_version = true;
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t parse_object(const cJSON *root, const char *base_url, bool allow_http,
                                   struct agent_manifest *out, char *why)
{
    const cJSON *mandatory = agent_json_field(root, "mandatory");

    if (!cJSON_IsObject(root)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest is JSON, but no object");
    }
    if (mandatory != NULL && !cJSON_IsBool(mandatory)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST,
                                 "the manifest's \"mandatory\" is neither true nor false");
    }
    out->mandatory = cJSON_IsTrue(mandatory);

    airlift_fail_t fail =
        agent_json_hash(root, "sha256", out->sha256, sizeof(out->sha256), &out->has_sha256, why);
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_json_hash(root, "md5", out->md5, sizeof(out->md5), &out->has_md5, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_json_size(root, &out->size, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_secure_version(root, out, why);
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
    if (agent_json_too_many_values(text, len)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest holds too many values");
    }

    cJSON *root = agent_json_parse(text, len);

    if (root == NULL) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest is not JSON");
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
