/* esp_https_ota.c - begin, perform, finish. */
#include "esp_https_ota.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "airlift_sdkconfig.h"
#include "esp_app_format.h"
#include "esp_flash_encrypt.h"
#include "esp_log.h"
#include "https_ota_priv.h"

ESP_EVENT_DEFINE_BASE(ESP_HTTPS_OTA_EVENT);

#define DEFAULT_RANGE_SIZE    65536
#define DESC_OFF              (sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t))
#define ENCRYPTED_FLASH_ALIGN 16 /* flash encryption's unit */

static const char *const TAG = "esp_https_ota";

static void post_event(esp_https_ota_event_t id, const void *data, size_t size)
{
    esp_err_t err = esp_event_post(ESP_HTTPS_OTA_EVENT, (int32_t)id, data, size,
                                   pdMS_TO_TICKS(airlift_sdkconfig.esp_https_ota_event_post_timeout_ms));
    if (err != ESP_OK && err != ESP_ERR_INVALID_STATE) { /* no default loop: nobody asked */
        ESP_LOGE(TAG, "event %d was not posted: %s", (int)id, esp_err_to_name(err));
    }
}

static bool holds_image(const esp_partition_t *partition)
{
    return partition->type == ESP_PARTITION_TYPE_APP || partition->type == ESP_PARTITION_TYPE_BOOTLOADER;
}

static void release(struct ota_handle *ota)
{
    if (ota->client != NULL) {
        (void)esp_http_client_close(ota->client);
        (void)esp_http_client_cleanup(ota->client);
    }
    free(ota->buf);
    free(ota);
}

/* ---- begin --------------------------------------------------------------- */

static esp_err_t check_config(const esp_https_ota_config_t *config)
{
    const esp_http_client_config_t *http = config->http_config;

    if (http->cert_pem == NULL && !http->use_global_ca_store && http->crt_bundle_attach == NULL) {
        if (!airlift_sdkconfig.esp_https_ota_allow_http) {
            ESP_LOGE(TAG, "nothing is configured to verify the server with");
            return ESP_ERR_INVALID_ARG;
        }
        ESP_LOGW(TAG, "the server is not verified: CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP");
    }
    if (airlift_sdkconfig.esp_https_ota_decrypt_cb) {
        if (config->decrypt_cb == NULL) {
            return ESP_ERR_INVALID_ARG;
        }
        if (config->ota_resumption) {
            return ESP_ERR_NOT_SUPPORTED;
        }
    }
    return ESP_OK;
}

/* Where an earlier download left off. Less than a header's worth isn't worth resuming. */
static int64_t resume_offset(const esp_https_ota_config_t *config)
{
    size_t offset = config->ota_image_bytes_written;

    if (!config->ota_resumption || offset < OTA_HEADER_SIZE) {
        return 0;
    }
    if (esp_flash_encryption_enabled()) {
        offset -= offset % ENCRYPTED_FLASH_ALIGN;
    }
    return (int64_t)offset;
}

static esp_err_t choose_partitions(struct ota_handle *ota)
{
    const esp_partition_t *staging = ota->config.partition.staging, *final = ota->config.partition.final;

    ota->staging = staging != NULL ? esp_partition_verify(staging) : esp_ota_get_next_update_partition(NULL);
    if (ota->staging == NULL) {
        ESP_LOGE(TAG, "no partition to write to");
        return ESP_FAIL;
    }
    ota->final = final != NULL ? esp_partition_verify(final) : ota->staging;
    if (ota->final == NULL) {
        ESP_LOGE(TAG, "the final partition does not exist");
        return ESP_FAIL;
    }
    ESP_LOGI(TAG, "writing to %s at 0x%" PRIx32, ota->staging->label, ota->staging->address);
    return ESP_OK;
}

static esp_err_t begin(struct ota_handle *ota)
{
    const esp_http_client_config_t *http = ota->config.http_config;

    ota->buf_size = http->buffer_size > OTA_HEADER_SIZE ? (size_t)http->buffer_size : OTA_HEADER_SIZE;
    ota->buf = malloc(ota->buf_size);
    if (ota->buf == NULL) {
        return ESP_ERR_NO_MEM;
    }
    ota->image_length = -1;
    ota->resumption = ota->config.ota_resumption;
    ota->partial = airlift_sdkconfig.esp_https_ota_partial_download && ota->config.partial_http_download;
    ota->range_size =
        ota->config.max_http_request_size > 0 ? ota->config.max_http_request_size : DEFAULT_RANGE_SIZE;
    ota->written = resume_offset(&ota->config);
    ota->client = esp_http_client_init(http);
    if (ota->client == NULL) {
        return ESP_FAIL;
    }
    esp_err_t err =
        ota->config.http_client_init_cb != NULL ? ota->config.http_client_init_cb(ota->client) : ESP_OK;
    if (err == ESP_OK) {
        err = https_ota_connect(ota);
    }
    if (err != ESP_OK) {
        return err;
    }
    post_event(ESP_HTTPS_OTA_CONNECTED, NULL, 0);
    ota->state = ota->written > 0 ? OTA_RESUME : OTA_BEGIN;
    return choose_partitions(ota);
}

esp_err_t esp_https_ota_begin(const esp_https_ota_config_t *ota_config, esp_https_ota_handle_t *handle)
{
    post_event(ESP_HTTPS_OTA_START, NULL, 0);
    if (handle != NULL) {
        *handle = NULL;
    }
    if (handle == NULL || ota_config == NULL || ota_config->http_config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    esp_err_t err = check_config(ota_config);
    if (err != ESP_OK) {
        return err;
    }
    struct ota_handle *ota = calloc(1, sizeof *ota);
    if (ota == NULL) {
        return ESP_ERR_NO_MEM;
    }
    ota->config = *ota_config;
    err = begin(ota);
    if (err != ESP_OK) {
        release(ota);
        return err;
    }
    *handle = ota;
    return ESP_OK;
}

/* ---- the image's header -------------------------------------------------- */

/*
 * Collect the first OTA_HEADER_SIZE bytes. ESP_ERR_HTTPS_OTA_IN_PROGRESS: the
 * server is silent, what came is kept; ESP_FAIL: there are fewer.
 */
static esp_err_t read_header(struct ota_handle *ota)
{
    while (ota->header_len < OTA_HEADER_SIZE) {
        int n = esp_http_client_read(ota->client, ota->buf + ota->header_len,
                                     (int)(OTA_HEADER_SIZE - ota->header_len));
        if (n == -ESP_ERR_HTTP_EAGAIN) {
            return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
        }
        if (n <= 0) {
            ESP_LOGE(TAG, "the image ended after %zu bytes", ota->header_len);
            return ESP_FAIL;
        }
        ota->header_len += (size_t)n;
    }
    return ESP_OK;
}

/* The description as it is in the image, `size` bytes. */
static esp_err_t get_desc(struct ota_handle *ota, esp_partition_type_t type, void *out, size_t size)
{
    post_event(ESP_HTTPS_OTA_GET_IMG_DESC, NULL, 0);
    if (airlift_sdkconfig.esp_https_ota_decrypt_cb) {
        return ESP_ERR_NOT_SUPPORTED; /* it is encrypted */
    }
    if (ota == NULL || out == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (ota->final->type != type) {
        ESP_LOGE(TAG, "the image is for a partition of type %d", (int)ota->final->type);
        return ESP_FAIL;
    }
    if (ota->written >= (int64_t)(DESC_OFF + size)) {
        return esp_partition_read(ota->staging, DESC_OFF, out, size);
    }
    if (read_header(ota) != ESP_OK) {
        return ESP_FAIL;
    }
    memcpy(out, ota->buf + DESC_OFF, size);
    return ESP_OK;
}

esp_err_t esp_https_ota_get_img_desc(esp_https_ota_handle_t https_ota_handle, esp_app_desc_t *new_app_info)
{
    esp_err_t err = get_desc(https_ota_handle, ESP_PARTITION_TYPE_APP, new_app_info, sizeof *new_app_info);

    if (err == ESP_OK && new_app_info->magic_word != ESP_APP_DESC_MAGIC_WORD) {
        ESP_LOGE(TAG, "no app description in the image");
        return ESP_FAIL;
    }
    return err;
}

esp_err_t esp_https_ota_get_bootloader_img_desc(esp_https_ota_handle_t https_ota_handle,
                                                esp_bootloader_desc_t *new_img_info)
{
    esp_err_t err =
        get_desc(https_ota_handle, ESP_PARTITION_TYPE_BOOTLOADER, new_img_info, sizeof *new_img_info);

    if (err == ESP_OK && new_img_info->magic_byte != ESP_BOOTLOADER_DESC_MAGIC_BYTE) {
        ESP_LOGE(TAG, "no bootloader description in the image");
        return ESP_FAIL;
    }
    return err;
}

/* Is the image for this chip? */
static esp_err_t check_header(const struct ota_handle *ota, const char *data, size_t len)
{
    esp_image_header_t header;
    esp_app_desc_t desc;

    if (len < DESC_OFF + sizeof desc) {
        return ESP_FAIL; /* a decrypt callback that gave too little of it */
    }
    memcpy(&header, data, sizeof header);
    memcpy(&desc, data + DESC_OFF, sizeof desc);
    uint16_t chip_id = header.chip_id, revision = header.min_chip_rev_full;
    post_event(ESP_HTTPS_OTA_VERIFY_CHIP_ID, &chip_id, sizeof chip_id);
    post_event(ESP_HTTPS_OTA_VERIFY_CHIP_REVISION, &revision, sizeof revision);
    bool spi = airlift_sdkconfig.esp_https_ota_verify_spi_mode && ota->final->type == ESP_PARTITION_TYPE_APP;
    return esp_ota_check_image_validity(ota->final->type, &header, spi ? &desc : NULL);
}

/* ---- perform ------------------------------------------------------------- */

static esp_err_t write_flash(struct ota_handle *ota, const char *data, size_t len)
{
    esp_err_t err = esp_ota_write(ota->update, data, len);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "writing failed: %s", esp_err_to_name(err));
        return err;
    }
    ota->written += (int64_t)len;
    int so_far = (int)ota->written;
    post_event(ESP_HTTPS_OTA_WRITE_FLASH, &so_far, sizeof so_far);
    return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
}

/* Decrypt if need be, check the header if it is one, write. ESP_ERR_HTTPS_OTA_IN_PROGRESS is success. */
static esp_err_t process(struct ota_handle *ota, const char *data, size_t len, bool is_header)
{
    decrypt_cb_arg_t args = {.data_in = data, .data_in_len = len};

    if (airlift_sdkconfig.esp_https_ota_decrypt_cb) {
        post_event(ESP_HTTPS_OTA_DECRYPT_CB, NULL, 0);
        esp_err_t err = ota->config.decrypt_cb(&args, ota->config.decrypt_user_ctx);
        if (err != ESP_OK) {
            ESP_LOGE(TAG, "decrypting failed: %s", esp_err_to_name(err));
            return is_header ? ESP_FAIL : err;
        }
        data = args.data_out;
        len = args.data_out_len;
        if (len == 0 && !is_header) {
            return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
        }
    }
    esp_err_t err = is_header && holds_image(ota->final) ? check_header(ota, data, len) : ESP_OK;
    if (err == ESP_OK) {
        err = write_flash(ota, data, len);
    }
    free(args.data_out);
    return err;
}

/* Open the flash session. */
static esp_err_t open_session(struct ota_handle *ota)
{
    esp_err_t err;

    if (ota->state == OTA_RESUME) {
        err = esp_ota_resume(ota->staging, OTA_WITH_SEQUENTIAL_WRITES, (size_t)ota->written, &ota->update);
    } else {
        size_t size = OTA_WITH_SEQUENTIAL_WRITES;
        if (ota->config.bulk_flash_erase) {
            size = ota->image_length > 0 ? (size_t)ota->image_length : OTA_SIZE_UNKNOWN;
        }
        err = esp_ota_begin(ota->staging, size, &ota->update);
    }
    if (err != ESP_OK && ota->update == 0) {
        return err;
    }
    if (err == ESP_OK) {
        bool copy = ota->final != ota->staging && ota->config.partition.finalize_with_copy;
        err = esp_ota_set_final_partition(ota->update, ota->final, copy);
    }
    if (err != ESP_OK) {
        /* A failed erase leaves the session open; it would stand in the way of the next attempt. */
        (void)esp_ota_abort(ota->update);
        ota->update = 0;
        return err;
    }
    ota->state = ota->state == OTA_RESUME ? OTA_IN_PROGRESS : OTA_HEADER;
    return ESP_OK;
}

/* The response has ended, as its framing says. */
static esp_err_t response_ended(struct ota_handle *ota)
{
    if (!ota->partial || ota->written == ota->image_length) {
        ota->state = OTA_SUCCESS;
        return ESP_OK;
    }
    if (ota->written > ota->image_length) {
        return ESP_OK; /* more than there should be: verification in finish refuses it */
    }
    esp_err_t err = https_ota_next_range(ota);
    return err == ESP_OK ? ESP_ERR_HTTPS_OTA_IN_PROGRESS : err;
}

static esp_err_t read_and_write(struct ota_handle *ota)
{
    int n = esp_http_client_read(ota->client, ota->buf, (int)ota->buf_size);

    if (n > 0) {
        return process(ota, ota->buf, (size_t)n, false);
    }
    if (n == -ESP_ERR_HTTP_EAGAIN) {
        return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
    }
    if (n < 0 || !esp_http_client_is_complete_data_received(ota->client)) {
        ESP_LOGE(TAG, "the connection ended after %" PRId64 " bytes", ota->written);
        return ESP_FAIL;
    }
    return response_ended(ota);
}

esp_err_t esp_https_ota_perform(esp_https_ota_handle_t https_ota_handle)
{
    struct ota_handle *ota = https_ota_handle;
    esp_err_t err;

    if (ota == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (ota->state == OTA_SUCCESS) {
        return ESP_FAIL;
    }
    if (ota->state == OTA_BEGIN || ota->state == OTA_RESUME) {
        err = open_session(ota);
        if (err != ESP_OK) {
            ESP_LOGE(TAG, "%s: %s", ota->staging->label, esp_err_to_name(err));
            return err;
        }
        if (ota->state == OTA_HEADER && !holds_image(ota->final)) {
            ota->state = OTA_IN_PROGRESS; /* no header to look at */
            return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
        }
    }
    if (ota->state == OTA_HEADER) {
        err = read_header(ota);
        if (err != ESP_OK) {
            return err;
        }
        ota->state = OTA_IN_PROGRESS;
        return process(ota, ota->buf, ota->header_len, true);
    }
    return read_and_write(ota);
}

bool esp_https_ota_is_complete_data_received(esp_https_ota_handle_t https_ota_handle)
{
    const struct ota_handle *ota = https_ota_handle;

    if (ota == NULL) {
        return false;
    }
    return ota->partial ? ota->written == ota->image_length
                        : esp_http_client_is_complete_data_received(ota->client);
}

/* ---- finish and abort ---------------------------------------------------- */

static bool has_session(const struct ota_handle *ota)
{
    return ota->state != OTA_BEGIN && ota->state != OTA_RESUME;
}

/* Power cut: esp_ota_set_boot_partition() writes one record; before it is whole the old image boots. */
static esp_err_t select_for_boot(const struct ota_handle *ota)
{
    esp_partition_subtype_t subtype = ota->final->subtype;

    if (ota->final->type != ESP_PARTITION_TYPE_APP || subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MIN ||
        subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MAX) {
        return ESP_OK; /* selecting factory would erase the OTA data; that is for the caller to decide */
    }
    esp_err_t err =
        esp_ota_set_boot_partition(ota->config.partition.finalize_with_copy ? ota->final : ota->staging);
    if (err == ESP_OK) {
        post_event(ESP_HTTPS_OTA_UPDATE_BOOT_PARTITION, &subtype, sizeof subtype);
    }
    return err;
}

esp_err_t esp_https_ota_finish(esp_https_ota_handle_t https_ota_handle)
{
    struct ota_handle *ota = https_ota_handle;

    if (ota == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    esp_err_t err = has_session(ota) ? esp_ota_end(ota->update) : ESP_OK;
    if (err == ESP_OK && ota->state == OTA_SUCCESS) {
        err = select_for_boot(ota);
    }
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "not finished: %s", esp_err_to_name(err));
    }
    release(ota);
    post_event(ESP_HTTPS_OTA_FINISH, NULL, 0);
    return err;
}

esp_err_t esp_https_ota_abort(esp_https_ota_handle_t https_ota_handle)
{
    struct ota_handle *ota = https_ota_handle;

    post_event(ESP_HTTPS_OTA_ABORT, NULL, 0);
    if (ota == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    esp_err_t err = has_session(ota) ? esp_ota_abort(ota->update) : ESP_OK;
    release(ota);
    return err;
}

/* ---- asking -------------------------------------------------------------- */

int esp_https_ota_get_status_code(esp_https_ota_handle_t https_ota_handle)
{
    const struct ota_handle *ota = https_ota_handle;
    return ota != NULL ? esp_http_client_get_status_code(ota->client) : -1;
}

int esp_https_ota_get_image_len_read(esp_https_ota_handle_t https_ota_handle)
{
    const struct ota_handle *ota = https_ota_handle;
    return ota != NULL && ota->state != OTA_BEGIN ? (int)ota->written : -1;
}

int esp_https_ota_get_image_size(esp_https_ota_handle_t https_ota_handle)
{
    const struct ota_handle *ota = https_ota_handle;
    return ota != NULL ? (int)ota->image_length : -1;
}

/* ---- all of it ----------------------------------------------------------- */

esp_err_t esp_https_ota(const esp_https_ota_config_t *ota_config)
{
    esp_https_ota_handle_t handle;

    if (ota_config == NULL || ota_config->http_config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (ota_config->ota_resumption) {
        return ESP_ERR_NOT_SUPPORTED; /* begin and perform can; here nobody keeps the offset */
    }
    esp_err_t err = esp_https_ota_begin(ota_config, &handle);
    if (err != ESP_OK) {
        return err;
    }
    do {
        err = esp_https_ota_perform(handle);
    } while (err == ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    if (err != ESP_OK) {
        (void)esp_https_ota_abort(handle);
        return err;
    }
    return esp_https_ota_finish(handle);
}
