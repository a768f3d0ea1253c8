/*
 * nvs_build.h - make the bytes of an NVS partition, as ESP-IDF's generator does.
 *
 * Format: docs/nvs.md. The bytes are those of esp-idf-nvs-partition-gen for the same
 * entries in the same order: where an entry opens a new page, and that strings leave a
 * page's last entry unused, is that tool's habit and kept.
 *
 *     nvs_build_init(&b, 0x6000, NVS_BUILD_V2);
 *     nvs_build_namespace(&b, "wifi") ... nvs_build_string(&b, "ssid", "home") ...
 *     nvs_build_finish(&b, &bytes, &len);
 *     nvs_build_free(&b);
 */
#ifndef CLI_NVS_BUILD_H
#define CLI_NVS_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVS_PAGE_SIZE  4096u
#define NVS_KEY_MAX    15u   /* bytes */
#define NVS_STRING_MAX 4000u /* bytes, with the NUL; 1984 in version 1 */
#define NVS_NAMESPACES 254u

enum nvs_build_version { NVS_BUILD_V1, NVS_BUILD_V2 }; /* V2: blobs may lie on several pages */

enum nvs_build_error {
    NVS_BUILD_OK = 0,
    NVS_BUILD_KEY,          /* empty, or longer than NVS_KEY_MAX */
    NVS_BUILD_NO_NAMESPACE, /* an entry before the first namespace */
    NVS_BUILD_NAMESPACES,   /* too many */
    NVS_BUILD_TOO_LONG,     /* the value */
    NVS_BUILD_FULL,         /* the partition */
    NVS_BUILD_DUPLICATE,    /* the key is there already, in this namespace */
    NVS_BUILD_MEMORY,
};

const char *nvs_build_error_text(enum nvs_build_error error);

/* Integers by their type code: low nibble the size in bytes, 0x10 signed. */
enum nvs_build_type {
    NVS_BUILD_U8 = 0x01,
    NVS_BUILD_I8 = 0x11,
    NVS_BUILD_U16 = 0x02,
    NVS_BUILD_I16 = 0x12,
    NVS_BUILD_U32 = 0x04,
    NVS_BUILD_I32 = 0x14,
    NVS_BUILD_U64 = 0x08,
    NVS_BUILD_I64 = 0x18,
};

struct nvs_build {
    uint8_t *bytes; /* owned: the whole partition, 0xFF where nothing is */
    uint32_t size;
    enum nvs_build_version version;
    unsigned n_pages; /* begun */
    unsigned usable;  /* that may be begun: one always stays free in a writable partition */
    unsigned entry;   /* next one of the page being filled */
    unsigned n_namespaces;
    uint8_t ns; /* index of the current namespace; 0: none yet */
    char namespaces[NVS_NAMESPACES][NVS_KEY_MAX + 1];
    struct nvs_build_key *keys; /* owned: what is there, to notice duplicates */
    size_t n_keys, keys_cap;
};

/*
 * size  a multiple of NVS_PAGE_SIZE. Below three pages the partition can only be read by
 *       firmware ("readonly" in its table), and all pages are filled.
 */
enum nvs_build_error nvs_build_init(struct nvs_build *b, uint32_t size, enum nvs_build_version version);
void nvs_build_free(struct nvs_build *b);

/* What follows is in this namespace; it is made if it is new. */
enum nvs_build_error nvs_build_namespace(struct nvs_build *b, const char *name);

/* `value` holds the bits, cut to the type's size. */
enum nvs_build_error nvs_build_integer(struct nvs_build *b, const char *key, enum nvs_build_type type,
                                       uint64_t value);
enum nvs_build_error nvs_build_string(struct nvs_build *b, const char *key, const char *text, size_t len);
enum nvs_build_error nvs_build_blob(struct nvs_build *b, const char *key, const void *data, size_t len);

/* The bytes, borrowed until free: the whole partition; of a read-only one, the pages that are used. */
void nvs_build_finish(const struct nvs_build *b, const uint8_t **bytes, size_t *len);

#endif
