/*
 * The words of the CSV language: types, subtypes, and the flags. Slots count up
 * from a first value: ota_0 .. ota_15, tee_0 and tee_1.
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
