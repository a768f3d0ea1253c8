/*
 * nvs_page.h - one 4 KiB page of NVS: its bytes, and the order they change in.
 *
 * A page holds 126 entries of 32 bytes. An item is a head entry, for strings
 * and blob data followed by the entries of its bytes. Two bits per entry say
 * empty, written or erased; they only ever go from 1 to 0, and what they say is
 * all that counts. Layout: docs/nvs.md.
 *
 * Functions return ESP_OK, the port's error, or what they name. Threads: the
 * caller holds the lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"

#define NVS_PAGE_SIZE  4096u /* bytes, an erase unit */
#define NVS_ENTRY_SIZE 32u   /* bytes */
#define NVS_N_ENTRIES  126u  /* per page */
#define NVS_DATA_MAX   4000u /* bytes of one string or blob chunk: 125 entries */
#define NVS_NO_CHUNK   0xFFu

/* Item types beside those of nvs_type_t; NVS_TYPE_BLOB itself is a chunk of data. */
#define NVS_TYPE_BLOB_V1    0x41
#define NVS_TYPE_BLOB_INDEX 0x48

/*
 * The flash below: a partition of `size` bytes. Offsets from its start. write
 * clears bits only; erase takes whole pages. With `readonly` neither is called,
 * and repairs are made in RAM alone.
 */
struct nvs_port {
    void *ctx; /* borrowed, handed to each call */
    uint32_t size;
    bool readonly;
    bool failed; /* set here when a write or erase failed: RAM and flash may differ */
    esp_err_t (*read)(void *ctx, uint32_t off, void *buf, uint32_t len);
    esp_err_t (*write)(void *ctx, uint32_t off, const void *buf, uint32_t len);
    esp_err_t (*erase)(void *ctx, uint32_t off, uint32_t len);
};

/* A head entry without its CRC. */
struct nvs_item {
    uint8_t ns;       /* namespace index; 0: the list of namespaces */
    uint8_t type;     /* nvs_type_t or NVS_TYPE_BLOB_* */
    uint8_t span;     /* entries, head included */
    uint8_t chunk;    /* of blob data, else NVS_NO_CHUNK */
    char key[16];     /* NUL padded, always terminated */
    uint8_t value[8]; /* as on flash */
};

/* Page states as stored; each is reached by clearing bits of the one before. */
enum nvs_page_state {
    NVS_PAGE_FREE = 0,             /* in RAM: empty, corrupt or never used; erased before use */
    NVS_PAGE_ACTIVE = 0xFFFFFFFEu, /* takes items */
    NVS_PAGE_FULL = 0xFFFFFFFCu,
    NVS_PAGE_FREEING = 0xFFFFFFF8u, /* whole, but being copied to the newest page */
};

struct nvs_page {
    uint32_t off; /* in the partition */
    uint32_t state;
    uint32_t seq; /* pages are used in this order */
    bool clean;   /* erased since the program started, and nothing written since */
    uint8_t next; /* first entry that was never written */
    uint8_t bits[32];
    uint16_t tag[NVS_N_ENTRIES]; /* hash of the item that starts here; 0: none does */
};

/*
 * Read a page (page->off is set) and put right what a cut left in it: entries
 * being programmed and incomplete items become erased.
 *
 * buf  NVS_PAGE_SIZE bytes of scratch
 *
 * ESP_ERR_NVS_NEW_VERSION_FOUND if its format is newer than 2.
 */
esp_err_t nvs_page_load(struct nvs_port *port, struct nvs_page *page, uint8_t *buf);

/* Make a free page the active one, erasing it first unless it is known to be clean. */
esp_err_t nvs_page_activate(struct nvs_port *port, struct nvs_page *page, uint32_t seq);

/* Go on to FULL or FREEING. One bit: done or not done. */
esp_err_t nvs_page_mark(struct nvs_port *port, struct nvs_page *page, enum nvs_page_state state);

/* Give a page up: it is free from the first moment on, whatever becomes of the erase. */
esp_err_t nvs_page_wipe(struct nvs_port *port, struct nvs_page *page);

/*
 * Write an item at page->next; the caller has checked that item->span entries
 * are left. Power cut: the item is there when the last bit is, else it is gone
 * after the next load.
 *
 * data  the bytes after the head, item->span - 1 entries of them, the last one
 *       possibly short
 */
esp_err_t nvs_page_append(struct nvs_port *port, struct nvs_page *page, const struct nvs_item *item,
                          const void *data, uint32_t len);

/* Mark an item erased. Power cut: it is whole, or gone after the next load. */
esp_err_t nvs_page_erase_item(struct nvs_port *port, struct nvs_page *page, unsigned entry, unsigned span);

/* Program all erased entries of a page to zeros. */
esp_err_t nvs_page_purge(struct nvs_port *port, struct nvs_page *page);

/* ESP_ERR_NVS_NOT_FOUND if the head has been damaged since it was loaded. */
esp_err_t nvs_page_read_item(struct nvs_port *port, const struct nvs_page *page, unsigned entry,
                             struct nvs_item *out);

/*
 * Read an item's data: nvs_item_size() bytes. ESP_ERR_NVS_NOT_FOUND if their
 * CRC is wrong; `buf` is then undefined.
 */
esp_err_t nvs_page_read_data(struct nvs_port *port, const struct nvs_page *page, unsigned entry,
                             const struct nvs_item *item, void *buf);

/* First item start at or after `from`; NVS_N_ENTRIES if there is none. */
unsigned nvs_page_next_item(const struct nvs_page *page, unsigned from);

/* Entries in state "written". */
unsigned nvs_page_used(const struct nvs_page *page);

/* Build a head. key has at most 15 characters; `value` is FF-padded. */
void nvs_item_init(struct nvs_item *item, uint8_t ns, uint8_t type, const char *key);

/* For items with data: note size and CRC in the head and set the span. */
void nvs_item_set_data(struct nvs_item *item, const void *data, uint32_t len);

/* Bytes of the value: of a scalar its width, of a string or chunk its data, of an index the whole blob. */
uint32_t nvs_item_size(const struct nvs_item *item);

/* Is the value in the entries after the head? */
bool nvs_item_has_data(const struct nvs_item *item);

/* What `tag` holds for an item with that name. Never 0. */
uint16_t nvs_item_tag(uint8_t ns, const char *key, uint8_t chunk);
