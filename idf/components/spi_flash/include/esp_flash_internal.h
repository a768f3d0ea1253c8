/*
 * esp_flash_internal.h - the guard over bootloader, partition table and running app.
 *
 * The virtual device has none: a program that is to destroy them does so, and the next boot shows it.
 */
#pragma once

#include <stdbool.h>

#include "esp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ESP_OK; ESP_ERR_INVALID_ARG if chip is NULL. */
esp_err_t esp_flash_set_dangerous_write_protection(esp_flash_t *chip, const bool protect);

#ifdef __cplusplus
}
#endif
