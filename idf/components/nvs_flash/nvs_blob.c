/*
 * nvs_blob.c - blobs: chunks of data in any pages, and one index that names them.
 *
 * The index makes the blob. A blob is replaced by writing all chunks under the
 * other version (numbers from 0x00 or from 0x80), then the new index; the old
 * index and its chunks go afterwards.
 */
#include <string.h>

#include "airlift/bytes.h"
#include "nvs_storage.h"

#define VERSION_0  0x00u
#define VERSION_1  0x80u
#define MAX_CHUNKS 127u

/* Offsets in an index's value. */
#define INDEX_SIZE_OFF  0u
#define INDEX_COUNT_OFF 4u
#define INDEX_START_OFF 5u

/* A first chunk smaller than this is not worth its head; ESP-IDF starts a new page then, too. */
#define MIN_FIRST_CHUNK (NVS_DATA_MAX / 10)

static unsigned chunk_count(const struct nvs_item *index)
{
    return index->value[INDEX_COUNT_OFF];
}

static unsigned chunk_start(const struct nvs_item *index)
{
    return index->value[INDEX_START_OFF];
}

/* Counts and versions that no writer makes: such an index names nothing. */
static bool is_sane(const struct nvs_item *index)
{
    unsigned start = chunk_start(index);
    return (start == VERSION_0 || start == VERSION_1) && chunk_count(index) <= MAX_CHUNKS;
}

static esp_err_t find_chunk(struct nvs_storage *st, const struct nvs_item *index, unsigned n,
                            struct nvs_loc *out)
{
    struct nvs_cursor cur = {0};
    return nvs_storage_match(st, &cur, index->ns, index->key, (uint8_t)(chunk_start(index) + n), out);
}

/* Bytes that a chunk in the current page could have. */
static uint32_t tailroom(const struct nvs_storage *st)
{
    const struct nvs_page *page = nvs_pages_current(st);
    if (page == NULL || page->next + 1u >= NVS_N_ENTRIES)
        return 0;
    return (NVS_N_ENTRIES - page->next - 1u) * NVS_ENTRY_SIZE;
}

/* Write the data under the version of `index`, and count the chunks there. */
static esp_err_t write_chunks(struct nvs_storage *st, struct nvs_item *index, const uint8_t *data, size_t len)
{
    size_t left = len;
    uint8_t *count = &index->value[INDEX_COUNT_OFF];
    do {
        uint32_t room = tailroom(st);
        if (room == 0 || (*count == 0 && room < len && room < MIN_FIRST_CHUNK)) {
            esp_err_t err = nvs_pages_next(st);
            if (err != ESP_OK)
                return err;
            if (tailroom(st) <= room)
                return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
            continue;
        }
        if (*count == MAX_CHUNKS)
            return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
        uint32_t size = left < room ? (uint32_t)left : room;
        struct nvs_item chunk;
        nvs_item_init(&chunk, index->ns, NVS_TYPE_BLOB, index->key);
        chunk.chunk = (uint8_t)(chunk_start(index) + *count);
        nvs_item_set_data(&chunk, data, size);
        esp_err_t err = nvs_storage_append(st, &chunk, data, size, NULL);
        if (err != ESP_OK)
            return err;
        ++*count;
        data += size;
        left -= size;
    } while (left > 0 || *count == 0);
    return ESP_OK;
}

/* Check each chunk; copy it, or compare it with what is there, if asked to (not NULL). */
static esp_err_t for_each_chunk(struct nvs_storage *st, const struct nvs_item *index, uint8_t *copy_to,
                                const uint8_t *compare_with)
{
    uint32_t off = 0;
    uint32_t total = nvs_item_size(index);
    for (unsigned n = 0; n < chunk_count(index); n++) {
        struct nvs_loc loc;
        esp_err_t err = find_chunk(st, index, n, &loc);
        if (err != ESP_OK)
            return err;
        uint32_t size = nvs_item_size(&loc.item);
        if (size > total - off)
            return ESP_ERR_NVS_NOT_FOUND;
        err = nvs_page_read_data(&st->port, loc.page, loc.entry, &loc.item,
                                 copy_to != NULL ? copy_to + off : st->buf);
        if (err != ESP_OK)
            return err;
        if (compare_with != NULL && size > 0 && memcmp(st->buf, compare_with + off, size) != 0)
            return ESP_ERR_NVS_CONTENT_DIFFERS;
        off += size;
    }
    return off == total ? ESP_OK : ESP_ERR_NVS_NOT_FOUND;
}

/* Are all chunks there, with the right sizes? Their data are checked when read. */
static esp_err_t is_complete(struct nvs_storage *st, const struct nvs_item *index, bool *out)
{
    uint64_t total = 0;
    *out = false;
    if (!is_sane(index))
        return ESP_OK;
    for (unsigned n = 0; n < chunk_count(index); n++) {
        struct nvs_loc loc;
        esp_err_t err = find_chunk(st, index, n, &loc);
        if (err != ESP_OK)
            return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
        total += nvs_item_size(&loc.item);
    }
    *out = total == nvs_item_size(index);
    return ESP_OK;
}

static esp_err_t is_named(struct nvs_storage *st, const struct nvs_item *chunk, bool *out)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    *out = false;
    while (!*out && (err = nvs_storage_match(st, &cur, chunk->ns, chunk->key, NVS_NO_CHUNK, &loc)) == ESP_OK)
        *out = loc.item.type == NVS_TYPE_BLOB_INDEX && chunk->chunk >= chunk_start(&loc.item) &&
               chunk->chunk < chunk_start(&loc.item) + chunk_count(&loc.item);
    return *out || err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

/* ---- public ---- */

esp_err_t nvs_blob_write(struct nvs_storage *st, uint8_t ns, const char *key, const void *data, size_t len,
                         const struct nvs_loc *old, struct nvs_loc *out)
{
    /* Two heads and the data: if that is not there, spare the flash the attempt. */
    if (2 + (len + NVS_ENTRY_SIZE - 1) / NVS_ENTRY_SIZE > nvs_pages_available(st))
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;

    struct nvs_item index;
    nvs_item_init(&index, ns, NVS_TYPE_BLOB_INDEX, key);
    al_put_le32(index.value + INDEX_SIZE_OFF, (uint32_t)len);
    index.value[INDEX_COUNT_OFF] = 0;
    index.value[INDEX_START_OFF] = VERSION_0;
    if (old->page != NULL && old->item.type == NVS_TYPE_BLOB_INDEX && chunk_start(&old->item) == VERSION_0)
        index.value[INDEX_START_OFF] = VERSION_1;

    /* Power cut: chunks without index, erased by the next load. The index completes the blob. */
    esp_err_t err = write_chunks(st, &index, data, len);
    if (err == ESP_OK)
        err = nvs_storage_append(st, &index, NULL, 0, out);
    if (err == ESP_ERR_NVS_NOT_ENOUGH_SPACE) {
        esp_err_t erased = nvs_blob_erase_chunks(st, &index);
        return erased == ESP_OK ? err : erased;
    }
    return err;
}

esp_err_t nvs_blob_read(struct nvs_storage *st, const struct nvs_loc *index, void *buf)
{
    /* Twice, so that a damaged blob leaves buf as it was. */
    esp_err_t err = for_each_chunk(st, &index->item, NULL, NULL);
    return err == ESP_OK ? for_each_chunk(st, &index->item, buf, NULL) : err;
}

esp_err_t nvs_blob_compare(struct nvs_storage *st, const struct nvs_loc *index, const void *buf)
{
    return for_each_chunk(st, &index->item, NULL, buf);
}

esp_err_t nvs_blob_erase_chunks(struct nvs_storage *st, const struct nvs_item *index)
{
    for (unsigned n = 0; is_sane(index) && n < chunk_count(index); n++) {
        struct nvs_loc loc;
        esp_err_t err = find_chunk(st, index, n, &loc);
        if (err == ESP_OK)
            err = nvs_storage_erase_loc(st, &loc);
        if (err != ESP_OK && err != ESP_ERR_NVS_NOT_FOUND)
            return err;
    }
    return ESP_OK;
}

esp_err_t nvs_blob_drop_incomplete(struct nvs_storage *st)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    while ((err = nvs_storage_next(st, &cur, &loc)) == ESP_OK) {
        bool complete = true;
        if (loc.item.type == NVS_TYPE_BLOB_INDEX)
            err = is_complete(st, &loc.item, &complete);
        if (err == ESP_OK && !complete)
            err = nvs_storage_erase_loc(st, &loc);
        if (err != ESP_OK)
            return err;
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

esp_err_t nvs_blob_drop_orphans(struct nvs_storage *st)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    while ((err = nvs_storage_next(st, &cur, &loc)) == ESP_OK) {
        bool named = true;
        if (loc.item.type == NVS_TYPE_BLOB)
            err = is_named(st, &loc.item, &named);
        if (err == ESP_OK && !named)
            err = nvs_storage_erase_loc(st, &loc);
        if (err != ESP_OK)
            return err;
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}
