/*
 * esp_eth_netif_glue.h - between an Ethernet driver and its interface.
 */
#pragma once

#include "esp_eth_driver.h"
#include "esp_netif.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_eth_netif_glue_t *esp_eth_netif_glue_handle_t;

/* For esp_netif_attach(). NULL if out of memory. */
esp_eth_netif_glue_handle_t esp_eth_new_netif_glue(esp_eth_handle_t eth_hdl);

/* After esp_eth_stop(). ESP_ERR_INVALID_ARG if NULL. */
esp_err_t esp_eth_del_netif_glue(esp_eth_netif_glue_handle_t eth_netif_glue);

#ifdef __cplusplus
}
#endif
