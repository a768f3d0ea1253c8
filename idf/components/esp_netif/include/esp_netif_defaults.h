/*
 * esp_netif_defaults.h - how the usual interfaces are configured.
 */
#pragma once

#include "esp_netif_types.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const esp_netif_inherent_config_t _g_esp_netif_inherent_sta_config;
extern const esp_netif_inherent_config_t _g_esp_netif_inherent_ap_config;
extern const esp_netif_inherent_config_t _g_esp_netif_inherent_eth_config;
extern const esp_netif_netstack_config_t *_g_esp_netif_netstack_default_wifi_sta;
extern const esp_netif_netstack_config_t *_g_esp_netif_netstack_default_wifi_ap;
extern const esp_netif_netstack_config_t *_g_esp_netif_netstack_default_eth;

#define ESP_NETIF_INHERENT_DEFAULT_WIFI_STA() _g_esp_netif_inherent_sta_config
#define ESP_NETIF_INHERENT_DEFAULT_WIFI_AP()  _g_esp_netif_inherent_ap_config
#define ESP_NETIF_INHERENT_DEFAULT_ETH()      _g_esp_netif_inherent_eth_config

#define ESP_NETIF_NETSTACK_DEFAULT_WIFI_STA _g_esp_netif_netstack_default_wifi_sta
#define ESP_NETIF_NETSTACK_DEFAULT_WIFI_AP  _g_esp_netif_netstack_default_wifi_ap
#define ESP_NETIF_NETSTACK_DEFAULT_ETH      _g_esp_netif_netstack_default_eth

#define ESP_NETIF_BASE_DEFAULT_WIFI_STA &_g_esp_netif_inherent_sta_config
#define ESP_NETIF_BASE_DEFAULT_WIFI_AP  &_g_esp_netif_inherent_ap_config
#define ESP_NETIF_BASE_DEFAULT_ETH      &_g_esp_netif_inherent_eth_config

#define ESP_NETIF_DEFAULT_WIFI_STA()                             \
    {                                                            \
        .base = ESP_NETIF_BASE_DEFAULT_WIFI_STA, .driver = NULL, \
        .stack = ESP_NETIF_NETSTACK_DEFAULT_WIFI_STA,            \
    }
#define ESP_NETIF_DEFAULT_WIFI_AP()                                                                          \
    {                                                                                                        \
        .base = ESP_NETIF_BASE_DEFAULT_WIFI_AP, .driver = NULL, .stack = ESP_NETIF_NETSTACK_DEFAULT_WIFI_AP, \
    }
#define ESP_NETIF_DEFAULT_ETH()                                                                      \
    {                                                                                                \
        .base = ESP_NETIF_BASE_DEFAULT_ETH, .driver = NULL, .stack = ESP_NETIF_NETSTACK_DEFAULT_ETH, \
    }

#ifdef __cplusplus
}
#endif
