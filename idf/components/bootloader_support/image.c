#include "esp_image_format.h"

#include <stdlib.h>
#include <string.h>

#include "airlift/image.h"
#include "esp_log.h"
#include "idf_flash.h"
#include "idf_image.h"

static const char *TAG = "esp_image";

/* Too large for a task's stack. */
struct workspace {
    struct al_image_check check;
    struct al_sig_check signature;
    uint8_t buf[AL_SECTOR_SIZE];
};

static void fill(esp_image_metadata_t *data, uint32_t start, const struct al_image_info *info,
                 const uint8_t *header)
{
    memset(data, 0, sizeof(*data));
    data->start_addr = start;
    memcpy(&data->image, header, sizeof(data->image));
    for (unsigned i = 0; i < info->header.n_segments; i++) {
        data->segments[i].load_addr = info->segment[i].load_addr;
        data->segments[i].data_len = info->segment[i].len;
        data->segment_data[i] = start + info->segment[i].off;
    }
    data->image_len = info->len;
    memcpy(data->image_digest, info->sha256, sizeof(data->image_digest));
    data->secure_version = info->has_desc ? info->desc.secure_version : 0;
    data->mmu_page_size =
        info->has_desc && info->desc.mmu_page_log2 != 0 ? 1u << (info->desc.mmu_page_log2 & 31) : 0x10000u;
}

/* Why, for people. */
static const char *reason(int err, const struct workspace *w)
{
    return err == AL_ERR_IO          ? "flash read failed"
           : err == AL_ERR_SIGNATURE ? al_sig_fault_text(w->signature.fault)
                                     : al_image_fault_text(w->check.fault);
}

static esp_err_t verify(const struct al_image_rules *rules, bool silent, struct workspace *w,
                        esp_image_metadata_t *data)
{
    struct al_image_info *info = &w->check.info;
    uint8_t header[AL_IMAGE_HEADER_SIZE];
    int err = al_image_verify(idf_flash(), rules, &w->check, w->buf, sizeof(w->buf));

    if (err == AL_ERR_SIGNATURE) {
        idf_note_signature_fault(w->signature.fault);
    }
    if (err == 0) {
        err = al_flash_read(idf_flash(), rules->flash_off, header, sizeof(header));
    }
    if (err == 0 && info->header.hash_appended) {
        /* What is stored: the same as computed, unless only metadata were asked for. */
        err = al_flash_read(idf_flash(), rules->flash_off + info->len - ESP_IMAGE_HASH_LEN, info->sha256,
                            ESP_IMAGE_HASH_LEN);
    }
    if (err == 0) {
        fill(data, rules->flash_off, info, header);
        if (rules->signature != NULL) {
            data->image_len = al_sig_sector_off(info->len) + AL_SIG_SECTOR_SIZE;
        }
        return ESP_OK;
    }
    if (!silent) {
        ESP_LOGE(TAG, "image at 0x%x: %s", (unsigned)rules->flash_off, reason(err, w));
    }
    return w->check.fault == AL_IMAGE_PART_TOO_LARGE ? ESP_ERR_INVALID_ARG
           : err == AL_ERR_IO                        ? ESP_ERR_IMAGE_FLASH_FAIL
           : err == AL_ERR_CHIP                      ? ESP_FAIL
                                                     : ESP_ERR_IMAGE_INVALID;
}

esp_err_t idf_image_verify_by(const struct al_image_rules *rules, const struct al_sig_policy *policy,
                              bool silent, esp_image_metadata_t *data)
{
    struct al_image_rules r = *rules;
    struct workspace *w = malloc(sizeof(*w));
    esp_err_t err;

    memset(data, 0, sizeof(*data));
    idf_note_signature_fault(AL_SIG_GOOD);
    if (w == NULL) {
        return ESP_ERR_NO_MEM;
    }
    if (r.part_size == 0) {
        r.part_size = 1; /* core takes 0 for "not limited"; here it is a partition that nothing fits */
    }
    if (policy != NULL) {
        w->signature.policy = policy;
        r.signature = &w->signature;
    }
    err = verify(&r, silent, w, data);
    free(w);
    return err;
}

esp_err_t idf_image_verify(const struct al_image_rules *rules, enum idf_image_trust trust, bool silent,
                           esp_image_metadata_t *data)
{
    struct idf_trusted_keys keys;
    bool needed;
    esp_err_t err = idf_trusted_keys(trust, &keys, &needed);

    if (err != ESP_OK) {
        memset(data, 0, sizeof(*data));
        return err;
    }
    return idf_image_verify_by(rules, needed ? &keys.policy : NULL, silent, data);
}

esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part,
                           esp_image_metadata_t *data)
{
    struct al_image_rules rules;

    if (part == NULL || data == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    idf_image_rules(&rules);
    rules.flash_off = part->offset;
    rules.part_size = part->size;
    return idf_image_verify(&rules, IDF_IMAGE_TRUST_UPDATE, mode == ESP_IMAGE_VERIFY_SILENT, data);
}

esp_err_t esp_image_get_metadata(const esp_partition_pos_t *part, esp_image_metadata_t *metadata)
{
    struct al_image_rules rules;

    if (part == NULL || metadata == NULL || part->size > AL_IMAGE_MAX_LEN) {
        return ESP_ERR_INVALID_ARG;
    }
    idf_image_rules(&rules);
    rules.flash_off = part->offset;
    rules.part_size = part->size;
    rules.skip_integrity = true;
    return idf_image_verify(&rules, IDF_IMAGE_TRUST_ANY, true, metadata);
}
