#include "agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "esp_log.h"
#include "esp_mac.h"
#include "esp_system.h"

#include "airlift/semver.h"

/* --- Manifest ------------------------------------------------------------- */

/* Receive the manifest's text into a->buf.text. */
static airlift_fail_t receive_manifest(struct agent *a, uint32_t *len)
{
    const int64_t length = a->http.content_length;

    if (a->http.status != 200) {
        return agent_fail(a, AIRLIFT_FAIL_HTTP_STATUS, "the server answers %d to the manifest's URL",
                          a->http.status);
    }
    if (length > (int64_t)AIRLIFT_MAX_MANIFEST) {
        return agent_fail(a, AIRLIFT_FAIL_MANIFEST, "the manifest has %" PRId64 " bytes, more than %u",
                          length, AIRLIFT_MAX_MANIFEST);
    }
    *len = agent_http_read(a, a->buf.text, length > 0 ? (uint32_t)length : AIRLIFT_MAX_MANIFEST + 1);
    if (*len > AIRLIFT_MAX_MANIFEST) {
        return agent_fail(a, AIRLIFT_FAIL_MANIFEST, "the manifest has more than %u bytes",
                          AIRLIFT_MAX_MANIFEST);
    }
    if (!esp_http_client_is_complete_data_received(a->http.client)) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "the connection broke off within the manifest");
    }
    a->buf.text[*len] = '\0';
    return AIRLIFT_FAIL_NONE;
}

/* What the server calls this device. NULL: it is not told. */
static const char *device_id(const struct agent *a, char text[18])
{
    uint8_t mac[6];

    if (a->config.device_id != NULL) {
        return a->config.device_id[0] != '\0' ? a->config.device_id : NULL;
    }
    if (esp_efuse_mac_get_default(mac) != ESP_OK) {
        return NULL;
    }
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)mac[0], (unsigned)mac[1], (unsigned)mac[2],
             (unsigned)mac[3], (unsigned)mac[4], (unsigned)mac[5]);
    return text;
}

/* An image's description may hold any bytes; a header may not. */
static bool is_printable(const char *text)
{
    while (*text >= ' ' && *text <= '~') {
        text++;
    }
    return *text == '\0';
}

airlift_fail_t agent_fetch_manifest(struct agent *a)
{
    char id[18];
    const struct agent_request request = {
        .url = a->config.manifest_url,
        .authorization = a->config.authorization,
        .if_range = "",
        .running = agent_delta_running(a),
        .device = device_id(a, id),
        .version = is_printable(a->running_version) ? a->running_version : "",
        .failed = a->status.last_failure,
        .timeout_s = a->config.timeout_s != 0 ? a->config.timeout_s : 10,
    };
    struct agent_patch_needs needs;
    uint32_t len = 0;
    airlift_fail_t fail = agent_http_get(a, &request);

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = receive_manifest(a, &len);
    }
    agent_http_close(a);
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_manifest_parse(a->buf.text, len, a->config.manifest_url, a->config.allow_http,
                                    &a->manifest, a->why);
    }
    if (fail == AIRLIFT_FAIL_NONE && agent_manifest_identity(&a->manifest, a->identity) != 0) {
        fail = agent_fail(a, AIRLIFT_FAIL_FLASH, "no SHA-256");
    }
    a->patch.size = 0;
    if (fail == AIRLIFT_FAIL_NONE && agent_delta_needs(a, &needs)) {
        agent_manifest_find_patch(a->buf.text, len, a->config.manifest_url, a->config.allow_http, &needs,
                                  &a->patch);
    }
    return fail;
}

/* --- Decision ------------------------------------------------------------- */

/*
 * Did this image fail its trial here? Our own record says so, or else the OTA
 * data's: that one survives an erased NVS, but knows the slot only.
 */
bool agent_is_known_bad(struct agent *a)
{
    const struct agent_manifest *m = &a->manifest;
    const esp_partition_t *invalid;
    struct agent_record record;
    char version[AGENT_VERSION_SIZE];

    if (agent_record_load(a->nvs, AGENT_KEY_BAD, &record)) {
        return memcmp(record.identity, a->identity, sizeof(record.identity)) == 0;
    }
    if (agent_record_load(a->nvs, AGENT_KEY_TRIAL, &record) &&
        memcmp(record.identity, a->identity, sizeof(record.identity)) == 0) {
        return false; /* confirm.c gave it another trial, whatever OTA data says */
    }
    invalid = esp_ota_get_last_invalid_partition();
    if (invalid == NULL) {
        return false;
    }
    agent_slot_version(invalid, version);
    if (strcmp(version, m->version) != 0) {
        return false;
    }
    return !m->has_sha256 || m->size == 0 || agent_slot_holds(a, invalid, m->size);
}

/* Is the slot's content, as the journal or its own description names it, what is ordered? */
static bool lies_ready(struct agent *a, const esp_partition_t *slot)
{
    const struct agent_manifest *m = &a->manifest;
    struct agent_job job;
    uint32_t pos;

    if (agent_job_load(a->nvs, &job, &pos) && job.subtype == (uint8_t)slot->subtype) {
        if (job.way == AGENT_WAY_IMAGE && memcmp(job.identity, a->identity, sizeof(job.identity)) == 0) {
            return pos == job.total && agent_slot_holds(a, slot, job.total);
        }
        if (agent_delta_is_job(a, &job)) {
            return pos == job.total && agent_slot_holds(a, slot, m->size);
        }
    }
    if (!m->has_sha256 || m->size == 0) {
        return false;
    }
    char version[AGENT_VERSION_SIZE];

    agent_slot_version(slot, version); /* cheap; only a match is worth reading a megabyte */
    return al_semver_valid(version) && al_semver_compare(version, m->version) == 0 &&
           agent_slot_holds(a, slot, m->size);
}

/* --- Selection ------------------------------------------------------------ */

/* True if `slot` holds this image and the next boot starts it: the app only has to restart. */
static bool is_selected(struct agent *a, const esp_partition_t *slot, const struct agent_record *trial)
{
    const esp_partition_t *boot = esp_ota_get_boot_partition();

    return a->status.state == AIRLIFT_STATE_INSTALLED && boot != NULL && boot->address == slot->address &&
           memcmp(trial->identity, a->identity, sizeof(trial->identity)) == 0;
}

static airlift_fail_t restart(struct agent *a, const esp_partition_t *slot, const char *version)
{
    ESP_LOGI(AGENT_TAG, "installed %s in %s, %s", version, slot->label,
             a->config.manual_restart ? "the next restart starts it" : "restarting");
    agent_tell(a, AIRLIFT_EVENT_REBOOTING, version, AIRLIFT_FAIL_NONE, NULL);
    if (!a->config.manual_restart) {
        (void)agent_wait(a, 1, 0); /* the log line shall reach its reader */
        esp_restart();
    }
    return AIRLIFT_FAIL_NONE;
}

/* All but the restart. Counts as one more try. */
static airlift_fail_t put_on_trial(struct agent *a, const esp_partition_t *slot, struct agent_record *trial)
{
    if (trial->tries > a->config.trial_boots) {
        /* Selected again and again, and never once did it come to a verdict. */
        trial->reason = AIRLIFT_FAIL_TRIAL_RESET;
        if (agent_record_store(a->nvs, AGENT_KEY_BAD, trial) == ESP_OK) {
            (void)agent_record_erase(a->nvs, AGENT_KEY_TRIAL);
        }
        return agent_fail(a, AIRLIFT_FAIL_KNOWN_BAD, "%s came to no verdict in %u trials", trial->version,
                          (unsigned)trial->tries);
    }
    trial->tries++;
    trial->previous = (uint8_t)a->running->subtype;

    /* A cut after this line: the old version boots, finds an image on trial that
     * has no verdict, and selects it again without a download. */
    esp_err_t err = agent_record_store(a->nvs, AGENT_KEY_TRIAL, trial);
    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_STORAGE, "cannot note the trial (%s)", esp_err_to_name(err));
    }
    /* One OTA data record; the one that booted us stays. A cut before or during
     * this write boots the old version, after it the new one. */
    err = agent_select_slot(slot);
    if (err != ESP_OK) {
        if (err == ESP_ERR_OTA_VALIDATE_FAILED || err == ESP_ERR_OTA_SMALL_SEC_VER) {
            return agent_refuse_image(a, err);
        }
        trial->tries--; /* the flash's fault: this was no trial of the image's */
        (void)agent_record_store(a->nvs, AGENT_KEY_TRIAL, trial);
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot select %s for the next boot (%s)", slot->label,
                          esp_err_to_name(err));
    }
    return AIRLIFT_FAIL_NONE;
}

airlift_fail_t agent_select(struct agent *a, const esp_partition_t *slot, struct agent_record *trial)
{
    const airlift_fail_t fail = put_on_trial(a, slot, trial);

    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    agent_offer_selected(a);
    return restart(a, slot, trial->version);
}

/* A trial for the image of a->manifest, which lies in `slot`: a new one, unless it had some before. */
static airlift_fail_t make_trial(struct agent *a, const esp_partition_t *slot, struct agent_record *out)
{
    if (!agent_record_load(a->nvs, AGENT_KEY_TRIAL, out) ||
        memcmp(out->identity, a->identity, sizeof(out->identity)) != 0) {
        out->tries = 0;
    }
    out->subtype = (uint8_t)slot->subtype;
    out->reason = AIRLIFT_FAIL_NONE;
    memcpy(out->identity, a->identity, sizeof(out->identity));
    snprintf(out->version, sizeof(out->version), "%s", a->manifest.version);
    if (esp_partition_get_sha256(slot, out->image) != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_IMAGE, "the image in %s does not verify", slot->label);
    }
    return AIRLIFT_FAIL_NONE;
}

airlift_fail_t agent_select_pushed(struct agent *a, const esp_partition_t *slot)
{
    struct agent_record trial;
    airlift_fail_t fail = make_trial(a, slot, &trial);

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = put_on_trial(a, slot, &trial);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        agent_set_state(a, AIRLIFT_STATE_INSTALLED);
    }
    return fail;
}

/* The same for the manifest's image or the offer's, with the restart. */
static airlift_fail_t select_manifests(struct agent *a, const esp_partition_t *slot)
{
    struct agent_record trial;
    const airlift_fail_t fail = make_trial(a, slot, &trial);

    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    if (agent_offer_note_trial(a) != ESP_OK) {
        ESP_LOGW(AGENT_TAG, "cannot note whose image it is: its outcome will not bear the offer's name");
    }
    return agent_select(a, slot, &trial);
}

/* --- One attempt ---------------------------------------------------------- */

static airlift_fail_t install(struct agent *a)
{
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    const struct agent_manifest *m = &a->manifest;
    struct agent_record trial;

    if (slot == NULL || slot->address == a->running->address) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "there is no second app slot to install into");
    }
    if (agent_record_load(a->nvs, AGENT_KEY_TRIAL, &trial) && is_selected(a, slot, &trial)) {
        ESP_LOGI(AGENT_TAG, "%s is installed and waits for a restart", m->version);
        return AIRLIFT_FAIL_NONE;
    }
    if (m->size > slot->size) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "%" PRIu32 " bytes do not fit slot %s of %" PRIu32, m->size,
                          slot->label, (uint32_t)slot->size);
    }
    char how[AGENT_TEXT_SIZE];

    if (lies_ready(a, slot)) {
        /* However it came here: what selects it does not look at signatures once more. */
        const airlift_fail_t fail = agent_verify_slot(a, slot);

        if (fail != AIRLIFT_FAIL_NONE) {
            (void)agent_job_erase(a->nvs);
            return fail;
        }
        ESP_LOGI(AGENT_TAG, "%s lies complete in %s already: nothing to download", m->version, slot->label);
        snprintf(how, sizeof(how), "nothing fetched");
    } else {
        const airlift_fail_t fail = agent_download(a, slot);

        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
        const struct agent_download *d = &a->download;

        snprintf(how, sizeof(how), "%s, %" PRIu32 " bytes fetched for %" PRIu32,
                 d->job.way != AGENT_WAY_IMAGE ? "by a patch" : "whole", d->fetched,
                 d->job.way != AGENT_WAY_IMAGE ? m->size : d->job.total);
    }
    ESP_LOGI(AGENT_TAG, "%s verified%s (%s)", m->version,
             m->has_sha256 ? ": its SHA-256 is the manifest's" : "", how);
    agent_tell(a, AIRLIFT_EVENT_VERIFIED, m->version, AIRLIFT_FAIL_NONE, how);
    return select_manifests(a, slot);
}

static bool may_install(struct agent *a, const airlift_event_t *offer)
{
    if (a->manifest.mandatory || a->config.may_install == NULL) {
        return true;
    }
    return a->config.may_install(offer, a->config.ctx);
}

/* --- Shared with the other files ------------------------------------------ */

/*
 * Firmware whose description carries no release version (Arduino's) may be the
 * offered one already. Its bytes tell, and the record saves asking them again.
 */
bool agent_runs_already(struct agent *a)
{
    const struct agent_manifest *m = &a->manifest;
    struct agent_record record = {.subtype = (uint8_t)a->running->subtype};

    if (al_semver_valid(a->running_version) || !m->has_sha256 || m->size == 0 ||
        !agent_slot_holds(a, a->running, m->size) ||
        esp_partition_get_sha256(a->running, record.image) != ESP_OK) {
        return false;
    }
    memcpy(record.identity, a->identity, sizeof(record.identity));
    strcpy(record.version, m->version);
    (void)agent_record_store(a->nvs, AGENT_KEY_INSTALLED, &record); /* else found out again next time */
    strcpy(a->running_version, m->version);
    return true;
}

airlift_fail_t agent_install(struct agent *a, bool *declined)
{
    const struct agent_manifest *m = &a->manifest;

    *declined = false;
    if (agent_is_known_bad(a)) {
        return agent_fail(a, AIRLIFT_FAIL_KNOWN_BAD,
                          "%s was rolled back on this device: waiting for a different image", m->version);
    }

    airlift_fail_t fail = agent_check_secure_version(a);

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_check_refused(a);
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    const airlift_event_t offer = {.id = AIRLIFT_EVENT_UPDATE_AVAILABLE,
                                   .version = m->version,
                                   .mandatory = m->mandatory,
                                   .total = m->size,
                                   .text = ""};

    agent_set_progress(a, 0, m->size);
    ESP_LOGI(AGENT_TAG, "update %s available%s%s", m->version, m->size != 0 ? ", " : "",
             m->size != 0 ? agent_size_text(m->size).text : "");
    agent_tell(a, AIRLIFT_EVENT_UPDATE_AVAILABLE, m->version, AIRLIFT_FAIL_NONE, NULL);
    if (!may_install(a, &offer)) {
        ESP_LOGI(AGENT_TAG, "the app does not want it now: asking again at the next check");
        *declined = true;
        return AIRLIFT_FAIL_NONE;
    }
    fail = install(a);
    if (agent_is_distrust(fail)) {
        agent_note_refused(a, fail);
    }
    return fail;
}

airlift_fail_t agent_check(struct agent *a)
{
    const struct agent_manifest *m = &a->manifest;
    bool declined;

    if (a->status.state != AIRLIFT_STATE_INSTALLED) {
        agent_set_state(a, AIRLIFT_STATE_CHECKING);
    }
    agent_tell(a, AIRLIFT_EVENT_CHECKING, NULL, AIRLIFT_FAIL_NONE, NULL);
    const airlift_fail_t fail = agent_fetch_manifest(a);

    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    if (m->version[0] == '\0' || agent_runs_already(a) ||
        al_semver_compare(m->version, a->running_version) <= 0) {
        ESP_LOGI(AGENT_TAG, "up to date: %s runs, %s is published", a->running_version,
                 m->version[0] != '\0' ? m->version : "nothing");
        agent_tell(a, AIRLIFT_EVENT_UP_TO_DATE, m->version, AIRLIFT_FAIL_NONE, NULL);
        return AIRLIFT_FAIL_NONE;
    }
    return agent_install(a, &declined);
}
