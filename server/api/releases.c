/*
 * releases.c - health, and the releases as people and their tools see them.
 */
#include <stdio.h>
#include <string.h>

#include "airlift/chip.h"
#include "handlers.h"
#include "host/log.h"
#include "reply.h"

/* For a status that is not SRV_OK; the answer follows from the refusal. */
static enum MHD_Result refuse_lookup(struct srv_request *req, enum srv_status status)
{
    if (status == SRV_NOT_FOUND) {
        srv_refuse(req, 404, "not_found", "product %s has no %s%s", req->path.product,
                   req->path.version[0] ? "release " : "releases", req->path.version);
    } else {
        srv_refuse_status(req, status);
    }
    return MHD_YES;
}

cJSON *srv_release_json(const struct srv_request *req, const struct srv_release *r)
{
    const struct al_chip *chip = al_chip_by_id(r->chip_id);
    char url[512];
    cJSON *json = cJSON_CreateObject();
    bool ok =
        srv_artifact_url(req, r->sha256, url) && cJSON_AddStringToObject(json, "product", r->product) &&
        cJSON_AddStringToObject(json, "version", r->version) &&
        cJSON_AddStringToObject(json, "project", r->project) &&
        cJSON_AddStringToObject(json, "chip", chip ? chip->name : "unknown") &&
        cJSON_AddNumberToObject(json, "secure_version", r->secure_version) &&
        cJSON_AddNumberToObject(json, "size", r->size) &&
        cJSON_AddStringToObject(json, "sha256", r->sha256) && cJSON_AddStringToObject(json, "md5", r->md5) &&
        cJSON_AddBoolToObject(json, "mandatory", r->mandatory) &&
        (!r->notes || cJSON_AddStringToObject(json, "notes", r->notes)) &&
        srv_signers_add(json, &r->signers) && cJSON_AddBoolToObject(json, "withdrawn", r->withdrawn) &&
        cJSON_AddStringToObject(json, "created", r->created) && cJSON_AddStringToObject(json, "url", url);
    if (!ok) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

enum MHD_Result srv_health_answer(struct srv_request *req)
{
    enum srv_status status = srv_store_ping(req->worker->store);
    if (status != SRV_OK) {
        srv_refuse(req, 503, "unhealthy", "the database can't be read");
        return MHD_YES;
    }
    cJSON *json = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(json, "status", "ok") ||
        !cJSON_AddStringToObject(json, "version", AIRLIFT_VERSION)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return srv_reply_send_json(req, 200, json);
}

enum MHD_Result srv_list_answer(struct srv_request *req)
{
    struct srv_release *list;
    size_t n;
    enum srv_status status = srv_store_list(req->worker->store, req->path.product, &list, &n);
    if (status != SRV_OK) {
        return refuse_lookup(req, status);
    }
    cJSON *json = cJSON_CreateObject();
    cJSON *items = cJSON_AddStringToObject(json, "product", req->path.product)
                       ? cJSON_AddArrayToObject(json, "releases")
                       : NULL;
    bool ok = items != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        ok = cJSON_AddItemToArray(items, srv_release_json(req, &list[i]));
    }
    srv_releases_free(list, n);
    if (!ok) {
        cJSON_Delete(json);
        json = NULL;
    }
    return srv_reply_send_json(req, 200, json);
}

enum MHD_Result srv_release_answer(struct srv_request *req)
{
    struct srv_release r;
    enum srv_status status = srv_store_get(req->worker->store, req->path.product, req->path.version, &r);
    if (status != SRV_OK) {
        return refuse_lookup(req, status);
    }
    cJSON *json = srv_release_json(req, &r);
    srv_release_clear(&r);
    return srv_reply_send_json(req, 200, json);
}

enum MHD_Result srv_withdraw_answer(struct srv_request *req)
{
    struct srv_store *store = req->worker->store;
    struct srv_release r = {0};
    enum srv_status status = srv_store_begin(store);
    if (status != SRV_OK) {
        return refuse_lookup(req, status);
    }
    status = srv_store_withdraw(store, req->path.product, req->path.version);
    if (status == SRV_OK) {
        status = srv_store_get(store, req->path.product, req->path.version, &r);
    }
    if (status == SRV_OK) {
        status = srv_store_commit(store);
    } else {
        srv_store_rollback(store);
    }
    if (status != SRV_OK) {
        srv_release_clear(&r);
        return refuse_lookup(req, status);
    }
    srv_maker_wake(&req->worker->context->maker); /* another release is the newest now */
    host_log(HOST_LOG_INFO, "release_withdrawn", "product", r.product, "version", r.version, NULL);
    cJSON *json = srv_release_json(req, &r);
    srv_release_clear(&r);
    return srv_reply_send_json(req, 200, json);
}
