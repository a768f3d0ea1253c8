/*
 * protocol_examples_common.h - what ESP-IDF's examples call to get a network.
 * The virtual device has the host's: both succeed at once.
 */
#pragma once

#include "esp_err.h"
#include "esp_netif.h"

#ifdef __cplusplus
extern "C" {
#endif

esp_err_t example_connect(void);
esp_err_t example_disconnect(void);

#ifdef __cplusplus
}
#endif
