/*
 * The tables that ESP-IDF and Arduino ship, as rows of kind and size. Offsets
 * are not stored: each entry starts where the one before it ends, apps on the
 * next multiple of 64 KiB.
 */
#include "airlift/bytes.h"
#include "airlift/ptable_csv.h"

#define PAGE        0x1000u
#define APP_ALIGN   0x10000u
#define FIRST_ENTRY (AL_PTABLE_OFFSET + AL_SECTOR_SIZE)

enum kind {
    NVS,
    PHY,
    OTADATA,
    FACTORY,
    OTA_0,
    OTA_1,
    COREDUMP,
    NVS_KEY,
    TEE,
    TEE_0,
    TEE_1,
    TEE_OTADATA,
    SECURE_STORAGE,
    APP0,
    APP1,
    SPIFFS,
};

static const struct {
    char label[15];
    uint8_t type;
    uint8_t subtype;
    uint8_t flags;
} kinds[] = {
    [NVS] = {"nvs", AL_TYPE_DATA, AL_SUB_DATA_NVS, 0},
    [PHY] = {"phy_init", AL_TYPE_DATA, AL_SUB_DATA_PHY, 0},
    [OTADATA] = {"otadata", AL_TYPE_DATA, AL_SUB_DATA_OTA, 0},
    [FACTORY] = {"factory", AL_TYPE_APP, AL_SUB_APP_FACTORY, 0},
    [OTA_0] = {"ota_0", AL_TYPE_APP, AL_SUB_APP_OTA_0, 0},
    [OTA_1] = {"ota_1", AL_TYPE_APP, AL_SUB_APP_OTA_0 + 1, 0},
    [COREDUMP] = {"coredump", AL_TYPE_DATA, AL_SUB_DATA_COREDUMP, 0},
    [NVS_KEY] = {"nvs_key", AL_TYPE_DATA, AL_SUB_DATA_NVS_KEYS, AL_PART_ENCRYPTED},
    [TEE] = {"tee", AL_TYPE_APP, AL_SUB_APP_TEE_0, 0},
    [TEE_0] = {"tee_0", AL_TYPE_APP, AL_SUB_APP_TEE_0, 0},
    [TEE_1] = {"tee_1", AL_TYPE_APP, AL_SUB_APP_TEE_1, 0},
    [TEE_OTADATA] = {"tee_otadata", AL_TYPE_DATA, AL_SUB_DATA_TEE_OTA, 0},
    [SECURE_STORAGE] = {"secure_storage", AL_TYPE_DATA, AL_SUB_DATA_NVS, 0},
    [APP0] = {"app0", AL_TYPE_APP, AL_SUB_APP_OTA_0, 0},
    [APP1] = {"app1", AL_TYPE_APP, AL_SUB_APP_OTA_0 + 1, 0},
    [SPIFFS] = {"spiffs", AL_TYPE_DATA, 0x82, 0},
};

/* A row: the kind in the upper four bits, the size in KiB / 4 below. None is 0. */
#define ROW(kind, kib) (uint16_t)((unsigned)(kind) << 12 | (kib) / 4)
#define END            0

static const char names[] = "singleapp\0singleapp_coredump\0singleapp_encr_nvs\0"
                            "singleapp_large\0singleapp_large_coredump\0singleapp_large_encr_nvs\0"
                            "singleapp_tee\0"
                            "two_ota\0two_ota_coredump\0two_ota_encr_nvs\0two_ota_large\0two_ota_tee\0"
                            "arduino_default\0arduino_min_spiffs\0";

/* In the order of the names. */
static const uint16_t rows[] = {
    /* singleapp */
    ROW(NVS, 24), ROW(PHY, 4), ROW(FACTORY, 1024), END,
    /* singleapp_coredump */
    ROW(NVS, 24), ROW(PHY, 4), ROW(FACTORY, 1024), ROW(COREDUMP, 64), END,
    /* singleapp_encr_nvs */
    ROW(NVS, 24), ROW(PHY, 4), ROW(FACTORY, 1024), ROW(NVS_KEY, 4), END,
    /* singleapp_large */
    ROW(NVS, 24), ROW(PHY, 4), ROW(FACTORY, 1500), END,
    /* singleapp_large_coredump */
    ROW(NVS, 24), ROW(PHY, 4), ROW(FACTORY, 1500), ROW(COREDUMP, 64), END,
    /* singleapp_large_encr_nvs */
    ROW(NVS, 24), ROW(PHY, 4), ROW(FACTORY, 1500), ROW(NVS_KEY, 4), END,
    /* singleapp_tee */
    ROW(TEE, 256), ROW(SECURE_STORAGE, 64), ROW(FACTORY, 1536), ROW(NVS, 24), ROW(PHY, 4), END,
    /* two_ota */
    ROW(NVS, 16), ROW(OTADATA, 8), ROW(PHY, 4), ROW(FACTORY, 1024), ROW(OTA_0, 1024), ROW(OTA_1, 1024), END,
    /* two_ota_coredump */
    ROW(NVS, 16), ROW(OTADATA, 8), ROW(PHY, 4), ROW(FACTORY, 1024), ROW(COREDUMP, 64), ROW(OTA_0, 1024),
    ROW(OTA_1, 1024), END,
    /* two_ota_encr_nvs */
    ROW(NVS, 16), ROW(OTADATA, 8), ROW(PHY, 4), ROW(FACTORY, 1024), ROW(OTA_0, 1024), ROW(OTA_1, 1024),
    ROW(NVS_KEY, 4), END,
    /* two_ota_large */
    ROW(NVS, 24), ROW(OTADATA, 8), ROW(PHY, 4), ROW(OTA_0, 1700), ROW(OTA_1, 1700), END,
    /* two_ota_tee */
    ROW(TEE_0, 256), ROW(TEE_1, 256), ROW(TEE_OTADATA, 8), ROW(SECURE_STORAGE, 56), ROW(OTA_0, 1536),
    ROW(OTA_1, 1536), ROW(OTADATA, 8), ROW(NVS, 24), ROW(PHY, 4), END,
    /* arduino_default */
    ROW(NVS, 20), ROW(OTADATA, 8), ROW(APP0, 1280), ROW(APP1, 1280), ROW(SPIFFS, 1408), ROW(COREDUMP, 64),
    END,
    /* arduino_min_spiffs */
    ROW(NVS, 20), ROW(OTADATA, 8), ROW(APP0, 1920), ROW(APP1, 1920), ROW(SPIFFS, 128), ROW(COREDUMP, 64),
    END};

/* The first of `a` that differs from `b` ends the comparison. */
static bool same_name(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void lay_out(const uint16_t *row, struct al_ptable *out)
{
    uint32_t end = FIRST_ENTRY;
    memset(out, 0, sizeof *out);
    for (; *row != END; row++) {
        struct al_part *part = &out->part[out->n++];
        unsigned kind = *row >> 12;
        part->type = kinds[kind].type;
        part->subtype = kinds[kind].subtype;
        part->flags = kinds[kind].flags;
        memcpy(part->label, kinds[kind].label, sizeof kinds[kind].label);
        part->off = part->type == AL_TYPE_APP ? (end + APP_ALIGN - 1) & ~(APP_ALIGN - 1) : end;
        part->size = (*row & 0xFFFu) * PAGE;
        end = part->off + part->size;
    }
}

const char *al_ptable_predefined_name(unsigned i)
{
    const char *name = names;
    while (*name != '\0' && i > 0) {
        while (*name++ != '\0') {
        }
        i--;
    }
    return *name != '\0' ? name : NULL;
}

int al_ptable_predefined(const char *name, struct al_ptable *out)
{
    const uint16_t *row = rows;
    const char *candidate;
    for (unsigned i = 0; (candidate = al_ptable_predefined_name(i)) != NULL; i++) {
        if (same_name(candidate, name)) {
            lay_out(row, out);
            return AL_OK;
        }
        while (*row++ != END) {
        }
    }
    return AL_ERR_NOT_FOUND;
}
