/*
 * A planted bug, in a program of its own: the old key is revoked before the first app of the new
 * key is confirmed. If the confirmation never comes, the app to go back to is not trusted any more.
 */
#include "agent.h"
#include "esp_efuse.h"

esp_err_t __real_agent_commit(const esp_partition_t *running, const esp_partition_t *previous);
esp_err_t __wrap_agent_commit(const esp_partition_t *running, const esp_partition_t *previous);

esp_err_t __wrap_agent_commit(const esp_partition_t *running, const esp_partition_t *previous)
{
    const esp_err_t err = esp_efuse_set_digest_revoke(0);

    return err == ESP_OK ? __real_agent_commit(running, previous) : err;
}
