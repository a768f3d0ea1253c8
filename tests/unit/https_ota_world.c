#include "https_ota_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct http_world world;
esp_http_client_config_t http;
esp_https_ota_config_t config;
esp_https_ota_handle_t handle;

void https_ota_world_start(const char *desc)
{
    ota_world_start(desc);
    http_world_start(&world, NULL);
}

int https_ota_world_stop(void **state)
{
    (void)state;
    http_world_stop(&world);
    ota_world_stop();
    return 0;
}

void https_ota_world_reset(const char *path)
{
    http = (esp_http_client_config_t){
        .url = http_world_url(&world, "%s", path), .cert_pem = world.ca_pem, .timeout_ms = 3000};
    config = (esp_https_ota_config_t){.http_config = &http};
    handle = NULL;
    ota_world_reset();
    http_world_reset(&world);
}

esp_err_t update(const char *path)
{
    http.url = http_world_url(&world, "%s", path);
    return esp_https_ota(&config);
}

void begin(const char *path)
{
    http.url = http_world_url(&world, "%s", path);
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_OK);
    assert_non_null(handle);
}

esp_err_t begin_fails(const char *path)
{
    http.url = http_world_url(&world, "%s", path);
    handle = &http; /* must not stay */
    esp_err_t err = esp_https_ota_begin(&config, &handle);
    assert_null(handle);
    return err;
}

esp_err_t perform_all(void)
{
    esp_err_t err;

    do {
        err = esp_https_ota_perform(handle);
    } while (err == ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    return err;
}
