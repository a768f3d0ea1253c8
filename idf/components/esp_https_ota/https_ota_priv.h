/*
 * https_ota_priv.h - an update under way.
 */
#pragma once

#include "esp_https_ota.h"
#include "esp_ota_ops.h"

#define OTA_HEADER_SIZE 1024 /* bytes read before anything is written; also the smallest buffer */

enum ota_state {
    OTA_BEGIN,       /* connected, nothing written */
    OTA_RESUME,      /* connected, `written` bytes are there from an earlier download */
    OTA_HEADER,      /* session open, waiting for the image's first OTA_HEADER_SIZE bytes */
    OTA_IN_PROGRESS, /* session open, writing */
    OTA_SUCCESS,     /* everything is written */
};

struct ota_handle {
    enum ota_state state;
    esp_https_ota_config_t config; /* http_config is not looked at after begin */
    const esp_partition_t *staging, *final;
    esp_http_client_handle_t client;
    esp_ota_handle_t update; /* valid from OTA_HEADER on */
    char *buf;
    size_t buf_size;
    size_t header_len;    /* bytes of the image's header in buf, before they are written */
    int64_t written;      /* bytes of the image in the staging partition */
    int64_t image_length; /* of the response; in partial download of the image; -1: unknown */
    bool resumption;      /* turned off when the server can't */
    bool partial;
    int range_size;
};

/*
 * Find out what the server has and open the response. Sets image_length and,
 * when the server can't resume, written = 0.
 *
 * Returns ESP_OK or what esp_https_ota_begin() returns.
 */
esp_err_t https_ota_connect(struct ota_handle *ota);

/* Partial download: ask for the range that follows `written`. ESP_FAIL, ESP_ERR_NO_MEM. */
esp_err_t https_ota_next_range(struct ota_handle *ota);

/* Bytes in front of the image that are not part of it. */
int https_ota_skipped(const struct ota_handle *ota);
