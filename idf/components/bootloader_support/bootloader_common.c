#include "bootloader_common.h"

#include <stdatomic.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/image.h"
#include "airlift/otadata.h"
#include "device/shared.h"
#include "esp_partition.h"
#include "idf_flash.h"

static struct al_ota_record to_record(const esp_ota_select_entry_t *s)
{
    struct al_ota_record rec = {.seq = s->ota_seq, .state = s->ota_state, .crc = s->crc};

    memcpy(rec.label, s->seq_label, sizeof(rec.label));
    return rec;
}

uint32_t bootloader_common_ota_select_crc(const esp_ota_select_entry_t *s)
{
    struct al_ota_record rec;

    al_ota_record_init(&rec, s->ota_seq, s->ota_state);
    return rec.crc;
}

bool bootloader_common_ota_select_valid(const esp_ota_select_entry_t *s)
{
    const struct al_ota_record rec = to_record(s);

    return al_ota_record_usable(&rec);
}

bool bootloader_common_ota_select_invalid(const esp_ota_select_entry_t *s)
{
    const struct al_ota_record rec = to_record(s);

    return al_ota_record_rejected(&rec);
}

int bootloader_common_select_otadata(const esp_ota_select_entry_t *two_otadata, bool *valid_two_otadata,
                                     bool max)
{
    if (two_otadata == NULL || valid_two_otadata == NULL) {
        return -1;
    }
    if (valid_two_otadata[0] && valid_two_otadata[1]) {
        /* A tie is the first's, if the larger is asked for. */
        const bool second = max ? two_otadata[1].ota_seq > two_otadata[0].ota_seq
                                : two_otadata[1].ota_seq <= two_otadata[0].ota_seq;

        return second ? 1 : 0;
    }
    return valid_two_otadata[0] ? 0 : valid_two_otadata[1] ? 1 : -1;
}

int bootloader_common_get_active_otadata(esp_ota_select_entry_t *two_otadata)
{
    if (two_otadata == NULL) {
        return -1;
    }
    const struct al_otadata data = {{to_record(&two_otadata[0]), to_record(&two_otadata[1])}};

    return al_otadata_active(&data);
}

esp_err_t bootloader_common_get_sha256_of_partition(uint32_t address, uint32_t size, int type,
                                                    uint8_t *out_sha_256)
{
    const esp_partition_t partition = {.type = (esp_partition_type_t)type, .address = address, .size = size};

    return esp_partition_get_sha256(&partition, out_sha_256);
}

esp_err_t bootloader_common_get_partition_description(const esp_partition_pos_t *partition,
                                                      esp_app_desc_t *app_desc)
{
    const uint32_t off = sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t);
    esp_app_desc_t found;
    int err;

    if (partition == NULL || app_desc == NULL || partition->offset == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    err = al_flash_read(idf_flash(), partition->offset + off, &found, sizeof(found));
    if (err != 0) {
        return ESP_FAIL;
    }
    if (found.magic_word != ESP_APP_DESC_MAGIC_WORD) {
        return ESP_ERR_NOT_FOUND;
    }
    *app_desc = found;
    return ESP_OK;
}

bool bootloader_common_label_search(const char *list, char *label)
{
    size_t len;

    if (list == NULL || label == NULL || label[0] == '\0') {
        return false;
    }
    len = strlen(label);
    while (*list != '\0') {
        const size_t word = strcspn(list, ", ");

        if (word == len && strncmp(list, label, len) == 0) {
            return true;
        }
        list += word;
        list += strspn(list, ", ");
    }
    return false;
}

bool bootloader_common_get_rtc_retain_mem_factory_reset_state(void)
{
    return atomic_exchange(&dev_shared_get()->factory_reset, false);
}
