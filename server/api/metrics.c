/*
 * metrics.c - the counters, in Prometheus's text format and as JSON.
 */
#include "metrics.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "handlers.h"
#include "host/file.h"
#include "reply.h"

static const char *const total_name[] = {"image_bytes", "patch_bytes", "saved_bytes"};

static unsigned long long value_of(const atomic_ullong *counter)
{
    return atomic_load(counter);
}

int srv_metrics_load(struct srv_metrics *m, struct srv_store *store)
{
    atomic_ullong *total[] = {&m->image_bytes, &m->patch_bytes, &m->saved_bytes};
    for (unsigned i = 0; i < 3; i++) {
        uint64_t value;
        if (srv_store_total(store, total_name[i], &value) != SRV_OK) {
            return -1;
        }
        atomic_fetch_add(total[i], value);
    }
    return srv_served_load(&m->served, store) == 0 ? srv_history_load(&m->history, store) : -1;
}

int srv_metrics_save(struct srv_metrics *m, struct srv_store *store)
{
    const atomic_ullong *total[] = {&m->image_bytes, &m->patch_bytes, &m->saved_bytes};
    for (unsigned i = 0; i < 3; i++) {
        /* A cut between two of them: each is right by itself, as of its last writing. */
        if (srv_store_set_total(store, total_name[i], value_of(total[i])) != SRV_OK) {
            return -1;
        }
    }
    return srv_served_save(&m->served, store) == 0 ? srv_history_save(&m->history, store) : -1;
}

void srv_metrics_artifact(struct srv_metrics *m, uint64_t len, uint32_t size, const char *image_sha256,
                          uint32_t full)
{
    const bool is_image = size == full;
    struct srv_served more = {.image_bytes = is_image ? len : 0,
                              .patch_bytes = is_image ? 0 : len,
                              .saved_bytes = full > size ? len * (full - size) / size : 0};
    strcpy(more.image_sha256, image_sha256);
    atomic_fetch_add(&m->image_bytes, more.image_bytes);
    atomic_fetch_add(&m->patch_bytes, more.patch_bytes);
    atomic_fetch_add(&m->saved_bytes, more.saved_bytes);
    srv_served_note(&m->served, &more);
    srv_history_note(&m->history, &(struct srv_period){.start = (uint64_t)time(NULL),
                                                       .image_bytes = more.image_bytes,
                                                       .patch_bytes = more.patch_bytes,
                                                       .saved_bytes = more.saved_bytes});
}

/* --- Answers ------------------------------------------------------------------ */

static bool add(struct host_buf *out, const char *name, const char *type, const char *help)
{
    return host_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool print_metrics(struct host_buf *out, const struct srv_metrics *m)
{
    bool ok = add(out, "airlift_http_requests_total", "counter", "Requests by their status.");
    for (unsigned i = 1; i < 6; i++) {
        ok = ok && host_buf_printf(out, "airlift_http_requests_total{status=\"%uxx\"} %llu\n", i,
                                   value_of(&m->requests[i]));
    }
    return ok &&
           host_buf_printf(out, "airlift_http_requests_total{status=\"none\"} %llu\n",
                           value_of(&m->requests[0])) &&
           add(out, "airlift_artifact_bytes_total", "counter",
               "Bytes of images and patches served to their end.") &&
           host_buf_printf(out, "airlift_artifact_bytes_total{kind=\"image\"} %llu\n",
                           value_of(&m->image_bytes)) &&
           host_buf_printf(out, "airlift_artifact_bytes_total{kind=\"patch\"} %llu\n",
                           value_of(&m->patch_bytes)) &&
           add(out, "airlift_saved_bytes_total", "counter", "Bytes that patches kept off the air.") &&
           host_buf_printf(out, "airlift_saved_bytes_total %llu\n", value_of(&m->saved_bytes)) &&
           add(out, "airlift_patches_total", "counter", "Patches by what came of making them.") &&
           host_buf_printf(out, "airlift_patches_total{result=\"made\"} %llu\n",
                           value_of(&m->patches_made)) &&
           host_buf_printf(out, "airlift_patches_total{result=\"useless\"} %llu\n",
                           value_of(&m->patches_useless)) &&
           host_buf_printf(out, "airlift_patches_total{result=\"failed\"} %llu\n",
                           value_of(&m->patches_failed)) &&
           add(out, "airlift_patch_seconds_total", "counter", "Time spent on making patches.") &&
           host_buf_printf(out, "airlift_patch_seconds_total %.3f\n",
                           (double)value_of(&m->patch_ms) / 1000) &&
           add(out, "airlift_patches_missing", "gauge", "Patches still to be made.") &&
           host_buf_printf(out, "airlift_patches_missing %llu\n", value_of(&m->patches_missing)) &&
           srv_failures_print(out, &m->failures);
}

enum MHD_Result srv_metrics_answer(struct srv_request *req)
{
    struct srv_metrics *m = &req->worker->context->metrics;
    struct host_buf text;
    host_buf_init(&text, 1u << 20);
    if (!print_metrics(&text, m) || !srv_served_print(&text, &m->served, req->worker->store)) {
        host_buf_free(&text);
        srv_refuse_status(req, SRV_FAILED);
        return MHD_YES;
    }
    struct srv_reply reply = srv_reply_copy(200, (const char *)text.data);
    host_buf_free(&text);
    srv_reply_header(&reply, "Content-Type", "text/plain; version=0.0.4");
    srv_reply_header(&reply, "Cache-Control", "no-cache");
    return srv_reply_send(req, &reply);
}

enum MHD_Result srv_stats_answer(struct srv_request *req)
{
    struct srv_metrics *m = &req->worker->context->metrics;
    cJSON *json = cJSON_CreateObject();
    cJSON *patches = cJSON_AddObjectToObject(json, "patches");
    bool ok = cJSON_AddNumberToObject(json, "image_bytes", (double)value_of(&m->image_bytes)) &&
              cJSON_AddNumberToObject(json, "patch_bytes", (double)value_of(&m->patch_bytes)) &&
              cJSON_AddNumberToObject(json, "saved_bytes", (double)value_of(&m->saved_bytes)) &&
              cJSON_AddNumberToObject(patches, "made", (double)value_of(&m->patches_made)) &&
              cJSON_AddNumberToObject(patches, "useless", (double)value_of(&m->patches_useless)) &&
              cJSON_AddNumberToObject(patches, "failed", (double)value_of(&m->patches_failed)) &&
              cJSON_AddNumberToObject(patches, "missing", (double)value_of(&m->patches_missing)) &&
              srv_failures_add(json, &m->failures) && srv_served_add(json, &m->served, req->worker->store) &&
              srv_history_add(json, &m->history, (uint64_t)time(NULL));
    if (!ok) {
        cJSON_Delete(json);
        json = NULL;
    }
    return srv_reply_send_json(req, 200, json);
}
