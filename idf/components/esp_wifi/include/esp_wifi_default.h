/*
 * esp_wifi_default.h - interfaces that Wi-Fi brings up and down by itself.
 */
#pragma once

#include "esp_netif.h"
#include "esp_wifi_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An interface with ESP-IDF's defaults. Needs the default event loop; aborts (a panic) if it can't be made. */
esp_netif_t *esp_netif_create_default_wifi_sta(void);
esp_netif_t *esp_netif_create_default_wifi_ap(void);

/* The same with a configuration of one's own. */
esp_netif_t *esp_netif_create_wifi(wifi_interface_t wifi_if, const esp_netif_inherent_config_t *config);

/* Forget the interface and destroy it: what the last two made, or one attached below. */
void esp_netif_destroy_default_wifi(void *esp_netif);

/* Let Wi-Fi drive this interface from now on. ESP_ERR_INVALID_ARG if NULL. */
esp_err_t esp_netif_attach_wifi_station(esp_netif_t *esp_netif);
esp_err_t esp_netif_attach_wifi_ap(esp_netif_t *esp_netif);

/* Interfaces follow the driver in any case. */
esp_err_t esp_wifi_set_default_wifi_sta_handlers(void);
esp_err_t esp_wifi_set_default_wifi_ap_handlers(void);
esp_err_t esp_wifi_clear_default_wifi_driver_and_handlers(void *esp_netif);

#ifdef __cplusplus
}
#endif
