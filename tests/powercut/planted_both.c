/*
 * A planted bug, in a program of its own: selecting a slot writes both OTA data
 * records anew, in place, so that for an instant there is none.
 */
#include "esp_flash_partitions.h"
#include "esp_ota_ops.h"

esp_err_t __real_esp_ota_set_boot_partition(const esp_partition_t *slot);
esp_err_t __wrap_esp_ota_set_boot_partition(const esp_partition_t *slot);

esp_err_t __wrap_esp_ota_set_boot_partition(const esp_partition_t *slot)
{
    const esp_partition_t *otadata =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    esp_ota_select_entry_t entry[2];
    esp_err_t err = ESP_OK;

    for (unsigned i = 0; err == ESP_OK && i < 2; i++) {
        err = esp_partition_read(otadata, i * 0x1000, &entry[i], sizeof(entry[i]));
    }
    if (err == ESP_OK) {
        err = esp_partition_erase_range(otadata, 0, otadata->size);
    }
    for (unsigned i = 0; err == ESP_OK && i < 2; i++) {
        err = esp_partition_write(otadata, i * 0x1000, &entry[i], sizeof(entry[i]));
    }
    return err == ESP_OK ? __real_esp_ota_set_boot_partition(slot) : err;
}
