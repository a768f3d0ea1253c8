/*
 * One update after the other, from whichever topic it came.
 *
 *     NONE ──► INSTALLING ──► an outcome ──► NONE, once the broker or the job service has it
 *                 ▲   │
 *                 │   ▼
 *              WANTS_LINK     the link has expired; with a fresh one the download goes on
 *
 * The record is stored at each step, and the agent keeps the offer: after a reset
 * both go on. What is INSTALLING here and unknown to the agent was cut off between
 * the two, and wants its link again.
 */
#include "mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/crypto.h"
#include "esp_log.h"
#include "esp_timer.h"

#define MAX_FRESH_LINKS 5u /* asked for in a row, without a byte of progress in between */

/* --- Names ----------------------------------------------------------------- */

/* Without an id of its own an update is known by what it says: the link without its query, version, hash. */
static bool name_update(const struct agent_mqtt_update *u, char out[AIRLIFT_MAX_OFFER_ID])
{
    uint8_t digest[AL_SHA256_SIZE];
    struct al_hash hash;

    if (u->id[0] != '\0') {
        (void)snprintf(out, AIRLIFT_MAX_OFFER_ID, "u:%s", u->id);
        return true;
    }
    if (al_sha256_init(&hash) != 0) {
        return false;
    }
    if (al_hash_update(&hash, u->image.url, strcspn(u->image.url, "?#")) != 0 ||
        al_hash_update(&hash, u->image.version, strlen(u->image.version) + 1) != 0 ||
        al_hash_update(&hash, u->image.sha256, u->image.has_sha256 ? AL_SHA256_SIZE : 0) != 0) {
        al_hash_abort(&hash);
        return false;
    }
    if (al_hash_final(&hash, digest) != 0) {
        return false;
    }
    (void)snprintf(out, AIRLIFT_MAX_OFFER_ID, "u:%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
                   digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    return true;
}

bool agent_mqtt_is_outcome(uint8_t state)
{
    return state >= UPDATE_SUCCEEDED;
}

bool agent_mqtt_has_agent(void)
{
    airlift_status_t status;

    return airlift_get_status(&status) == ESP_OK;
}

static bool is_ours(const struct agent_mqtt *m, const char *offer_id)
{
    return m->update.state != UPDATE_NONE && strcmp(m->update.id, offer_id) == 0;
}

/* --- Reporting -------------------------------------------------------------- */

/* Tell the outcome; a job's also to the job service. */
static void report_outcome(struct agent_mqtt *m)
{
    if (!m->is_ready) {
        return; /* on_ready() does it */
    }
    m->outcome_msg_id = agent_mqtt_tell(m, agent_mqtt_state_name(m->update.state), &m->update, 1);
    if (m->update.is_job) {
        agent_mqtt_jobs_report(m);
    }
}

/* Would the very same message, if it is retained, lead to the same again? */
static bool is_for_good(const struct agent_mqtt_update_record *r)
{
    return r->state != UPDATE_FAILED ||
           (r->reason != AIRLIFT_FAIL_NETWORK && r->reason != AIRLIFT_FAIL_HTTP_STATUS &&
            r->reason != AIRLIFT_FAIL_EXPIRED && r->reason != AIRLIFT_FAIL_STORAGE &&
            r->reason != AIRLIFT_FAIL_FLASH && r->reason != AIRLIFT_FAIL_STOPPED);
}

void agent_mqtt_end(struct agent_mqtt *m, enum agent_mqtt_state state, airlift_fail_t reason,
                    const char *text)
{
    struct agent_mqtt_update_record *r = &m->update;

    r->state = (uint8_t)state;
    r->reason = (uint8_t)reason;
    (void)snprintf(r->text, sizeof(r->text), "%s", text != NULL ? text : "");
    ESP_LOGI(AGENT_MQTT_TAG, "update %s: %s%s%s", r->id + 2, agent_mqtt_state_name(state),
             r->text[0] != '\0' ? ", " : "", r->text);
    if (!r->is_job && is_for_good(r)) {
        agent_mqtt_set_done(m, r->id);
    }
    /* A cut before this line finds it INSTALLING: the agent tells its outcome once more, or knows nothing
     * of it, and it is offered to it again. */
    agent_mqtt_record_store(m);
    report_outcome(m);
}

void agent_mqtt_forget(struct agent_mqtt *m)
{
    memset(&m->update, 0, sizeof(m->update));
    m->outcome_msg_id = -1;
    m->job_version = m->job_execution = 0;
    m->outcome_reported = false;
    m->bytes = m->total = 0;
    agent_mqtt_record_store(m);
}

/* The message that waited, if there is one. */
static bool look_at_next(struct agent_mqtt *m)
{
    struct agent_mqtt_input *next = m->next;

    if (next == NULL || !agent_mqtt_has_agent()) {
        return false;
    }
    m->next = NULL;
    agent_mqtt_on_message(m, next);
    /* Its update, if there is one, is stored by now: a cut before this line looks at it once more. */
    agent_mqtt_next_erase(m);
    return true;
}

void agent_mqtt_close(struct agent_mqtt *m)
{
    agent_mqtt_forget(m);
    if (!look_at_next(m)) {
        agent_mqtt_jobs_ask(m);
    }
}

void agent_mqtt_on_published(struct agent_mqtt *m, int msg_id)
{
    if (msg_id == m->outcome_msg_id && agent_mqtt_is_outcome(m->update.state) && !m->update.is_job) {
        agent_mqtt_close(m);
    }
}

/* --- Installing ------------------------------------------------------------- */

/* Hand it to the agent; the record says INSTALLING. */
static void hand_over(struct agent_mqtt *m, const struct agent_mqtt_update *u)
{
    const airlift_offer_t offer = {
        .id = m->update.id,
        .url = u->image.url,
        .version = u->image.version,
        .sha256 = u->image.has_sha256 ? u->image.sha256 : NULL,
        .md5 = u->image.has_md5 ? u->image.md5 : NULL,
        .size = u->image.size,
        .mandatory = u->image.mandatory,
        .force = u->force,
    };
    const esp_err_t err = airlift_install(&offer);

    if (err == ESP_ERR_INVALID_ARG) {
        agent_mqtt_end(m, UPDATE_REJECTED, AIRLIFT_FAIL_URL, "the agent does not accept this link");
    } else if (err != ESP_OK) {
        /* It is stopped, or has another one in hand: look_at_clock() finds that it does not know this one. */
        ESP_LOGW(AGENT_MQTT_TAG, "the agent does not take the update now (%s)", esp_err_to_name(err));
    }
}

void agent_mqtt_begin(struct agent_mqtt *m, const char *id, const struct agent_mqtt_update *offer)
{
    struct agent_mqtt_update_record *r = &m->update;

    m->bytes = m->total = 0;
    memset(r, 0, sizeof(*r));
    r->state = UPDATE_INSTALLING;
    r->is_job = id[0] == 'j';
    (void)snprintf(r->id, sizeof(r->id), "%s", id);
    (void)snprintf(r->version, sizeof(r->version), "%s", offer->image.version);
    ESP_LOGI(AGENT_MQTT_TAG, "update %s begins", r->id + 2);
    /* A cut before the agent has stored its offer: INSTALLING, and the agent knows nothing of it. */
    agent_mqtt_record_store(m);
    (void)agent_mqtt_tell(m, "accepted", r, 1);
    hand_over(m, offer);
}

void agent_mqtt_go_on(struct agent_mqtt *m, const struct agent_mqtt_update *offer)
{
    ESP_LOGI(AGENT_MQTT_TAG, "update %s goes on with a fresh link", m->update.id + 2);
    m->update.state = UPDATE_INSTALLING;
    agent_mqtt_record_store(m);
    hand_over(m, offer);
}

/* Ask whoever sent it for the link once more. */
static void ask_link(struct agent_mqtt *m)
{
    m->link_deadline_us = esp_timer_get_time() + (int64_t)m->config.fresh_link_wait_s * 1000000;
    if (!m->is_ready) {
        return;
    }
    (void)agent_mqtt_tell(m, agent_mqtt_state_name(UPDATE_WANTS_LINK), &m->update, 1);
    if (m->update.is_job) {
        agent_mqtt_jobs_ask_link(m);
    }
}

static void want_link(struct agent_mqtt *m)
{
    if (m->update.fresh_links >= MAX_FRESH_LINKS) {
        agent_mqtt_end(m, UPDATE_FAILED, AIRLIFT_FAIL_EXPIRED, "one link after the other was refused (403)");
        return;
    }
    m->update.fresh_links++;
    m->update.state = UPDATE_WANTS_LINK;
    agent_mqtt_record_store(m);
    ask_link(m);
}

/* --- Update messages -------------------------------------------------------- */

/* Not worth a record: nothing was begun, and the sender hears it now or never. */
static void refuse_message(struct agent_mqtt *m, airlift_fail_t reason, const char *why)
{
    struct agent_mqtt_update_record r = {.reason = (uint8_t)reason};

    (void)snprintf(r.text, sizeof(r.text), "%s", why);
    ESP_LOGW(AGENT_MQTT_TAG, "update message refused: %s", why);
    (void)agent_mqtt_tell(m, agent_mqtt_state_name(UPDATE_REJECTED), &r, 1);
}

static void hold_message(struct agent_mqtt *m, struct agent_mqtt_input *input)
{
    ESP_LOGI(AGENT_MQTT_TAG, "an update message waits for %s%s",
             m->update.state != UPDATE_NONE ? "the end of update " : "the agent to start",
             m->update.state != UPDATE_NONE ? m->update.id + 2 : "");
    free(m->next);
    m->next = input;
    agent_mqtt_next_store(m);
}

/* True if the message is to be kept. */
static bool look_at_message(struct agent_mqtt *m, struct agent_mqtt_input *input, struct agent_mqtt_update *u)
{
    char why[AGENT_TEXT_SIZE], id[AIRLIFT_MAX_OFFER_ID];
    const airlift_fail_t fail =
        agent_mqtt_update_parse(input->text, input->len, m->config.allow_http, u, why);

    if (fail != AIRLIFT_FAIL_NONE || !name_update(u, id)) {
        refuse_message(m, fail, fail != AIRLIFT_FAIL_NONE ? why : "no SHA-256");
        return false;
    }
    if (is_ours(m, id) && m->update.state == UPDATE_WANTS_LINK) {
        agent_mqtt_go_on(m, u);
    } else if (is_ours(m, id)) {
        ESP_LOGI(AGENT_MQTT_TAG, "update %s comes again: it is under way", id + 2);
    } else if (input->retained && agent_mqtt_is_done(m, id)) {
        ESP_LOGI(AGENT_MQTT_TAG, "update %s is retained by the broker, and dealt with already", id + 2);
    } else if (m->update.state != UPDATE_NONE || !agent_mqtt_has_agent()) {
        return true;
    } else {
        agent_mqtt_begin(m, id, u);
    }
    return false;
}

void agent_mqtt_on_message(struct agent_mqtt *m, struct agent_mqtt_input *input)
{
    struct agent_mqtt_update *u = malloc(sizeof(*u));

    if (input->len == 0) {
        /* How a retained message is removed. */
    } else if (u == NULL) {
        refuse_message(m, AIRLIFT_FAIL_STORAGE, "no memory");
    } else if (look_at_message(m, input, u)) {
        hold_message(m, input);
        input = NULL;
    }
    free(u);
    free(input);
}

/* --- The agent --------------------------------------------------------------- */

static void take_version(struct agent_mqtt *m, const struct agent_mqtt_input *input)
{
    if (input->version[0] != '\0') {
        (void)snprintf(m->update.version, sizeof(m->update.version), "%s", input->version);
    }
}

static void on_progress(struct agent_mqtt *m, const struct agent_mqtt_input *input)
{
    m->bytes = input->bytes;
    m->total = input->total;
    m->update.fresh_links = 0;
    if (!m->is_ready || esp_timer_get_time() < m->progress_at_us) {
        return;
    }
    m->progress_at_us = esp_timer_get_time() + (int64_t)m->config.progress_interval_s * 1000000;
    (void)agent_mqtt_tell(m, "downloading", &m->update, 0);
    if (m->update.is_job) {
        agent_mqtt_jobs_report(m);
    }
}

/* The agent is done with the offer, and installed nothing. */
static void on_offer_ended(struct agent_mqtt *m, const struct agent_mqtt_input *input)
{
    switch (input->reason) {
    case AIRLIFT_FAIL_NONE:
        agent_mqtt_end(m, UPDATE_UP_TO_DATE, AIRLIFT_FAIL_NONE, NULL);
        break;
    case AIRLIFT_FAIL_EXPIRED:
        want_link(m);
        break;
    case AIRLIFT_FAIL_KNOWN_BAD:
    case AIRLIFT_FAIL_CHIP:
    case AIRLIFT_FAIL_UNSIGNED:
    case AIRLIFT_FAIL_UNKNOWN_KEY:
    case AIRLIFT_FAIL_REVOKED_KEY:
    case AIRLIFT_FAIL_BAD_SIGNATURE:
    case AIRLIFT_FAIL_SECURE_VERSION:
        agent_mqtt_end(m, UPDATE_REJECTED, input->reason, input->why);
        break;
    default:
        agent_mqtt_end(m, UPDATE_FAILED, input->reason, input->why);
        break;
    }
}

void agent_mqtt_on_agent(struct agent_mqtt *m, const struct agent_mqtt_input *input)
{
    if (!is_ours(m, input->offer_id) || agent_mqtt_is_outcome(m->update.state)) {
        return;
    }
    take_version(m, input);
    switch (input->event) {
    case AIRLIFT_EVENT_PROGRESS:
        on_progress(m, input);
        break;
    case AIRLIFT_EVENT_VERIFIED:
        (void)agent_mqtt_tell(m, "verified", &m->update, 1);
        break;
    case AIRLIFT_EVENT_REBOOTING:
        (void)agent_mqtt_tell(m, "restarting", &m->update, 1);
        break;
    case AIRLIFT_EVENT_CONFIRMED:
        agent_mqtt_end(m, UPDATE_SUCCEEDED, AIRLIFT_FAIL_NONE, NULL);
        break;
    case AIRLIFT_EVENT_ROLLED_BACK:
        agent_mqtt_end(m, UPDATE_ROLLED_BACK, input->reason, input->why);
        break;
    case AIRLIFT_EVENT_OFFER_ENDED:
        on_offer_ended(m, input);
        break;
    default:
        break;
    }
}

/* --- Connection and clock ----------------------------------------------------- */

void agent_mqtt_on_ready(struct agent_mqtt *m)
{
    static const struct agent_mqtt_update_record nothing;

    m->awaits_answer = false; /* from before the connection was lost */
    m->job_version = 0;
    (void)agent_mqtt_tell(m, "online", m->update.state != UPDATE_NONE ? &m->update : &nothing, 1);
    if (agent_mqtt_is_outcome(m->update.state)) {
        report_outcome(m);
    } else if (m->update.state == UPDATE_WANTS_LINK) {
        ask_link(m);
    } else if (m->update.state == UPDATE_NONE) {
        (void)look_at_next(m); /* from before a reset */
    }
    agent_mqtt_jobs_ask(m);
}

/* INSTALLING, and the agent, which is past its trial, knows nothing of it. */
static bool is_lost(const struct agent_mqtt *m)
{
    airlift_status_t status;

    return m->update.state == UPDATE_INSTALLING && airlift_get_status(&status) == ESP_OK &&
           status.state == AIRLIFT_STATE_IDLE && strcmp(status.offer_id, m->update.id) != 0;
}

void agent_mqtt_look_at_clock(struct agent_mqtt *m)
{
    if (m->is_ready && is_lost(m) && uxQueueMessagesWaiting(m->inputs) == 0) {
        ESP_LOGW(AGENT_MQTT_TAG, "update %s was lost in a reset", m->update.id + 2);
        want_link(m);
    } else if (m->update.state == UPDATE_WANTS_LINK && m->link_deadline_us != 0 &&
               esp_timer_get_time() >= m->link_deadline_us) {
        agent_mqtt_end(m, UPDATE_FAILED, AIRLIFT_FAIL_EXPIRED,
                       "the link has expired, and nobody sent a fresh one");
    }
    if (m->update.state == UPDATE_NONE && m->is_ready && agent_mqtt_has_agent() && !look_at_next(m) &&
        m->job_waits && !m->awaits_answer) {
        agent_mqtt_jobs_ask(m);
    }
    if (m->awaits_answer && esp_timer_get_time() >= m->answer_deadline_us) {
        m->awaits_answer = false; /* the answer is lost */
        m->job_version = 0;
        if (m->update.is_job) {
            agent_mqtt_jobs_report(m);
        } else {
            agent_mqtt_jobs_ask(m);
        }
    }
}
