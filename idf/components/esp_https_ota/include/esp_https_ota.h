/*
 * esp_https_ota.h - ESP-IDF's firmware update over HTTPS.
 *
 *   begin -> [get_img_desc] -> perform until it is not IN_PROGRESS -> finish or abort
 *
 * Every successful begin must be followed by exactly one finish or abort: they
 * free the handle. esp_https_ota() does it all.
 *
 * What sdkconfig decides on a chip (plain HTTP, partial download, decryption, SPI
 * mode) is read from airlift_sdkconfig.h.
 *
 * Power cut: until finish has selected the new image, the running one boots
 * again. What was written stays in the staging partition, and ota_resumption can
 * carry on from there.
 *
 * Threads: one thread at a time per handle.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bootloader_common.h"
#include "esp_app_desc.h"
#include "esp_bootloader_desc.h"
#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_partition.h"

#ifdef __cplusplus
extern "C" {
#endif

ESP_EVENT_DECLARE_BASE(ESP_HTTPS_OTA_EVENT);

/* Posted to the default event loop, if there is one. */
typedef enum {
    ESP_HTTPS_OTA_START,
    ESP_HTTPS_OTA_CONNECTED, /* the server has the image and the response has begun */
    ESP_HTTPS_OTA_GET_IMG_DESC,
    ESP_HTTPS_OTA_VERIFY_CHIP_ID,       /* uint16_t: the image's chip id */
    ESP_HTTPS_OTA_VERIFY_CHIP_REVISION, /* uint16_t: its minimum chip revision */
    ESP_HTTPS_OTA_DECRYPT_CB,
    ESP_HTTPS_OTA_WRITE_FLASH,           /* int: bytes written so far */
    ESP_HTTPS_OTA_UPDATE_BOOT_PARTITION, /* esp_partition_subtype_t: what boots next */
    ESP_HTTPS_OTA_FINISH,
    ESP_HTTPS_OTA_ABORT,
} esp_https_ota_event_t;

typedef void *esp_https_ota_handle_t;
typedef esp_err_t (*http_client_init_cb_t)(esp_http_client_handle_t);

/* One call of a decrypt callback. data_out is allocated by the callback and freed after writing. */
typedef struct {
    const char *data_in;
    size_t data_in_len;
    char *data_out;
    size_t data_out_len; /* 0: nothing yet, more input is needed */
} decrypt_cb_arg_t;

typedef esp_err_t (*decrypt_cb_t)(decrypt_cb_arg_t *args, void *user_ctx);

/* Zeroed fields are defaults. */
typedef struct {
    const esp_http_client_config_t *http_config; /* required; borrowed while the handle lives */
    http_client_init_cb_t http_client_init_cb;   /* e.g. to add headers; its error ends begin */
    bool bulk_flash_erase;                       /* erase everything at once, not as it is written */
    bool partial_http_download;                  /* fetch in ranges */
    int max_http_request_size;                   /* bytes of a range; 0: 65536 */
    uint32_t buffer_caps;                        /* of the heap; no meaning on Linux */
    bool ota_resumption;                         /* carry on an earlier download */
    size_t ota_image_bytes_written;              /* how much of it is in the staging partition */
    decrypt_cb_t decrypt_cb;
    void *decrypt_user_ctx;
    uint16_t enc_img_header_size; /* bytes before the encrypted image */
    struct {
        const esp_partition_t *staging; /* NULL: the next app slot */
        const esp_partition_t *final;   /* NULL: staging; its type decides what is checked */
        bool finalize_with_copy;        /* at the end copy staging to final; not safe against power cuts */
    } partition;
} esp_https_ota_config_t;

#define ESP_ERR_HTTPS_OTA_BASE        (0x9000)
#define ESP_ERR_HTTPS_OTA_IN_PROGRESS (ESP_ERR_HTTPS_OTA_BASE + 1) /* call perform again */

/*
 * Begin, perform, finish. Restarting is left to the caller. On failure the boot
 * partition is unchanged.
 *
 * Returns ESP_OK; ESP_ERR_INVALID_ARG; ESP_ERR_NOT_SUPPORTED with ota_resumption; else the error of the step
 * that failed.
 */
esp_err_t esp_https_ota(const esp_https_ota_config_t *ota_config);

/*
 * Connect and find out what the server has. *handle is set to NULL on failure.
 *
 * Returns ESP_OK;
 *   ESP_ERR_INVALID_ARG      NULL; nothing to verify the server with (unless plain HTTP is allowed); no
 *                            decrypt_cb where one is required
 *   ESP_ERR_NOT_SUPPORTED    resumption together with decryption
 *   ESP_ERR_NO_MEM
 *   ESP_ERR_HTTP_NOT_MODIFIED, ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE, ESP_ERR_HTTP_MAX_REDIRECT,
 *   ESP_ERR_HTTP_REDIRECT_DOWNGRADE, ESP_ERR_HTTP_CONNECT and others of esp_http_client.h
 *   ESP_FAIL                 any other status, unknown length in partial download, no partition for it
 *   what http_client_init_cb returned
 */
esp_err_t esp_https_ota_begin(const esp_https_ota_config_t *ota_config, esp_https_ota_handle_t *handle);

/*
 * Read once (up to max(buffer_size, 1024) bytes) and write it.
 *
 * Returns ESP_ERR_HTTPS_OTA_IN_PROGRESS (also after a timeout: the caller limits how often); ESP_OK when all
 * is written;
 *   ESP_ERR_INVALID_ARG      handle is NULL
 *   ESP_ERR_INVALID_VERSION  for another chip or revision
 *   ESP_ERR_OTA_SPI_MODE_MISMATCH
 *   ESP_FAIL                 the connection ended early, the image is shorter than 1024 bytes, or it was
 *                            done already
 *   errors of esp_ota_begin, esp_ota_resume and esp_ota_write; of decrypt_cb
 */
esp_err_t esp_https_ota_perform(esp_https_ota_handle_t https_ota_handle);

/* True if every byte of the image has been received. Ask before finish. */
bool esp_https_ota_is_complete_data_received(esp_https_ota_handle_t https_ota_handle);

/*
 * Verify what was written and, if perform returned ESP_OK and the final
 * partition is an ota_x app, select it for the next boot. Frees the handle.
 *
 * Returns ESP_OK, ESP_ERR_INVALID_ARG (NULL), or errors of esp_ota_end (ESP_ERR_OTA_VALIDATE_FAILED) and
 * esp_ota_set_boot_partition (ESP_ERR_OTA_SMALL_SEC_VER).
 */
esp_err_t esp_https_ota_finish(esp_https_ota_handle_t https_ota_handle);

/* Give up: free everything, leave the flash as it is. ESP_ERR_INVALID_ARG if NULL. */
esp_err_t esp_https_ota_abort(esp_https_ota_handle_t https_ota_handle);

/*
 * The description in the image, before the first perform.
 *
 * Returns ESP_OK; ESP_ERR_INVALID_ARG; ESP_ERR_NOT_SUPPORTED with decryption; ESP_FAIL: the final partition
 * is of another type, fewer than 1024 bytes came (after a pause of the server ask again), or there is no
 * description; ESP_ERR_* of reading flash, when resuming.
 */
esp_err_t esp_https_ota_get_img_desc(esp_https_ota_handle_t https_ota_handle, esp_app_desc_t *new_app_info);
esp_err_t esp_https_ota_get_bootloader_img_desc(esp_https_ota_handle_t https_ota_handle,
                                                esp_bootloader_desc_t *new_img_info);

/* Bytes of the image so far, those of an earlier download included; -1 before the first perform. */
int esp_https_ota_get_image_len_read(esp_https_ota_handle_t https_ota_handle);

/* Size of the response's body: the image, or what remains of it when resuming; -1 if unknown. */
int esp_https_ota_get_image_size(esp_https_ota_handle_t https_ota_handle);

/* Status of the last response; -1 if handle is NULL. */
int esp_https_ota_get_status_code(esp_https_ota_handle_t https_ota_handle);

#ifdef __cplusplus
}
#endif
