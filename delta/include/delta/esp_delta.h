/*
 * esp_delta.h - makes patches for devices that update with Espressif's esp_delta_ota. What applies them, and
 * the format: airlift/esp_delta.h.
 */
#ifndef DELTA_ESP_DELTA_H
#define DELTA_ESP_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "airlift/esp_delta.h"

/*
 * Make a patch. Deterministic.
 *
 * base     the image as it lies on the devices' flash: a signed file, if they hold signed images.
 *          Refused unless it is a whole image whose appended hash is right. NULL with base_len 0: the
 *          patch holds all of the new image, and names no base; airlift's agent takes such a one.
 * to       the new image; any bytes, 1 to AL_ESP_DELTA_MAX_SIZE
 * out      the file, owned by the caller, free(); written on success only
 * err      on failure one line that says why
 *
 * Memory: about 5 times base_len plus 8 times to_len. Returns 0, AL_ERR_IMAGE for the base,
 * AL_ERR_SIZE, AL_ERR_CRYPTO, or AL_ERR_STATE if memory ran out.
 */
AL_CHECK_RESULT int delta_esp_make(const uint8_t *base, size_t base_len, const uint8_t *to, size_t to_len,
                                   uint8_t **out, size_t *out_len, char *err, size_t err_size);

#endif
