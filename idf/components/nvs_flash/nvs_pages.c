/*
 * nvs_pages.c - the order of a partition's pages, and the freeing of them.
 */
#include <string.h>

#include "nvs_storage.h"

static void push_free(struct nvs_storage *st, struct nvs_page *page)
{
    st->free[st->n_free++] = page;
}

static struct nvs_page *pop_free(struct nvs_storage *st)
{
    struct nvs_page *page = st->free[0];
    st->n_free--;
    memmove(st->free, st->free + 1, st->n_free * sizeof(st->free[0]));
    return page;
}

static void insert_used(struct nvs_storage *st, struct nvs_page *page)
{
    unsigned at = st->n_used;
    while (at > 0 && st->used[at - 1]->seq > page->seq) {
        st->used[at] = st->used[at - 1];
        at--;
    }
    st->used[at] = page;
    st->n_used++;
}

static void remove_used(struct nvs_storage *st, const struct nvs_page *page)
{
    unsigned at = 0;
    while (st->used[at] != page)
        at++;
    st->n_used--;
    memmove(st->used + at, st->used + at + 1, (st->n_used - at) * sizeof(st->used[0]));
}

/* Power cut: a page without items more, or none. */
static esp_err_t activate(struct nvs_storage *st)
{
    if (st->n_free == 0)
        return ESP_ERR_NVS_NO_FREE_PAGES;
    esp_err_t err = nvs_page_activate(&st->port, st->free[0], st->next_seq);
    if (err != ESP_OK)
        return err;
    st->next_seq++;
    st->used[st->n_used++] = pop_free(st);
    return ESP_OK;
}

static esp_err_t wipe(struct nvs_storage *st, struct nvs_page *page)
{
    esp_err_t err = nvs_page_wipe(&st->port, page);
    if (err != ESP_OK)
        return err;
    remove_used(st, page);
    push_free(st, page);
    return ESP_OK;
}

static esp_err_t copy_items(struct nvs_storage *st, const struct nvs_page *from, struct nvs_page *to)
{
    for (unsigned e = nvs_page_next_item(from, 0); e < NVS_N_ENTRIES; e = nvs_page_next_item(from, e + 1)) {
        struct nvs_item item;
        esp_err_t err = nvs_page_read_item(&st->port, from, e, &item);
        if (err == ESP_ERR_NVS_NOT_FOUND)
            continue; /* rotted since it was loaded; nobody can read it */
        uint32_t len = (item.span - 1u) * NVS_ENTRY_SIZE;
        uint32_t off = from->off + NVS_PAGE_SIZE - (NVS_N_ENTRIES - e - 1) * NVS_ENTRY_SIZE;
        if (err == ESP_OK && len > 0)
            err = st->port.read(st->port.ctx, off, st->buf, len);
        if (err == ESP_OK)
            err = nvs_page_append(&st->port, to, &item, st->buf, len);
        if (err != ESP_OK)
            return err;
    }
    return ESP_OK;
}

/*
 * Copy a page that is marked FREEING to a fresh one and wipe it. Power cut: until
 * the wipe begins it stays FREEING and whole; the copy is thrown away at the next
 * load and made again. From then on the copy is what counts.
 */
static esp_err_t move_page(struct nvs_storage *st, struct nvs_page *page)
{
    esp_err_t err = activate(st);
    if (err == ESP_OK)
        err = copy_items(st, page, nvs_pages_current(st));
    if (err == ESP_OK)
        err = wipe(st, page);
    return err;
}

/* Is every item of `copy` also in `page`, byte for byte? */
static esp_err_t is_copy_of(struct nvs_storage *st, const struct nvs_page *copy, const struct nvs_page *page,
                            bool *out)
{
    *out = false;
    unsigned p = 0;
    for (unsigned e = nvs_page_next_item(copy, 0); e < NVS_N_ENTRIES; e = nvs_page_next_item(copy, e + 1)) {
        struct nvs_item a, b;
        esp_err_t err = nvs_page_read_item(&st->port, copy, e, &a);
        if (err != ESP_OK)
            return err;
        bool same = false;
        /* Copies are in the same order. */
        for (p = nvs_page_next_item(page, p); !same && p < NVS_N_ENTRIES;
             p = nvs_page_next_item(page, p + 1)) {
            if (page->tag[p] != copy->tag[e])
                continue;
            err = nvs_page_read_item(&st->port, page, p, &b);
            if (err != ESP_OK)
                return err;
            same = memcmp(&a, &b, sizeof(a)) == 0;
        }
        if (!same)
            return ESP_OK;
    }
    *out = true;
    return ESP_OK;
}

/*
 * A cut came while a page was being freed. The newest page, if it takes items,
 * is then the unfinished copy. If it holds anything else, a rotten bit turned
 * FULL into FREEING, and both pages stay as they are.
 */
static esp_err_t finish_freeing(struct nvs_storage *st)
{
    struct nvs_page *freeing = NULL;
    for (unsigned i = 0; i < st->n_used && freeing == NULL; i++) {
        if (st->used[i]->state == NVS_PAGE_FREEING)
            freeing = st->used[i];
    }
    if (freeing == NULL || st->port.readonly)
        return ESP_OK;

    struct nvs_page *copy = nvs_pages_current(st);
    if (copy != NULL) {
        bool unfinished;
        esp_err_t err = is_copy_of(st, copy, freeing, &unfinished);
        if (err != ESP_OK)
            return err;
        if (!unfinished) {
            freeing->state = NVS_PAGE_FULL;
            return ESP_OK;
        }
        err = wipe(st, copy);
        if (err != ESP_OK)
            return err;
    }
    return move_page(st, freeing);
}

/* ---- public ---- */

esp_err_t nvs_pages_load(struct nvs_storage *st)
{
    st->n_used = 0;
    st->n_free = 0;
    st->next_seq = 0;
    for (unsigned i = 0; i < st->n_pages; i++) {
        struct nvs_page *page = &st->pages[i];
        page->off = i * NVS_PAGE_SIZE;
        esp_err_t err = nvs_page_load(&st->port, page, st->buf);
        if (err != ESP_OK)
            return err;
        if (page->state == NVS_PAGE_FREE)
            push_free(st, page);
        else
            insert_used(st, page);
    }

    if (st->n_used > 0)
        st->next_seq = st->used[st->n_used - 1]->seq + 1;
    else if (!st->port.readonly)
        return activate(st);
    esp_err_t err = finish_freeing(st);
    if (err == ESP_OK && st->n_free == 0 && !st->port.readonly)
        err = ESP_ERR_NVS_NO_FREE_PAGES;
    return err;
}

struct nvs_page *nvs_pages_current(const struct nvs_storage *st)
{
    struct nvs_page *page = st->n_used > 0 ? st->used[st->n_used - 1] : NULL;
    return page != NULL && page->state == NVS_PAGE_ACTIVE ? page : NULL;
}

esp_err_t nvs_pages_next(struct nvs_storage *st)
{
    struct nvs_page *current = nvs_pages_current(st);
    if (st->n_free >= 2) {
        /* Power cut: the newest page is full, which the next write deals with. */
        esp_err_t err = current != NULL ? nvs_page_mark(&st->port, current, NVS_PAGE_FULL) : ESP_OK;
        return err == ESP_OK ? activate(st) : err;
    }

    struct nvs_page *most_unused = NULL;
    unsigned least_used = NVS_N_ENTRIES;
    for (unsigned i = 0; i < st->n_used; i++) {
        unsigned used = nvs_page_used(st->used[i]);
        if (used < least_used) {
            most_unused = st->used[i];
            least_used = used;
        }
    }
    if (most_unused == NULL)
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    esp_err_t err = current != NULL ? nvs_page_mark(&st->port, current, NVS_PAGE_FULL) : ESP_OK;
    if (err == ESP_OK)
        err = nvs_page_mark(&st->port, most_unused, NVS_PAGE_FREEING);
    return err == ESP_OK ? move_page(st, most_unused) : err;
}

esp_err_t nvs_pages_make_room(struct nvs_storage *st, unsigned span)
{
    const struct nvs_page *current = nvs_pages_current(st);
    if (current != NULL && NVS_N_ENTRIES - current->next >= span)
        return ESP_OK;

    /* Freeing a page that cannot take the item either would only wear the flash. */
    unsigned most = st->n_free >= 2 ? NVS_N_ENTRIES : 0;
    for (unsigned i = 0; i < st->n_used; i++) {
        unsigned unused = NVS_N_ENTRIES - nvs_page_used(st->used[i]);
        most = unused > most ? unused : most;
    }
    if (most < span)
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    return nvs_pages_next(st);
}

size_t nvs_pages_available(const struct nvs_storage *st)
{
    size_t n = (size_t)st->n_free * NVS_N_ENTRIES;
    for (unsigned i = 0; i < st->n_used; i++)
        n += NVS_N_ENTRIES - nvs_page_used(st->used[i]);
    return n > NVS_N_ENTRIES ? n - NVS_N_ENTRIES : 0;
}
