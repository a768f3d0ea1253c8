#include "served.h"

#include <stdlib.h>
#include <string.h>

#include "reply.h"

void srv_served_begin(struct srv_served_list *list)
{
    memset(list, 0, sizeof *list);
    pthread_mutex_init(&list->lock, NULL);
}

void srv_served_free(struct srv_served_list *list)
{
    free(list->items);
    pthread_mutex_destroy(&list->lock);
}

void srv_served_note(struct srv_served_list *list, const struct srv_served *more)
{
    size_t i = 0;
    pthread_mutex_lock(&list->lock);
    while (i < list->n && strcmp(list->items[i].image_sha256, more->image_sha256) != 0) {
        i++;
    }
    if (i == list->n) {
        struct srv_served *items = realloc(list->items, (list->n + 1) * sizeof *items);
        if (!items) {
            pthread_mutex_unlock(&list->lock);
            return;
        }
        list->items = items;
        memset(&items[i], 0, sizeof items[i]);
        strcpy(items[i].image_sha256, more->image_sha256);
        list->n++;
    }
    list->items[i].image_bytes += more->image_bytes;
    list->items[i].patch_bytes += more->patch_bytes;
    list->items[i].saved_bytes += more->saved_bytes;
    list->items[i].changed = true;
    pthread_mutex_unlock(&list->lock);
}

int srv_served_load(struct srv_served_list *list, struct srv_store *store)
{
    struct srv_served *items;
    size_t n;
    if (srv_store_served(store, &items, &n) != SRV_OK) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        srv_served_note(list, &items[i]);
    }
    free(items);
    return 0;
}

/* A copy, so that nobody who counts waits for the database; what has changed until now is unchanged from then on. */
static struct srv_served *copy_of(struct srv_served_list *list, size_t *n, bool saving)
{
    pthread_mutex_lock(&list->lock);
    struct srv_served *items = malloc((list->n + 1) * sizeof *items);
    *n = items ? list->n : 0;
    for (size_t i = 0; i < *n; i++) {
        items[i] = list->items[i];
        list->items[i].changed = list->items[i].changed && !saving;
    }
    pthread_mutex_unlock(&list->lock);
    return items;
}

int srv_served_save(struct srv_served_list *list, struct srv_store *store)
{
    size_t n;
    struct srv_served *items = copy_of(list, &n, true);
    int result = items ? 0 : -1;
    for (size_t i = 0; i < n && result == 0; i++) {
        /* A cut between two of them: each is right by itself, as of its last writing. */
        if (items[i].changed && srv_store_put_served(store, &items[i]) != SRV_OK) {
            result = -1;
        }
    }
    free(items);
    return result;
}

/* --- As text ------------------------------------------------------------------- */

/* Call `use` for each release whose image was sent. */
static bool for_each(struct srv_served_list *list, struct srv_store *store,
                     bool (*use)(void *ctx, const char *product, const char *version,
                                 const struct srv_served *served),
                     void *ctx)
{
    size_t n;
    struct srv_served *items = copy_of(list, &n, false);
    bool ok = items != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        struct srv_release_name *names = NULL;
        size_t n_names = 0;
        ok = srv_store_names(store, items[i].image_sha256, &names, &n_names) == SRV_OK;
        for (size_t j = 0; ok && j < n_names; j++) {
            ok = use(ctx, names[j].product, names[j].version, &items[i]);
        }
        free(names);
    }
    free(items);
    return ok;
}

/* The three counters' lines, which have to stand together. */
struct lines {
    struct host_buf *out;
    const char *name;
    const char *kind; /* label, or NULL */
    size_t value;     /* its offset in struct srv_served */
};

static bool print_line(void *ctx, const char *product, const char *version, const struct srv_served *served)
{
    const struct lines *l = ctx;
    uint64_t value;
    memcpy(&value, (const char *)served + l->value, sizeof value);
    /* Names of products and versions have no character that would have to be escaped. */
    return host_buf_printf(l->out, "%s{product=\"%s\",version=\"%s\"%s%s%s} %llu\n", l->name, product,
                           version, l->kind ? ",kind=\"" : "", l->kind ? l->kind : "", l->kind ? "\"" : "",
                           (unsigned long long)value);
}

bool srv_served_print(struct host_buf *out, struct srv_served_list *list, struct srv_store *store)
{
    static const char bytes[] = "airlift_release_bytes_total", saved[] = "airlift_release_saved_bytes_total";
    struct lines image = {out, bytes, "image", offsetof(struct srv_served, image_bytes)};
    struct lines patch = {out, bytes, "patch", offsetof(struct srv_served, patch_bytes)};
    struct lines kept = {out, saved, NULL, offsetof(struct srv_served, saved_bytes)};
    return host_buf_printf(out,
                           "# HELP %s Bytes of a release's image and of patches to it served to their end.\n"
                           "# TYPE %s counter\n",
                           bytes, bytes) &&
           for_each(list, store, print_line, &image) && for_each(list, store, print_line, &patch) &&
           host_buf_printf(out,
                           "# HELP %s Bytes that patches to a release kept off the air.\n# TYPE %s counter\n",
                           saved, saved) &&
           for_each(list, store, print_line, &kept);
}

static bool add_release(void *ctx, const char *product, const char *version, const struct srv_served *served)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "product", product) &&
              cJSON_AddStringToObject(json, "version", version) &&
              cJSON_AddNumberToObject(json, "image_bytes", (double)served->image_bytes) &&
              cJSON_AddNumberToObject(json, "patch_bytes", (double)served->patch_bytes) &&
              cJSON_AddNumberToObject(json, "saved_bytes", (double)served->saved_bytes);
    return srv_json_append(ctx, json, ok);
}

bool srv_served_add(cJSON *to, struct srv_served_list *list, struct srv_store *store)
{
    cJSON *releases = cJSON_AddArrayToObject(to, "releases");
    return releases && for_each(list, store, add_release, releases);
}
