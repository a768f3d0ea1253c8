/*
 * A planted bug, in a program of its own: the commit order is reversed. The slot
 * is selected first and its image written afterwards; the bootloader, which
 * verifies, goes back by index then, to whatever old app lies there.
 */
#include "esp_ota_ops.h"

esp_err_t __real_esp_ota_begin(const esp_partition_t *slot, size_t size, esp_ota_handle_t *out);
esp_err_t __wrap_esp_ota_begin(const esp_partition_t *slot, size_t size, esp_ota_handle_t *out);

esp_err_t __wrap_esp_ota_begin(const esp_partition_t *slot, size_t size, esp_ota_handle_t *out)
{
    const esp_err_t err = __real_esp_ota_begin(slot, size, out);

    return err == ESP_OK ? esp_ota_set_boot_partition_skip_validate(slot) : err;
}
