/*
 * esp_eth_driver.h - Ethernet: a cable that is always plugged in, to the host's network.
 *
 * Starting posts ETHERNET_EVENT_START, ETHERNET_EVENT_CONNECTED and, if an
 * interface is attached, IP_EVENT_ETH_GOT_IP: to the default loop, before the
 * call returns. Every call may be made from any task.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_eth_com.h"
#include "esp_eth_mac.h"
#include "esp_eth_phy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void *esp_eth_handle_t;

typedef struct {
    esp_eth_mac_t *mac; /* required, borrowed until the driver is uninstalled */
    esp_eth_phy_t *phy; /* the same */
    uint32_t check_link_period_ms;
    esp_err_t (*stack_input)(esp_eth_handle_t eth_handle, uint8_t *buffer, uint32_t length, void *priv);
    esp_err_t (*on_lowlevel_init_done)(esp_eth_handle_t eth_handle);
    esp_err_t (*on_lowlevel_deinit_done)(esp_eth_handle_t eth_handle);
} esp_eth_config_t;

#define ETH_DEFAULT_CONFIG(emac, ephy)                          \
    {                                                           \
        .mac = emac, .phy = ephy, .check_link_period_ms = 2000, \
    }

typedef enum {
    ETH_CMD_G_MAC_ADDR, /* uint8_t[6] */
    ETH_CMD_S_MAC_ADDR, /* uint8_t[6] */
    ETH_CMD_G_PHY_ADDR, /* uint32_t */
    ETH_CMD_S_PHY_ADDR, /* uint32_t */
    ETH_CMD_G_AUTONEGO, /* bool: on */
    ETH_CMD_S_AUTONEGO,
    ETH_CMD_G_SPEED, /* eth_speed_t: 100M */
    ETH_CMD_S_SPEED,
    ETH_CMD_S_PROMISCUOUS,
    ETH_CMD_S_FLOW_CTRL,
    ETH_CMD_G_DUPLEX_MODE, /* eth_duplex_t: full */
    ETH_CMD_S_DUPLEX_MODE,
    ETH_CMD_S_PHY_LOOPBACK,
} esp_eth_io_cmd_t;

/* ESP_ERR_INVALID_ARG (NULL), ESP_ERR_NO_MEM. */
esp_err_t esp_eth_driver_install(const esp_eth_config_t *config, esp_eth_handle_t *out_hdl);
esp_err_t esp_eth_driver_uninstall(esp_eth_handle_t hdl); /* ESP_ERR_INVALID_STATE while it runs */

esp_err_t esp_eth_start(esp_eth_handle_t hdl); /* ESP_ERR_INVALID_STATE if it runs */
esp_err_t esp_eth_stop(esp_eth_handle_t hdl);  /* posts DISCONNECTED, STOP */

/* ESP_ERR_NOT_SUPPORTED for commands without a remark: there is no wire to set up. */
esp_err_t esp_eth_ioctl(esp_eth_handle_t hdl, esp_eth_io_cmd_t cmd, void *data);

#ifdef __cplusplus
}
#endif
