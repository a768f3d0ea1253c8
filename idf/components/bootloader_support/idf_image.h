/*
 * idf_image.h - verifying images with core's full set of rules, for the SDK's own components.
 */
#pragma once

#include <stdbool.h>

#include "airlift/image.h"
#include "airlift/signature.h"
#include "esp_image_format.h"

/* Whose signature must an image show? */
enum idf_image_trust {
    IDF_IMAGE_TRUST_ANY,    /* nobody's: signatures are not looked at */
    IDF_IMAGE_TRUST_BOOT,   /* what the bootloader asks for: with secure boot, a key's in the eFuses */
    IDF_IMAGE_TRUST_UPDATE, /* what an update needs: the same, or what esp_secure_boot.h says without it */
};

/*
 * Verify the image at rules->flash_off; rules->signature is set by `trust`. ESP_OK;
 * ESP_ERR_INVALID_ARG (partition over 16 MB), ESP_ERR_IMAGE_INVALID, ESP_ERR_IMAGE_FLASH_FAIL,
 * ESP_FAIL (another chip or revision), ESP_ERR_NO_MEM. data is zeroed on failure; its
 * image_len has the signature sector in it if there was one to check.
 */
esp_err_t idf_image_verify(const struct al_image_rules *rules, enum idf_image_trust trust, bool silent,
                           esp_image_metadata_t *data);

/* The same by a policy of the caller's. */
esp_err_t idf_image_verify_by(const struct al_image_rules *rules, const struct al_sig_policy *policy,
                              bool silent, esp_image_metadata_t *data);

/* A policy with room for the keys that it trusts. */
struct idf_trusted_keys {
    struct al_sig_policy policy; /* borrows `key` */
    uint8_t key[16][AL_SIG_KEY_DIGEST_SIZE];
};

/*
 * The policy that `trust` means on this device. *needed: false if no signature is asked for.
 * ESP_OK; ESP_ERR_NO_MEM, ESP_FAIL: the running app's signers can't be told.
 */
esp_err_t idf_trusted_keys(enum idf_image_trust trust, struct idf_trusted_keys *out, bool *needed);

/* Kept for airlift_last_signature_fault(). */
void idf_note_signature_fault(enum al_sig_fault fault);
