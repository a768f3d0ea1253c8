/*
 * After a start: which version is this, and did an update end well?
 *
 *     trial record  OTA data               what happened                   then
 *     ------------  ---------------------  ------------------------------  ---------------
 *     any           running is PENDING     first boot of the new version   health check
 *     is running    torn, or none of its   the same, not written rightly   health check
 *     is running    VALID, no record       confirmed, cut before noted     note it
 *     is another    any; not trusted now   refused by the bootloader       note it as bad
 *     is another    ABORTED, INVALID       rolled back                     note it as bad
 *                   the same, power lost   no fault of the image           select it again
 *     is another    anything else          the update was forgotten        select it again
 *
 * "Forgotten" is a power cut in the middle of writing OTA data: no verdict on the
 * image. It lies complete in its slot and is selected again at once, without a
 * download and without the server.
 */
#include "agent.h"

#include <stdio.h>
#include <string.h>

#include "esp_log.h"
#include "esp_system.h"
#include "esp_timer.h"

#include "airlift/semver.h"

#define COMMIT_ATTEMPTS 3u

/* --- Which version runs? -------------------------------------------------- */

static void use_version(struct agent *a, const char *version)
{
    snprintf(a->running_version, sizeof(a->running_version), "%.*s", (int)AGENT_VERSION_SIZE - 1, version);
}

/*
 * The configuration's word, then the description's if it is a release version,
 * then the manifest's under which this very image was installed.
 */
static void find_running_version(struct agent *a, const struct agent_record *trial, bool is_trial)
{
    struct agent_record installed;

    if (a->config.version != NULL) {
        use_version(a, a->config.version);
        return;
    }
    agent_slot_version(a->running, a->running_version);
    if (al_semver_valid(a->running_version)) {
        return;
    }
    if (is_trial) {
        use_version(a, trial->version);
    } else if (agent_record_load(a->nvs, AGENT_KEY_INSTALLED, &installed) &&
               agent_slot_is(a->running, &installed)) {
        use_version(a, installed.version);
    }
}

/* --- Verdicts ------------------------------------------------------------- */

/* The app to roll back to, as far as the journal knows. */
static const esp_partition_t *previous_app(const struct agent_record *trial)
{
    return trial != NULL ? agent_slot_by_subtype(trial->previous) : NULL;
}

static void keep_way_back(struct agent *a, const struct agent_record *trial)
{
    if (agent_keep_way_back(a->running, previous_app(trial)) != ESP_OK) {
        ESP_LOGW(AGENT_TAG, "cannot write OTA data: rolling back may not be possible");
    }
}

/* The running version stays. */
static void note_confirmed(struct agent *a, const struct agent_record *trial, const char *how)
{
    if (trial != NULL) {
        /* A cut between the two leaves both, and this is done again at the next start. */
        if (agent_record_store(a->nvs, AGENT_KEY_INSTALLED, trial) != ESP_OK ||
            agent_record_erase(a->nvs, AGENT_KEY_TRIAL) != ESP_OK) {
            ESP_LOGW(AGENT_TAG, "cannot note that %s was confirmed", a->running_version);
        }
        (void)agent_job_erase(a->nvs);
    }
    ESP_LOGI(AGENT_TAG, "%s confirmed%s", a->running_version, how);
    agent_tell(a, AIRLIFT_EVENT_CONFIRMED, a->running_version, AIRLIFT_FAIL_NONE, NULL);
}

static void note_bad(struct agent *a, const struct agent_record *trial, airlift_fail_t reason)
{
    struct agent_record bad = *trial;

    bad.reason = (uint8_t)reason;
    if (agent_record_store(a->nvs, AGENT_KEY_BAD, &bad) != ESP_OK) {
        ESP_LOGW(AGENT_TAG, "cannot note that %s failed its trial", trial->version);
    }
}

/*
 * Did the trial end because power was lost? The bootloader can't tell that from
 * a crash; the reset that led here can, as it is the one that ended the trial.
 */
static bool power_was_lost(void)
{
    const esp_reset_reason_t reason = esp_reset_reason();

    return reason == ESP_RST_POWERON || reason == ESP_RST_BROWNOUT;
}

static const char *trial_failure(airlift_fail_t reason)
{
    return reason == AIRLIFT_FAIL_HEALTH ? "health check failed"
           : agent_is_distrust(reason)   ? "it is not trusted any more"
                                         : "it restarted before its health check had passed";
}

/* No fault of the image: the next boot shall start it. It lies in its slot; the server is not asked. */
static void try_again(struct agent *a, struct agent_record *trial, const esp_partition_t *slot,
                      const char *why)
{
    agent_tell(a, AIRLIFT_EVENT_TRIAL_AGAIN, trial->version, AIRLIFT_FAIL_NONE, why);
    if (slot == NULL || slot->address == a->running->address || !agent_slot_is(slot, trial)) {
        return; /* not there any more: the next check brings it */
    }
    ESP_LOGI(AGENT_TAG, "%s lies complete in %s already: nothing to download", trial->version, slot->label);
    const airlift_fail_t fail = agent_select(a, slot, trial);

    if (fail != AIRLIFT_FAIL_NONE) {
        ESP_LOGE(AGENT_TAG, "%s", a->why);
        agent_tell(a, AIRLIFT_EVENT_FAILED, trial->version, fail, a->why);
    }
}

/* An image on trial is not the one that runs. */
static void judge_absent(struct agent *a, struct agent_record *trial)
{
    const esp_partition_t *slot = agent_slot_by_subtype(trial->subtype);
    esp_ota_img_states_t state = ESP_OTA_IMG_UNDEFINED;
    struct agent_record bad;
    airlift_fail_t reason = AIRLIFT_FAIL_TRIAL_RESET;
    const airlift_fail_t trust =
        slot != NULL && agent_slot_is(slot, trial) ? agent_verify_slot(a, slot) : AIRLIFT_FAIL_NONE;

    /* It may have written its own verdict, and then lost power before OTA data had it. */
    if (agent_record_load(a->nvs, AGENT_KEY_BAD, &bad) &&
        memcmp(bad.identity, trial->identity, sizeof(bad.identity)) == 0) {
        reason = (airlift_fail_t)bad.reason;
    } else if (agent_is_distrust(trust)) {
        reason = trust; /* selected, and not trusted any more: a key was revoked, a secure version burnt */
    } else if (slot == NULL || esp_ota_get_state_partition(slot, &state) != ESP_OK ||
               (state != ESP_OTA_IMG_ABORTED && state != ESP_OTA_IMG_INVALID)) {
        ESP_LOGW(AGENT_TAG, "%s is installed, but did not run: it will be tried again", trial->version);
        try_again(a, trial, slot, "it was installed, but did not run");
        return;
    } else if (power_was_lost() && trial->tries <= a->config.trial_boots) {
        ESP_LOGW(AGENT_TAG, "power was lost during trial %u of %s: it gets another one",
                 (unsigned)trial->tries, trial->version);
        try_again(a, trial, slot, "power was lost during its trial");
        return;
    }

    /* Bad first: a cut before the trial is erased repeats this at the next start. */
    note_bad(a, trial, reason);
    (void)agent_record_erase(a->nvs, AGENT_KEY_TRIAL);
    (void)agent_job_erase(a->nvs);
    const char *why = agent_is_distrust(trust) && reason == trust ? a->why : trial_failure(reason);

    ESP_LOGW(AGENT_TAG, "%s was rolled back: %s", trial->version, why);
    agent_tell(a, AIRLIFT_EVENT_ROLLED_BACK, trial->version, reason, why);
}

/* --- The trial ------------------------------------------------------------ */

/* Ask the app, in a task of its own: a check that hangs must not hang the agent. */
static void health_task(void *arg)
{
    struct agent *a = arg;
    const bool healthy = a->config.health_check(a->config.ctx);

    (void)xEventGroupSetBits(a->bits, AGENT_BIT_ASKED | (healthy ? AGENT_BIT_HEALTHY : AGENT_BIT_SICK));
    vTaskDelete(NULL);
}

/* Without a check of the app's: can the next update be found? airlift_confirm() ends it, too. */
static EventBits_t manifest_reachable(struct agent *a)
{
    const int64_t deadline = esp_timer_get_time() + (int64_t)a->config.health_timeout_s * 1000000;
    EventBits_t verdict = 0;

    do {
        const airlift_fail_t fail = agent_fetch_manifest(a);

        /* A server that answers nonsense is not this firmware's fault. */
        if (fail != AIRLIFT_FAIL_NETWORK && fail != AIRLIFT_FAIL_HTTP_STATUS) {
            return AGENT_BIT_HEALTHY;
        }
        ESP_LOGW(AGENT_TAG, "health check: %s", a->why);
        verdict = agent_wait(a, a->config.attempt_delay_s, AGENT_BIT_HEALTHY);
    } while (verdict == 0 && esp_timer_get_time() < deadline);
    return verdict;
}

/* The verdict's bit, AGENT_BIT_STOP, or 0 if there was none in time. */
static EventBits_t health_verdict(struct agent *a)
{
    const EventBits_t verdicts = AGENT_BIT_HEALTHY | AGENT_BIT_SICK;

    if (a->config.confirm_by_app) {
        return agent_wait(a, a->config.health_timeout_s, verdicts);
    }
    if (a->config.health_check == NULL) {
        return manifest_reachable(a);
    }
    if (xTaskCreate(health_task, "airlift_health", a->config.task_stack_size, a, a->config.task_priority,
                    NULL) != pdPASS) {
        ESP_LOGE(AGENT_TAG, "no memory to run the health check");
        return AGENT_BIT_SICK;
    }
    a->health_asked = true;
    return agent_wait(a, a->config.health_timeout_s, verdicts);
}

/* OTA data first, the journal after it: a cut between the two is found at the next start. */
static void confirm(struct agent *a, const struct agent_record *trial, const char *how)
{
    esp_err_t err = ESP_FAIL;

    /* What flash refuses once it may take the next time; unconfirmed, the next reset ends us. */
    for (unsigned i = 0; i < COMMIT_ATTEMPTS && err != ESP_OK; i++) {
        err = agent_commit(a->running, previous_app(trial));
    }
    if (err != ESP_OK) {
        (void)agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot confirm %s (%s)", a->running_version,
                         esp_err_to_name(err));
        ESP_LOGE(AGENT_TAG, "%s", a->why);
        agent_tell(a, AIRLIFT_EVENT_FAILED, a->running_version, AIRLIFT_FAIL_FLASH, a->why);
        return;
    }
    keep_way_back(a, trial); /* a second attempt may have confirmed without it */
    note_confirmed(a, trial, how);
}

/* The bootloader failed to write our record: the next boot starts another app, whole and verified. */
static bool another_is_selected(const struct agent *a)
{
    const esp_partition_t *next = esp_ota_get_boot_partition();
    uint8_t sha256[AL_SHA256_SIZE];

    return next != NULL && next->address != a->running->address &&
           esp_partition_get_sha256(next, sha256) == ESP_OK;
}

static void reject(struct agent *a, const struct agent_record *trial, const char *why)
{
    (void)agent_fail(a, AIRLIFT_FAIL_HEALTH, "%s is not fit to stay: %s", a->running_version, why);
    ESP_LOGE(AGENT_TAG, "%s", a->why);
    agent_tell(a, AIRLIFT_EVENT_FAILED, a->running_version, AIRLIFT_FAIL_HEALTH, a->why);

    const bool elsewhere = another_is_selected(a);

    if (!elsewhere && !esp_ota_check_rollback_is_possible()) {
        /* The only firmware there is. Confirmed, it can at least be updated. */
        confirm(a, trial, ": there is nothing else to run");
        return;
    }
    if (trial != NULL) {
        /* Before the rollback, so that the old version can say why. A cut between
         * the two: the bootloader finds the trial unfinished and rolls back. */
        note_bad(a, trial, AIRLIFT_FAIL_HEALTH);
    }
    ESP_LOGW(AGENT_TAG, "rolling back to the previous version");
    if (elsewhere) {
        esp_restart(); /* there is no record of ours to mark */
    }
    const esp_err_t err = esp_ota_mark_app_invalid_rollback_and_reboot();

    /* Still here: any restart of an unconfirmed version rolls back as well. */
    ESP_LOGE(AGENT_TAG, "marking it invalid failed (%s), restarting", esp_err_to_name(err));
    esp_restart();
}

static void run_trial(struct agent *a, const struct agent_record *trial)
{
    ESP_LOGI(AGENT_TAG, "%s runs on trial: its health check decides", a->running_version);
    agent_set_state(a, AIRLIFT_STATE_ON_TRIAL);
    keep_way_back(a, trial); /* an earlier trial may have been cut when it was to be confirmed */

    const EventBits_t verdict = health_verdict(a);

    if (verdict & AGENT_BIT_HEALTHY) {
        confirm(a, trial, " after its health check");
    } else if (verdict & AGENT_BIT_STOP) {
        ESP_LOGW(AGENT_TAG, "stopped during the trial of %s: a restart will roll it back",
                 a->running_version);
    } else {
        reject(a, trial,
               verdict & AGENT_BIT_SICK ? "health check failed" : "its health check did not end in time");
    }
}

/* --- Shared with the other files ------------------------------------------ */

void agent_settle(struct agent *a)
{
    struct agent_record trial;
    esp_ota_img_states_t state;
    const bool have_trial = agent_record_load(a->nvs, AGENT_KEY_TRIAL, &trial);
    const bool is_trial = have_trial && agent_slot_is(a->running, &trial);

    if (have_trial) {
        agent_offer_recognise_trial(a, &trial);
    }
    find_running_version(a, &trial, is_trial);
    agent_publish_version(a);
    ESP_LOGI(AGENT_TAG, "running %s from %s", a->running_version, a->running->label);

    if ((esp_ota_get_state_partition(a->running, &state) == ESP_OK && state == ESP_OTA_IMG_PENDING_VERIFY) ||
        (is_trial && agent_is_unconfirmed(a->running))) {
        run_trial(a, is_trial ? &trial : NULL);
    } else if (is_trial) {
        keep_way_back(a, &trial);
        note_confirmed(a, &trial, "");
    } else if (have_trial) {
        judge_absent(a, &trial);
    }
    agent_name_offer(a, "");
}
