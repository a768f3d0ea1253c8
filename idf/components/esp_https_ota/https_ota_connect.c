/* https_ota_connect.c - requests: redirects, credentials, ranges, and what each status means. */
#include <inttypes.h>
#include <stdio.h>

#include "airlift_sdkconfig.h"
#include "esp_log.h"
#include "https_ota_priv.h"

#define MAX_DROPPED_BODY \
    65536 /* bytes of a redirect's own body that are worth reading to keep the connection */

static const char *const TAG = "esp_https_ota";

/* ---- one request --------------------------------------------------------- */

static bool is_redirect(int status)
{
    return status == HttpStatus_MovedPermanently || status == HttpStatus_Found ||
           status == HttpStatus_SeeOther || status == HttpStatus_TemporaryRedirect ||
           status == HttpStatus_PermanentRedirect;
}

static void drop_body(esp_http_client_handle_t client)
{
    char dropped[256];
    int total = 0, n;

    while (total < MAX_DROPPED_BODY && (n = esp_http_client_read(client, dropped, sizeof dropped)) > 0) {
        total += n;
    }
}

/* What a status means for the update. *again: the request has to be repeated. */
static esp_err_t judge_status(const struct ota_handle *ota, int status, bool *again)
{
    esp_err_t err = ESP_OK;

    *again = is_redirect(status) || status == HttpStatus_Unauthorized;
    if (is_redirect(status)) {
        drop_body(ota->client);
        err = esp_http_client_set_redirection(ota->client);
    } else if (status == HttpStatus_Unauthorized) {
        drop_body(ota->client);
        err = esp_http_client_add_auth(ota->client);
    } else if (status == HttpStatus_NotModified) {
        ESP_LOGI(TAG, "the image has not changed");
        err = ESP_ERR_HTTP_NOT_MODIFIED;
    } else if (status == HttpStatus_RangeNotSatisfiable) {
        err = ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE;
    } else if (status >= HttpStatus_BadRequest) {
        ESP_LOGE(TAG, "the server answers %d", status);
        err = ESP_FAIL;
    } else if (ota->resumption && !ota->partial && status != HttpStatus_PartialContent) {
        ESP_LOGW(TAG, "the server ignores ranges, which resumption needs");
        err = ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE;
    }
    return err;
}

static esp_err_t send_body(esp_http_client_handle_t client, const char *data, int len)
{
    while (len > 0) {
        int n = esp_http_client_write(client, data, len);
        if (n <= 0) {
            return ESP_FAIL;
        }
        data += n;
        len -= n;
    }
    return ESP_OK;
}

/* Request, following redirects and answering 401, until a response with the body asked for has begun. */
static esp_err_t request(const struct ota_handle *ota)
{
    bool again;

    do {
        char *body = NULL;
        int body_len = esp_http_client_get_post_field(ota->client, &body);
        esp_err_t err = esp_http_client_open(ota->client, body_len);
        if (err == ESP_OK) {
            err = send_body(ota->client, body, body_len);
        }
        if (err != ESP_OK) {
            ESP_LOGE(TAG, "no connection: %s", esp_err_to_name(err));
            return err;
        }
        int64_t length = esp_http_client_fetch_headers(ota->client);
        if (length < 0) {
            return length == -ESP_ERR_HTTP_EAGAIN ? ESP_ERR_HTTP_EAGAIN : ESP_FAIL;
        }
        err = judge_status(ota, esp_http_client_get_status_code(ota->client), &again);
        if (err != ESP_OK) {
            return err;
        }
    } while (again);
    return ESP_OK;
}

/* ---- ranges -------------------------------------------------------------- */

/* bytes=first-last, or bytes=first- if last < 0. */
static esp_err_t set_range(const struct ota_handle *ota, int64_t first, int64_t last)
{
    char value[64];

    if (last >= 0) {
        (void)snprintf(value, sizeof value, "bytes=%" PRId64 "-%" PRId64, first, last);
    } else {
        (void)snprintf(value, sizeof value, "bytes=%" PRId64 "-", first);
    }
    return esp_http_client_set_header(ota->client, "Range", value);
}

/* Some servers refuse HEAD, for presigned URLs all do: a GET of one byte tells the length as well. */
static esp_err_t probe_with_get(struct ota_handle *ota, int64_t *length)
{
    esp_err_t err = esp_http_client_set_method(ota->client, HTTP_METHOD_GET);

    if (err == ESP_OK) {
        err = set_range(ota, 0, 0);
    }
    if (err == ESP_OK) {
        err = request(ota);
    }
    if (err != ESP_OK) {
        return err;
    }
    int status = esp_http_client_get_status_code(ota->client);
    if (status == HttpStatus_PartialContent) {
        *length = esp_http_client_get_content_range(ota->client);
    } else if (status == HttpStatus_Ok) {
        *length = esp_http_client_get_content_length(ota->client);
    } else {
        ESP_LOGE(TAG, "the server answers %d", status);
        return ESP_FAIL;
    }
    return esp_http_client_delete_header(ota->client, "Range");
}

/* Partial download needs the length before anything else. */
static esp_err_t probe(struct ota_handle *ota)
{
    int64_t length = -1;

    esp_err_t err = esp_http_client_set_method(ota->client, HTTP_METHOD_HEAD);
    if (err == ESP_OK) {
        err = esp_http_client_perform(ota->client);
    }
    if (err != ESP_OK) {
        return err;
    }
    int status = esp_http_client_get_status_code(ota->client);
    if (status == HttpStatus_Ok) {
        length = esp_http_client_get_content_length(ota->client);
        err = esp_http_client_set_method(ota->client, HTTP_METHOD_GET);
    } else if (status == HttpStatus_NotModified) {
        err = ESP_ERR_HTTP_NOT_MODIFIED;
    } else {
        err = probe_with_get(ota, &length);
    }
    if (err != ESP_OK) {
        return err;
    }
    if (length < 0) {
        ESP_LOGE(TAG, "the server doesn't tell the image's length");
        return ESP_FAIL;
    }
    ota->image_length = length - https_ota_skipped(ota);
    return ESP_OK;
}

/*
 * The first range. Its end is one past the last byte when everything left fits
 * in one: that is what ESP-IDF asks for, and servers must clamp it.
 */
static esp_err_t set_first_range(const struct ota_handle *ota)
{
    int64_t first = ota->written;
    int64_t last =
        ota->image_length > first + ota->range_size ? first + ota->range_size - 1 : ota->image_length;

    return last - first < ota->image_length ? set_range(ota, first, last) : ESP_OK;
}

/* The server can't give the rest: take the image from its beginning. */
static esp_err_t restart_from_zero(struct ota_handle *ota)
{
    ESP_LOGW(TAG, "can't resume at %" PRId64 ", starting again", ota->written);
    ota->resumption = false;
    ota->written = 0;
    esp_err_t err = esp_http_client_delete_header(ota->client, "Range");
    if (err == ESP_OK && ota->partial && ota->image_length > ota->range_size) {
        err = set_range(ota, 0, ota->range_size - 1);
    }
    if (err != ESP_OK) {
        return err;
    }
    (void)esp_http_client_close(ota->client);
    return request(ota);
}

/* ---- for the update ------------------------------------------------------ */

int https_ota_skipped(const struct ota_handle *ota)
{
    return airlift_sdkconfig.esp_https_ota_decrypt_cb ? ota->config.enc_img_header_size : 0;
}

esp_err_t https_ota_connect(struct ota_handle *ota)
{
    esp_err_t err = ESP_OK;

    if (ota->partial) {
        err = probe(ota);
        if (err == ESP_OK) {
            err = set_first_range(ota);
        }
    } else if (ota->resumption) {
        err = set_range(ota, ota->written, -1); /* at 0 too: to learn early whether the server can */
    }
    if (err != ESP_OK) {
        return err;
    }
    err = request(ota);
    if (err == ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE && ota->resumption) {
        err = restart_from_zero(ota);
    }
    if (err == ESP_OK && !ota->partial) {
        int64_t length = esp_http_client_get_content_length(ota->client);
        ota->image_length = length >= 0 ? length - https_ota_skipped(ota) : -1;
    }
    return err;
}

esp_err_t https_ota_next_range(struct ota_handle *ota)
{
    int64_t first = ota->written + https_ota_skipped(ota);
    bool more = ota->image_length - ota->written > ota->range_size;

    if (!esp_http_client_is_persistent_connection(ota->client)) {
        (void)esp_http_client_close(ota->client);
    }
    esp_err_t err = set_range(ota, first, more ? first + ota->range_size - 1 : -1);
    if (err != ESP_OK) {
        return err;
    }
    return request(ota) == ESP_OK ? ESP_OK : ESP_FAIL;
}
