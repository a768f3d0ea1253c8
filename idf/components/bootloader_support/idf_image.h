/*
 * idf_image.h - esp_image_verify() with core's full set of rules, for the SDK's own components.
 */
#pragma once

#include <stdbool.h>

#include "airlift/image.h"
#include "esp_image_format.h"

/*
 * Verify the image at rules->flash_off. ESP_OK; ESP_ERR_INVALID_ARG (partition
 * over 16 MB), ESP_ERR_IMAGE_INVALID, ESP_ERR_IMAGE_FLASH_FAIL, ESP_FAIL (another
 * chip or revision), ESP_ERR_NO_MEM. data is zeroed on failure.
 */
esp_err_t idf_image_verify(const struct al_image_rules *rules, bool silent, esp_image_metadata_t *data);
