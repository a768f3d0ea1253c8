/*
 * device_list.c - the devices, for people and their tools.
 */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "reply.h"
#include "server/server.h"

#define DEFAULT_LIMIT 100u

/* Read the query; false: refused. */
static bool read_query(struct srv_request *req, const char **search, uint64_t *limit)
{
    const char *text = srv_query(req, "limit");
    *search = srv_query(req, "search");
    *search = *search ? *search : "";
    *limit = DEFAULT_LIMIT;
    if (text && (!srv_parse_number(text, limit) || *limit < 1 || *limit > SRV_DEVICES_LIMIT)) {
        srv_refuse(req, 400, "bad_request", "limit is 1 to %u", SRV_DEVICES_LIMIT);
        return false;
    }
    if (strlen(*search) > SRV_DEVICES_SEARCH) {
        srv_refuse(req, 400, "bad_request", "search has at most %u characters", SRV_DEVICES_SEARCH);
        return false;
    }
    return true;
}

static bool add_device(cJSON *array, const struct srv_device_row *r)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "product", r->product) &&
              cJSON_AddStringToObject(json, "id", r->id) &&
              cJSON_AddStringToObject(json, "version", r->version) &&
              cJSON_AddBoolToObject(json, "released", r->release[0] != '\0') &&
              cJSON_AddStringToObject(json, "seen", r->seen) &&
              (!r->failure[0] || (cJSON_AddStringToObject(json, "failure", r->failure) &&
                                  cJSON_AddStringToObject(json, "failed", r->failed)));
    return srv_json_append(array, json, ok);
}

enum MHD_Result srv_devices_answer(struct srv_request *req)
{
    const char *search;
    uint64_t limit, n_found;
    struct srv_device_row *list;
    size_t n;
    if (!read_query(req, &search, &limit)) {
        return MHD_YES;
    }
    (void)srv_fleet_flush(&req->worker->context->fleet, req->worker->store);
    enum srv_status status = srv_store_devices(req->worker->store, search, limit, &list, &n, &n_found);
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddNumberToObject(json, "found", (double)n_found) != NULL;
    cJSON *devices = cJSON_AddArrayToObject(json, "devices");
    ok = ok && devices;
    for (size_t i = 0; i < n && ok; i++) {
        ok = add_device(devices, &list[i]);
    }
    free(list);
    if (!ok) {
        cJSON_Delete(json);
        json = NULL;
    }
    return srv_reply_send_json(req, 200, json);
}
