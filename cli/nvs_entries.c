#include "nvs_entries.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "csv_table.h"
#include "host/file.h"

#define VALUE_MAX (4u * 1024u * 1024u)

static int fail(enum nvs_build_error error, char *err, size_t err_size)
{
    if (error != NVS_BUILD_OK) {
        snprintf(err, err_size, "%s", nvs_build_error_text(error));
    }
    return error == NVS_BUILD_OK ? 0 : -1;
}

/* --- Integers -------------------------------------------------------------- */

static const struct {
    const char *name;
    enum nvs_build_type type;
    int64_t min;
    uint64_t max;
} integers[] = {
    {"u8", NVS_BUILD_U8, 0, UINT8_MAX},    {"i8", NVS_BUILD_I8, INT8_MIN, INT8_MAX},
    {"u16", NVS_BUILD_U16, 0, UINT16_MAX}, {"i16", NVS_BUILD_I16, INT16_MIN, INT16_MAX},
    {"u32", NVS_BUILD_U32, 0, UINT32_MAX}, {"i32", NVS_BUILD_I32, INT32_MIN, INT32_MAX},
    {"u64", NVS_BUILD_U64, 0, UINT64_MAX}, {"i64", NVS_BUILD_I64, INT64_MIN, INT64_MAX},
};

/* Decimal with a sign, or 0x; blanks around it do not count. */
static bool parse_integer(const char *text, size_t len, int64_t min, uint64_t max, uint64_t *out)
{
    char word[40];
    while (len && strchr(" \t\r\n", text[0])) {
        text++, len--;
    }
    while (len && strchr(" \t\r\n", text[len - 1])) {
        len--;
    }
    if (len == 0 || len >= sizeof word) {
        return false;
    }
    memcpy(word, text, len);
    word[len] = '\0';
    bool negative = word[0] == '-';
    const char *digits = word + (negative || word[0] == '+');
    bool hex = strncasecmp(digits, "0x", 2) == 0;
    digits += hex ? 2 : 0;
    if (strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits) || !*digits) {
        return false;
    }
    errno = 0;
    uint64_t value = strtoull(digits, NULL, hex ? 16 : 10);
    if (errno || (negative ? value > (uint64_t) - (min + 1) + 1 || (min == 0 && value > 0) : value > max)) {
        return false;
    }
    *out = negative ? 0 - value : value;
    return true;
}

/* --- Bytes ----------------------------------------------------------------- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Blanks at both ends do not count. */
static bool decode_hex(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    while (len && strchr(" \t\r\n", text[0])) {
        text++, len--;
    }
    while (len && strchr(" \t\r\n", text[len - 1])) {
        len--;
    }
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    *out_len = len / 2;
    return len % 2 == 0;
}

/* Line ends may stand anywhere, as files have them. */
static bool decode_base64(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    char *packed = malloc(len + 1);
    size_t n = 0, pad = 0;
    for (size_t i = 0; packed && i < len; i++) {
        if (!strchr(" \t\r\n", text[i])) {
            packed[n++] = text[i];
        }
    }
    while (packed && pad < 2 && pad < n && packed[n - 1 - pad] == '=') {
        pad++;
    }
    int got = packed && n % 4 == 0 ? EVP_DecodeBlock(out, (const unsigned char *)packed, (int)n) : -1;
    free(packed);
    *out_len = got < 0 ? 0 : (size_t)got - pad;
    return got >= 0;
}

static int add_blob(struct nvs_build *b, const char *key, const char *encoding, const char *value, size_t len,
                    char *err, size_t err_size)
{
    uint8_t *bytes = malloc(len + 4);
    size_t n = 0;
    int result = -1;
    bool hex = strcasecmp(encoding, "hex2bin") == 0;
    if (!bytes) {
        snprintf(err, err_size, "out of memory");
    } else if (!(hex ? decode_hex : decode_base64)(value, len, bytes, &n)) {
        snprintf(err, err_size, "the value is not %s", hex ? "pairs of hex digits" : "base64");
    } else {
        result = fail(nvs_build_blob(b, key, bytes, n), err, err_size);
    }
    free(bytes);
    return result;
}

/* --- Public ---------------------------------------------------------------- */

int nvs_entry_add(struct nvs_build *b, const char *key, const char *encoding, const char *value, size_t len,
                  char *err, size_t err_size)
{
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        if (strcasecmp(encoding, integers[i].name) == 0) {
            uint64_t number;
            if (!parse_integer(value, len, integers[i].min, integers[i].max, &number)) {
                snprintf(err, err_size, "%.*s: not a number that %s holds", (int)(len < 40 ? len : 40), value,
                         integers[i].name);
                return -1;
            }
            return fail(nvs_build_integer(b, key, integers[i].type, number), err, err_size);
        }
    }
    if (strcasecmp(encoding, "string") == 0) {
        if (memchr(value, '\0', len)) {
            snprintf(err, err_size, "a string can't hold a NUL");
            return -1;
        }
        return fail(nvs_build_string(b, key, value, len), err, err_size);
    }
    if (strcasecmp(encoding, "binary") == 0) {
        return fail(nvs_build_blob(b, key, value, len), err, err_size);
    }
    if (strcasecmp(encoding, "hex2bin") == 0 || strcasecmp(encoding, "base64") == 0) {
        return add_blob(b, key, encoding, value, len, err, err_size);
    }
    snprintf(err, err_size,
             "%.40s: no encoding; there are u8 i8 u16 i16 u32 i32 u64 i64 string hex2bin base64 binary",
             encoding);
    return -1;
}

int nvs_entry_add_file(struct nvs_build *b, const char *key, const char *encoding, const char *path,
                       char *err, size_t err_size)
{
    struct host_buf file;
    host_buf_init(&file, VALUE_MAX);
    int result = host_read_file(path, VALUE_MAX, &file, err, err_size);
    if (result == 0) {
        result = nvs_entry_add(b, key, encoding, file.data ? (const char *)file.data : "", file.len, err,
                               err_size);
    }
    host_buf_free(&file);
    return result;
}

static int add_row(struct nvs_build *b, char **row, const int column[4], char *err, size_t err_size)
{
    const char *key = row[column[0]], *type = row[column[1]], *encoding = row[column[2]],
               *value = row[column[3]];
    if (strcmp(type, "namespace") == 0) {
        return fail(nvs_build_namespace(b, key), err, err_size);
    }
    if (strcmp(type, "data") == 0) {
        return nvs_entry_add(b, key, encoding, value, strlen(value), err, err_size);
    }
    if (strcmp(type, "file") == 0) {
        return nvs_entry_add_file(b, key, encoding, value, err, err_size);
    }
    snprintf(err, err_size, "%.40s: no type; there are namespace, data and file", type);
    return -1;
}

int nvs_entries_read(struct nvs_build *b, const char *path, char *err, size_t err_size)
{
    static const char *const names[4] = {"key", "type", "encoding", "value"};
    struct csv_table t;
    int column[4], result = csv_table_read(&t, path, err, err_size);
    for (unsigned i = 0; i < 4 && result == 0; i++) {
        column[i] = csv_table_column(&t, names[i]);
        if (column[i] < 0) {
            snprintf(err, err_size, "%s: no column %s in the first row (key,type,encoding,value)", path,
                     names[i]);
            result = -1;
        }
    }
    for (size_t i = 1; i < t.n_rows && result == 0; i++) {
        char why[512];
        result = add_row(b, t.rows[i], column, why, sizeof why);
        if (result != 0) {
            snprintf(err, err_size, "%s: row %zu, key %s: %s", path, i + 1, t.rows[i][column[0]], why);
        }
    }
    csv_table_free(&t);
    return result;
}
