/*
 * json_fields.h - fields of the small JSON objects that the agent is given. Pure.
 *
 * Optional fields may be missing, null or "".
 */
#ifndef AGENT_JSON_FIELDS_H
#define AGENT_JSON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift.h"
#include "cJSON.h"

/*
 * Parse `len` bytes followed by a NUL; nothing may follow the value. NULL if it is
 * no JSON, or holds more than 64 values: cJSON takes some 64 bytes for each, so 8 KiB
 * of "[1,1,1,..." would ask for a chip's whole heap. cJSON_Delete() it.
 */
cJSON *agent_json_parse(const char *text, size_t len);

/* True if agent_json_parse() would refuse it for its number of values. */
bool agent_json_too_many_values(const char *text, size_t len);

/* The field's value, or NULL if it is missing or null. */
const cJSON *agent_json_field(const cJSON *root, const char *name);

/* The text is 2 * n hex digits: n bytes. False if it is not. */
bool agent_json_hex(const char *hex, uint8_t *out, size_t n);

/* An optional digest of n bytes, as hex digits. AIRLIFT_FAIL_MANIFEST, with `why`. */
airlift_fail_t agent_json_hash(const cJSON *root, const char *name, uint8_t *out, size_t n, bool *has,
                               char *why);

/* The optional "size" of an image; 0 if it is not there. AIRLIFT_FAIL_MANIFEST, with `why`. */
airlift_fail_t agent_json_size(const cJSON *root, uint32_t *out, char *why);

/* Write the text to `why` (AGENT_TEXT_SIZE bytes) and return `reason`. */
airlift_fail_t agent_json_refuse(char *why, airlift_fail_t reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
