/*
 * The words of the CSV language: types, subtypes, flags and errors; and a table
 * written in them. Slots count up from a first value: ota_0 .. ota_15, tee_0, tee_1.
 */
#include "ptable_names.h"

#include "airlift/bytes.h"

struct subtype_word {
    char name[10];
    uint8_t type;
    uint8_t subtype;
};

static const char type_words[][16] = {
    [AL_TYPE_APP] = "app",
    [AL_TYPE_DATA] = "data",
    [AL_TYPE_BOOTLOADER] = "bootloader",
    [AL_TYPE_PARTITION_TABLE] = "partition_table",
};

static const struct subtype_word subtype_words[] = {
    {"factory", AL_TYPE_APP, AL_SUB_APP_FACTORY},
    {"test", AL_TYPE_APP, AL_SUB_APP_TEST},
    {"ota", AL_TYPE_DATA, AL_SUB_DATA_OTA},
    {"phy", AL_TYPE_DATA, AL_SUB_DATA_PHY},
    {"nvs", AL_TYPE_DATA, AL_SUB_DATA_NVS},
    {"coredump", AL_TYPE_DATA, AL_SUB_DATA_COREDUMP},
    {"nvs_keys", AL_TYPE_DATA, AL_SUB_DATA_NVS_KEYS},
    {"efuse", AL_TYPE_DATA, AL_SUB_DATA_EFUSE},
    {"undefined", AL_TYPE_DATA, AL_SUB_DATA_UNDEFINED},
    {"esphttpd", AL_TYPE_DATA, 0x80},
    {"fat", AL_TYPE_DATA, 0x81},
    {"spiffs", AL_TYPE_DATA, 0x82},
    {"littlefs", AL_TYPE_DATA, 0x83},
    {"tee_ota", AL_TYPE_DATA, AL_SUB_DATA_TEE_OTA},
    {"primary", AL_TYPE_BOOTLOADER, AL_SUB_PRIMARY},
    {"ota", AL_TYPE_BOOTLOADER, 0x01},
    {"recovery", AL_TYPE_BOOTLOADER, AL_SUB_BOOTLOADER_RECOVERY},
    {"primary", AL_TYPE_PARTITION_TABLE, AL_SUB_PRIMARY},
    {"ota", AL_TYPE_PARTITION_TABLE, 0x01},
};

#define N_TYPES    (sizeof type_words / sizeof type_words[0])
#define N_SUBTYPES (sizeof subtype_words / sizeof subtype_words[0])

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_word(const char *word, const char *text, size_t len, bool any_case)
{
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '\0' || word[i] != (any_case ? lower(text[i]) : text[i])) {
            return false;
        }
    }
    return word[len] == '\0';
}

int al_part_type_from_name(const char *text, size_t len, bool any_case)
{
    for (unsigned type = 0; type < N_TYPES; type++) {
        if (is_word(type_words[type], text, len, any_case)) {
            return (int)type;
        }
    }
    return -1;
}

int al_part_subtype_from_name(int type, const char *text, size_t len, bool any_case)
{
    for (unsigned i = 0; i < N_SUBTYPES; i++) {
        const struct subtype_word *w = &subtype_words[i];
        if ((type < 0 || w->type == type) && is_word(w->name, text, len, any_case)) {
            return w->subtype;
        }
    }
    if (type > (int)AL_TYPE_APP) {
        return -1;
    }
    for (unsigned subtype = AL_SUB_APP_OTA_0; subtype <= AL_SUB_APP_TEE_1; subtype++) {
        char buf[8];
        const char *name = al_part_subtype_name(AL_TYPE_APP, (uint8_t)subtype, buf);
        if (name != NULL && is_word(name, text, len, any_case)) {
            return (int)subtype;
        }
    }
    return -1;
}

uint32_t al_part_flag_from_name(const char *text, size_t len)
{
    return is_word("encrypted", text, len, false)  ? AL_PART_ENCRYPTED
           : is_word("readonly", text, len, false) ? AL_PART_READONLY
                                                   : 0;
}

const char *al_part_type_name(uint8_t type)
{
    return type < N_TYPES ? type_words[type] : NULL;
}

const char *al_part_subtype_name(uint8_t type, uint8_t subtype, char buf[8])
{
    for (unsigned i = 0; i < N_SUBTYPES; i++) {
        if (subtype_words[i].type == type && subtype_words[i].subtype == subtype) {
            return subtype_words[i].name;
        }
    }
    bool is_tee = subtype == AL_SUB_APP_TEE_0 || subtype == AL_SUB_APP_TEE_1;
    if (type != AL_TYPE_APP || (!is_tee && (subtype & 0xF0u) != AL_SUB_APP_OTA_0)) {
        return NULL;
    }
    unsigned slot = subtype & 0x0Fu;
    memcpy(buf, is_tee ? "tee_" : "ota_", 4);
    char *end = buf + 4;
    if (slot >= 10) {
        *end++ = '1';
    }
    *end++ = (char)('0' + slot % 10);
    *end = '\0';
    return buf;
}

/* --- Errors ---------------------------------------------------------------- */

/* Of each enum al_csv_error, in its order. */
static const char error_texts[] = "no error\0"
                                  "the type is empty\0"
                                  "an app partition needs a subtype\0"
                                  "the size is empty\0"
                                  "not a number\0"
                                  "no such type or subtype\0"
                                  "unknown flag\0"
                                  "lies below the end of the partition table\0"
                                  "starts before the previous partition ends\0"
                                  "overlaps another partition\0"
                                  "lies below the end of the partition table\0"
                                  "offset is not aligned (app: 64K, others: 4K)\0"
                                  "app size is not aligned (4K, Secure Boot v1: 64K)\0"
                                  "the name is used twice\0"
                                  "only one otadata partition is allowed\0"
                                  "otadata must be 0x2000 bytes\0"
                                  "only one TEE otadata partition is allowed\0"
                                  "TEE otadata must be 0x2000 bytes\0"
                                  "nvs below 0x3000 bytes must be readonly\0"
                                  "this kind of partition can't be readonly\0"
                                  "more entries than a table holds\0"
                                  "ends behind the end of the flash\0"
                                  "the primary bootloader's offset is not given\0"
                                  "the primary bootloader must lie below the table\0"
                                  "the recovery bootloader's offset is not given\0"
                                  "a number does not fit its field\0"
                                  "variable is not set\0"
                                  "not UTF-8, UTF-16 or UTF-32 text\0";

const char *al_csv_error_text(enum al_csv_error error)
{
    const char *text = error_texts;
    for (unsigned i = 0; i < (unsigned)error && *text != '\0'; i++) {
        while (*text++ != '\0') {
        }
    }
    return text;
}

/* --- Printing -------------------------------------------------------------- */

struct sink {
    char *buf;
    size_t size;
    size_t len; /* wanted, also past size */
};

static void put(struct sink *s, char c)
{
    if (s->len < s->size) {
        s->buf[s->len] = c;
    }
    s->len++;
}

static void put_text(struct sink *s, const char *text)
{
    while (*text != '\0') {
        put(s, *text++);
    }
}

static void put_number(struct sink *s, uint32_t value, unsigned base)
{
    uint32_t unit = 1;
    while (value / unit >= base) {
        unit *= base;
    }
    if (base == 16) {
        put_text(s, "0x");
    }
    for (; unit > 0; unit /= base) {
        put(s, "0123456789abcdef"[value / unit % base]);
    }
}

static void put_size(struct sink *s, uint32_t size)
{
    if (size % 0x400 != 0) {
        put_number(s, size, 16);
        return;
    }
    bool mega = size % 0x100000 == 0;
    put_number(s, size / (mega ? 0x100000u : 0x400u), 10);
    put(s, mega ? 'M' : 'K');
}

static void put_name_or_number(struct sink *s, const char *name, uint8_t value)
{
    if (name != NULL) {
        put_text(s, name);
    } else {
        put_number(s, value, 10);
    }
    put(s, ',');
}

static void put_entry(struct sink *s, const struct al_part *part)
{
    char buf[8];
    put_text(s, part->label);
    put(s, ',');
    put_name_or_number(s, al_part_type_name(part->type), part->type);
    put_name_or_number(s, al_part_subtype_name(part->type, part->subtype, buf), part->subtype);
    put_number(s, part->off, 16);
    put(s, ',');
    put_size(s, part->size);
    put(s, ',');
    if ((part->flags & AL_PART_ENCRYPTED) != 0) {
        put_text(s, (part->flags & AL_PART_READONLY) != 0 ? "encrypted:" : "encrypted");
    }
    if ((part->flags & AL_PART_READONLY) != 0) {
        put_text(s, "readonly");
    }
    put(s, '\n');
}

int al_csv_print(const struct al_ptable *table, char *buf, size_t size)
{
    struct sink s = {.buf = buf, .size = size};
    put_text(&s, "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n");
    for (unsigned i = 0; i < table->n; i++) {
        put_entry(&s, &table->part[i]);
    }
    put(&s, '\0');
    return s.len <= size ? (int)s.len - 1 : AL_ERR_SIZE;
}
