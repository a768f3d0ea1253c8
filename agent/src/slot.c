#include "agent.h"

#include <string.h>

#include "esp_app_desc.h"
#include "esp_image_format.h"

#include "airlift/signature.h"

/* Feed `len` bytes of the slot to both hashes. */
static bool hash_slot(struct agent *a, const esp_partition_t *slot, uint32_t len, struct al_hash *sha256,
                      struct al_hash *md5)
{
    for (uint32_t off = 0; off < len; off += AGENT_SECTOR_SIZE) {
        const uint32_t n = len - off < AGENT_SECTOR_SIZE ? len - off : AGENT_SECTOR_SIZE;

        if (esp_partition_read(slot, off, a->buf.sector, n) != ESP_OK ||
            al_hash_update(sha256, a->buf.sector, n) != 0 || al_hash_update(md5, a->buf.sector, n) != 0) {
            return false;
        }
        if (off % (16 * AGENT_SECTOR_SIZE) == 0) {
            vTaskDelay(1); /* a megabyte takes long enough for the idle task's watchdog */
        }
    }
    return true;
}

/* --- Shared with the other files ------------------------------------------ */

const esp_partition_t *agent_slot_by_subtype(uint8_t subtype)
{
    return esp_partition_find_first(ESP_PARTITION_TYPE_APP, (esp_partition_subtype_t)subtype, NULL);
}

void agent_slot_version(const esp_partition_t *slot, char out[AGENT_VERSION_SIZE])
{
    esp_app_desc_t desc;

    memset(out, 0, AGENT_VERSION_SIZE);
    if (esp_ota_get_partition_description(slot, &desc) == ESP_OK) {
        memcpy(out, desc.version, sizeof(desc.version));
    }
}

bool agent_slot_is(const esp_partition_t *slot, const struct agent_record *record)
{
    uint8_t sha256[AL_SHA256_SIZE];

    return (uint8_t)slot->subtype == record->subtype && esp_partition_get_sha256(slot, sha256) == ESP_OK &&
           memcmp(sha256, record->image, sizeof(sha256)) == 0;
}

bool agent_slot_sha256(struct agent *a, const esp_partition_t *slot, uint32_t off, uint32_t len,
                       uint8_t out[AL_SHA256_SIZE])
{
    struct al_hash hash;
    bool good = true;

    if (al_sha256_init(&hash) != 0) {
        return false;
    }
    for (uint32_t done = 0; done < len && good; done += AGENT_SECTOR_SIZE) {
        const uint32_t n = len - done < AGENT_SECTOR_SIZE ? len - done : AGENT_SECTOR_SIZE;

        good = esp_partition_read(slot, off + done, a->buf.sector, n) == ESP_OK &&
               al_hash_update(&hash, a->buf.sector, n) == 0;
        if (done % (16 * AGENT_SECTOR_SIZE) == 0) {
            vTaskDelay(1);
        }
    }
    return al_hash_final(&hash, out) == 0 && good;
}

bool agent_slot_file(struct agent *a, const esp_partition_t *slot, struct agent_file *out)
{
    const esp_partition_pos_t pos = {.offset = slot->address, .size = slot->size};
    esp_image_metadata_t meta;
    uint8_t block[2];

    out->size = 0;
    if (esp_image_get_metadata(&pos, &meta) != ESP_OK || meta.image_len > slot->size) {
        return false;
    }
    uint32_t size = meta.image_len;
    const uint32_t aligned = al_sig_sector_off(size);

    /* Signature blocks take a sector of their own, right behind the image. */
    if (aligned + AGENT_SECTOR_SIZE <= slot->size &&
        esp_partition_read(slot, aligned, block, sizeof(block)) == ESP_OK && block[0] == AL_SIG_BLOCK_MAGIC &&
        (block[1] == 2 || block[1] == 3)) { /* RSA, ECDSA */
        size = aligned + AGENT_SECTOR_SIZE;
    }
    if (!agent_slot_sha256(a, slot, 0, size, out->sha256)) {
        return false;
    }
    out->size = size;
    return true;
}

airlift_fail_t agent_slot_kept(struct agent *a, const esp_partition_t *slot, uint32_t size,
                               const uint8_t sha256[AL_SHA256_SIZE])
{
    const esp_partition_pos_t pos = {.offset = slot->address, .size = slot->size};
    esp_image_metadata_t meta;
    uint8_t kept[AL_SHA256_SIZE];

    if ((esp_image_get_metadata(&pos, &meta) == ESP_OK && meta.image_len >= size) ||
        (agent_slot_sha256(a, slot, 0, size, kept) && memcmp(kept, sha256, sizeof(kept)) == 0)) {
        return AIRLIFT_FAIL_NONE;
    }
    return agent_fail(a, AIRLIFT_FAIL_IMAGE, "slot %s did not keep the image as it came", slot->label);
}

bool agent_slot_holds(struct agent *a, const esp_partition_t *slot, uint32_t size)
{
    const struct agent_manifest *m = &a->manifest;
    struct al_hash sha256, md5;
    uint8_t digest[AL_SHA256_SIZE];
    bool same;

    if (size > slot->size || al_sha256_init(&sha256) != 0) {
        return false;
    }
    if (al_md5_init(&md5) != 0) {
        al_hash_abort(&sha256);
        return false;
    }
    same = hash_slot(a, slot, size, &sha256, &md5);
    /* Each hash is ended, whatever the other one said. */
    if (al_hash_final(&sha256, digest) != 0 ||
        (m->has_sha256 && memcmp(digest, m->sha256, AL_SHA256_SIZE) != 0)) {
        same = false;
    }
    if (al_hash_final(&md5, digest) != 0 || (m->has_md5 && memcmp(digest, m->md5, AL_MD5_SIZE) != 0)) {
        same = false;
    }
    return same;
}

airlift_fail_t agent_slot_deselect(struct agent *a, const esp_partition_t *slot)
{
    const esp_partition_t *boot = esp_ota_get_boot_partition();

    if (boot == NULL || boot->address != slot->address) {
        return AIRLIFT_FAIL_NONE;
    }
    /* A cut before or during this write boots what was selected, or falls back:
     * both images are still whole. Afterwards the running one boots. */
    esp_err_t err = esp_ota_set_boot_partition(a->running);

    /* Selecting made it a new image on trial, which it is not. The factory app has no state. */
    if (err == ESP_OK && a->running->subtype != ESP_PARTITION_SUBTYPE_APP_FACTORY) {
        err = esp_ota_mark_app_valid_cancel_rollback();
    }
    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot free slot %s, which the next boot wants (%s)",
                          slot->label, esp_err_to_name(err));
    }
    return AIRLIFT_FAIL_NONE;
}
