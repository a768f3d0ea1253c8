/*
 * protocol_examples_common.h - what ESP-IDF's examples call to get a network and a console.
 *
 * Which interfaces are brought up is chosen with CONFIG_EXAMPLE_CONNECT_WIFI and
 * CONFIG_EXAMPLE_CONNECT_ETHERNET. On the virtual device each of them is the
 * host's network.
 */
#pragma once

#include "esp_err.h"
#include "esp_netif.h"
#include "sdkconfig.h"
#if CONFIG_EXAMPLE_CONNECT_ETHERNET
#include "esp_eth.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if CONFIG_EXAMPLE_CONNECT_WIFI
#define EXAMPLE_NETIF_DESC_STA "example_netif_sta"
#endif

#if CONFIG_EXAMPLE_CONNECT_ETHERNET
#define EXAMPLE_NETIF_DESC_ETH "example_netif_eth"
#define EXAMPLE_INTERFACE      get_example_netif_from_desc(EXAMPLE_NETIF_DESC_ETH)
#define get_example_netif()    get_example_netif_from_desc(EXAMPLE_NETIF_DESC_ETH)
#elif CONFIG_EXAMPLE_CONNECT_WIFI
#define EXAMPLE_INTERFACE   get_example_netif_from_desc(EXAMPLE_NETIF_DESC_STA)
#define get_example_netif() get_example_netif_from_desc(EXAMPLE_NETIF_DESC_STA)
#endif

/*
 * Bring up the chosen interfaces and wait for their addresses. Needs
 * esp_netif_init() and the default event loop. With
 * CONFIG_EXAMPLE_WIFI_SSID_PWD_FROM_STDIN a line "SSID PASSWORD" is read from
 * the console first. ESP_FAIL if there is no such interface to be had.
 */
esp_err_t example_connect(void);
esp_err_t example_disconnect(void);

/*
 * From now on reading stdin waits for what comes from the console, and no more
 * is taken from it than is asked for: the rest is there after a reset. Like a
 * serial line, it has no end.
 */
esp_err_t example_configure_stdin_stdout(void);

/* The interface that example_connect() made under that description, or NULL. */
esp_netif_t *get_example_netif_from_desc(const char *desc);

#if CONFIG_EXAMPLE_CONNECT_ETHERNET
/* NULL before example_connect(). */
esp_eth_handle_t get_example_eth_handle(void);
#endif

#ifdef __cplusplus
}
#endif
