/* esp_eth.h - Ethernet: driver, controller, PHY, and the glue to an interface. */
#pragma once

#include "esp_eth_driver.h"
#include "esp_eth_mac.h"
#include "esp_eth_netif_glue.h"
#include "esp_eth_phy.h"
