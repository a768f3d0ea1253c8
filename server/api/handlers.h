/*
 * handlers.h - what the resources do. The table that calls these is in request.c; docs/openapi.yaml
 * describes them.
 */
#ifndef SERVER_API_HANDLERS_H
#define SERVER_API_HANDLERS_H

#include <cjson/cJSON.h>

#include "request.h"

/* publish.c: an image comes in. */
void srv_publish_begin(struct srv_request *req);
void srv_publish_body(struct srv_request *req, const void *data, size_t len);
enum MHD_Result srv_publish_answer(struct srv_request *req);
void srv_publish_free(struct srv_publish *p); /* removes what is not published; NULL is allowed */

/* check.c: would it be taken? */
enum MHD_Result srv_check_answer(struct srv_request *req);

/* releases.c: for people and their tools. */
enum MHD_Result srv_health_answer(struct srv_request *req);
enum MHD_Result srv_list_answer(struct srv_request *req);
enum MHD_Result srv_release_answer(struct srv_request *req);
enum MHD_Result srv_withdraw_answer(struct srv_request *req);

/* A release as JSON, or NULL when memory runs out. `url` is absolute, by the request's Host. */
cJSON *srv_release_json(const struct srv_request *req, const struct srv_release *r);

/* page.c: the dashboard. */
enum MHD_Result srv_page_answer(struct srv_request *req);

/* device_list.c: the devices that asked for updates. */
enum MHD_Result srv_devices_answer(struct srv_request *req);

/* products.c: what the dashboard shows of all products. */
enum MHD_Result srv_products_answer(struct srv_request *req);

/* metrics.c */
enum MHD_Result srv_metrics_answer(struct srv_request *req);
enum MHD_Result srv_stats_answer(struct srv_request *req);

/* devices.c: for devices. */
enum MHD_Result srv_manifest_answer(struct srv_request *req);
enum MHD_Result srv_firmware_answer(struct srv_request *req);
enum MHD_Result srv_artifact_answer(struct srv_request *req);
bool srv_find_newest(struct srv_request *req, struct srv_release *out);               /* false: refused */
enum MHD_Result srv_send_image(struct srv_request *req, const struct srv_release *r); /* with x-MD5 */

/* arduino.c: for devices that update by Arduino's HTTPUpdate. */
enum MHD_Result srv_httpupdate_answer(struct srv_request *req);

/* "https://HOST/v1/artifacts/<sha256>"; false if it does not fit. */
bool srv_artifact_url(const struct srv_request *req, const char *sha256, char out[512]);

#endif
