/*
 * AWS IoT's jobs. Topics below $aws/things/<thing>/jobs/:
 *
 *     we ask                the answer                  it leads to
 *     --------------------  --------------------------  ---------------------------------
 *                           notify-next                 start-next, if nothing is under way
 *     start-next            start-next/accepted         the job begins, or goes on after a reset
 *     <job>/update          <job>/update/accepted       the version grows by one; an outcome is done
 *                           <job>/update/rejected       VersionMismatch: get; ended elsewhere: forgotten
 *     <job>/get             <job>/get/accepted          its version, and its document with a fresh link
 *
 * One request is under way at a time: each update names the version it expects,
 * which only the answer to the one before tells.
 */
#include "mqtt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cJSON.h"
#include "esp_log.h"
#include "esp_timer.h"

#define ANSWER_WAIT_S 30

/* --- Requests ---------------------------------------------------------------- */

/* Publish below the job topics; `job` may be NULL. Takes `root`, NULL without memory. */
static bool request(struct agent_mqtt *m, const char *job, const char *what, cJSON *root)
{
    char topic[AIRLIFT_MQTT_MAX_TOPIC + AGENT_MQTT_ID_SIZE + 16], token[24];
    char *text = NULL;

    (void)snprintf(token, sizeof(token), "%" PRIu32, ++m->token);
    (void)snprintf(topic, sizeof(topic), "%s/%s%s%s", m->jobs_topic, job != NULL ? job : "",
                   job != NULL ? "/" : "", what);
    if (cJSON_AddStringToObject(root, "clientToken", token) != NULL) {
        text = cJSON_PrintUnformatted(root);
    }
    const bool sent = text != NULL && agent_mqtt_publish(m, topic, text, 1) >= 0;

    cJSON_free(text);
    cJSON_Delete(root);
    if (sent) {
        m->awaits_answer = true;
        m->answer_deadline_us = esp_timer_get_time() + (int64_t)ANSWER_WAIT_S * 1000000;
    }
    return sent;
}

static const char *current_job(const struct agent_mqtt *m)
{
    return m->update.id + 2; /* behind "j:" */
}

static bool has_job(const struct agent_mqtt *m)
{
    return m->update.state != UPDATE_NONE && m->update.is_job;
}

static void get(struct agent_mqtt *m, bool with_document)
{
    cJSON *root = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(root, "includeJobDocument", with_document);
    (void)request(m, current_job(m), "get", root);
}

static const char *status_name(uint8_t state)
{
    switch (state) {
    case UPDATE_SUCCEEDED:
    case UPDATE_UP_TO_DATE:
        return "SUCCEEDED";
    case UPDATE_REJECTED:
        return "REJECTED";
    case UPDATE_FAILED:
    case UPDATE_ROLLED_BACK:
        return "FAILED";
    default:
        return "IN_PROGRESS";
    }
}

/* Details are texts, at most 1024 characters each. */
static void add_details(struct agent_mqtt *m, cJSON *root)
{
    const struct agent_mqtt_update_record *r = &m->update;
    cJSON *details = cJSON_AddObjectToObject(root, "statusDetails");
    char percent[8];

    (void)cJSON_AddStringToObject(details, "step", agent_mqtt_state_name((enum agent_mqtt_state)r->state));
    if (r->version[0] != '\0') {
        (void)cJSON_AddStringToObject(details, "version", r->version);
    }
    if (m->total > 0 && !agent_mqtt_is_outcome(r->state)) {
        (void)snprintf(percent, sizeof(percent), "%u", (unsigned)(100ull * m->bytes / m->total));
        (void)cJSON_AddStringToObject(details, "progress", percent);
    }
    if (r->reason != AIRLIFT_FAIL_NONE) {
        (void)cJSON_AddStringToObject(details, "reason", airlift_fail_name((airlift_fail_t)r->reason));
    }
    if (r->text[0] != '\0') {
        (void)cJSON_AddStringToObject(details, "text", r->text);
    }
}

static void send_report(struct agent_mqtt *m)
{
    cJSON *root = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(root, "status", status_name(m->update.state));
    (void)cJSON_AddNumberToObject(root, "expectedVersion", (double)m->job_version);
    if (m->job_execution > 0) {
        (void)cJSON_AddNumberToObject(root, "executionNumber", (double)m->job_execution);
    }
    add_details(m, root);
    m->outcome_reported = agent_mqtt_is_outcome(m->update.state);
    (void)request(m, current_job(m), "update", root);
}

void agent_mqtt_jobs_report(struct agent_mqtt *m)
{
    if (!has_job(m) || !m->is_ready || m->awaits_answer) {
        return; /* the answer leads here again */
    }
    if (m->job_version == 0) {
        get(m, m->update.state == UPDATE_WANTS_LINK);
    } else {
        send_report(m);
    }
}

void agent_mqtt_jobs_ask_link(struct agent_mqtt *m)
{
    if (!m->awaits_answer) {
        get(m, true);
    }
}

void agent_mqtt_jobs_ask(struct agent_mqtt *m)
{
    if (m->jobs_topic[0] == '\0') {
        return;
    }
    if (!m->is_ready || m->awaits_answer || !agent_mqtt_has_agent()) {
        m->job_waits = true; /* look_at_clock() comes back to it */
        return;
    }
    if (m->update.state != UPDATE_NONE && !m->update.is_job) {
        m->job_waits = true; /* close() comes back to it */
        return;
    }
    m->job_waits = false;
    (void)request(m, NULL, "start-next", cJSON_CreateObject());
}

/* --- Answers ------------------------------------------------------------------ */

/* What is left to say, now that no request is under way. */
static void go_on(struct agent_mqtt *m)
{
    if (has_job(m)) {
        if (agent_mqtt_is_outcome(m->update.state) || m->job_version == 0) {
            agent_mqtt_jobs_report(m);
        } else if (m->update.state == UPDATE_WANTS_LINK) {
            get(m, true);
        }
    } else if (m->job_waits) {
        agent_mqtt_jobs_ask(m);
    }
}

static void refuse_job(struct agent_mqtt *m, const struct agent_mqtt_job *job, const char *why)
{
    const airlift_fail_t reason = job->has_document ? job->refused : AIRLIFT_FAIL_MANIFEST;

    memset(&m->update, 0, sizeof(m->update));
    m->update.is_job = true;
    (void)snprintf(m->update.id, sizeof(m->update.id), "j:%s", job->id);
    agent_mqtt_end(m, UPDATE_REJECTED, reason, job->has_document ? why : "the job has no document");
}

/* The service says that this job is ours to do. */
static void on_started(struct agent_mqtt *m, const struct agent_mqtt_job *job, const char *why)
{
    char id[AIRLIFT_MAX_OFFER_ID];
    airlift_status_t status;

    if (job->id[0] == '\0') {
        if (has_job(m)) {
            ESP_LOGW(AGENT_MQTT_TAG, "job %s is not the service's any more", current_job(m));
            agent_mqtt_forget(m);
        }
        return;
    }
    (void)snprintf(id, sizeof(id), "j:%s", job->id);
    if (m->update.state != UPDATE_NONE && strcmp(id, m->update.id) != 0) {
        if (!m->update.is_job) {
            m->job_waits = true;
            return;
        }
        /* The service has another one for us: ours is over there, whatever became of it. */
        ESP_LOGW(AGENT_MQTT_TAG, "job %s is not the service's any more", current_job(m));
        agent_mqtt_forget(m);
    }
    m->job_version = job->version;
    m->job_execution = job->execution;
    if (agent_mqtt_is_outcome(m->update.state)) {
        return; /* go_on() tells it */
    }
    if (!job->has_document || job->refused != AIRLIFT_FAIL_NONE) {
        refuse_job(m, job, why);
    } else if (m->update.state == UPDATE_NONE) {
        agent_mqtt_begin(m, id, &job->update);
    } else if (m->update.state == UPDATE_WANTS_LINK ||
               (airlift_get_status(&status) == ESP_OK && status.state == AIRLIFT_STATE_IDLE &&
                strcmp(status.offer_id, id) != 0)) {
        agent_mqtt_go_on(m, &job->update);
    }
}

static void on_got(struct agent_mqtt *m, const struct agent_mqtt_job *job)
{
    if (!has_job(m) || strcmp(job->id, current_job(m)) != 0) {
        return;
    }
    if (job->status == AGENT_MQTT_JOB_OTHER) {
        ESP_LOGW(AGENT_MQTT_TAG, "job %s was ended by the service", job->id);
        agent_mqtt_close(m);
        return;
    }
    m->job_version = job->version;
    m->job_execution = job->execution;
    if (m->update.state == UPDATE_WANTS_LINK && job->has_document && job->refused == AIRLIFT_FAIL_NONE) {
        agent_mqtt_go_on(m, &job->update);
    }
}

static void on_updated(struct agent_mqtt *m, const char *job)
{
    if (!has_job(m) || strcmp(job, current_job(m)) != 0) {
        return;
    }
    m->job_version++;
    if (agent_mqtt_is_outcome(m->update.state) && m->outcome_reported) {
        agent_mqtt_close(m);
    }
}

static bool is_over(const char *code)
{
    return strcmp(code, "TerminalStateReached") == 0 || strcmp(code, "ResourceNotFound") == 0 ||
           strcmp(code, "InvalidStateTransition") == 0;
}

static void on_rejected(struct agent_mqtt *m, const struct agent_mqtt_job_answer *answer)
{
    ESP_LOGW(AGENT_MQTT_TAG, "the job service refuses: %s", answer->code);
    if (!has_job(m)) {
        return;
    }
    m->job_version = 0; /* whatever it is, the next request asks */
    if (is_over(answer->code)) {
        ESP_LOGW(AGENT_MQTT_TAG, "job %s is over at the service", current_job(m));
        agent_mqtt_close(m);
    } else if (strcmp(answer->code, "VersionMismatch") != 0) {
        /* Throttled, or an error of theirs: not at once. look_at_clock() goes on. */
        m->awaits_answer = true;
        m->answer_deadline_us = esp_timer_get_time() + (int64_t)ANSWER_WAIT_S * 1000000;
    }
}

/* --- Topics ------------------------------------------------------------------- */

/* What is behind the prefix, or NULL. */
static const char *below(const struct agent_mqtt *m, const char *topic)
{
    const size_t len = strlen(m->jobs_topic);

    return len > 0 && strncmp(topic, m->jobs_topic, len) == 0 && topic[len] == '/' ? topic + len + 1 : NULL;
}

bool agent_mqtt_jobs_is_topic(const struct agent_mqtt *m, const char *topic)
{
    return below(m, topic) != NULL;
}

int agent_mqtt_jobs_subscribe(struct agent_mqtt *m)
{
    static const char *const filters[] = {"notify-next", "start-next/+", "+/get/+", "+/update/+"};
    char topic[AIRLIFT_MQTT_MAX_TOPIC + 16];
    int id = -1;

    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        (void)snprintf(topic, sizeof(topic), "%s/%s", m->jobs_topic, filters[i]);
        id = esp_mqtt_client_subscribe_single(m->client, topic, 1);
        if (id < 0) {
            return -1;
        }
    }
    return id;
}

/* An answer with a job in it. */
static void on_job(struct agent_mqtt *m, const struct agent_mqtt_input *input, bool started)
{
    struct agent_mqtt_job *job = malloc(sizeof(*job));
    char why[AGENT_TEXT_SIZE] = "";

    if (job == NULL || !agent_mqtt_job_parse(input->text, input->len, m->config.allow_http, job, why)) {
        ESP_LOGE(AGENT_MQTT_TAG, "%s", job == NULL ? "no memory for a job" : why);
    } else if (started) {
        on_started(m, job, why);
    } else {
        on_got(m, job);
    }
    free(job);
}

/* True if it answers the request under way; others are echoes of what was asked before a reconnect. */
static bool is_awaited(const struct agent_mqtt *m, const struct agent_mqtt_job_answer *answer)
{
    char token[24];

    (void)snprintf(token, sizeof(token), "%" PRIu32, m->token);
    return m->awaits_answer && strcmp(answer->token, token) == 0;
}

void agent_mqtt_jobs_on_message(struct agent_mqtt *m, const struct agent_mqtt_input *input)
{
    const char *what = below(m, input->topic);
    char job[AGENT_MQTT_ID_SIZE] = "", verb[16], result[16];
    struct agent_mqtt_job_answer answer;

    if (strcmp(what, "notify-next") == 0) {
        agent_mqtt_jobs_ask(m); /* also with a job: that is how we learn that it was cancelled */
        return;
    }
    if (sscanf(what, "start-next/%15[a-z]", result) == 1) {
        strcpy(verb, "start-next");
    } else if (sscanf(what, "%64[^/]/%15[a-z]/%15[a-z]", job, verb, result) != 3) {
        return;
    }
    if (!agent_mqtt_job_answer_parse(input->text, input->len, &answer) || !is_awaited(m, &answer)) {
        return;
    }
    m->awaits_answer = false;
    if (strcmp(result, "rejected") == 0) {
        on_rejected(m, &answer);
    } else if (strcmp(verb, "update") == 0) {
        on_updated(m, job);
    } else {
        on_job(m, input, strcmp(verb, "start-next") == 0);
    }
    if (!m->awaits_answer) {
        go_on(m);
    }
}
