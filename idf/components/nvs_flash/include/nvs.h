/*
 * nvs.h - named values that outlive a reset (ESP-IDF's non-volatile storage).
 *
 * A value lives in a partition under (namespace, key) and has a type. Names
 * have 1 to 15 characters. Every set and erase is on flash when it returns;
 * nvs_commit() has nothing left to do.
 *
 * Power cut: a set or an erase is done or not done, whichever operation the cut
 * hits; all other values stay as they were. nvs_erase_all() may be cut between
 * two keys.
 *
 * Threads: any call from any task; one lock serialises them all.
 *
 * On-flash format: docs/nvs.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t nvs_handle_t;
typedef nvs_handle_t nvs_handle;

#define ESP_ERR_NVS_BASE             0x1100
#define ESP_ERR_NVS_NOT_INITIALIZED  (ESP_ERR_NVS_BASE + 0x01) /* no nvs_flash_init() before */
#define ESP_ERR_NVS_NOT_FOUND        (ESP_ERR_NVS_BASE + 0x02) /* no such namespace, key, or key of that type */
#define ESP_ERR_NVS_TYPE_MISMATCH    (ESP_ERR_NVS_BASE + 0x03)
#define ESP_ERR_NVS_READ_ONLY        (ESP_ERR_NVS_BASE + 0x04) /* handle opened with NVS_READONLY */
#define ESP_ERR_NVS_NOT_ENOUGH_SPACE (ESP_ERR_NVS_BASE + 0x05) /* nothing was changed */
#define ESP_ERR_NVS_INVALID_NAME     (ESP_ERR_NVS_BASE + 0x06) /* empty */
#define ESP_ERR_NVS_INVALID_HANDLE   (ESP_ERR_NVS_BASE + 0x07) /* closed, or its partition deinitialised */
#define ESP_ERR_NVS_REMOVE_FAILED \
    (ESP_ERR_NVS_BASE + 0x08) /* new value written, old one goes at the next init */
#define ESP_ERR_NVS_KEY_TOO_LONG  (ESP_ERR_NVS_BASE + 0x09) /* more than 15 characters */
#define ESP_ERR_NVS_PAGE_FULL     (ESP_ERR_NVS_BASE + 0x0a) /* never returned */
#define ESP_ERR_NVS_INVALID_STATE (ESP_ERR_NVS_BASE + 0x0b) /* flash failed before: nvs_flash_init() again */
#define ESP_ERR_NVS_INVALID_LENGTH \
    (ESP_ERR_NVS_BASE + 0x0c)                               /* buffer too small; *length says what it takes */
#define ESP_ERR_NVS_NO_FREE_PAGES (ESP_ERR_NVS_BASE + 0x0d) /* truncated or too small: erase it */
#define ESP_ERR_NVS_VALUE_TOO_LONG \
    (ESP_ERR_NVS_BASE + 0x0e) /* string above 4000 bytes, blob above the limit */
#define ESP_ERR_NVS_PART_NOT_FOUND       (ESP_ERR_NVS_BASE + 0x0f) /* that partition is not initialised */
#define ESP_ERR_NVS_NEW_VERSION_FOUND    (ESP_ERR_NVS_BASE + 0x10) /* a page of a format newer than 2 */
#define ESP_ERR_NVS_XTS_ENCR_FAILED      (ESP_ERR_NVS_BASE + 0x11)
#define ESP_ERR_NVS_XTS_DECR_FAILED      (ESP_ERR_NVS_BASE + 0x12)
#define ESP_ERR_NVS_XTS_CFG_FAILED       (ESP_ERR_NVS_BASE + 0x13)
#define ESP_ERR_NVS_XTS_CFG_NOT_FOUND    (ESP_ERR_NVS_BASE + 0x14)
#define ESP_ERR_NVS_ENCR_NOT_SUPPORTED   (ESP_ERR_NVS_BASE + 0x15)
#define ESP_ERR_NVS_KEYS_NOT_INITIALIZED (ESP_ERR_NVS_BASE + 0x16)
#define ESP_ERR_NVS_CORRUPT_KEY_PART     (ESP_ERR_NVS_BASE + 0x17)
#define ESP_ERR_NVS_CONTENT_DIFFERS      (ESP_ERR_NVS_BASE + 0x18) /* never returned */
#define ESP_ERR_NVS_WRONG_ENCRYPTION     (ESP_ERR_NVS_BASE + 0x19) /* partition has the flag "encrypted" */

#define NVS_DEFAULT_PART_NAME "nvs"

#define NVS_PART_NAME_MAX_SIZE 16 /* without NUL */
#define NVS_KEY_NAME_MAX_SIZE  16 /* with NUL */
#define NVS_NS_NAME_MAX_SIZE   NVS_KEY_NAME_MAX_SIZE

typedef enum {
    NVS_READONLY,        /* sets and erases return ESP_ERR_NVS_READ_ONLY */
    NVS_READWRITE,       /* creates the namespace if it does not exist */
    NVS_READWRITE_PURGE, /* the same, and what is erased is overwritten with zeros */
} nvs_open_mode_t;
typedef nvs_open_mode_t nvs_open_mode;

/* Scalars: the low nibble is the size in bytes, 0x10 means signed. */
typedef enum {
    NVS_TYPE_U8 = 0x01,
    NVS_TYPE_I8 = 0x11,
    NVS_TYPE_U16 = 0x02,
    NVS_TYPE_I16 = 0x12,
    NVS_TYPE_U32 = 0x04,
    NVS_TYPE_I32 = 0x14,
    NVS_TYPE_U64 = 0x08,
    NVS_TYPE_I64 = 0x18,
    NVS_TYPE_FLOAT = 0x24,
    NVS_TYPE_DOUBLE = 0x28,
    NVS_TYPE_STR = 0x21,
    NVS_TYPE_BLOB = 0x42,
    NVS_TYPE_ANY = 0xff,
} nvs_type_t;

typedef struct {
    char namespace_name[NVS_NS_NAME_MAX_SIZE];
    char key[NVS_KEY_NAME_MAX_SIZE];
    nvs_type_t type;
} nvs_entry_info_t;

typedef struct {
    size_t used_entries;      /* 32-byte entries that hold something, namespaces included */
    size_t free_entries;      /* the others */
    size_t available_entries; /* free ones without the page that always stays free */
    size_t total_entries;
    size_t namespace_count;
} nvs_stats_t;

typedef struct nvs_opaque_iterator_t *nvs_iterator_t;

/*
 * Open a namespace. Close the handle with nvs_close().
 *
 * ESP_ERR_INVALID_ARG (a NULL), NVS_NOT_INITIALIZED (no partition is),
 * NVS_PART_NOT_FOUND, NVS_NOT_FOUND (not there and NVS_READONLY),
 * ESP_ERR_NOT_ALLOWED (partition is read-only and the mode is not),
 * NVS_INVALID_NAME, NVS_KEY_TOO_LONG, NVS_NOT_ENOUGH_SPACE (also: more than 254
 * namespaces), ESP_ERR_NO_MEM, or the flash's error.
 */
esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle);
esp_err_t nvs_open_from_partition(const char *part_name, const char *namespace_name,
                                  nvs_open_mode_t open_mode, nvs_handle_t *out_handle);
void nvs_close(nvs_handle_t handle);

/* ESP_OK or ESP_ERR_NVS_INVALID_HANDLE: sets are on flash already. */
esp_err_t nvs_commit(nvs_handle_t handle);

/*
 * Store a value under a key, in place of whatever the key held before, of any
 * type. An equal value costs no write. `value` is borrowed for the call; a
 * string counts its NUL, 4000 bytes at most; a blob may have
 * min(pages - 1, 127) x 4000 bytes.
 *
 * NVS_INVALID_HANDLE, NVS_READ_ONLY, NVS_INVALID_NAME, NVS_KEY_TOO_LONG,
 * NVS_VALUE_TOO_LONG, NVS_NOT_ENOUGH_SPACE (old value kept), NVS_REMOVE_FAILED,
 * NVS_INVALID_STATE, ESP_ERR_INVALID_ARG (a NULL), or the flash's error.
 */
esp_err_t nvs_set_i8(nvs_handle_t handle, const char *key, int8_t value);
esp_err_t nvs_set_u8(nvs_handle_t handle, const char *key, uint8_t value);
esp_err_t nvs_set_i16(nvs_handle_t handle, const char *key, int16_t value);
esp_err_t nvs_set_u16(nvs_handle_t handle, const char *key, uint16_t value);
esp_err_t nvs_set_i32(nvs_handle_t handle, const char *key, int32_t value);
esp_err_t nvs_set_u32(nvs_handle_t handle, const char *key, uint32_t value);
esp_err_t nvs_set_i64(nvs_handle_t handle, const char *key, int64_t value);
esp_err_t nvs_set_u64(nvs_handle_t handle, const char *key, uint64_t value);
esp_err_t nvs_set_float(nvs_handle_t handle, const char *key, float value);
esp_err_t nvs_set_double(nvs_handle_t handle, const char *key, double value);
esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value);
esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length);

/*
 * Read a value. *out_value changes on success only.
 *
 * Strings and blobs: with out_value NULL, *length becomes the size needed;
 * otherwise *length says what fits, and becomes the size (of a string with its
 * NUL), also with ESP_ERR_NVS_INVALID_LENGTH.
 *
 * NVS_NOT_FOUND also if the key holds another type or its data are damaged;
 * NVS_INVALID_HANDLE, NVS_INVALID_NAME, NVS_KEY_TOO_LONG, ESP_ERR_INVALID_ARG,
 * or the flash's error.
 */
esp_err_t nvs_get_i8(nvs_handle_t handle, const char *key, int8_t *out_value);
esp_err_t nvs_get_u8(nvs_handle_t handle, const char *key, uint8_t *out_value);
esp_err_t nvs_get_i16(nvs_handle_t handle, const char *key, int16_t *out_value);
esp_err_t nvs_get_u16(nvs_handle_t handle, const char *key, uint16_t *out_value);
esp_err_t nvs_get_i32(nvs_handle_t handle, const char *key, int32_t *out_value);
esp_err_t nvs_get_u32(nvs_handle_t handle, const char *key, uint32_t *out_value);
esp_err_t nvs_get_i64(nvs_handle_t handle, const char *key, int64_t *out_value);
esp_err_t nvs_get_u64(nvs_handle_t handle, const char *key, uint64_t *out_value);
esp_err_t nvs_get_float(nvs_handle_t handle, const char *key, float *out_value);
esp_err_t nvs_get_double(nvs_handle_t handle, const char *key, double *out_value);
esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out_value, size_t *length);
esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length);

/* Is there such a key, and of which type? out_type may be NULL. NVS_NOT_FOUND if not. */
esp_err_t nvs_find_key(nvs_handle_t handle, const char *key, nvs_type_t *out_type);

/* Remove one key (NVS_NOT_FOUND if there is none), or all keys of the namespace. */
esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key);
esp_err_t nvs_erase_all(nvs_handle_t handle);

/* Overwrite everything that has been erased in the partition, of any namespace, with zeros. */
esp_err_t nvs_purge_all(nvs_handle_t handle);

/*
 * How full a partition is; NULL: the default one. On failure *nvs_stats is all
 * 0: NVS_NOT_INITIALIZED, NVS_PART_NOT_FOUND, ESP_ERR_INVALID_ARG (NULL).
 */
esp_err_t nvs_get_stats(const char *part_name, nvs_stats_t *nvs_stats);

/* Entries that the keys of a namespace take, without the namespace's own. */
esp_err_t nvs_get_used_entry_count(nvs_handle_t handle, size_t *used_entries);

/*
 * List keys: of a partition, of one namespace (or NULL for all), or of a
 * handle's; of a type or NVS_TYPE_ANY. The list is made by the find call; keys
 * set or erased later do not change it.
 *
 * NVS_NOT_FOUND, with *output_iterator NULL, if there are none; ESP_ERR_NO_MEM;
 * ESP_ERR_INVALID_ARG (a NULL); NVS_INVALID_HANDLE.
 */
esp_err_t nvs_entry_find(const char *part_name, const char *namespace_name, nvs_type_t type,
                         nvs_iterator_t *output_iterator);
esp_err_t nvs_entry_find_in_handle(nvs_handle_t handle, nvs_type_t type, nvs_iterator_t *output_iterator);

/* Go to the next key. After the last: NVS_NOT_FOUND, the iterator is released and *iterator NULL. */
esp_err_t nvs_entry_next(nvs_iterator_t *iterator);

/* The key the iterator stands on. ESP_ERR_INVALID_ARG if either is NULL. */
esp_err_t nvs_entry_info(const nvs_iterator_t iterator, nvs_entry_info_t *out_info);

/* NULL is fine. */
void nvs_release_iterator(nvs_iterator_t iterator);

#ifdef __cplusplus
}
#endif
