/*
 * A planted bug, in a program of its own: the secure version is burnt before the app is
 * confirmed. If the confirmation never comes, the app to go back to is too old to start.
 */
#include "agent.h"
#include "esp_efuse.h"

esp_err_t __real_agent_commit(const esp_partition_t *running, const esp_partition_t *previous);
esp_err_t __wrap_agent_commit(const esp_partition_t *running, const esp_partition_t *previous);

esp_err_t __wrap_agent_commit(const esp_partition_t *running, const esp_partition_t *previous)
{
    esp_app_desc_t desc;
    esp_err_t err = esp_ota_get_partition_description(running, &desc);

    if (err == ESP_OK) {
        err = esp_efuse_update_secure_version(desc.secure_version);
    }
    return err == ESP_OK ? __real_agent_commit(running, previous) : err;
}
