/*
 * https_ota_world.h - a device (ota_world.h) and a faulty server (http_world.h), for tests of esp_https_ota.
 *
 * What a test changes in `http` and `config` lasts until the next reset.
 */
#pragma once

#include "esp_https_ota.h"
#include "http_world.h"
#include "ota_world.h"

extern struct http_world world;
extern esp_http_client_config_t http;
extern esp_https_ota_config_t config; /* its http_config is &http */
extern esp_https_ota_handle_t handle;

/* desc: FLASH.bin.json, as ota_world_start() takes it. */
void https_ota_world_start(const char *desc);
int https_ota_world_stop(void **state); /* a group teardown */

/* Flash and requests as at the start; the server is trusted, silence ends a request after 3 s. */
void https_ota_world_reset(const char *path);

/* An update from path, its query the server's faults: in one call, its beginning, and a beginning that fails. */
esp_err_t update(const char *path);
void begin(const char *path);
esp_err_t begin_fails(const char *path);

/* esp_https_ota_perform() until it is no longer in progress. */
esp_err_t perform_all(void);
