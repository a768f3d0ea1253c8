/*
 * reply.h - answers: JSON documents, errors, bytes.
 */
#ifndef SERVER_API_REPLY_H
#define SERVER_API_REPLY_H

#include <cjson/cJSON.h>

#include "request.h"

/* An answer being put together. */
struct srv_reply {
    unsigned status;
    uint64_t len;
    struct MHD_Response *response; /* NULL: memory ran out */
};

/* Begin with bytes that are borrowed for the call, taken over (malloc'd, also if it fails), there for ever, or mapped. */
struct srv_reply srv_reply_copy(unsigned status, const char *text);
struct srv_reply srv_reply_take(unsigned status, char *text);
struct srv_reply srv_reply_static(unsigned status, const void *data, size_t len);
struct srv_reply srv_reply_map(unsigned status, const struct srv_map *map, uint64_t len);

/* Begin with a JSON document, which is freed. NULL: memory ran out. */
struct srv_reply srv_reply_json(unsigned status, cJSON *json);

/* Add a header. */
void srv_reply_header(struct srv_reply *reply, const char *name, const char *value);

/* Hand it over; nothing is left to free. The connection is closed if memory ran out. */
enum MHD_Result srv_reply_send(struct srv_request *req, struct srv_reply *reply);

/* All of it for a JSON document that is not to be cached; it is freed. NULL: memory ran out. */
enum MHD_Result srv_reply_send_json(struct srv_request *req, unsigned status, cJSON *json);

/* Add an item that is complete; free it otherwise (`ok` is false, or memory runs out), and return false. */
bool srv_json_append(cJSON *array, cJSON *item, bool ok);

/* Answer with the refusal: {"error":{"code":"...","message":"..."}}. */
enum MHD_Result srv_reply_refusal(struct srv_request *req);

#endif
