/*
 * desc.c - FLASH.bin.json: what the chip is and what its eFuses say.
 */
#include "device/desc.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/shared.h"

#define FILE_MAX 65536u /* bytes; a description has a few hundred */

static const uint8_t default_mac[6] = {0x24, 0x0A, 0xC4, 0x00, 0x00, 0x01};

/* Where a message goes, so that helpers need one argument for it. */
struct complaint {
    const char *path;
    char *text;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static int complain(const struct complaint *c, int code,
                                                          const char *format, ...)
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

static int get_bool(const cJSON *root, const char *key, bool *out, const struct complaint *c)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    if (!item) {
        return 0;
    }
    if (!cJSON_IsBool(item)) {
        return complain(c, AL_ERR_FORMAT, "\"%s\" must be true or false", key);
    }
    *out = cJSON_IsTrue(item);
    return 0;
}

/* A number, or text such as "0x8000". */
static int get_u32(const cJSON *root, const char *key, uint32_t *out, const struct complaint *c)
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
        return complain(c, AL_ERR_FORMAT, "\"%s\" must be a number from 0 to 0xFFFFFFFF", key);
    }
    *out = (uint32_t)value;
    return 0;
}

static int get_revision(const cJSON *root, const char *key, uint16_t *out, const struct complaint *c)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    if (item && (!cJSON_IsString(item) || dev_revision_parse(item->valuestring, out))) {
        return complain(c, AL_ERR_FORMAT, "\"%s\" must be a revision such as \"0.4\"", key);
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

static int get_key_digests(const cJSON *root, struct dev_desc *out, const struct complaint *c)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "key_digests");
    if (!list) {
        return 0;
    }
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
    if (n < 0 || n > (int)DEV_MAX_KEYS) {
        return complain(c, AL_ERR_FORMAT, "\"key_digests\" must be a list of at most 3 SHA-256 digests");
    }
    if (n > 1 && out->chip->one_signer) {
        return complain(c, AL_ERR_FORMAT, "\"key_digests\": the %s's eFuses hold one", out->chip->name);
    }
    for (int i = 0; i < n; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNull(item) &&
            (!cJSON_IsString(item) || !parse_hex(item->valuestring, 0, out->key_digests[i], 32))) {
            return complain(c, AL_ERR_FORMAT, "\"key_digests\": each must be 64 hex digits, or null");
        }
    }
    out->n_key_digests = (unsigned)n;
    return 0;
}

static int get_revoked_keys(const cJSON *root, struct dev_desc *out, const struct complaint *c)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "revoked_keys");
    if (!list) {
        return 0;
    }
    if (!cJSON_IsArray(list)) {
        return complain(c, AL_ERR_FORMAT, "\"revoked_keys\" must be a list of key numbers from 0 to 2");
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        double index = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(index >= 0 && index < DEV_MAX_KEYS) || index != (double)(unsigned)index) {
            return complain(c, AL_ERR_FORMAT, "\"revoked_keys\" must be a list of key numbers from 0 to 2");
        }
        out->revoked_keys |= (uint8_t)(1u << (unsigned)index);
    }
    if (out->revoked_keys && out->chip->one_signer) {
        return complain(c, AL_ERR_FORMAT, "\"revoked_keys\": the %s can't revoke a key", out->chip->name);
    }
    return 0;
}

/* "NAME_pin", a number or null, and "NAME_pin_level". */
static int get_pin(const cJSON *root, const char *name, struct dev_boot_pin *out, const struct complaint *c)
{
    char key[32];
    uint32_t number = UINT32_MAX, level = (uint32_t)out->level;
    snprintf(key, sizeof key, "%s_pin", name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    int result = cJSON_IsNull(item) ? 0 : get_u32(root, key, &number, c);
    if (result == 0 && number != UINT32_MAX && number >= DEV_GPIO_COUNT) {
        result = complain(c, AL_ERR_FORMAT, "\"%s\" must be a pin from 0 to %d", key, DEV_GPIO_COUNT - 1);
    }
    snprintf(key, sizeof key, "%s_pin_level", name);
    result = result ? result : get_u32(root, key, &level, c);
    if (result == 0 && level > 1) {
        result = complain(c, AL_ERR_FORMAT, "\"%s\" must be 0 or 1", key);
    }
    if (result == 0) {
        *out = (struct dev_boot_pin){.number = number == UINT32_MAX ? -1 : (int)number, .level = (int)level};
    }
    return result;
}

static int get_pins(const cJSON *root, struct dev_desc *out, const struct complaint *c)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(root, "factory_reset_erase");
    if (labels &&
        (!cJSON_IsString(labels) || strlen(labels->valuestring) >= sizeof out->factory_reset_labels)) {
        return complain(c, AL_ERR_FORMAT, "\"factory_reset_erase\" must be labels such as \"nvs, storage\"");
    }
    if (labels) {
        strcpy(out->factory_reset_labels, labels->valuestring);
    }
    int result = get_pin(root, "factory_reset", &out->factory_reset_pin, c);
    result = result ? result : get_pin(root, "test", &out->test_pin, c);
    result = result ? result : get_u32(root, "pin_hold_s", &out->pin_hold_s, c);
    return result ? result : get_bool(root, "factory_reset_otadata", &out->factory_reset_otadata, c);
}

static int read_keys(const cJSON *root, struct dev_desc *out, const struct complaint *c)
{
    const cJSON *chip = cJSON_GetObjectItemCaseSensitive(root, "chip");
    if (chip) {
        out->chip = cJSON_IsString(chip) ? al_chip_by_name(chip->valuestring) : NULL;
        if (!out->chip) {
            return complain(c, AL_ERR_FORMAT, "\"chip\": %.40s is not a known chip",
                            cJSON_IsString(chip) ? chip->valuestring : "this");
        }
    }
    const cJSON *mac = cJSON_GetObjectItemCaseSensitive(root, "mac");
    if (mac && (!cJSON_IsString(mac) || !parse_hex(mac->valuestring, ':', out->mac, 6))) {
        return complain(c, AL_ERR_FORMAT, "\"mac\" must be six bytes such as \"24:0a:c4:00:00:01\"");
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
        return complain(c, AL_ERR_FORMAT, "\"partition_table_offset\" must be a multiple of 0x1000");
    }
    if (out->secure_version > out->chip->secure_version_bits) {
        return complain(c, AL_ERR_FORMAT,
                        "\"secure_version\": %" PRIu32 " is more than the %u bits of the %s's eFuse field",
                        out->secure_version, out->chip->secure_version_bits, out->chip->name);
    }
    return 0;
}

/* --- Files ----------------------------------------------------------------- */

/*
 * Read and parse the description. *root is owned by the caller; NULL with
 * result 0 if there is no such file.
 */
static int load_json(const struct complaint *c, cJSON **root)
{
    *root = NULL;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return 0;
    }
    if (fd < 0) {
        return complain(c, AL_ERR_IO, "%s", strerror(errno));
    }
    int result = 0;
    size_t len = 0;
    char *text = malloc(FILE_MAX + 1);
    ssize_t n = text ? 1 : -1;
    while (n > 0 && len <= FILE_MAX) {
        n = read(fd, text + len, FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        result = complain(c, AL_ERR_IO, "%s", strerror(errno));
    } else if (len > FILE_MAX) {
        result = complain(c, AL_ERR_FORMAT, "larger than %u bytes", FILE_MAX);
    } else {
        text[len] = '\0';
        *root = cJSON_ParseWithOpts(text, NULL, 1);
        if (!cJSON_IsObject(*root)) {
            result = complain(c, AL_ERR_FORMAT, "not a JSON object");
            cJSON_Delete(*root);
            *root = NULL;
        }
    }
    free(text);
    close(fd);
    return result;
}

static int sync_directory_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int result = fsync(fd) && errno != EINVAL ? -1 : 0; /* EINVAL: a file system that can't */
    int why = errno;
    close(fd);
    errno = why;
    return result;
}

/* 0, or -1 with errno. */
static int replace_file(const char *path, const char *text)
{
    char tmp[PATH_MAX];
    int n = snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof tmp) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return -1;
    }
    bool ok = dprintf(fd, "%s\n", text) == (int)strlen(text) + 1;
    /* On disk before it gets its name: a power cut leaves the old description or all of the new one. */
    ok = ok && fsync(fd) == 0;
    int why = errno;
    if (close(fd) && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(tmp, path)) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        unlink(tmp);
        errno = why;
        return -1;
    }
    return sync_directory_of(path);
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

/* --- Public ---------------------------------------------------------------- */

int dev_desc_load(const char *flash_path, struct dev_desc *out, char *err, size_t err_size)
{
    *out = (struct dev_desc){
        .chip = al_chip_by_id(AL_CHIP_LINUX),
        .partition_table_offset = AL_PTABLE_OFFSET,
        .rollback = true,
        .factory_reset_pin = {.number = -1},
        .test_pin = {.number = -1},
        .pin_hold_s = 5,
        .factory_reset_labels = "nvs",
    };
    memcpy(out->mac, default_mac, sizeof out->mac);
    int n = snprintf(out->path, sizeof out->path, "%s.json", flash_path);
    if (n < 0 || (size_t)n >= sizeof out->path) {
        snprintf(err, err_size, "%.64s...: %s", flash_path, strerror(ENAMETOOLONG));
        return AL_ERR_IO;
    }
    struct complaint c = {.path = out->path, .text = err, .size = err_size};
    cJSON *root;
    int result = load_json(&c, &root);
    if (result == 0 && root) {
        result = read_keys(root, out, &c);
    }
    cJSON_Delete(root);
    return result;
}

int dev_desc_save(const struct dev_desc *desc, char *err, size_t err_size)
{
    struct complaint c = {.path = desc->path, .text = err, .size = err_size};
    cJSON *root;
    int result = load_json(&c, &root);
    if (result) {
        return result;
    }
    root = root ? root : cJSON_CreateObject();
    char *text = root && put_all(root, desc) ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (!text) {
        return complain(&c, AL_ERR_IO, "%s", strerror(ENOMEM));
    }
    if (replace_file(desc->path, text)) {
        result = complain(&c, AL_ERR_IO, "%s", strerror(errno));
    }
    cJSON_free(text);
    return result;
}

/* Make `desc`, which differs from `before` in what is burnt, last; else take that back. */
static int burn(struct dev_desc *desc, const struct dev_desc *before)
{
    char err[512];
    int result = dev_desc_save(desc, err, sizeof err);
    if (result) {
        fprintf(stderr, "%s\n", err);
        *desc = *before;
    }
    return result;
}

int dev_desc_burn_secure_version(void *ctx, uint32_t version)
{
    struct dev_desc *desc = ctx;
    if (version > desc->chip->secure_version_bits) {
        return AL_ERR_ARG;
    }
    if (version < desc->secure_version) {
        return AL_ERR_STATE;
    }
    if (version == desc->secure_version) {
        return 0;
    }
    struct dev_desc before = *desc;
    desc->secure_version = version;
    return burn(desc, &before);
}

int dev_desc_revoke_key(struct dev_desc *desc, unsigned index)
{
    if (index >= DEV_MAX_KEYS || desc->chip->one_signer) {
        return AL_ERR_ARG;
    }
    if (desc->revoked_keys & 1u << index) {
        return 0;
    }
    struct dev_desc before = *desc;
    desc->revoked_keys |= (uint8_t)(1u << index);
    return burn(desc, &before);
}

void dev_desc_boot_config(struct dev_desc *desc, struct al_boot_config *out)
{
    *out = (struct al_boot_config){
        .ptable_off = desc->partition_table_offset,
        .rollback = desc->rollback,
        .anti_rollback = desc->anti_rollback,
        .rules = {.chip = desc->chip, .chip_rev = desc->chip_revision, .blk_rev = desc->efuse_block_revision},
        .secure_boot = desc->secure_boot,
        .secure_version = desc->secure_version,
        .burn_secure_version = dev_desc_burn_secure_version,
        .burn_ctx = desc,
        .reset_labels = desc->factory_reset_labels,
        .reset_otadata = desc->factory_reset_otadata,
    };
    dev_desc_trusted_keys(desc, &out->trusted);
}
