/*
 * esp_netif.h - network interfaces. The virtual device uses the host's network,
 * which is up before the firmware starts; these calls succeed at once.
 */
#pragma once

#include <stdint.h>

#include "esp_err.h"
#include "esp_event_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ERR_ESP_NETIF_BASE           0x5000
#define ESP_ERR_ESP_NETIF_INVALID_PARAMS (ESP_ERR_ESP_NETIF_BASE + 0x01)

typedef struct esp_netif_obj esp_netif_t;

/* Both return ESP_OK, as often as they are called; deinit is ESP_ERR_NOT_SUPPORTED, as in ESP-IDF. */
esp_err_t esp_netif_init(void);
esp_err_t esp_netif_deinit(void);

/* The host's name, or one set for this device (copied, at most 32 characters). */
esp_err_t esp_netif_set_hostname(esp_netif_t *esp_netif, const char *hostname);
esp_err_t esp_netif_get_hostname(esp_netif_t *esp_netif, const char **hostname);

#ifdef __cplusplus
}
#endif
