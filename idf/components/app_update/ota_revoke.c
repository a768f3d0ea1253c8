/*
 * Take the trust from a key of secure boot.
 */
#include "esp_efuse.h"
#include "esp_image_format.h"
#include "esp_log.h"
#include "esp_secure_boot.h"
#include "idf_flash.h"
#include "idf_image.h"
#include "ota_internal.h"

static const char *TAG = "esp_ota_ops";

static bool confirmed(const esp_partition_t *running)
{
    esp_ota_img_states_t state;

    return !ota_rollback_enabled() ||
           (esp_ota_get_state_partition(running, &state) == ESP_OK && state == ESP_OTA_IMG_VALID);
}

/* What is there verifies with a trusted key other than `index`. */
static bool verifies_without(unsigned index, uint32_t offset, uint32_t size, bool bootloader)
{
    struct idf_trusted_keys keys;
    struct al_image_rules rules;
    esp_image_metadata_t data;
    bool needed;

    if (idf_trusted_keys(IDF_IMAGE_TRUST_BOOT, &keys, &needed) != ESP_OK || !needed) {
        return false;
    }
    keys.policy.revoked |= (uint8_t)(1u << index);
    idf_image_rules(&rules);
    rules.flash_off = offset;
    rules.part_size = size;
    rules.bootloader = bootloader;
    return idf_image_verify_by(&rules, &keys.policy, false, &data) == ESP_OK;
}

/* The virtual device boots without the image that a chip has in this place. */
static bool has_bootloader(uint32_t offset)
{
    uint8_t magic;

    return al_flash_read(idf_flash(), offset, &magic, 1) != 0 || magic == ESP_IMAGE_HEADER_MAGIC;
}

static bool may_revoke(unsigned index)
{
    const esp_partition_t *running = esp_ota_get_running_partition();
    const uint32_t bootloader = idf_desc()->chip->bootloader_off;
    const uint32_t room = idf_desc()->partition_table_offset - bootloader;

    if (running == NULL || !confirmed(running)) {
        ESP_LOGE(TAG, "key %u is not revoked: the running app is not confirmed", index);
        return false;
    }
    if (!verifies_without(index, running->address, running->size, false)) {
        ESP_LOGE(TAG, "key %u is not revoked: no other trusted key signed the running app", index);
        return false;
    }
    if (has_bootloader(bootloader) && !verifies_without(index, bootloader, room, true)) {
        ESP_LOGE(TAG, "key %u is not revoked: no other trusted key signed the bootloader", index);
        return false;
    }
    return true;
}

esp_err_t esp_ota_revoke_secure_boot_public_key(esp_ota_secure_boot_public_key_index_t index)
{
    if (!esp_secure_boot_enabled()) {
        ESP_LOGE(TAG, "secure boot is off on this device: there is no key to revoke");
        return ESP_FAIL;
    }
    if (index > SECURE_BOOT_PUBLIC_KEY_INDEX_2) {
        return ESP_ERR_INVALID_ARG;
    }
    if (esp_efuse_get_digest_revoke(index)) {
        ESP_LOGI(TAG, "key %u was revoked before", (unsigned)index);
        return ESP_OK;
    }
    if (!may_revoke(index) || esp_efuse_set_digest_revoke(index) != ESP_OK) {
        return ESP_FAIL;
    }
    ESP_LOGI(TAG, "key %u is revoked", (unsigned)index);
    return ESP_OK;
}
