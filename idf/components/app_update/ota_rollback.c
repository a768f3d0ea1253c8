/*
 * Confirm the running app, or go back to the previous one.
 */
#include "esp_efuse.h"
#include "esp_log.h"
#include "esp_system.h"
#include "idf_flash.h"
#include "ota_internal.h"

static const char *TAG = "esp_ota_ops";

/*
 * Change the active record's state where it lies. Cut between the erase and the
 * write, the record is gone and the previous app boots.
 */
static esp_err_t set_active_state(struct ota_state *s, uint32_t state)
{
    s->data.rec[s->active].state = state;
    return ota_state_write(s, (unsigned)s->active);
}

/* The other app may take over: it is the other record's, or factory if that record is unusable. */
static bool rollback_possible(const struct ota_state *s)
{
    const esp_partition_t *p;

    if (s->n_slots == 0 || s->active < 0) {
        return false;
    }
    if (al_ota_record_usable(&s->data.rec[s->active ^ 1])) {
        p = ota_state_target(s, (unsigned)(s->active ^ 1));
        return p != NULL && ota_bootable(p) && (!ota_anti_rollback_enabled() || ota_secure_version_ok(p));
    }
    if (ota_anti_rollback_enabled()) {
        return false;
    }
    p = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
    return p != NULL && ota_bootable(p);
}

bool esp_ota_check_rollback_is_possible(void)
{
    struct ota_state s;

    return ota_state_read(&s) && rollback_possible(&s);
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void)
{
    struct ota_state s;
    esp_app_desc_t desc;
    esp_err_t err;
    int sector;

    if (!ota_state_read(&s)) {
        return ESP_ERR_NOT_FOUND;
    }
    if (s.active < 0 || s.n_slots == 0) {
        ESP_LOGE(TAG, "running firmware is factory: it has no state to confirm");
        return ESP_FAIL;
    }
    if (s.data.rec[s.active].state == AL_OTA_VALID) {
        return ESP_OK;
    }
    err = set_active_state(&s, AL_OTA_VALID);
    /* Cut before the eFuse is burnt: the next boot finds VALID and burns it. */
    if (err != ESP_OK || !ota_anti_rollback_enabled()) {
        return err;
    }
    /* Burning can't be taken back: not for a record that flash did not keep, whatever it said. */
    sector = s.active;
    if (!ota_state_read(&s) || s.active != sector || s.data.rec[sector].state != AL_OTA_VALID) {
        ESP_LOGE(TAG, "the app is not confirmed: its record was written and is not there");
        return ESP_FAIL;
    }
    err = esp_ota_get_partition_description(esp_ota_get_running_partition(), &desc);
    return err != ESP_OK ? err : esp_efuse_update_secure_version(desc.secure_version);
}

esp_err_t esp_ota_mark_app_invalid_rollback(void)
{
    struct ota_state s;

    if (!ota_state_read(&s)) {
        return ESP_ERR_NOT_FOUND;
    }
    if (s.active < 0 || s.n_slots == 0) {
        ESP_LOGE(TAG, "running firmware is factory: there is nothing to roll back");
        return ESP_FAIL;
    }
    if (!rollback_possible(&s)) {
        ESP_LOGE(TAG, "rollback is not possible: no other app verifies");
        return ESP_ERR_OTA_ROLLBACK_FAILED;
    }
    return set_active_state(&s, AL_OTA_INVALID);
}

esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void)
{
    esp_err_t err = esp_ota_mark_app_invalid_rollback();

    if (err == ESP_OK) {
        ESP_LOGI(TAG, "rolling back to the previous app");
        esp_restart();
    }
    return err;
}

/* Forget the record that is not active, and its app first if asked to. */
static esp_err_t drop_inactive(bool erase_app)
{
    struct ota_state s;
    const esp_partition_t *p;
    unsigned inactive;

    if (!ota_state_read(&s) || s.active < 0 || s.n_slots == 0) {
        return ESP_FAIL;
    }
    inactive = (unsigned)s.active ^ 1;
    if (s.data.rec[inactive].seq == 0xFFFFFFFFu || !al_ota_record_crc_ok(&s.data.rec[inactive])) {
        return ESP_FAIL;
    }
    p = ota_state_target(&s, inactive);
    if (p == NULL || p == esp_ota_get_running_partition()) {
        return ESP_FAIL;
    }
    if (erase_app) {
        esp_err_t err = esp_partition_erase_range(p, 0, p->size);

        if (err != ESP_OK) {
            return err;
        }
    }
    /* The active record, in the other sector, is not touched: what boots stays the same. */
    return esp_partition_erase_range(s.partition, inactive * s.partition->erase_size,
                                     s.partition->erase_size);
}

esp_err_t esp_ota_invalidate_inactive_ota_data_slot(void)
{
    return drop_inactive(false);
}

esp_err_t esp_ota_erase_last_boot_app_partition(void)
{
    return drop_inactive(true);
}
