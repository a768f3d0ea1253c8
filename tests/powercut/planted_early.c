/*
 * A planted bug, in a program of its own: the new slot is selected before its
 * image is there, and the bootloader does not verify what it boots.
 */
#include "airlift/boot.h"
#include "esp_ota_ops.h"

esp_err_t __real_esp_ota_begin(const esp_partition_t *slot, size_t size, esp_ota_handle_t *out);
esp_err_t __wrap_esp_ota_begin(const esp_partition_t *slot, size_t size, esp_ota_handle_t *out);
int __real_al_boot(const struct al_flash *flash, const struct al_boot_config *config,
                   struct al_boot_work *work, struct al_boot_result *out);
int __wrap_al_boot(const struct al_flash *flash, const struct al_boot_config *config,
                   struct al_boot_work *work, struct al_boot_result *out);

esp_err_t __wrap_esp_ota_begin(const esp_partition_t *slot, size_t size, esp_ota_handle_t *out)
{
    const esp_err_t err = __real_esp_ota_begin(slot, size, out);

    return err == ESP_OK ? esp_ota_set_boot_partition_skip_validate(slot) : err;
}

int __wrap_al_boot(const struct al_flash *flash, const struct al_boot_config *config,
                   struct al_boot_work *work, struct al_boot_result *out)
{
    struct al_boot_config careless = *config;

    careless.skip_validate = true;
    return __real_al_boot(flash, &careless, work, out);
}
