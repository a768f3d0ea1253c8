/*
 * airlift_signature.h - why was an image not trusted?
 *
 * ESP-IDF's calls say no more than ESP_ERR_OTA_VALIDATE_FAILED. Here the reason can be
 * asked for, to tell it to whoever sent the image.
 */
#pragma once

#include "airlift/signature.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Of the image that this task had verified last, by esp_ota_end(),
 * esp_ota_set_boot_partition(), esp_image_verify() or esp_secure_boot_verify_signature():
 * AL_SIG_GOOD if its signature was right, not asked for, or not what was wrong with it.
 */
enum al_sig_fault airlift_last_signature_fault(void);

#ifdef __cplusplus
}
#endif
