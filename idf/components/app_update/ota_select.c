/*
 * Which app boots next, and what is known of the others.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/boot.h"
#include "device/shared.h"
#include "esp_efuse.h"
#include "esp_log.h"
#include "idf_flash.h"
#include "idf_image.h"
#include "ota_internal.h"

static const char *TAG = "esp_ota_ops";

bool ota_rollback_enabled(void)
{
    return idf_desc()->rollback;
}

bool ota_anti_rollback_enabled(void)
{
    return idf_desc()->rollback && idf_desc()->anti_rollback;
}

bool ota_is_slot(const esp_partition_t *partition)
{
    return partition->type == ESP_PARTITION_TYPE_APP &&
           partition->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MIN &&
           partition->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MAX;
}

static const esp_partition_t *slot_partition(unsigned slot)
{
    return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(slot), NULL);
}

bool ota_state_read(struct ota_state *out)
{
    const esp_partition_t *p =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);

    if (p == NULL) {
        return false;
    }
    out->partition = p;
    out->part = (struct al_part){.off = p->address, .size = p->size};
    out->n_slots = al_ptable_count_slots(idf_ptable());
    if (al_otadata_read(idf_flash(), &out->part, &out->data) != 0) {
        return false;
    }
    out->active = al_otadata_active(&out->data);
    return true;
}

esp_err_t ota_state_write(const struct ota_state *s, unsigned sector)
{
    if (s->partition->readonly) {
        return ESP_ERR_NOT_ALLOWED;
    }
    if (s->part.off % AL_SECTOR_SIZE != 0) {
        return ESP_ERR_INVALID_ARG;
    }
    return idf_err(al_otadata_write(idf_flash(), &s->part, sector, &s->data.rec[sector]));
}

const esp_partition_t *ota_state_target(const struct ota_state *s, unsigned sector)
{
    return slot_partition(al_otadata_slot(s->data.rec[sector].seq, s->n_slots));
}

static esp_err_t verify(esp_partition_type_t type, const esp_partition_t *partition,
                        enum idf_image_trust trust, bool silent)
{
    struct al_image_rules rules;
    esp_image_metadata_t data;

    idf_image_rules(&rules);
    rules.flash_off = partition->address;
    rules.part_size = partition->size;
    rules.bootloader = type == ESP_PARTITION_TYPE_BOOTLOADER;
    return idf_image_verify(&rules, trust, silent, &data);
}

esp_err_t ota_verify_update(esp_partition_type_t type, const esp_partition_t *partition)
{
    return verify(type, partition, IDF_IMAGE_TRUST_UPDATE, false);
}

bool ota_bootable(const esp_partition_t *partition)
{
    return verify(partition->type, partition, IDF_IMAGE_TRUST_BOOT, true) == ESP_OK;
}

bool ota_secure_version_ok(const esp_partition_t *partition)
{
    esp_app_desc_t desc;

    return esp_ota_get_partition_description(partition, &desc) == ESP_OK &&
           esp_efuse_check_secure_version(desc.secure_version);
}

/* --- Choosing ------------------------------------------------------------ */

static esp_err_t choose_slot(const esp_partition_t *partition)
{
    /* The test app's number maps to slot 0, as in ESP-IDF. */
    const unsigned slot = partition->subtype & 0x0F;
    struct ota_state s;

    if (!ota_state_read(&s)) {
        return ESP_ERR_NOT_FOUND;
    }
    if (slot < s.n_slots && s.partition->readonly) {
        return ESP_ERR_NOT_ALLOWED;
    }
    return idf_err(al_otadata_select(idf_flash(), &s.part, slot, s.n_slots,
                                     ota_rollback_enabled() ? AL_OTA_NEW : AL_OTA_UNDEFINED));
}

/*
 * Factory has no record: without any, it boots. Sector 0 goes first; cut between
 * the two, an older record in sector 1 selects the previous slot.
 */
static esp_err_t choose_factory(void)
{
    const esp_partition_t *otadata =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);

    return otadata == NULL ? ESP_ERR_NOT_FOUND : esp_partition_erase_range(otadata, 0, otadata->size);
}

esp_err_t esp_ota_set_boot_partition_skip_validate(const esp_partition_t *partition)
{
    esp_app_desc_t desc;
    esp_err_t err;

    if (partition == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (partition->type != ESP_PARTITION_TYPE_APP) {
        return ESP_ERR_INVALID_ARG;
    }
    if (partition->subtype == ESP_PARTITION_SUBTYPE_APP_FACTORY) {
        return choose_factory();
    }
    if (ota_anti_rollback_enabled()) {
        err = esp_ota_get_partition_description(partition, &desc);
        if (err != ESP_OK) {
            return err;
        }
        if (!esp_efuse_check_secure_version(desc.secure_version)) {
            ESP_LOGE(TAG, "%s: secure version %u is below the eFuse's %u; it is erased", partition->label,
                     (unsigned)desc.secure_version, (unsigned)esp_efuse_read_secure_version());
            err = esp_partition_erase_range(partition, 0, partition->size);
            return err != ESP_OK ? err : ESP_ERR_OTA_SMALL_SEC_VER;
        }
    }
    return choose_slot(partition);
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition)
{
    if (partition == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (ota_verify_update(partition->type, partition) != ESP_OK) {
        return ESP_ERR_OTA_VALIDATE_FAILED;
    }
    return esp_ota_set_boot_partition_skip_validate(partition);
}

/* --- Asking -------------------------------------------------------------- */

const esp_partition_t *esp_ota_get_boot_partition(void)
{
    const struct al_part *p = al_boot_peek(idf_flash(), idf_ptable());

    return p == NULL ? NULL
                     : esp_partition_find_first((esp_partition_type_t)p->type,
                                                (esp_partition_subtype_t)p->subtype, NULL);
}

static const esp_partition_t *running_partition;

static void find_running(void)
{
    const char *label = getenv(DEV_ENV_RUNNING);

    if (label != NULL) {
        running_partition =
            esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, label);
    }
    if (running_partition == NULL) {
        ESP_LOGE(TAG, "AIRLIFT_RUNNING is %s: no app partition of that label",
                 label != NULL ? label : "not set");
    }
}

const esp_partition_t *esp_ota_get_running_partition(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_running);
    return running_partition;
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from)
{
    const esp_partition_t *first = NULL;
    bool next_is_it = false;

    start_from = start_from == NULL ? esp_ota_get_running_partition() : esp_partition_verify(start_from);
    assert(start_from != NULL);
    for (unsigned slot = 0; slot < AL_MAX_OTA_SLOTS; slot++) {
        const esp_partition_t *p = slot_partition(slot);

        if (p == NULL) {
            continue;
        }
        if (next_is_it) {
            return p;
        }
        if (first == NULL) {
            first = p;
        }
        next_is_it = p == start_from;
    }
    return first;
}

uint8_t esp_ota_get_app_partition_count(void)
{
    return (uint8_t)al_ptable_count_slots(idf_ptable());
}

esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *app_desc)
{
    esp_err_t err;

    if (partition == NULL || app_desc == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (partition->type != ESP_PARTITION_TYPE_APP) {
        return ESP_ERR_NOT_SUPPORTED;
    }
    err = esp_partition_read(partition, AL_IMAGE_DESC_OFF, app_desc, sizeof(*app_desc));
    if (err != ESP_OK) {
        return err;
    }
    return app_desc->magic_word == ESP_APP_DESC_MAGIC_WORD ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t esp_ota_get_bootloader_description(const esp_partition_t *bootloader_partition,
                                             esp_bootloader_desc_t *desc)
{
    esp_partition_t at;
    esp_err_t err;

    if (desc == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (bootloader_partition != NULL && bootloader_partition->type != ESP_PARTITION_TYPE_APP &&
        bootloader_partition->type != ESP_PARTITION_TYPE_BOOTLOADER) {
        return ESP_ERR_NOT_SUPPORTED;
    }
    if (bootloader_partition != NULL) {
        at = *bootloader_partition;
    } else {
        at = (esp_partition_t){.address = idf_desc()->chip->bootloader_off};
        at.size = idf_desc()->partition_table_offset - at.address;
    }
    err = esp_partition_read(&at, AL_IMAGE_DESC_OFF, desc, sizeof(*desc));
    if (err != ESP_OK) {
        return err;
    }
    return desc->magic_byte == ESP_BOOTLOADER_DESC_MAGIC_BYTE ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *ota_state)
{
    struct ota_state s;

    if (partition == NULL || ota_state == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!ota_is_slot(partition)) {
        return ESP_ERR_NOT_SUPPORTED;
    }
    if (!ota_state_read(&s) || s.n_slots == 0) {
        return ESP_ERR_NOT_FOUND;
    }
    /* Record 0 answers if both name this slot, even when record 1 is the newer. */
    for (unsigned i = 0; i < 2; i++) {
        const struct al_ota_record *rec = &s.data.rec[i];

        if (al_ota_record_crc_ok(rec) &&
            al_otadata_slot(rec->seq, s.n_slots) == (unsigned)(partition->subtype & 0x0F)) {
            *ota_state = (esp_ota_img_states_t)rec->state;
            return ESP_OK;
        }
    }
    return ESP_ERR_NOT_FOUND;
}

const esp_partition_t *esp_ota_get_last_invalid_partition(void)
{
    struct ota_state s;
    const esp_partition_t *p;
    int found = -1;

    if (!ota_state_read(&s) || s.n_slots == 0) {
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        const struct al_ota_record *rec = &s.data.rec[i];
        bool failed = rec->seq != 0xFFFFFFFFu && al_ota_record_crc_ok(rec) &&
                      (rec->state == AL_OTA_INVALID || rec->state == AL_OTA_ABORTED);

        /* Of two failed ones, the lower sequence number. */
        if (failed && (found < 0 || rec->seq < s.data.rec[found].seq)) {
            found = i;
        }
    }
    if (found < 0) {
        return NULL;
    }
    p = ota_state_target(&s, (unsigned)found);
    return p != NULL && ota_bootable(p) ? p : NULL;
}

esp_err_t esp_ota_check_image_validity(esp_partition_type_t type, const esp_image_header_t *img_hdr,
                                       const esp_app_desc_t *app_desc)
{
    const struct dev_desc *chip = idf_desc();
    const esp_app_desc_t *own = esp_app_get_description();

    if (img_hdr == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (type != ESP_PARTITION_TYPE_APP && type != ESP_PARTITION_TYPE_BOOTLOADER) {
        return ESP_ERR_NOT_SUPPORTED;
    }
    if ((uint16_t)img_hdr->chip_id != chip->chip->id || chip->chip_revision < img_hdr->min_chip_rev_full) {
        return ESP_ERR_INVALID_VERSION;
    }
    if (type == ESP_PARTITION_TYPE_APP && img_hdr->max_chip_rev_full != 0 &&
        img_hdr->max_chip_rev_full != 0xFFFF && chip->chip_revision > img_hdr->max_chip_rev_full) {
        return ESP_ERR_INVALID_VERSION;
    }
    if (type == ESP_PARTITION_TYPE_APP && app_desc != NULL && app_desc->spi_flash_mode != 0 &&
        own->spi_flash_mode != 0 && app_desc->spi_flash_mode != own->spi_flash_mode) {
        return ESP_ERR_OTA_SPI_MODE_MISMATCH;
    }
    return ESP_OK;
}
