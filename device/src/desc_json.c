/*
 * desc_json.c - the description as JSON: its keys, read and written.
 */
#include "desc_json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/shared.h"

int dev_complain(const struct dev_complaint *c, int code, const char *format, ...)
{
    int n = snprintf(c->text, c->size, "%s: ", c->path);
    if (n >= 0 && (size_t)n < c->size) {
        va_list args;
        va_start(args, format);
        vsnprintf(c->text + n, c->size - (size_t)n, format, args);
        va_end(args);
    }
    return code;
}

/* --- Revisions ------------------------------------------------------------- */

/* Up to `max`; at most 5 digits. Returns the end, or NULL. */
static const char *parse_decimal(const char *text, unsigned max, unsigned *out)
{
    unsigned value = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 5; text++, digits++) {
        value = value * 10 + (unsigned)(*text - '0');
    }
    *out = value;
    return digits && value <= max ? text : NULL;
}

int dev_revision_parse(const char *text, uint16_t *out)
{
    unsigned revision_major, revision_minor;
    const char *end = parse_decimal(text, 654, &revision_major); /* 655.35 is "no limit" in images */
    if (!end || *end != '.') {
        return AL_ERR_FORMAT;
    }
    end = parse_decimal(end + 1, 99, &revision_minor);
    if (!end || *end) {
        return AL_ERR_FORMAT;
    }
    *out = (uint16_t)(revision_major * 100 + revision_minor);
    return 0;
}

void dev_revision_print(uint16_t revision, char out[8])
{
    snprintf(out, 8, "%u.%u", revision / 100u, revision % 100u);
}

/* --- Reading keys ---------------------------------------------------------- */

/* Each get_* leaves *out alone if the key is missing. */

static int get_bool(const cJSON *root, const char *key, bool *out, const struct dev_complaint *c)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    if (!item) {
        return 0;
    }
    if (!cJSON_IsBool(item)) {
        return dev_complain(c, AL_ERR_FORMAT, "\"%s\" must be true or false", key);
    }
    *out = cJSON_IsTrue(item);
    return 0;
}

/* A number, or text such as "0x8000". */
static int get_u32(const cJSON *root, const char *key, uint32_t *out, const struct dev_complaint *c)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    if (!item) {
        return 0;
    }
    double value = -1;
    if (cJSON_IsNumber(item)) {
        value = item->valuedouble;
    } else if (cJSON_IsString(item) && item->valuestring[0] >= '0' && item->valuestring[0] <= '9') {
        char *end;
        errno = 0;
        unsigned long long parsed = strtoull(item->valuestring, &end, 0);
        value = errno || *end ? -1 : (double)parsed;
    }
    if (!(value >= 0 && value <= UINT32_MAX) || value != (double)(uint32_t)value) {
        return dev_complain(c, AL_ERR_FORMAT, "\"%s\" must be a number from 0 to 0xFFFFFFFF", key);
    }
    *out = (uint32_t)value;
    return 0;
}

static int get_revision(const cJSON *root, const char *key, uint16_t *out, const struct dev_complaint *c)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    if (item && (!cJSON_IsString(item) || dev_revision_parse(item->valuestring, out))) {
        return dev_complain(c, AL_ERR_FORMAT, "\"%s\" must be a revision such as \"0.4\"", key);
    }
    return 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Exactly `len` bytes in hex, with `separator` between them unless it is 0. */
static bool parse_hex(const char *text, char separator, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (separator && i && *text++ != separator) {
            return false;
        }
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

static int get_key_digests(const cJSON *root, struct dev_desc *out, const struct dev_complaint *c)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "key_digests");
    if (!list) {
        return 0;
    }
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
    if (n < 0 || n > (int)DEV_MAX_KEYS) {
        return dev_complain(c, AL_ERR_FORMAT, "\"key_digests\" must be a list of at most 3 SHA-256 digests");
    }
    if (n > 1 && out->chip->one_signer) {
        return dev_complain(c, AL_ERR_FORMAT, "\"key_digests\": the %s's eFuses hold one", out->chip->name);
    }
    for (int i = 0; i < n; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNull(item) &&
            (!cJSON_IsString(item) || !parse_hex(item->valuestring, 0, out->key_digests[i], 32))) {
            return dev_complain(c, AL_ERR_FORMAT, "\"key_digests\": each must be 64 hex digits, or null");
        }
    }
    out->n_key_digests = (unsigned)n;
    return 0;
}

static int get_revoked_keys(const cJSON *root, struct dev_desc *out, const struct dev_complaint *c)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "revoked_keys");
    if (!list) {
        return 0;
    }
    if (!cJSON_IsArray(list)) {
        return dev_complain(c, AL_ERR_FORMAT, "\"revoked_keys\" must be a list of key numbers from 0 to 2");
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        double index = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(index >= 0 && index < DEV_MAX_KEYS) || index != (double)(unsigned)index) {
            return dev_complain(c, AL_ERR_FORMAT,
                                "\"revoked_keys\" must be a list of key numbers from 0 to 2");
        }
        out->revoked_keys |= (uint8_t)(1u << (unsigned)index);
    }
    if (out->revoked_keys && out->chip->one_signer) {
        return dev_complain(c, AL_ERR_FORMAT, "\"revoked_keys\": the %s can't revoke a key", out->chip->name);
    }
    return 0;
}

/* "NAME_pin", a number or null, and "NAME_pin_level". */
static int get_pin(const cJSON *root, const char *name, struct dev_boot_pin *out,
                   const struct dev_complaint *c)
{
    char key[32];
    uint32_t number = UINT32_MAX, level = (uint32_t)out->level;
    snprintf(key, sizeof key, "%s_pin", name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    int result = cJSON_IsNull(item) ? 0 : get_u32(root, key, &number, c);
    if (result == 0 && number != UINT32_MAX && number >= DEV_GPIO_COUNT) {
        result = dev_complain(c, AL_ERR_FORMAT, "\"%s\" must be a pin from 0 to %d", key, DEV_GPIO_COUNT - 1);
    }
    snprintf(key, sizeof key, "%s_pin_level", name);
    result = result ? result : get_u32(root, key, &level, c);
    if (result == 0 && level > 1) {
        result = dev_complain(c, AL_ERR_FORMAT, "\"%s\" must be 0 or 1", key);
    }
    if (result == 0) {
        *out = (struct dev_boot_pin){.number = number == UINT32_MAX ? -1 : (int)number, .level = (int)level};
    }
    return result;
}

static int get_pins(const cJSON *root, struct dev_desc *out, const struct dev_complaint *c)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(root, "factory_reset_erase");
    if (labels &&
        (!cJSON_IsString(labels) || strlen(labels->valuestring) >= sizeof out->factory_reset_labels)) {
        return dev_complain(c, AL_ERR_FORMAT,
                            "\"factory_reset_erase\" must be labels such as \"nvs, storage\"");
    }
    if (labels) {
        strcpy(out->factory_reset_labels, labels->valuestring);
    }
    int result = get_pin(root, "factory_reset", &out->factory_reset_pin, c);
    result = result ? result : get_pin(root, "test", &out->test_pin, c);
    result = result ? result : get_u32(root, "pin_hold_s", &out->pin_hold_s, c);
    return result ? result : get_bool(root, "factory_reset_otadata", &out->factory_reset_otadata, c);
}

static int read_keys(const cJSON *root, struct dev_desc *out, const struct dev_complaint *c)
{
    const cJSON *chip = cJSON_GetObjectItemCaseSensitive(root, "chip");
    if (chip) {
        out->chip = cJSON_IsString(chip) ? al_chip_by_name(chip->valuestring) : NULL;
        if (!out->chip) {
            return dev_complain(c, AL_ERR_FORMAT, "\"chip\": %.40s is not a known chip",
                                cJSON_IsString(chip) ? chip->valuestring : "this");
        }
    }
    const cJSON *mac = cJSON_GetObjectItemCaseSensitive(root, "mac");
    if (mac && (!cJSON_IsString(mac) || !parse_hex(mac->valuestring, ':', out->mac, 6))) {
        return dev_complain(c, AL_ERR_FORMAT, "\"mac\" must be six bytes such as \"24:0a:c4:00:00:01\"");
    }
    int result = get_revision(root, "chip_revision", &out->chip_revision, c);
    result = result ? result : get_revision(root, "efuse_block_revision", &out->efuse_block_revision, c);
    result = result ? result : get_u32(root, "partition_table_offset", &out->partition_table_offset, c);
    result = result ? result : get_bool(root, "rollback", &out->rollback, c);
    result = result ? result : get_bool(root, "anti_rollback", &out->anti_rollback, c);
    result = result ? result : get_u32(root, "secure_version", &out->secure_version, c);
    result = result ? result : get_bool(root, "secure_boot", &out->secure_boot, c);
    result = result ? result : get_key_digests(root, out, c);
    result = result ? result : get_revoked_keys(root, out, c);
    result = result ? result : get_pins(root, out, c);
    if (result) {
        return result;
    }
    if (out->partition_table_offset % AL_SECTOR_SIZE) {
        return dev_complain(c, AL_ERR_FORMAT, "\"partition_table_offset\" must be a multiple of 0x1000");
    }
    if (out->secure_version > out->chip->secure_version_bits) {
        return dev_complain(c, AL_ERR_FORMAT,
                            "\"secure_version\": %" PRIu32
                            " is more than the %u bits of the %s's eFuse field",
                            out->secure_version, out->chip->secure_version_bits, out->chip->name);
    }
    return 0;
}

/* --- Writing keys ---------------------------------------------------------- */

/* Put `item` (taken over, NULL: out of memory) in the place of an older value. */
static bool put(cJSON *root, const char *key, cJSON *item)
{
    if (!item) {
        return false;
    }
    bool done = cJSON_GetObjectItemCaseSensitive(root, key)
                    ? cJSON_ReplaceItemInObjectCaseSensitive(root, key, item)
                    : cJSON_AddItemToObject(root, key, item);
    if (!done) {
        cJSON_Delete(item);
    }
    return done;
}

static cJSON *digest_list(const struct dev_desc *desc)
{
    cJSON *list = cJSON_CreateArray();
    for (unsigned i = 0; list && i < desc->n_key_digests; i++) {
        char hex[65];
        for (unsigned j = 0; j < 32; j++) {
            snprintf(hex + 2 * j, 3, "%02x", desc->key_digests[i][j]);
        }
        cJSON *item = dev_desc_has_key(desc, i) ? cJSON_CreateString(hex) : cJSON_CreateNull();
        if (!item || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

static cJSON *revoked_list(const struct dev_desc *desc)
{
    cJSON *list = cJSON_CreateArray();
    for (unsigned i = 0; list && i < DEV_MAX_KEYS; i++) {
        cJSON *item = desc->revoked_keys & 1u << i ? cJSON_CreateNumber(i) : NULL;
        if (desc->revoked_keys & 1u << i && (!item || !cJSON_AddItemToArray(list, item))) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

static bool put_all(cJSON *root, const struct dev_desc *desc)
{
    char revision[8], blk_revision[8], off[16], mac[18];
    dev_revision_print(desc->chip_revision, revision);
    dev_revision_print(desc->efuse_block_revision, blk_revision);
    snprintf(off, sizeof off, "0x%" PRIx32, desc->partition_table_offset);
    snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", desc->mac[0], desc->mac[1], desc->mac[2],
             desc->mac[3], desc->mac[4], desc->mac[5]);
    return put(root, "chip", cJSON_CreateString(desc->chip->name)) &&
           put(root, "chip_revision", cJSON_CreateString(revision)) &&
           put(root, "efuse_block_revision", cJSON_CreateString(blk_revision)) &&
           put(root, "partition_table_offset", cJSON_CreateString(off)) &&
           put(root, "rollback", cJSON_CreateBool(desc->rollback)) &&
           put(root, "anti_rollback", cJSON_CreateBool(desc->anti_rollback)) &&
           put(root, "secure_version", cJSON_CreateNumber(desc->secure_version)) &&
           put(root, "secure_boot", cJSON_CreateBool(desc->secure_boot)) &&
           put(root, "key_digests", digest_list(desc)) && put(root, "revoked_keys", revoked_list(desc)) &&
           put(root, "mac", cJSON_CreateString(mac));
}

/* --- The whole --------------------------------------------------------------- */

static cJSON *parse(const char *text, size_t len, const struct dev_complaint *c)
{
    cJSON *root = strlen(text) == len ? cJSON_ParseWithOpts(text, NULL, 1) : NULL;
    if (!cJSON_IsObject(root)) {
        (void)dev_complain(c, AL_ERR_FORMAT, "not a JSON object");
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

int dev_desc_read_json(const char *text, size_t len, struct dev_desc *out, const struct dev_complaint *c)
{
    cJSON *root = parse(text, len, c);
    int result = root ? read_keys(root, out, c) : AL_ERR_FORMAT;
    cJSON_Delete(root);
    return result;
}

int dev_desc_write_json(const char *old, size_t old_len, const struct dev_desc *desc, char **text,
                        const struct dev_complaint *c)
{
    *text = NULL;
    cJSON *root = old ? parse(old, old_len, c) : cJSON_CreateObject();
    if (old && !root) {
        return AL_ERR_FORMAT;
    }
    *text = root && put_all(root, desc) ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return *text ? 0 : dev_complain(c, AL_ERR_IO, "%s", strerror(ENOMEM));
}
