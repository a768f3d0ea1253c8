/*
 * nvs_storage.h - the values of one partition: namespaces, keys, blobs.
 *
 * Pages are filled one after the other; each value is written anew and its old
 * copy marked erased. When pages run out, the one with the most unused entries
 * is copied to the last free page and erased, so the free pages rotate.
 *
 * Errors are nvs.h's, or the port's passed up. A value counts as stored or
 * erased once the call returned ESP_OK; after a power cut inside a call, it
 * is the old or the new one. Threads: the caller holds the lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "nvs.h"
#include "nvs_page.h"

#define NVS_N_NAMESPACES 254u /* indices 1 to 254 */
#define NVS_MIN_PAGES    3u   /* unless read-only */

struct nvs_storage {
    struct nvs_port port;
    struct nvs_page *pages; /* all of them, in flash order */
    uint16_t n_pages;
    uint16_t n_used;        /* pages in `used` */
    uint16_t n_free;        /* pages in `free` */
    struct nvs_page **used; /* by sequence number; the last one takes items if it is active */
    struct nvs_page **free; /* first in, first out: this levels wear */
    uint32_t next_seq;
    char names[NVS_N_NAMESPACES + 1][NVS_KEY_NAME_MAX_SIZE]; /* by index; "" if unused */
    bool ns_taken[NVS_N_NAMESPACES + 1];                     /* also by items whose namespace is lost */
    uint8_t buf[NVS_PAGE_SIZE];                              /* scratch */
};

/* An item and where it is. */
struct nvs_loc {
    struct nvs_page *page; /* NULL: nowhere */
    unsigned entry;
    struct nvs_item item;
};

/* A place in the order of pages and entries; starts zeroed. */
struct nvs_cursor {
    unsigned page;
    unsigned entry;
};

/* ---- for the API ---- */

/*
 * Read a partition and finish what a power cut interrupted.
 *
 * port  copied; its ctx is borrowed until close
 * out   free with nvs_storage_close(); written on success only
 *
 * NVS_NO_FREE_PAGES, NVS_NEW_VERSION_FOUND, ESP_ERR_NO_MEM.
 */
esp_err_t nvs_storage_open(const struct nvs_port *port, struct nvs_storage **out);
void nvs_storage_close(struct nvs_storage *st);

/* The same over the same memory, after flash failed. */
esp_err_t nvs_storage_load(struct nvs_storage *st);

/* Index of a namespace, made if `create`. NVS_NOT_FOUND, NVS_NOT_ENOUGH_SPACE. */
esp_err_t nvs_storage_namespace(struct nvs_storage *st, const char *name, bool create, uint8_t *index);

/*
 * type  a scalar, NVS_TYPE_STR (len counts the NUL) or NVS_TYPE_BLOB
 * data  scalars: little-endian
 */
esp_err_t nvs_storage_set(struct nvs_storage *st, uint8_t ns, nvs_type_t type, const char *key,
                          const void *data, size_t len);

/*
 * size  set whenever the key is there
 * buf   NULL: only the size is asked for; if `cap` is too small: NVS_INVALID_LENGTH
 */
esp_err_t nvs_storage_get(struct nvs_storage *st, uint8_t ns, nvs_type_t type, const char *key, void *buf,
                          size_t cap, size_t *size);

esp_err_t nvs_storage_find_type(struct nvs_storage *st, uint8_t ns, const char *key, nvs_type_t *type);
esp_err_t nvs_storage_erase_key(struct nvs_storage *st, uint8_t ns, const char *key);
esp_err_t nvs_storage_erase_ns(struct nvs_storage *st, uint8_t ns);
esp_err_t nvs_storage_purge(struct nvs_storage *st);
void nvs_storage_stats(const struct nvs_storage *st, nvs_stats_t *stats);
esp_err_t nvs_storage_entries(struct nvs_storage *st, uint8_t ns, size_t *n);

/* The item at or after the cursor, which moves behind it. NVS_NOT_FOUND at the end. */
esp_err_t nvs_storage_next(struct nvs_storage *st, struct nvs_cursor *cur, struct nvs_loc *out);

/* The type under which the API shows an item; NVS_TYPE_ANY for one it does not show (chunks). */
nvs_type_t nvs_storage_shown_type(const struct nvs_item *item);

/* ---- pages (nvs_pages.c) ---- */

/* Load all pages, sort them, and finish an interrupted copy. */
esp_err_t nvs_pages_load(struct nvs_storage *st);

/* The page that takes items, or NULL. */
struct nvs_page *nvs_pages_current(const struct nvs_storage *st);

/* Go on to the next page, freeing one if need be. The current one is marked full. NVS_NOT_ENOUGH_SPACE. */
esp_err_t nvs_pages_next(struct nvs_storage *st);

/* Have `span` entries in the current page, by going on to the next if need be. NVS_NOT_ENOUGH_SPACE. */
esp_err_t nvs_pages_make_room(struct nvs_storage *st, unsigned span);

/* Entries that are not written, over all pages, without the page that stays free. */
size_t nvs_pages_available(const struct nvs_storage *st);

/* ---- items (nvs_storage.c) ---- */

/* Next item of that name at or after the cursor; `chunk` is NVS_NO_CHUNK unless blob data is wanted. */
esp_err_t nvs_storage_match(struct nvs_storage *st, struct nvs_cursor *cur, uint8_t ns, const char *key,
                            uint8_t chunk, struct nvs_loc *out);

/* Write an item, in a new page if need be; where it went is in *out unless that is NULL. */
esp_err_t nvs_storage_append(struct nvs_storage *st, const struct nvs_item *item, const void *data,
                             uint32_t len, struct nvs_loc *out);

esp_err_t nvs_storage_erase_loc(struct nvs_storage *st, const struct nvs_loc *loc);

/* ---- blobs (nvs_blob.c) ---- */

/* Write chunks and index beside an older version, if any. */
esp_err_t nvs_blob_write(struct nvs_storage *st, uint8_t ns, const char *key, const void *data, size_t len,
                         const struct nvs_loc *old, struct nvs_loc *out);

/* Read it all into buf, or compare it with buf. NVS_CONTENT_DIFFERS; NVS_NOT_FOUND if damaged. */
esp_err_t nvs_blob_read(struct nvs_storage *st, const struct nvs_loc *index, void *buf);
esp_err_t nvs_blob_compare(struct nvs_storage *st, const struct nvs_loc *index, const void *buf);

/* Erase the chunks an index names. */
esp_err_t nvs_blob_erase_chunks(struct nvs_storage *st, const struct nvs_item *index);

/* Erase indexes that lack a chunk. */
esp_err_t nvs_blob_drop_incomplete(struct nvs_storage *st);

/* Erase chunks that no index names. */
esp_err_t nvs_blob_drop_orphans(struct nvs_storage *st);
