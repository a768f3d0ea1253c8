/*
 * esp_eth_mac.h - the chip's own Ethernet controller. SPI modules are not supported on the virtual device.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_eth_com.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_eth_mac_s esp_eth_mac_t;
struct esp_eth_mac_s {
    esp_err_t (*del)(esp_eth_mac_t *mac); /* after the driver was uninstalled */
};

typedef struct {
    uint32_t sw_reset_timeout_ms;
    uint32_t rx_task_stack_size;
    uint32_t rx_task_prio;
    uint32_t flags;
} eth_mac_config_t;

#define ETH_MAC_DEFAULT_CONFIG()                                                    \
    {                                                                               \
        .sw_reset_timeout_ms = 100, .rx_task_stack_size = 4096, .rx_task_prio = 15, \
    }

typedef enum { EMAC_DATA_INTERFACE_RMII, EMAC_DATA_INTERFACE_MII } eth_data_interface_t;
typedef enum { EMAC_CLK_DEFAULT, EMAC_CLK_EXT_IN, EMAC_CLK_OUT } emac_rmii_clock_mode_t;

typedef struct {
    int32_t mdc_num;
    int32_t mdio_num;
} emac_esp_smi_gpio_config_t;

/* Pins, remembered by nobody: there is no wire. */
typedef struct {
    union {
        emac_esp_smi_gpio_config_t smi_gpio;
        struct {
            int smi_mdc_gpio_num;
            int smi_mdio_gpio_num;
        };
    };
    eth_data_interface_t interface;
    struct {
        struct {
            emac_rmii_clock_mode_t clock_mode;
            int clock_gpio;
        } rmii;
    } clock_config;
    int dma_burst_len;
    int intr_priority;
} eth_esp32_emac_config_t;

#define ETH_ESP32_EMAC_DEFAULT_CONFIG()                                                     \
    {                                                                                       \
        .smi_gpio = {.mdc_num = 23, .mdio_num = 18}, .interface = EMAC_DATA_INTERFACE_RMII, \
    }

/* NULL if config is NULL, or out of memory. */
esp_eth_mac_t *esp_eth_mac_new_esp32(const eth_esp32_emac_config_t *esp32_config,
                                     const eth_mac_config_t *config);
esp_eth_mac_t *esp_eth_mac_new_openeth(const eth_mac_config_t *config);

#ifdef __cplusplus
}
#endif
