/*
 * A planted bug, in a program of its own: who signed the image is asked after OTA data was
 * written, and that is undone then. Cut in between, an image of nobody's is selected.
 */
#include "agent.h"
#include "esp_flash_partitions.h"
#include "esp_image_format.h"

esp_err_t __wrap_esp_ota_end(esp_ota_handle_t handle);
esp_err_t __real_agent_select_slot(const esp_partition_t *slot);
esp_err_t __wrap_agent_select_slot(const esp_partition_t *slot);

esp_err_t __wrap_esp_ota_end(esp_ota_handle_t handle)
{
    return esp_ota_abort(handle);
}

/* The record with the larger number goes. */
static esp_err_t deselect(void)
{
    const esp_partition_t *otadata =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    esp_ota_select_entry_t entry[2];
    esp_err_t err = ESP_OK;

    for (unsigned i = 0; err == ESP_OK && i < 2; i++) {
        err = esp_partition_read(otadata, i * AGENT_SECTOR_SIZE, &entry[i], sizeof(entry[i]));
    }
    /* Blank is the largest number, and none here. */
    const unsigned newer = entry[1].ota_seq + 1 > entry[0].ota_seq + 1 ? 1 : 0;

    return err == ESP_OK ? esp_partition_erase_range(otadata, newer * AGENT_SECTOR_SIZE, AGENT_SECTOR_SIZE)
                         : err;
}

esp_err_t __wrap_agent_select_slot(const esp_partition_t *slot)
{
    const esp_partition_pos_t pos = {.offset = slot->address, .size = slot->size};
    esp_image_metadata_t meta;
    const esp_err_t err = __real_agent_select_slot(slot);

    if (err != ESP_OK || esp_image_verify(ESP_IMAGE_VERIFY, &pos, &meta) == ESP_OK) {
        return err;
    }
    return deselect() == ESP_OK ? ESP_ERR_OTA_VALIDATE_FAILED : ESP_FAIL;
}
