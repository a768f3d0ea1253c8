/*
 * products.c - all products at once: their releases, and the patches that are offered to the newest.
 */
#include <stdlib.h>
#include <string.h>

#include "airlift/chip.h"
#include "handlers.h"
#include "reply.h"

/* The releases of one product, newest first, and how many devices run them. */
struct span {
    const struct srv_release *r;
    size_t n;
    const struct srv_device_count *count;
    size_t n_counts;
};

/* Devices of the product that run this release; "": another image. */
static double devices_on(const struct span *s, const char *release)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_counts; i++) {
        if (strcmp(s->count[i].product, s->r->product) == 0 && strcmp(s->count[i].release, release) == 0) {
            n += s->count[i].n;
        }
    }
    return (double)n;
}

static const struct srv_release *newest_of(const struct span *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (!s->r[i].withdrawn) {
            return &s->r[i];
        }
    }
    return NULL;
}

static const char *version_of(const struct span *s, const char *sha256)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->r[i].sha256, sha256) == 0) {
            return s->r[i].version;
        }
    }
    return NULL;
}

static bool add_release(cJSON *array, struct srv_store *store, const struct span *s,
                        const struct srv_release *r)
{
    char seen[25];
    if (srv_store_seen(store, r->product, r->sha256, seen) != SRV_OK) {
        return false;
    }
    cJSON *json = cJSON_CreateObject();
    return srv_json_append(array, json,
                           cJSON_AddStringToObject(json, "version", r->version) &&
                               cJSON_AddStringToObject(json, "project", r->project) &&
                               cJSON_AddNumberToObject(json, "size", r->size) &&
                               cJSON_AddStringToObject(json, "sha256", r->sha256) &&
                               cJSON_AddNumberToObject(json, "secure_version", r->secure_version) &&
                               cJSON_AddStringToObject(json, "created", r->created) &&
                               cJSON_AddBoolToObject(json, "mandatory", r->mandatory) &&
                               cJSON_AddBoolToObject(json, "withdrawn", r->withdrawn) &&
                               cJSON_AddNumberToObject(json, "devices", devices_on(s, r->version)) &&
                               srv_signers_add(json, &r->signers) &&
                               (!seen[0] || cJSON_AddStringToObject(json, "seen", seen)));
}

static bool add_patch(cJSON *array, const struct span *s, const struct srv_patch *p)
{
    cJSON *json = cJSON_CreateObject();
    const char *from = version_of(s, p->from_sha256);
    return srv_json_append(array, json,
                           (!from || cJSON_AddStringToObject(json, "from", from)) &&
                               cJSON_AddStringToObject(json, "format", p->format) &&
                               cJSON_AddNumberToObject(json, "ram", p->ram) &&
                               cJSON_AddNumberToObject(json, "size", p->size));
}

/* Those that devices are offered; a manifest names the few that serve its device. */
static enum srv_status add_patches(cJSON *json, struct srv_store *store, const struct span *s,
                                   const struct srv_release *newest)
{
    cJSON *array = cJSON_AddArrayToObject(json, "patches");
    struct srv_patch *list = NULL;
    size_t n = 0;
    enum srv_status status = newest && array ? srv_store_patches(store, newest->sha256, &list, &n) : SRV_OK;
    bool ok = array != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        ok = add_patch(array, s, &list[i]);
    }
    free(list);
    return ok ? status : SRV_FAILED;
}

static enum srv_status add_product(cJSON *products, struct srv_store *store, const struct span *s)
{
    const struct al_chip *chip = al_chip_by_id(s->r->chip_id);
    const struct srv_release *newest = newest_of(s);
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "product", s->r->product) &&
              cJSON_AddStringToObject(json, "chip", chip ? chip->name : "unknown") &&
              (!newest || cJSON_AddStringToObject(json, "newest", newest->version));
    ok = ok && cJSON_AddNumberToObject(json, "other_devices", devices_on(s, ""));
    cJSON *releases = cJSON_AddArrayToObject(json, "releases");
    ok = ok && releases;
    for (size_t i = 0; i < s->n && ok; i++) {
        ok = add_release(releases, store, s, &s->r[i]);
    }
    enum srv_status status = ok ? add_patches(json, store, s, newest) : SRV_FAILED;
    return srv_json_append(products, json, status == SRV_OK) ? SRV_OK : SRV_FAILED;
}

enum MHD_Result srv_products_answer(struct srv_request *req)
{
    struct srv_store *store = req->worker->store;
    struct srv_device_count *counts;
    struct srv_release *list;
    size_t n, n_counts;
    (void)srv_fleet_flush(&req->worker->context->fleet, store);
    enum srv_status status = srv_store_device_counts(store, &counts, &n_counts);
    if (status == SRV_OK && (status = srv_store_list_all(store, &list, &n)) != SRV_OK) {
        free(counts);
    }
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON *products = cJSON_AddArrayToObject(json, "products");
    status = products ? SRV_OK : SRV_FAILED;
    for (size_t i = 0; i < n && status == SRV_OK;) {
        struct span s = {.r = &list[i], .count = counts, .n_counts = n_counts};
        while (i < n && strcmp(list[i].product, s.r->product) == 0) {
            i++;
            s.n++;
        }
        status = add_product(products, store, &s);
    }
    srv_releases_free(list, n);
    free(counts);
    if (status != SRV_OK) {
        cJSON_Delete(json);
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    return srv_reply_send_json(req, 200, json);
}
