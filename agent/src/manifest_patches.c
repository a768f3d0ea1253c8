#include <string.h>

#include "cJSON.h"

#include "json_fields.h"
#include "manifest.h"
#include "url.h"

/* --- An entry -------------------------------------------------------------- */

/* An unsigned number, 1 or more. 0 if it is none. */
static uint32_t number(const cJSON *entry, const char *name)
{
    const cJSON *item = agent_json_field(entry, name);

    return cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= UINT32_MAX &&
                   item->valuedouble == (double)(uint32_t)item->valuedouble
               ? (uint32_t)item->valuedouble
               : 0;
}

/* The index of its format; AGENT_PATCH_FORMATS if it is none of those. */
static uint8_t find_format(const cJSON *entry, const struct agent_patch_needs *needs)
{
    const cJSON *item = agent_json_field(entry, "format");
    uint8_t i = 0;

    while (i < AGENT_PATCH_FORMATS &&
           !(cJSON_IsString(item) && strcmp(item->valuestring, needs->format[i].name) == 0)) {
        i++;
    }
    return i;
}

static bool digest(const cJSON *entry, const char *name, uint8_t out[AL_SHA256_SIZE])
{
    char why[AGENT_TEXT_SIZE];
    bool has;

    return agent_json_hash(entry, name, out, AL_SHA256_SIZE, &has, why) == AIRLIFT_FAIL_NONE && has;
}

/* Does it start from the image that runs? */
static bool is_from(const cJSON *entry, const struct agent_file *running)
{
    uint8_t from[AL_SHA256_SIZE];

    return running->size != 0 && number(entry, "from_size") == running->size && digest(entry, "from", from) &&
           memcmp(from, running->sha256, sizeof(from)) == 0;
}

static bool read_patch(const cJSON *entry, const char *base_url, bool allow_http,
                       const struct agent_patch_needs *needs, struct agent_patch *out)
{
    const cJSON *url = agent_json_field(entry, "url");
    const uint32_t size = number(entry, "size");
    const uint8_t format = find_format(entry, needs);

    out->whole = agent_json_field(entry, "from") == NULL;
    out->format = format;
    if (!cJSON_IsString(url) || size == 0 || format == AGENT_PATCH_FORMATS ||
        size > needs->format[format].room || number(entry, "ram") > needs->format[format].ram ||
        (!out->whole && !is_from(entry, &needs->from)) || !digest(entry, "sha256", out->sha256) ||
        !agent_url_resolve(base_url, url->valuestring, out->url, sizeof(out->url)) ||
        !agent_url_allowed(out->url, allow_http)) {
        return false;
    }
    out->size = size;
    return true;
}

/* What can't be used is left out: blocks are a help, the image's hash decides. */
static void read_blocks(const cJSON *blocks, struct agent_blocks *out)
{
    const cJSON *hex = agent_json_field(blocks, "sha256");
    const uint32_t size = number(blocks, "size");
    const size_t digits = cJSON_IsString(hex) ? strlen(hex->valuestring) : 0;
    const size_t each = 2 * sizeof(out->sha256[0]);

    if (size >= AGENT_BLOCK_UNIT && size % AGENT_BLOCK_UNIT == 0 && digits > 0 && digits % each == 0 &&
        digits / each <= AGENT_BLOCKS_MAX && agent_json_hex(hex->valuestring, out->sha256[0], digits / 2)) {
        out->size = size;
        out->n = (uint32_t)(digits / each);
    }
}

/* --- Public --------------------------------------------------------------- */

void agent_manifest_find_patch(const char *text, size_t len, const char *base_url, bool allow_http,
                               const struct agent_patch_needs *needs, struct agent_patch *out)
{
    cJSON *root = agent_json_parse(text, len);
    const cJSON *patches = root != NULL ? agent_json_field(root, "patches") : NULL;
    const cJSON *best = NULL;
    const cJSON *entry;

    cJSON_ArrayForEach(entry, patches)
    {
        if (read_patch(entry, base_url, allow_http, needs, out) &&
            (best == NULL || out->size < number(best, "size"))) {
            best = entry;
        }
    }
    memset(out, 0, sizeof(*out));
    if (best != NULL) {
        (void)read_patch(best, base_url, allow_http, needs, out); /* it was good before */
        read_blocks(agent_json_field(root, "blocks"), &out->blocks);
    }
    cJSON_Delete(root);
}
