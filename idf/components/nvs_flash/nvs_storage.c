#include "nvs_storage.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding ---- */

static bool has_name(const struct nvs_item *item, uint8_t ns, const char *key, uint8_t chunk)
{
    bool is_chunk = item->type == NVS_TYPE_BLOB;
    return item->ns == ns && is_chunk == (chunk != NVS_NO_CHUNK) && (!is_chunk || item->chunk == chunk) &&
           strncmp(item->key, key, sizeof(item->key)) == 0;
}

/* Find a key of a type as the API shows it; NVS_TYPE_ANY takes all. */
static esp_err_t find_key(struct nvs_storage *st, uint8_t ns, const char *key, nvs_type_t type,
                          struct nvs_loc *out)
{
    struct nvs_cursor cur = {0};
    for (;;) {
        esp_err_t err = nvs_storage_match(st, &cur, ns, key, NVS_NO_CHUNK, out);
        if (err != ESP_OK || type == NVS_TYPE_ANY || nvs_storage_shown_type(&out->item) == type)
            return err;
    }
}

/* ---- erasing ---- */

/* Erase a value. Of a blob the index goes first: cut after it, the chunks are orphans. */
static esp_err_t erase_value(struct nvs_storage *st, const struct nvs_loc *loc)
{
    esp_err_t err = nvs_storage_erase_loc(st, loc);
    if (err == ESP_OK && loc->item.type == NVS_TYPE_BLOB_INDEX)
        err = nvs_blob_erase_chunks(st, &loc->item);
    return err;
}

/* Erase what a key holds at other places than `keep`; of any type, or of keep's only. */
static esp_err_t erase_others(struct nvs_storage *st, const struct nvs_loc *keep, bool any_type)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    while ((err = nvs_storage_match(st, &cur, keep->item.ns, keep->item.key, NVS_NO_CHUNK, &loc)) == ESP_OK) {
        if (loc.page == keep->page && loc.entry == keep->entry)
            continue;
        if (!any_type && loc.item.type != keep->item.type)
            continue;
        /* Two versions of a blob never share chunks, unless the flash is damaged. */
        bool shared = loc.item.type == NVS_TYPE_BLOB_INDEX && keep->item.type == NVS_TYPE_BLOB_INDEX &&
                      loc.item.value[5] == keep->item.value[5];
        err = shared ? nvs_storage_erase_loc(st, &loc) : erase_value(st, &loc);
        if (err != ESP_OK)
            return err;
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

/* ---- loading ---- */

/* Of two items of one name and type the later is the newer. */
static esp_err_t drop_duplicates(struct nvs_storage *st)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    struct nvs_loc last = {0};
    esp_err_t err;
    while ((err = nvs_storage_next(st, &cur, &loc)) == ESP_OK) {
        if (loc.item.type == NVS_TYPE_BLOB)
            continue;
        struct nvs_cursor ahead = cur;
        struct nvs_loc later;
        bool stale = false;
        while (!stale && (err = nvs_storage_match(st, &ahead, loc.item.ns, loc.item.key, NVS_NO_CHUNK,
                                                  &later)) == ESP_OK)
            stale = later.item.type == loc.item.type;
        if (err != ESP_OK && err != ESP_ERR_NVS_NOT_FOUND)
            return err;
        last = loc;
        if (stale && (err = nvs_storage_erase_loc(st, &loc)) != ESP_OK)
            return err;
    }
    if (err != ESP_ERR_NVS_NOT_FOUND)
        return err;

    /*
     * The last item may have been written in place of one of another type, and
     * the cut come before that was erased. It is on the newest page, then.
     */
    if (last.page == NULL || last.page != st->used[st->n_used - 1])
        return ESP_OK;
    return erase_others(st, &last, true);
}

static esp_err_t load_namespaces(struct nvs_storage *st)
{
    memset(st->names, 0, sizeof(st->names));
    memset(st->ns_taken, 0, sizeof(st->ns_taken));
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    while ((err = nvs_storage_next(st, &cur, &loc)) == ESP_OK) {
        unsigned index = loc.item.ns;
        if (index == 0 && loc.item.type == NVS_TYPE_U8)
            index = loc.item.value[0];
        if (index > NVS_N_NAMESPACES)
            continue;
        st->ns_taken[index] = true;
        if (loc.item.ns == 0 && index != 0)
            memcpy(st->names[index], loc.item.key, sizeof(st->names[index]));
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

/* ---- setting ---- */

static bool is_scalar_equal(const struct nvs_item *a, const struct nvs_item *b)
{
    return memcmp(a->value, b->value, nvs_item_size(a)) == 0;
}

/* Does the key hold just this value? Only then is there nothing to write. */
static esp_err_t compare(struct nvs_storage *st, const struct nvs_loc *old, const struct nvs_item *item,
                         const void *data, size_t len, bool *equal)
{
    *equal = false;
    esp_err_t err = ESP_OK;
    if (old->item.type == NVS_TYPE_BLOB_INDEX && item->type == NVS_TYPE_BLOB) {
        if (nvs_item_size(&old->item) != len)
            return ESP_OK;
        err = nvs_blob_compare(st, old, data);
        *equal = err == ESP_OK;
        return err == ESP_ERR_NVS_CONTENT_DIFFERS || err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
    }
    if (old->item.type != item->type)
        return ESP_OK;
    if (!nvs_item_has_data(item)) {
        *equal = is_scalar_equal(&old->item, item);
        return ESP_OK;
    }
    if (nvs_item_size(&old->item) != len)
        return ESP_OK;
    err = nvs_page_read_data(&st->port, old->page, old->entry, &old->item, st->buf);
    *equal = err == ESP_OK && memcmp(st->buf, data, len) == 0;
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

static esp_err_t may_write(const struct nvs_storage *st)
{
    if (st->port.readonly)
        return ESP_ERR_NVS_READ_ONLY;
    return st->port.failed ? ESP_ERR_NVS_INVALID_STATE : ESP_OK;
}

static size_t max_len(const struct nvs_storage *st, nvs_type_t type)
{
    if (type != NVS_TYPE_BLOB)
        return NVS_DATA_MAX;
    size_t chunks = st->n_pages - 1u < 127u ? st->n_pages - 1u : 127u;
    return chunks * NVS_DATA_MAX;
}

/* Read a string or an old blob. buf is written on success only. */
static esp_err_t read_data(struct nvs_storage *st, const struct nvs_loc *loc, void *buf)
{
    uint32_t size = nvs_item_size(&loc->item);
    esp_err_t err = nvs_page_read_data(&st->port, loc->page, loc->entry, &loc->item, st->buf);
    if (err != ESP_OK)
        return err;
    if (loc->item.type == NVS_TYPE_STR && (size == 0 || st->buf[size - 1] != 0))
        return ESP_ERR_NVS_NOT_FOUND;
    if (size > 0)
        memcpy(buf, st->buf, size);
    return ESP_OK;
}

/* ---- public ---- */

esp_err_t nvs_storage_next(struct nvs_storage *st, struct nvs_cursor *cur, struct nvs_loc *out)
{
    for (; cur->page < st->n_used; cur->page++, cur->entry = 0) {
        struct nvs_page *page = st->used[cur->page];
        while ((cur->entry = nvs_page_next_item(page, cur->entry)) < NVS_N_ENTRIES) {
            out->page = page;
            out->entry = cur->entry++;
            esp_err_t err = nvs_page_read_item(&st->port, page, out->entry, &out->item);
            if (err != ESP_ERR_NVS_NOT_FOUND)
                return err;
        }
    }
    return ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_storage_match(struct nvs_storage *st, struct nvs_cursor *cur, uint8_t ns, const char *key,
                            uint8_t chunk, struct nvs_loc *out)
{
    uint16_t tag = nvs_item_tag(ns, key, chunk);
    for (; cur->page < st->n_used; cur->page++, cur->entry = 0) {
        struct nvs_page *page = st->used[cur->page];
        while (cur->entry < NVS_N_ENTRIES) {
            out->entry = cur->entry++;
            if (page->tag[out->entry] != tag)
                continue;
            out->page = page;
            esp_err_t err = nvs_page_read_item(&st->port, page, out->entry, &out->item);
            if (err == ESP_OK && !has_name(&out->item, ns, key, chunk))
                continue;
            if (err != ESP_ERR_NVS_NOT_FOUND)
                return err;
        }
    }
    return ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_storage_append(struct nvs_storage *st, const struct nvs_item *item, const void *data,
                             uint32_t len, struct nvs_loc *out)
{
    esp_err_t err = nvs_pages_make_room(st, item->span);
    if (err != ESP_OK)
        return err;
    struct nvs_page *page = nvs_pages_current(st);
    if (out != NULL)
        *out = (struct nvs_loc){.page = page, .entry = page->next, .item = *item};
    return nvs_page_append(&st->port, page, item, data, len);
}

esp_err_t nvs_storage_erase_loc(struct nvs_storage *st, const struct nvs_loc *loc)
{
    return nvs_page_erase_item(&st->port, loc->page, loc->entry, loc->item.span);
}

nvs_type_t nvs_storage_shown_type(const struct nvs_item *item)
{
    switch (item->type) {
    case NVS_TYPE_BLOB:
        return NVS_TYPE_ANY;
    case NVS_TYPE_BLOB_INDEX:
    case NVS_TYPE_BLOB_V1:
        return NVS_TYPE_BLOB;
    default:
        return (nvs_type_t)item->type;
    }
}

esp_err_t nvs_storage_load(struct nvs_storage *st)
{
    st->port.failed = false;
    esp_err_t err = nvs_pages_load(st);
    if (err == ESP_OK)
        err = nvs_blob_drop_incomplete(st);
    if (err == ESP_OK)
        err = drop_duplicates(st);
    if (err == ESP_OK)
        err = nvs_blob_drop_orphans(st);
    if (err == ESP_OK)
        err = load_namespaces(st);
    if (err != ESP_OK)
        st->port.failed = true;
    return err;
}

esp_err_t nvs_storage_open(const struct nvs_port *port, struct nvs_storage **out)
{
    uint32_t n_pages = port->size / NVS_PAGE_SIZE;
    if (n_pages > UINT16_MAX)
        n_pages = UINT16_MAX;
    if (n_pages < (port->readonly ? 1 : NVS_MIN_PAGES))
        return ESP_ERR_NVS_NO_FREE_PAGES;

    struct nvs_storage *st = calloc(1, sizeof(*st));
    if (st == NULL)
        return ESP_ERR_NO_MEM;
    st->port = *port;
    st->n_pages = (uint16_t)n_pages;
    st->pages = calloc(n_pages, sizeof(st->pages[0]));
    st->used = calloc(n_pages, sizeof(st->used[0]));
    st->free = calloc(n_pages, sizeof(st->free[0]));
    esp_err_t err = ESP_ERR_NO_MEM;
    if (st->pages != NULL && st->used != NULL && st->free != NULL)
        err = nvs_storage_load(st);
    if (err != ESP_OK)
        nvs_storage_close(st);
    else
        *out = st;
    return err;
}

void nvs_storage_close(struct nvs_storage *st)
{
    free(st->pages);
    free(st->used);
    free(st->free);
    free(st);
}

esp_err_t nvs_storage_namespace(struct nvs_storage *st, const char *name, bool create, uint8_t *index)
{
    unsigned unused = 0;
    for (unsigned i = 1; i <= NVS_N_NAMESPACES; i++) {
        if (strcmp(st->names[i], name) == 0) {
            *index = (uint8_t)i;
            return ESP_OK;
        }
        if (unused == 0 && !st->ns_taken[i])
            unused = i;
    }
    if (!create)
        return ESP_ERR_NVS_NOT_FOUND;
    if (unused == 0)
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;

    uint8_t value = (uint8_t)unused;
    esp_err_t err = nvs_storage_set(st, 0, NVS_TYPE_U8, name, &value, 1);
    if (err != ESP_OK)
        return err;
    st->ns_taken[unused] = true;
    memset(st->names[unused], 0, sizeof(st->names[unused]));
    memcpy(st->names[unused], name, strnlen(name, sizeof(st->names[unused]) - 1));
    *index = value;
    return ESP_OK;
}

esp_err_t nvs_storage_set(struct nvs_storage *st, uint8_t ns, nvs_type_t type, const char *key,
                          const void *data, size_t len)
{
    esp_err_t err = may_write(st);
    if (err != ESP_OK)
        return err;
    if (len > max_len(st, type))
        return ESP_ERR_NVS_VALUE_TOO_LONG;

    struct nvs_item item;
    nvs_item_init(&item, ns, (uint8_t)type, key);
    if (type == NVS_TYPE_STR)
        nvs_item_set_data(&item, data, (uint32_t)len);
    else if (type != NVS_TYPE_BLOB)
        memcpy(item.value, data, len);

    struct nvs_loc old, new;
    err = find_key(st, ns, key, NVS_TYPE_ANY, &old);
    if (err != ESP_OK && err != ESP_ERR_NVS_NOT_FOUND)
        return err;
    if (err == ESP_ERR_NVS_NOT_FOUND)
        old.page = NULL;
    bool equal = false;
    if (old.page != NULL && (err = compare(st, &old, &item, data, len, &equal)) != ESP_OK)
        return err;
    if (equal)
        return ESP_OK;

    if (type == NVS_TYPE_BLOB)
        err = nvs_blob_write(st, ns, key, data, len, &old, &new);
    else
        err = nvs_storage_append(st, &item, data, nvs_item_has_data(&item) ? (uint32_t)len : 0, &new);
    if (err != ESP_OK || old.page == NULL)
        return err;

    /* Power cut: the key is there twice; the next load erases all but the last. */
    return erase_others(st, &new, true) == ESP_OK ? ESP_OK : ESP_ERR_NVS_REMOVE_FAILED;
}

esp_err_t nvs_storage_get(struct nvs_storage *st, uint8_t ns, nvs_type_t type, const char *key, void *buf,
                          size_t cap, size_t *size)
{
    struct nvs_loc loc;
    esp_err_t err = find_key(st, ns, key, type, &loc);
    if (err != ESP_OK)
        return err;
    *size = nvs_item_size(&loc.item);
    if (buf == NULL)
        return ESP_OK;
    if (cap < *size)
        return ESP_ERR_NVS_INVALID_LENGTH;

    if (loc.item.type == NVS_TYPE_BLOB_INDEX)
        err = nvs_blob_read(st, &loc, buf);
    else if (nvs_item_has_data(&loc.item))
        err = read_data(st, &loc, buf);
    else
        memcpy(buf, loc.item.value, *size);

    /* What cannot be read any more makes room. Should that fail, the next load tries again. */
    if (err == ESP_ERR_NVS_NOT_FOUND && may_write(st) == ESP_OK)
        (void)erase_value(st, &loc);
    return err;
}

esp_err_t nvs_storage_find_type(struct nvs_storage *st, uint8_t ns, const char *key, nvs_type_t *type)
{
    struct nvs_loc loc;
    esp_err_t err = find_key(st, ns, key, NVS_TYPE_ANY, &loc);
    if (err == ESP_OK)
        *type = nvs_storage_shown_type(&loc.item);
    return err;
}

esp_err_t nvs_storage_erase_key(struct nvs_storage *st, uint8_t ns, const char *key)
{
    struct nvs_loc loc;
    esp_err_t err = may_write(st);
    if (err == ESP_OK)
        err = find_key(st, ns, key, NVS_TYPE_ANY, &loc);
    while (err == ESP_OK) {
        err = erase_value(st, &loc);
        if (err != ESP_OK)
            return err;
        err = find_key(st, ns, key, NVS_TYPE_ANY, &loc);
        if (err == ESP_ERR_NVS_NOT_FOUND)
            return ESP_OK;
    }
    return err;
}

esp_err_t nvs_storage_erase_ns(struct nvs_storage *st, uint8_t ns)
{
    esp_err_t err = may_write(st);
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    while (err == ESP_OK && (err = nvs_storage_next(st, &cur, &loc)) == ESP_OK) {
        if (loc.item.ns == ns && loc.item.type != NVS_TYPE_BLOB)
            err = erase_value(st, &loc);
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

esp_err_t nvs_storage_purge(struct nvs_storage *st)
{
    esp_err_t err = may_write(st);
    for (unsigned i = 0; err == ESP_OK && i < st->n_used; i++)
        err = nvs_page_purge(&st->port, st->used[i]);
    return err;
}

void nvs_storage_stats(const struct nvs_storage *st, nvs_stats_t *stats)
{
    memset(stats, 0, sizeof(*stats));
    stats->total_entries = (size_t)st->n_pages * NVS_N_ENTRIES;
    for (unsigned i = 0; i < st->n_used; i++)
        stats->used_entries += nvs_page_used(st->used[i]);
    stats->free_entries = stats->total_entries - stats->used_entries;
    stats->available_entries = nvs_pages_available(st);
    for (unsigned i = 1; i <= NVS_N_NAMESPACES; i++)
        stats->namespace_count += st->names[i][0] != 0;
}

esp_err_t nvs_storage_entries(struct nvs_storage *st, uint8_t ns, size_t *n)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    *n = 0;
    while ((err = nvs_storage_next(st, &cur, &loc)) == ESP_OK)
        *n += loc.item.ns == ns ? loc.item.span : 0u;
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}
