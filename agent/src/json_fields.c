#include "json_fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "manifest.h"

#define MAX_VALUES     64u        /* in a message; a dozen are known */
#define MAX_IMAGE_SIZE 0x1000000u /* 16 MiB, the largest app partition */

airlift_fail_t agent_json_refuse(char *why, airlift_fail_t reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, AGENT_TEXT_SIZE, format, args);
    va_end(args);
    return reason;
}

/* Count them by the punctuation outside of strings. */
bool agent_json_too_many_values(const char *text, size_t len)
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

cJSON *agent_json_parse(const char *text, size_t len)
{
    /* With its NUL, so that nothing may follow the value. */
    return agent_json_too_many_values(text, len) ? NULL
                                                 : cJSON_ParseWithLengthOpts(text, len + 1, NULL, true);
}

const cJSON *agent_json_field(const cJSON *root, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, name);

    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

bool agent_json_hex(const char *hex, uint8_t *out, size_t n)
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

airlift_fail_t agent_json_hash(const cJSON *root, const char *name, uint8_t *out, size_t n, bool *has,
                               char *why)
{
    const cJSON *item = agent_json_field(root, name);

    *has = false;
    if (item == NULL || (cJSON_IsString(item) && item->valuestring[0] == '\0')) {
        return AIRLIFT_FAIL_NONE;
    }
    if (!cJSON_IsString(item) || !agent_json_hex(item->valuestring, out, n)) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST, "the manifest's %s is not %u hex digits", name,
                                 (unsigned)(2 * n));
    }
    *has = true;
    return AIRLIFT_FAIL_NONE;
}

airlift_fail_t agent_json_size(const cJSON *root, uint32_t *out, char *why)
{
    const cJSON *item = agent_json_field(root, "size");

    *out = 0;
    if (item == NULL) {
        return AIRLIFT_FAIL_NONE;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 1 && item->valuedouble <= MAX_IMAGE_SIZE) ||
        item->valuedouble != (double)(uint32_t)item->valuedouble) {
        return agent_json_refuse(why, AIRLIFT_FAIL_MANIFEST,
                                 "the manifest's size is not a size in bytes up to 16 MiB");
    }
    *out = (uint32_t)item->valuedouble;
    return AIRLIFT_FAIL_NONE;
}
