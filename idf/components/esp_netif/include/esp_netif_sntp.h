/*
 * esp_netif_sntp.h - time from the network, the short way: see esp_sntp.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "esp_err.h"
#include "esp_netif_types.h"
#include "esp_sntp.h"
#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*esp_sntp_time_cb_t)(struct timeval *tv);

typedef struct esp_sntp_config {
    bool smooth_sync;
    bool server_from_dhcp;
    bool wait_for_sync;
    bool start;
    esp_sntp_time_cb_t sync_cb;
    bool renew_servers_after_new_IP;
    ip_event_t ip_event_to_renew;
    size_t index_of_first_server;
    size_t num_of_servers;
    const char *servers[SNTP_MAX_SERVERS]; /* borrowed */
} esp_sntp_config_t;

#define ESP_SNTP_SERVER_LIST(...) \
    {                             \
        __VA_ARGS__               \
    }
#define ESP_NETIF_SNTP_DEFAULT_CONFIG_MULTIPLE(n, list)                               \
    {                                                                                 \
        .wait_for_sync = true, .start = true, .num_of_servers = (n), .servers = list, \
    }
#define ESP_NETIF_SNTP_DEFAULT_CONFIG(server) ESP_NETIF_SNTP_DEFAULT_CONFIG_MULTIPLE(1, {server})

/* ESP_ERR_INVALID_ARG (NULL), ESP_ERR_INVALID_STATE (initialised already). */
esp_err_t esp_netif_sntp_init(const esp_sntp_config_t *config);
esp_err_t esp_netif_sntp_start(void);
void esp_netif_sntp_deinit(void);

/* ESP_OK once it was started; ESP_ERR_TIMEOUT; ESP_ERR_INVALID_STATE without init. */
esp_err_t esp_netif_sntp_sync_wait(TickType_t tout);

#ifdef __cplusplus
}
#endif
