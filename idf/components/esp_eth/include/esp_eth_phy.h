/*
 * esp_eth_phy.h - the chip between controller and cable. Whichever it is, the link is up at 100 Mbit/s.
 */
#pragma once

#include <stdint.h>

#include "esp_eth_com.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_eth_phy_s esp_eth_phy_t;
struct esp_eth_phy_s {
    esp_err_t (*del)(esp_eth_phy_t *phy); /* after the driver was uninstalled */
    int32_t addr;
};

typedef struct {
    int32_t phy_addr;
    uint32_t reset_timeout_ms;
    uint32_t autonego_timeout_ms;
    int reset_gpio_num;
    int32_t hw_reset_assert_time_us;
    int32_t post_hw_reset_delay_ms;
} eth_phy_config_t;

#define ETH_PHY_DEFAULT_CONFIG()                                                                 \
    {                                                                                            \
        .phy_addr = ESP_ETH_PHY_ADDR_AUTO, .reset_timeout_ms = 100, .autonego_timeout_ms = 4000, \
        .reset_gpio_num = 5,                                                                     \
    }

/* NULL if config is NULL, or out of memory. */
esp_eth_phy_t *esp_eth_phy_new_generic(const eth_phy_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_ip101(const eth_phy_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_rtl8201(const eth_phy_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_lan87xx(const eth_phy_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_dp83848(const eth_phy_config_t *config);
esp_eth_phy_t *esp_eth_phy_new_ksz80xx(const eth_phy_config_t *config);

#ifdef __cplusplus
}
#endif
