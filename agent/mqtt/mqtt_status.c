/*
 * Status messages, and the update's record in NVS. Each key changes atomically.
 */
#include "mqtt.h"

#include <stdlib.h>
#include <string.h>

#include "cJSON.h"
#include "esp_log.h"

#define FORMAT        1u /* grows when the record changes; an older one is then ignored */
#define NVS_NAMESPACE "airlift_mqtt"
#define KEY_UPDATE    "update"
#define KEY_DONE      "done"
#define KEY_NEXT      "next"
#define MAX_NEXT      4000u /* bytes: NVS keeps no longer text */

_Static_assert(sizeof(struct agent_mqtt_update_record) == 252, "the layout is stored");

/* --- NVS ------------------------------------------------------------------- */

static bool open_storage(struct agent_mqtt *m)
{
    if (m->nvs == 0 && nvs_open(NVS_NAMESPACE, NVS_READWRITE, &m->nvs) != ESP_OK) {
        m->nvs = 0;
    }
    return m->nvs != 0;
}

void agent_mqtt_record_load(struct agent_mqtt *m)
{
    struct agent_mqtt_update_record *r = &m->update;
    size_t len = sizeof(*r);
    nvs_handle_t nvs;

    /* Only read: nothing is written before there is something to write. */
    const bool found = nvs_open(NVS_NAMESPACE, NVS_READONLY, &nvs) == ESP_OK;

    if (!found || nvs_get_blob(nvs, KEY_UPDATE, r, &len) != ESP_OK || len != sizeof(*r) ||
        r->format != FORMAT || r->state > UPDATE_REJECTED) {
        memset(r, 0, sizeof(*r));
    }
    r->id[sizeof(r->id) - 1] = '\0';
    r->version[AGENT_VERSION_SIZE - 1] = '\0';
    r->text[sizeof(r->text) - 1] = '\0';
    if (found) {
        nvs_close(nvs);
    }
}

void agent_mqtt_record_store(struct agent_mqtt *m)
{
    esp_err_t err = ESP_FAIL;

    if (open_storage(m)) {
        m->update.format = FORMAT;
        /* A cut before the commit leaves the state before: what led here is done again, or told again. */
        err = m->update.state == UPDATE_NONE
                  ? nvs_erase_key(m->nvs, KEY_UPDATE)
                  : nvs_set_blob(m->nvs, KEY_UPDATE, &m->update, sizeof(m->update));
        if (err == ESP_OK) {
            err = nvs_commit(m->nvs);
        }
    }
    if (err != ESP_OK && err != ESP_ERR_NVS_NOT_FOUND) {
        ESP_LOGW(AGENT_MQTT_TAG, "the update's state cannot be stored: a reset will lose its report");
    }
}

void agent_mqtt_next_load(struct agent_mqtt *m)
{
    size_t size = 0;
    nvs_handle_t nvs;

    if (nvs_open(NVS_NAMESPACE, NVS_READONLY, &nvs) != ESP_OK) {
        return;
    }
    if (nvs_get_str(nvs, KEY_NEXT, NULL, &size) == ESP_OK && size > 1 && size <= MAX_NEXT) {
        m->next = agent_mqtt_make_input(INPUT_MESSAGE, (uint32_t)size - 1);
        if (m->next != NULL && nvs_get_str(nvs, KEY_NEXT, m->next->text, &size) != ESP_OK) {
            free(m->next);
            m->next = NULL;
        }
    }
    nvs_close(nvs);
}

void agent_mqtt_next_store(struct agent_mqtt *m)
{
    /* A NUL within the message makes it no JSON: what is stored fails as it would. */
    if (m->next->len >= MAX_NEXT || !open_storage(m) ||
        nvs_set_str(m->nvs, KEY_NEXT, m->next->text) != ESP_OK || nvs_commit(m->nvs) != ESP_OK) {
        ESP_LOGW(AGENT_MQTT_TAG, "the message that waits cannot be stored: a restart will lose it");
    }
}

void agent_mqtt_next_erase(struct agent_mqtt *m)
{
    if (open_storage(m) && nvs_erase_key(m->nvs, KEY_NEXT) == ESP_OK) {
        (void)nvs_commit(m->nvs);
    }
}

bool agent_mqtt_is_done(struct agent_mqtt *m, const char *id)
{
    char done[AIRLIFT_MAX_OFFER_ID];
    size_t len = sizeof(done);

    return open_storage(m) && nvs_get_str(m->nvs, KEY_DONE, done, &len) == ESP_OK && strcmp(done, id) == 0;
}

void agent_mqtt_set_done(struct agent_mqtt *m, const char *id)
{
    /* A cut before this line has a retained message looked at once more: it is found to be installed. */
    if (!agent_mqtt_is_done(m, id) &&
        (m->nvs == 0 || nvs_set_str(m->nvs, KEY_DONE, id) != ESP_OK || nvs_commit(m->nvs) != ESP_OK)) {
        ESP_LOGW(AGENT_MQTT_TAG, "cannot note that %s is done", id);
    }
}

/* --- Messages -------------------------------------------------------------- */

const char *agent_mqtt_state_name(enum agent_mqtt_state state)
{
    static const char *const names[] = {
        [UPDATE_NONE] = "idle",
        [UPDATE_INSTALLING] = "installing",
        [UPDATE_WANTS_LINK] = "link_needed",
        [UPDATE_SUCCEEDED] = "succeeded",
        [UPDATE_UP_TO_DATE] = "up_to_date",
        [UPDATE_FAILED] = "failed",
        [UPDATE_ROLLED_BACK] = "rolled_back",
        [UPDATE_REJECTED] = "rejected",
    };

    return names[state];
}

/* What there is to say about an update; without memory cJSON says so at the end. */
static void add_update(cJSON *root, const struct agent_mqtt_update_record *r)
{
    if (r->id[0] != '\0') {
        (void)cJSON_AddStringToObject(root, r->is_job ? "job" : "id", r->id + 2);
    }
    if (r->version[0] != '\0') {
        (void)cJSON_AddStringToObject(root, "version", r->version);
    }
    if (r->reason != AIRLIFT_FAIL_NONE) {
        (void)cJSON_AddStringToObject(root, "reason", airlift_fail_name((airlift_fail_t)r->reason));
    }
    if (r->text[0] != '\0') {
        (void)cJSON_AddStringToObject(root, "text", r->text);
    }
}

int agent_mqtt_tell(struct agent_mqtt *m, const char *state, const struct agent_mqtt_update_record *r,
                    int qos)
{
    cJSON *root = cJSON_CreateObject();
    airlift_status_t status;
    int msg_id = -1;

    (void)cJSON_AddStringToObject(root, "device", m->device_id);
    (void)cJSON_AddStringToObject(root, "state", state);
    if (airlift_get_status(&status) == ESP_OK && status.running_version[0] != '\0') {
        (void)cJSON_AddStringToObject(root, "running", status.running_version);
    }
    add_update(root, r);
    if (strcmp(state, "downloading") == 0) {
        (void)cJSON_AddNumberToObject(root, "bytes", m->bytes);
        (void)cJSON_AddNumberToObject(root, "total", m->total);
    }
    char *text = cJSON_PrintUnformatted(root);

    if (text != NULL) {
        msg_id = agent_mqtt_publish(m, m->status_topic, text, qos);
    }
    cJSON_free(text);
    cJSON_Delete(root);
    return msg_id;
}
