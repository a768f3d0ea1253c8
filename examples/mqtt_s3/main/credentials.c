#include "credentials.h"

#include <stdio.h>
#include <stdlib.h>

#include "esp_log.h"
#include "esp_mac.h"
#include "nvs.h"
#include "sdkconfig.h"

static const char *TAG = "credentials";

/* The configured one, or one made of the MAC address. */
static const char *default_id(void)
{
    static char id[sizeof("sensor-000000")];
    uint8_t mac[6];

    if (CONFIG_MQTT_S3_DEVICE_ID[0] != '\0') {
        return CONFIG_MQTT_S3_DEVICE_ID;
    }
    if (esp_read_mac(mac, ESP_MAC_WIFI_STA) != ESP_OK) {
        return NULL;
    }
    snprintf(id, sizeof(id), "sensor-%02x%02x%02x", mac[3], mac[4], mac[5]);
    return id;
}

#ifdef CONFIG_MQTT_S3_CREDENTIALS_IN_NVS

/* A text of NVS in memory that is never freed, or NULL. */
static char *load(nvs_handle_t nvs, const char *key)
{
    size_t len = 0;

    if (nvs_get_str(nvs, key, NULL, &len) != ESP_OK) {
        return NULL;
    }
    char *text = malloc(len);

    if (text != NULL && nvs_get_str(nvs, key, text, &len) != ESP_OK) {
        free(text);
        text = NULL;
    }
    return text;
}

bool credentials_load(struct credentials *out)
{
    nvs_handle_t nvs;

    if (nvs_open("mqtt_s3", NVS_READONLY, &nvs) != ESP_OK) {
        ESP_LOGE(TAG, "no namespace \"mqtt_s3\" in NVS: this device was not provisioned");
        return false;
    }
    out->device_id = load(nvs, "device_id");
    out->certificate = load(nvs, "cert");
    out->key = load(nvs, "key");
    nvs_close(nvs);
    if (out->device_id == NULL) {
        out->device_id = default_id();
    }
    if (out->device_id == NULL || out->certificate == NULL || out->key == NULL) {
        ESP_LOGE(TAG, "NVS lacks cert or key in namespace \"mqtt_s3\"");
        return false;
    }
    return true;
}

#else

extern const char client_pem[] asm("_binary_client_pem_start");
extern const char client_key[] asm("_binary_client_key_start");

bool credentials_load(struct credentials *out)
{
    *out = (struct credentials){.device_id = default_id(), .certificate = client_pem, .key = client_key};
    return out->device_id != NULL;
}

#endif
