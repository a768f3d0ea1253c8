/*
 * update.c - from an HTTPS server to a slot, piece by piece, with esp_ota_*.
 *
 * The first piece holds the new version's description, so an image that is not
 * wanted costs one packet and no flash operation.
 */
#include <string.h>

#include "esp_app_desc.h"
#include "esp_app_format.h"
#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_ota_ops.h"

#include "native_ota.h"

#define PIECE    1024
#define DESC_OFF (sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t))

static const char *TAG = "update";

/* server_certs/ca_cert.pem, embedded by main/CMakeLists.txt */
extern const char ca_cert_pem[] asm("_binary_ca_cert_pem_start");

static char piece[PIECE];

/* Do we want the image that begins with these bytes? */
static esp_err_t check_version(const char *data)
{
    const esp_partition_t *failed = esp_ota_get_last_invalid_partition();
    esp_app_desc_t offered, running, went_back;

    memcpy(&offered, data + DESC_OFF, sizeof(offered));
    if (offered.magic_word != ESP_APP_DESC_MAGIC_WORD) {
        ESP_LOGE(TAG, "what the server has is no firmware image");
        return ESP_ERR_INVALID_RESPONSE;
    }
    esp_err_t err = esp_ota_get_partition_description(esp_ota_get_running_partition(), &running);
    if (err != ESP_OK) {
        return err;
    }
    ESP_LOGI(TAG, "the server has %.32s, this is %.32s", offered.version, running.version);
    if (memcmp(offered.version, running.version, sizeof(offered.version)) == 0) {
        return ESP_ERR_NOT_FOUND;
    }
    if (failed != NULL && esp_ota_get_partition_description(failed, &went_back) == ESP_OK &&
        memcmp(offered.version, went_back.version, sizeof(offered.version)) == 0) {
        ESP_LOGW(TAG, "%.32s was tried before and went back", offered.version);
        return ESP_ERR_NOT_ALLOWED;
    }
    return ESP_OK;
}

/* Fill `piece` as far as the body goes. Fewer than PIECE bytes: the end; negative: failed. */
static int read_piece(esp_http_client_handle_t client)
{
    int len = 0;

    while (len < PIECE) {
        int got = esp_http_client_read(client, piece + len, PIECE - len);
        if (got < 0) {
            return got;
        }
        if (got == 0) {
            break;
        }
        len += got;
    }
    return len;
}

/* All of the body behind the first `len` bytes, which are in `piece`. */
static esp_err_t write_all(esp_http_client_handle_t client, esp_ota_handle_t ota, int len)
{
    int total = 0;

    while (len > 0) {
        esp_err_t err = esp_ota_write(ota, piece, (size_t)len);
        if (err != ESP_OK) {
            return err;
        }
        total += len;
        len = read_piece(client);
    }
    if (len < 0 || !esp_http_client_is_complete_data_received(client)) {
        ESP_LOGE(TAG, "the image ended after %d bytes", total);
        return ESP_ERR_NOT_FINISHED;
    }
    ESP_LOGI(TAG, "%d bytes written", total);
    return ESP_OK;
}

/* The response has begun. */
static esp_err_t install(esp_http_client_handle_t client)
{
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    int len = read_piece(client);
    esp_ota_handle_t ota;

    if (slot == NULL || len < (int)(DESC_OFF + sizeof(esp_app_desc_t))) {
        return slot == NULL ? ESP_ERR_NOT_FOUND : ESP_ERR_NOT_FINISHED;
    }
    esp_err_t err = check_version(piece);
    if (err != ESP_OK) {
        return err;
    }
    /* Sectors are erased as they are reached: no long pause at the start, and none for nothing. */
    err = esp_ota_begin(slot, OTA_WITH_SEQUENTIAL_WRITES, &ota);
    if (err != ESP_OK) {
        return err;
    }
    err = write_all(client, ota, len);
    if (err != ESP_OK) {
        esp_ota_abort(ota);
        return err;
    }
    err = esp_ota_end(ota); /* verifies what is in flash */
    return err == ESP_OK ? esp_ota_set_boot_partition(slot) : err;
}

esp_err_t update_run(void)
{
    const esp_http_client_config_t config = {
        .url = CONFIG_NATIVE_OTA_URL,
        .cert_pem = ca_cert_pem,
        .timeout_ms = CONFIG_NATIVE_OTA_TIMEOUT_MS,
        .keep_alive_enable = true,
    };
    esp_http_client_handle_t client = esp_http_client_init(&config);

    if (client == NULL) {
        return ESP_ERR_NO_MEM;
    }
    esp_err_t err = esp_http_client_open(client, 0);
    if (err == ESP_OK && esp_http_client_fetch_headers(client) < 0) {
        err = ESP_ERR_HTTP_FETCH_HEADER;
    }
    if (err == ESP_OK && esp_http_client_get_status_code(client) != 200) {
        ESP_LOGE(TAG, "the server answers %d", esp_http_client_get_status_code(client));
        err = ESP_ERR_INVALID_RESPONSE;
    }
    if (err == ESP_OK) {
        err = install(client);
    }
    esp_http_client_close(client);
    esp_http_client_cleanup(client);
    return err;
}
