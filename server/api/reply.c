/*
 * reply.c - answers.
 */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

struct srv_reply srv_reply_copy(unsigned status, const char *text)
{
    struct srv_reply reply = {.status = status, .len = strlen(text)};
    /* The cast is for libmicrohttpd's sake: MUST_COPY only reads. */
    reply.response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    return reply;
}

struct srv_reply srv_reply_take(unsigned status, char *text)
{
    struct srv_reply reply = {.status = status};
    if (text) {
        reply.len = strlen(text);
        reply.response = MHD_create_response_from_buffer(reply.len, text, MHD_RESPMEM_MUST_FREE);
        if (!reply.response) {
            free(text);
        }
    }
    return reply;
}

struct srv_reply srv_reply_static(unsigned status, const void *data, size_t len)
{
    struct srv_reply reply = {.status = status, .len = len};
    /* The cast is for libmicrohttpd's sake: it only reads. */
    reply.response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    return reply;
}

static void unmap(void *ctx)
{
    srv_artifact_unmap(ctx);
    free(ctx);
}

struct srv_reply srv_reply_map(unsigned status, const struct srv_map *map, uint64_t len)
{
    struct srv_reply reply = {.status = status, .len = len};
    struct srv_map *kept = malloc(sizeof *kept);
    if (kept) {
        *kept = *map;
        reply.response = MHD_create_response_from_buffer_with_free_callback_cls(
            (size_t)len, (void *)(uintptr_t)map->data, unmap, kept);
    }
    if (!reply.response) {
        struct srv_map gone = *map;
        srv_artifact_unmap(&gone);
        free(kept);
    }
    return reply;
}

struct srv_reply srv_reply_json(unsigned status, cJSON *json)
{
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    struct srv_reply reply = srv_reply_take(status, text);
    srv_reply_header(&reply, "Content-Type", "application/json");
    return reply;
}

void srv_reply_header(struct srv_reply *reply, const char *name, const char *value)
{
    if (reply->response && MHD_add_response_header(reply->response, name, value) != MHD_YES) {
        MHD_destroy_response(reply->response);
        reply->response = NULL;
    }
}

enum MHD_Result srv_reply_send(struct srv_request *req, struct srv_reply *reply)
{
    srv_reply_header(reply, "X-Content-Type-Options", "nosniff");
    if (req->close || atomic_load(&req->worker->context->stopping)) {
        srv_reply_header(reply, "Connection", "close");
    }
    if (!reply->response) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_queue_response(req->mhd, reply->status, reply->response);
    MHD_destroy_response(reply->response); /* the connection holds its own reference */
    bool has_body = strcmp(req->method, "HEAD") != 0 && reply->status != 304;
    req->status = reply->status;
    req->answer_len = has_body ? reply->len : 0;
    req->state = SRV_ANSWERED;
    srv_watch_extend(&req->worker->context->watch, req->conn, req->answer_len);
    return result;
}

enum MHD_Result srv_reply_send_json(struct srv_request *req, unsigned status, cJSON *json)
{
    struct srv_reply reply = srv_reply_json(status, json);
    srv_reply_header(&reply, "Cache-Control", "no-cache");
    return srv_reply_send(req, &reply);
}

bool srv_json_append(cJSON *array, cJSON *item, bool ok)
{
    if (!ok || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

enum MHD_Result srv_reply_refusal(struct srv_request *req)
{
    const struct srv_refusal *refusal = &req->refusal;
    cJSON *json = cJSON_CreateObject();
    cJSON *error = cJSON_AddObjectToObject(json, "error");
    if (!cJSON_AddStringToObject(error, "code", refusal->code) ||
        !cJSON_AddStringToObject(error, "message", refusal->message)) {
        cJSON_Delete(json);
        json = NULL;
    }
    struct srv_reply reply = srv_reply_json(refusal->status, json);
    srv_reply_header(&reply, "Cache-Control", "no-cache");
    if (refusal->header) {
        srv_reply_header(&reply, refusal->header, refusal->header_value);
    }
    return srv_reply_send(req, &reply);
}
