/*
 * Sessions: write an image into a partition that is not running.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/ptable.h"
#include "airlift/update.h"
#include "airlift_sdkconfig.h"
#include "airlift_signature.h"
#include "esp_log.h"
#include "esp_secure_boot.h"
#include "idf_flash.h"
#include "ota_internal.h"

static const char *TAG = "esp_ota_ops";

struct session {
    struct session *next;
    esp_ota_handle_t handle;
    struct al_update update;
    const esp_partition_t *staging; /* where the bytes go */
    const esp_partition_t *final;   /* where they will be used */
    bool copy_at_end;
    bool resumed;
    uint32_t wrote; /* bytes, in whatever order */
};

/* The list and handle counter; a session itself belongs to one task. */
static pthread_mutex_t sessions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *sessions;
static esp_ota_handle_t last_handle;

static struct session *find_session(esp_ota_handle_t handle)
{
    struct session *s;

    pthread_mutex_lock(&sessions_lock);
    for (s = sessions; s != NULL && s->handle != handle; s = s->next) {
    }
    pthread_mutex_unlock(&sessions_lock);
    return s;
}

/* Take it off the list; the caller frees it. */
static struct session *take_session(esp_ota_handle_t handle)
{
    struct session *s = NULL;

    pthread_mutex_lock(&sessions_lock);
    for (struct session **at = &sessions; *at != NULL; at = &(*at)->next) {
        if ((*at)->handle == handle) {
            s = *at;
            *at = s->next;
            break;
        }
    }
    pthread_mutex_unlock(&sessions_lock);
    return s;
}

/* A session for `partition`, on the list, unless another one has it. */
static esp_err_t open_session(const esp_partition_t *partition, struct session **out)
{
    struct session *s = calloc(1, sizeof(*s));
    esp_err_t err = ESP_OK;

    if (s == NULL) {
        return ESP_ERR_NO_MEM;
    }
    pthread_mutex_lock(&sessions_lock);
    for (const struct session *other = sessions; other != NULL; other = other->next) {
        if (other->staging == partition || other->final == partition) {
            err = ESP_ERR_OTA_ALREADY_IN_PROGRESS;
        }
    }
    if (err == ESP_OK) {
        s->handle = ++last_handle;
        s->staging = partition;
        s->final = partition;
        s->next = sessions;
        sessions = s;
        *out = s;
    }
    pthread_mutex_unlock(&sessions_lock);
    if (err != ESP_OK) {
        free(s);
    }
    return err;
}

/* The app under trial may not overwrite the one it would fall back to. */
static bool trial_running(void)
{
    const esp_partition_t *running = esp_ota_get_running_partition();
    esp_ota_img_states_t state;

    return ota_rollback_enabled() && running != NULL &&
           esp_ota_get_state_partition(running, &state) == ESP_OK && state == ESP_OTA_IMG_PENDING_VERIFY;
}

/* Read-only is checked where ESP-IDF does: at each flash operation, not at begin. */
static struct al_part target_of(const esp_partition_t *p)
{
    return (struct al_part){.off = p->address, .size = p->size, .type = (uint8_t)p->type};
}

static esp_err_t erase_for(struct session *s, const struct al_part *part, size_t image_size)
{
    bool whole = image_size == 0 || image_size == OTA_SIZE_UNKNOWN;
    bool sequential = image_size == OTA_WITH_SEQUENTIAL_WRITES;

    if (!sequential && s->staging->readonly) {
        return ESP_ERR_NOT_ALLOWED;
    }
    return idf_err(al_update_begin(&s->update, idf_flash(), part,
                                   whole ? OTA_SIZE_UNKNOWN : (uint32_t)image_size, NULL));
}

esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t image_size, esp_ota_handle_t *out_handle)
{
    struct al_part part;
    struct session *s;
    esp_err_t err;

    if (partition == NULL || out_handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    partition = esp_partition_verify(partition);
    if (partition == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    if (partition->type == ESP_PARTITION_TYPE_APP) {
        if (!ota_is_slot(partition)) {
            return ESP_ERR_INVALID_ARG;
        }
        if (partition == esp_ota_get_running_partition()) {
            return ESP_ERR_OTA_PARTITION_CONFLICT;
        }
        if (trial_running()) {
            ESP_LOGE(TAG, "the running app is not confirmed yet");
            return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
        }
    }
    err = open_session(partition, &s);
    if (err != ESP_OK) {
        return err;
    }
    *out_handle = s->handle;
    part = target_of(partition);
    /* So that abort has something sane to work on if the erase fails. */
    s->update = (struct al_update){.flash = idf_flash(), .part = part};
    err = erase_for(s, &part, image_size);
    if (err != ESP_OK) {
        return err;
    }
    if (ota_rollback_enabled() && ota_is_slot(partition)) {
        /* From here on a rollback can't choose the slot that is being overwritten. */
        (void)esp_ota_invalidate_inactive_ota_data_slot();
    }
    return ESP_OK;
}

esp_err_t esp_ota_resume(const esp_partition_t *partition, const size_t erase_size, const size_t image_offset,
                         esp_ota_handle_t *out_handle)
{
    struct al_part part;
    struct session *s;
    esp_err_t err;

    if (partition == NULL || out_handle == NULL || image_offset > partition->size) {
        return ESP_ERR_INVALID_ARG;
    }
    partition = esp_partition_verify(partition);
    if (partition == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    if (partition->type == ESP_PARTITION_TYPE_APP && !ota_is_slot(partition)) {
        return ESP_ERR_INVALID_ARG;
    }
    if (partition == esp_ota_get_running_partition()) {
        return ESP_ERR_OTA_PARTITION_CONFLICT;
    }
    if (partition->type == ESP_PARTITION_TYPE_APP && trial_running()) {
        return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
    }
    err = open_session(partition, &s);
    if (err != ESP_OK) {
        return err;
    }
    *out_handle = s->handle;
    part = target_of(partition);
    s->resumed = true;
    s->wrote = (uint32_t)image_offset;
    return idf_err(al_update_resume(&s->update, idf_flash(), &part, erase_size == OTA_WITH_SEQUENTIAL_WRITES,
                                    (uint32_t)image_offset, NULL));
}

esp_err_t esp_ota_set_final_partition(esp_ota_handle_t handle, const esp_partition_t *final,
                                      bool finalize_with_copy)
{
    struct session *s;

    if (final == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    s = find_session(handle);
    if (s == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    if (s->wrote != 0 && !s->resumed) {
        return ESP_ERR_INVALID_STATE;
    }
    if (final != s->staging) {
        final = esp_partition_verify(final);
        if (final == NULL) {
            return ESP_ERR_NOT_FOUND;
        }
        s->final = final;
        s->copy_at_end = finalize_with_copy;
    }
    return ESP_OK;
}

/* The first bytes tell whether this can be what the final partition holds. */
static bool first_bytes_fit(const struct session *s, const uint8_t *data, size_t size)
{
    switch (s->final->type) {
    case ESP_PARTITION_TYPE_APP:
    case ESP_PARTITION_TYPE_BOOTLOADER:
        return data[0] == ESP_IMAGE_HEADER_MAGIC;
    case ESP_PARTITION_TYPE_PARTITION_TABLE:
        return size < 2 || (data[0] == (ESP_PARTITION_MAGIC & 0xFF) && data[1] == ESP_PARTITION_MAGIC >> 8);
    default:
        return true;
    }
}

esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t size)
{
    struct session *s;
    esp_err_t err;

    if (data == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (size == 0) {
        return ESP_OK;
    }
    s = find_session(handle);
    if (s == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (s->update.sequential) {
        err = s->staging->readonly ? ESP_ERR_NOT_ALLOWED
                                   : idf_err(al_update_prepare(&s->update, (uint32_t)size));
        if (err != ESP_OK) {
            return err;
        }
    }
    if (s->wrote == 0 && !first_bytes_fit(s, data, size)) {
        ESP_LOGE(TAG, "%s: no image: it starts with 0x%02x", s->staging->label, *(const uint8_t *)data);
        return ESP_ERR_OTA_VALIDATE_FAILED;
    }
    if (s->staging->readonly) {
        return ESP_ERR_NOT_ALLOWED;
    }
    /* write_with_offset counts too, so the position may lie past what came in order. */
    s->update.pos = s->wrote;
    if (s->update.pos > s->staging->size) {
        return ESP_ERR_INVALID_ARG;
    }
    if (size > s->staging->size) {
        return ESP_ERR_INVALID_SIZE;
    }
    err = idf_err(al_update_write(&s->update, data, (uint32_t)size));
    if (err == ESP_OK) {
        s->wrote += (uint32_t)size;
    }
    return err;
}

esp_err_t esp_ota_write_with_offset(esp_ota_handle_t handle, const void *data, size_t size, uint32_t offset)
{
    struct session *s;
    esp_err_t err;

    if (data == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (size == 0) {
        return ESP_OK;
    }
    s = find_session(handle);
    if (s == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    assert(!s->update.sequential);
    err = esp_partition_write(s->staging, offset, data, size);
    if (err == ESP_OK) {
        s->wrote += (uint32_t)size;
    }
    return err;
}

/* CONFIG_SECURE_SIGNED_DATA_PARTITION: the last whole sector that was written is the signature's. */
static esp_err_t verify_signed_data(const struct session *s)
{
    uint32_t len = s->wrote / AL_SECTOR_SIZE * AL_SECTOR_SIZE;

    if (len < 2 * AL_SECTOR_SIZE) {
        ESP_LOGE(TAG, "%s: %u bytes are too few for data and a signature sector", s->staging->label,
                 (unsigned)s->wrote);
        return ESP_ERR_INVALID_SIZE;
    }
    return esp_secure_boot_verify_signature(s->staging->address, len - AL_SIG_SECTOR_SIZE);
}

/* What was written verifies as what the final partition holds. */
static esp_err_t verify_written(const struct session *s)
{
    struct al_ptable table;

    switch (s->final->type) {
    case ESP_PARTITION_TYPE_APP:
    case ESP_PARTITION_TYPE_BOOTLOADER:
        return ota_verify_update(s->final->type, s->staging);
    case ESP_PARTITION_TYPE_PARTITION_TABLE:
        return idf_err(al_ptable_read(idf_flash(), s->staging->address, &table));
    default:
        return airlift_sdkconfig.secure_signed_data_partition && s->final->type == ESP_PARTITION_TYPE_DATA &&
                       s->final->subtype == ESP_PARTITION_SUBTYPE_DATA_UNDEFINED
                   ? verify_signed_data(s)
                   : ESP_OK;
    }
}

/*
 * An app that nobody trusted signed must not become one that a bootloader without secure boot falls
 * back to. Cut before or within the erase, no record selects it, and the next update erases it.
 */
static void make_unbootable(const struct session *s)
{
    if (s->staging->type == ESP_PARTITION_TYPE_APP && airlift_last_signature_fault() != AL_SIG_GOOD &&
        esp_partition_erase_range(s->staging, 0, s->staging->erase_size) != ESP_OK) {
        ESP_LOGE(TAG, "%s: what was refused could not be erased", s->staging->label);
    }
}

esp_err_t esp_ota_end(esp_ota_handle_t handle)
{
    struct session *s = take_session(handle);
    esp_err_t err = ESP_OK;

    if (s == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    if (s->wrote == 0) {
        err = ESP_ERR_INVALID_ARG;
    } else if (verify_written(s) != ESP_OK) {
        make_unbootable(s);
        err = ESP_ERR_OTA_VALIDATE_FAILED;
    } else if (s->copy_at_end) {
        /* Not atomic: a cut while it runs leaves the final partition broken. */
        err = esp_partition_copy(s->final, 0, s->staging, 0, s->final->size);
    }
    free(s);
    return err;
}

esp_err_t esp_ota_abort(esp_ota_handle_t handle)
{
    struct session *s = take_session(handle);

    if (s == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    free(s);
    return ESP_OK;
}
