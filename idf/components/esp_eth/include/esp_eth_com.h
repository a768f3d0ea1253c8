/*
 * esp_eth_com.h - Ethernet's events and types.
 */
#pragma once

#include <stdint.h>

#include "esp_err.h"
#include "esp_event_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ETH_ADDR_LEN          6
#define ESP_ETH_PHY_ADDR_AUTO (-1)

typedef enum {
    ETHERNET_EVENT_START, /* esp_eth_handle_t, as all of them */
    ETHERNET_EVENT_STOP,
    ETHERNET_EVENT_CONNECTED,
    ETHERNET_EVENT_DISCONNECTED,
} eth_event_t;

ESP_EVENT_DECLARE_BASE(ETH_EVENT);

typedef enum { ETH_LINK_UP, ETH_LINK_DOWN } eth_link_t;
typedef enum { ETH_SPEED_10M, ETH_SPEED_100M, ETH_SPEED_MAX } eth_speed_t;
typedef enum { ETH_DUPLEX_HALF, ETH_DUPLEX_FULL } eth_duplex_t;

#ifdef __cplusplus
}
#endif
