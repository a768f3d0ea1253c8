#include "mqtt_message.h"

#include <stdio.h>
#include <string.h>

#include "cJSON.h"

#include "json_fields.h"
#include "url.h"

#define MAX_BACKOFF_S 86400u

/* --- Update messages ------------------------------------------------------ */

static airlift_fail_t parse_text(const cJSON *root, const char *name, char *out, size_t size, char *why)
{
    const cJSON *item = agent_json_field(root, name);

    out[0] = '\0';
    if (item == NULL) {
        return AIRLIFT_FAIL_NONE;
    }
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= size) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST,
                                 "the message's %s is not a text of up to %u characters", name,
                                 (unsigned)size - 1);
    }
    strcpy(out, item->valuestring);
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t parse_flag(const cJSON *root, const char *name, bool *out, char *why)
{
    const cJSON *item = agent_json_field(root, name);

    *out = cJSON_IsTrue(item);
    return item == NULL || cJSON_IsBool(item)
               ? AIRLIFT_FAIL_NONE
               : agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the message's %s is neither true nor false",
                                   name);
}

static airlift_fail_t parse_url(const cJSON *root, bool allow_http, char *out, char *why)
{
    const cJSON *url = agent_json_field(root, "update_url");

    if (url == NULL) {
        url = agent_json_field(root, "url");
    }
    if (!cJSON_IsString(url) || url->valuestring[0] == '\0') {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the message has no text \"update_url\"");
    }
    if (!agent_url_allowed(url->valuestring, allow_http)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_URL, "the message's update_url is refused: %s",
                                 agent_url_allowed(url->valuestring, true) ? "plain HTTP is not allowed"
                                                                           : "not an HTTPS URL, or too long");
    }
    strcpy(out, url->valuestring); /* allowed: not longer than AIRLIFT_MAX_URL */
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t parse_update(const cJSON *root, bool allow_http, struct agent_mqtt_update *out,
                                   char *why)
{
    struct agent_manifest *m = &out->image;
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    if (!cJSON_IsObject(root)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the message is JSON, but no object");
    }
    fail = parse_text(root, "id", out->id, sizeof(out->id), why);
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_text(root, "version", m->version, sizeof(m->version), why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_json_hash(root, "sha256", m->sha256, sizeof(m->sha256), &m->has_sha256, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_json_hash(root, "md5", m->md5, sizeof(m->md5), &m->has_md5, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_json_size(root, &m->size, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_flag(root, "mandatory", &m->mandatory, why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = parse_flag(root, "force", &out->force, why);
    }
    return fail == AIRLIFT_FAIL_NONE ? parse_url(root, allow_http, m->url, why) : fail;
}

/* --- Jobs ----------------------------------------------------------------- */

static bool parse_whole(const cJSON *root, const char *name, int64_t *out)
{
    const cJSON *item = agent_json_field(root, name);

    *out = 0;
    if (item == NULL) {
        return true;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < 9e15) ||
        item->valuedouble != (double)(int64_t)item->valuedouble) {
        return false;
    }
    *out = (int64_t)item->valuedouble;
    return true;
}

static enum agent_mqtt_job_status status_of(const cJSON *execution)
{
    const char *status = cJSON_GetStringValue(agent_json_field(execution, "status"));

    if (status == NULL) {
        return AGENT_MQTT_JOB_OTHER;
    }
    return strcmp(status, "QUEUED") == 0        ? AGENT_MQTT_JOB_QUEUED
           : strcmp(status, "IN_PROGRESS") == 0 ? AGENT_MQTT_JOB_IN_PROGRESS
                                                : AGENT_MQTT_JOB_OTHER;
}

/* Job ids become part of topics: letters, digits, _ and -. */
static bool is_job_id(const char *id)
{
    return agent_mqtt_id_is_plain(id) && strchr(id, ':') == NULL && strchr(id, '.') == NULL;
}

static bool parse_execution(const cJSON *execution, bool allow_http, struct agent_mqtt_job *out, char *why)
{
    const cJSON *id = agent_json_field(execution, "jobId"),
                *document = agent_json_field(execution, "jobDocument");

    if (execution == NULL || (cJSON_IsObject(execution) && id == NULL)) {
        return true; /* no job is waiting */
    }
    if (!cJSON_IsString(id) || !is_job_id(id->valuestring) ||
        !parse_whole(execution, "versionNumber", &out->version) ||
        !parse_whole(execution, "executionNumber", &out->execution)) {
        (void)agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the job's id or numbers make no sense");
        return false;
    }
    strcpy(out->id, id->valuestring);
    out->status = status_of(execution);
    out->has_document = document != NULL;
    if (out->has_document) {
        out->refused = parse_update(document, allow_http, &out->update, why);
    }
    return true;
}

/* --- Public --------------------------------------------------------------- */

airlift_fail_t agent_mqtt_update_parse(const char *text, size_t len, bool allow_http,
                                       struct agent_mqtt_update *out, char why[AGENT_TEXT_SIZE])
{
    cJSON *root = agent_json_parse(text, len);

    memset(out, 0, sizeof(*out));
    if (root == NULL) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST,
                                 "the message is not JSON, or holds too many values");
    }
    const airlift_fail_t fail = parse_update(root, allow_http, out, why);

    cJSON_Delete(root);
    return fail;
}

bool agent_mqtt_job_parse(const char *text, size_t len, bool allow_http, struct agent_mqtt_job *out,
                          char why[AGENT_TEXT_SIZE])
{
    cJSON *root = agent_json_parse(text, len);

    memset(out, 0, sizeof(*out));
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        (void)agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST,
                                "the job message is no JSON object, or holds too many values");
        return false;
    }
    const bool ok = parse_execution(agent_json_field(root, "execution"), allow_http, out, why);

    cJSON_Delete(root);
    return ok;
}

bool agent_mqtt_job_answer_parse(const char *text, size_t len, struct agent_mqtt_job_answer *out)
{
    cJSON *root = agent_json_parse(text, len);
    const bool ok = cJSON_IsObject(root);

    memset(out, 0, sizeof(*out));
    if (ok) {
        const char *code = cJSON_GetStringValue(agent_json_field(root, "code"));
        const char *token = cJSON_GetStringValue(agent_json_field(root, "clientToken"));

        (void)snprintf(out->code, sizeof(out->code), "%s", code != NULL ? code : "");
        (void)snprintf(out->token, sizeof(out->token), "%s", token != NULL ? token : "");
    }
    cJSON_Delete(root);
    return ok;
}

uint32_t agent_mqtt_backoff_ms(uint32_t min_s, uint32_t max_s, uint32_t n, uint32_t random)
{
    uint32_t wait_s = min_s;

    if (max_s > MAX_BACKOFF_S) {
        max_s = MAX_BACKOFF_S;
    }
    while (n-- > 0 && wait_s < max_s) {
        wait_s *= 2;
    }
    if (wait_s > max_s) {
        wait_s = max_s;
    }
    const uint32_t wait_ms = wait_s * 1000, half = wait_ms / 2;

    return wait_ms - (uint32_t)((uint64_t)random * (half + 1) >> 32);
}

bool agent_mqtt_id_is_plain(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-.";
    const size_t len = strlen(id);

    return len > 0 && len < AGENT_MQTT_ID_SIZE && strspn(id, allowed) == len;
}
