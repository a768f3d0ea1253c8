/*
 * Why an image is not trusted: its signature, as app_update judges it, or its secure version.
 */
#include "agent.h"

#include <inttypes.h>
#include <string.h>

#include "esp_efuse.h"
#include "esp_image_format.h"

#include "airlift/signature.h"

/* On Linux the SDK says what was wrong with a signature. ESP-IDF's log does, and no call. */
#if __has_include("airlift_signature.h")
#include "airlift_signature.h"
#else
static enum al_sig_fault airlift_last_signature_fault(void)
{
    return AL_SIG_GOOD;
}
#endif

static airlift_fail_t fail_of(enum al_sig_fault fault)
{
    switch (fault) {
    case AL_SIG_GOOD:
        return AIRLIFT_FAIL_IMAGE;
    case AL_SIG_UNSIGNED:
    case AL_SIG_V1:
        return AIRLIFT_FAIL_UNSIGNED;
    case AL_SIG_IGNORED:
    case AL_SIG_UNSUPPORTED:
    case AL_SIG_UNKNOWN_KEY:
        return AIRLIFT_FAIL_UNKNOWN_KEY;
    case AL_SIG_REVOKED:
        return AIRLIFT_FAIL_REVOKED_KEY;
    default:
        return AIRLIFT_FAIL_BAD_SIGNATURE;
    }
}

/* --- Shared with the other files ------------------------------------------ */

airlift_fail_t agent_refuse_image(struct agent *a, esp_err_t err)
{
    if (err == ESP_ERR_OTA_SMALL_SEC_VER) {
        return agent_fail(a, AIRLIFT_FAIL_SECURE_VERSION,
                          "the image's secure version is below this device's, %" PRIu32,
                          esp_efuse_read_secure_version());
    }
    const enum al_sig_fault fault = airlift_last_signature_fault();

    return fault == AL_SIG_GOOD
               ? agent_fail(a, AIRLIFT_FAIL_IMAGE, "the image does not verify (%s)", esp_err_to_name(err))
               : agent_fail(a, fail_of(fault), "the image is refused: %s", al_sig_fault_text(fault));
}

airlift_fail_t agent_verify_slot(struct agent *a, const esp_partition_t *slot)
{
    const esp_partition_pos_t pos = {.offset = slot->address, .size = slot->size};
    esp_image_metadata_t meta;
    esp_app_desc_t desc;
    const esp_err_t err = esp_image_verify(ESP_IMAGE_VERIFY, &pos, &meta);

    if (err != ESP_OK) {
        return agent_refuse_image(a, err);
    }
    if (esp_ota_get_partition_description(slot, &desc) == ESP_OK &&
        !esp_efuse_check_secure_version(desc.secure_version)) {
        return agent_refuse_image(a, ESP_ERR_OTA_SMALL_SEC_VER);
    }
    return AIRLIFT_FAIL_NONE;
}

bool agent_is_distrust(airlift_fail_t fail)
{
    return fail == AIRLIFT_FAIL_UNSIGNED || fail == AIRLIFT_FAIL_UNKNOWN_KEY ||
           fail == AIRLIFT_FAIL_REVOKED_KEY || fail == AIRLIFT_FAIL_BAD_SIGNATURE ||
           fail == AIRLIFT_FAIL_SECURE_VERSION;
}

airlift_fail_t agent_check_secure_version(struct agent *a)
{
    const struct agent_manifest *m = &a->manifest;

    if (!m->has_secure_version || esp_efuse_check_secure_version(m->secure_version)) {
        return AIRLIFT_FAIL_NONE;
    }
    return agent_fail(a, AIRLIFT_FAIL_SECURE_VERSION,
                      "the secure version of %s is %" PRIu32 ", below this device's %" PRIu32, m->version,
                      m->secure_version, esp_efuse_read_secure_version());
}

airlift_fail_t agent_check_refused(struct agent *a)
{
    struct agent_record refused;
    uint8_t running[AL_SHA256_SIZE];

    if (!agent_record_load(a->nvs, AGENT_KEY_REFUSED, &refused) ||
        memcmp(refused.identity, a->identity, sizeof(refused.identity)) != 0 ||
        esp_partition_get_sha256(a->running, running) != ESP_OK ||
        memcmp(refused.image, running, sizeof(running)) != 0) {
        return AIRLIFT_FAIL_NONE;
    }
    return agent_fail(a, (airlift_fail_t)refused.reason,
                      "%s was refused here before: waiting for a different image", a->manifest.version);
}

void agent_note_refused(struct agent *a, airlift_fail_t reason)
{
    struct agent_record refused = {.reason = (uint8_t)reason};

    memcpy(refused.identity, a->identity, sizeof(refused.identity));
    memcpy(refused.version, a->manifest.version, AGENT_VERSION_SIZE);
    /* A cut before it is stored: the image is fetched and refused once more. */
    if (esp_partition_get_sha256(a->running, refused.image) == ESP_OK) {
        (void)agent_record_store(a->nvs, AGENT_KEY_REFUSED, &refused);
    }
}
