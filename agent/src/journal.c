/*
 * The agent's memory in NVS. Each key changes atomically: after a power cut it
 * has its old value or its new one.
 */
#include "agent.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Grows when a struct changes; what an older agent stored is then not understood and ignored. */
#define FORMAT       2u
#define OFFER_FORMAT 3u /* of struct agent_offer */

#define KEY_JOB      "job"
#define KEY_POS      "pos"
#define KEY_NO_PATCH "no_patch"
#define KEY_OFFER    "offer"
#define KEY_NOTE     "offer_id"

_Static_assert(sizeof(struct agent_record) == 104, "the layout is stored");
_Static_assert(sizeof(struct agent_job) == 168, "the layout is stored");
_Static_assert(offsetof(struct agent_offer, url) == 176, "the layout is stored");
_Static_assert(sizeof(struct agent_offer_note) == 116, "the layout is stored");

static bool load(nvs_handle_t nvs, const char *key, void *out, size_t size)
{
    size_t len = size;

    /* Both structs begin with their format. */
    return nvs_get_blob(nvs, key, out, &len) == ESP_OK && len == size && *(const uint8_t *)out == FORMAT;
}

static esp_err_t store(nvs_handle_t nvs, const char *key, const void *value, size_t size)
{
    const esp_err_t err = nvs_set_blob(nvs, key, value, size);

    return err == ESP_OK ? nvs_commit(nvs) : err;
}

static esp_err_t erase(nvs_handle_t nvs, const char *key)
{
    const esp_err_t err = nvs_erase_key(nvs, key);

    if (err == ESP_ERR_NVS_NOT_FOUND) {
        return ESP_OK;
    }
    return err == ESP_OK ? nvs_commit(nvs) : err;
}

/* --- Records -------------------------------------------------------------- */

bool agent_record_load(nvs_handle_t nvs, const char *key, struct agent_record *out)
{
    if (!load(nvs, key, out, sizeof(*out))) {
        memset(out, 0, sizeof(*out));
        return false;
    }
    out->version[sizeof(out->version) - 1] = '\0';
    return true;
}

esp_err_t agent_record_store(nvs_handle_t nvs, const char *key, const struct agent_record *record)
{
    struct agent_record copy = *record;

    copy.format = FORMAT;
    return store(nvs, key, &copy, sizeof(copy));
}

esp_err_t agent_record_erase(nvs_handle_t nvs, const char *key)
{
    return erase(nvs, key);
}

/* --- The download --------------------------------------------------------- */

bool agent_job_load(nvs_handle_t nvs, struct agent_job *out, uint32_t *pos)
{
    if (!load(nvs, KEY_JOB, out, sizeof(*out)) || nvs_get_u32(nvs, KEY_POS, pos) != ESP_OK ||
        *pos > out->total || (*pos % AGENT_SECTOR_SIZE != 0 && *pos != out->total)) {
        memset(out, 0, sizeof(*out));
        *pos = 0;
        return false;
    }
    out->etag[sizeof(out->etag) - 1] = '\0';
    return true;
}

esp_err_t agent_job_store(nvs_handle_t nvs, const struct agent_job *job)
{
    struct agent_job copy = *job;

    copy.format = FORMAT;
    /* The position goes first: a cut between the two leaves a job at which
     * nothing was done yet, never a new job with an old position. */
    const esp_err_t err = erase(nvs, KEY_POS);

    return err == ESP_OK ? store(nvs, KEY_JOB, &copy, sizeof(copy)) : err;
}

esp_err_t agent_job_advance(nvs_handle_t nvs, uint32_t pos)
{
    /* Called when the bytes are on flash: a cut before this line costs them
     * being downloaded again, nothing more. */
    const esp_err_t err = nvs_set_u32(nvs, KEY_POS, pos);

    return err == ESP_OK ? nvs_commit(nvs) : err;
}

esp_err_t agent_job_erase(nvs_handle_t nvs)
{
    /* A cut between the two leaves a job without position: no job. */
    const esp_err_t err = erase(nvs, KEY_POS);

    return err == ESP_OK ? erase(nvs, KEY_JOB) : err;
}

/* --- Offers --------------------------------------------------------------- */

bool agent_offer_load(nvs_handle_t nvs, struct agent_offer *out)
{
    size_t len = sizeof(*out);

    memset(out, 0, sizeof(*out));
    if (nvs_get_blob(nvs, KEY_OFFER, out, &len) != ESP_OK || out->format != OFFER_FORMAT ||
        len <= offsetof(struct agent_offer, url)) {
        return false;
    }
    out->version[AGENT_VERSION_SIZE - 1] = '\0';
    out->id[sizeof(out->id) - 1] = '\0';
    out->url[sizeof(out->url) - 1] = '\0';
    out->rounds = 0;
    return true;
}

esp_err_t agent_offer_store(nvs_handle_t nvs, const struct agent_offer *offer)
{
    struct agent_offer *copy = malloc(sizeof(*copy));

    if (copy == NULL) {
        return ESP_ERR_NO_MEM;
    }
    *copy = *offer;
    copy->format = OFFER_FORMAT;
    const esp_err_t err =
        store(nvs, KEY_OFFER, copy, offsetof(struct agent_offer, url) + strlen(copy->url) + 1);

    free(copy);
    return err;
}

esp_err_t agent_offer_erase(nvs_handle_t nvs)
{
    return erase(nvs, KEY_OFFER);
}

bool agent_offer_note_load(nvs_handle_t nvs, struct agent_offer_note *out)
{
    if (!load(nvs, KEY_NOTE, out, sizeof(*out))) {
        return false;
    }
    out->id[sizeof(out->id) - 1] = '\0';
    return true;
}

esp_err_t agent_offer_note_store(nvs_handle_t nvs, const struct agent_offer_note *note)
{
    struct agent_offer_note copy = *note;

    copy.format = FORMAT;
    return store(nvs, KEY_NOTE, &copy, sizeof(copy));
}

/* --- Patches -------------------------------------------------------------- */

bool agent_gave_up_patches(nvs_handle_t nvs, const uint8_t identity[AL_SHA256_SIZE])
{
    uint8_t image[AL_SHA256_SIZE];
    size_t len = sizeof(image);

    return nvs_get_blob(nvs, KEY_NO_PATCH, image, &len) == ESP_OK && len == sizeof(image) &&
           memcmp(image, identity, len) == 0;
}

esp_err_t agent_give_up_patches(nvs_handle_t nvs, const uint8_t identity[AL_SHA256_SIZE])
{
    /* A cut before it: the patch is tried once more. */
    const esp_err_t err = nvs_set_blob(nvs, KEY_NO_PATCH, identity, AL_SHA256_SIZE);

    return err == ESP_OK ? nvs_commit(nvs) : err;
}
