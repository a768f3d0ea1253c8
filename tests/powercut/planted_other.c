/*
 * A planted bug, in a program of its own: the agent confirms by writing the other
 * sector while the trial's record is still PENDING, whatever the default app is.
 * Cut between erase and write, the bootloader finds PENDING and nothing else,
 * makes it ABORTED and boots the default app: one older than was confirmed, if
 * that is what factory or ota_0 holds.
 */
#include "agent.h"
#include "esp_flash_partitions.h"
#include "esp_rom_crc.h"

esp_err_t __wrap_agent_commit(const esp_partition_t *running, const esp_partition_t *previous);

esp_err_t __wrap_agent_commit(const esp_partition_t *running, const esp_partition_t *previous)
{
    const esp_partition_t *otadata =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    esp_ota_select_entry_t entry[2];
    esp_err_t err = ESP_OK;

    for (unsigned i = 0; err == ESP_OK && i < 2; i++) {
        err = esp_partition_read(otadata, i * AGENT_SECTOR_SIZE, &entry[i], sizeof(entry[i]));
    }
    const unsigned trial = entry[0].ota_state == ESP_OTA_IMG_PENDING_VERIFY ? 0 : 1;
    esp_ota_select_entry_t *e = &entry[trial];

    e->ota_seq += esp_ota_get_app_partition_count();
    e->ota_state = ESP_OTA_IMG_VALID;
    e->crc = esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&e->ota_seq, sizeof(e->ota_seq));
    if (err == ESP_OK) {
        err = esp_partition_erase_range(otadata, (trial ^ 1) * AGENT_SECTOR_SIZE, AGENT_SECTOR_SIZE);
    }
    if (err == ESP_OK) {
        err = esp_partition_write(otadata, (trial ^ 1) * AGENT_SECTOR_SIZE, e, sizeof(*e));
    }
    return err == ESP_OK ? agent_keep_way_back(running, previous) : err;
}
