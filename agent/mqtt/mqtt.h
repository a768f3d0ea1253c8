/*
 * mqtt.h - what the files of the MQTT side share, and who does what.
 *
 *     mqtt.c          the task, the connection, what comes in
 *     mqtt_updates.c  one update after the other: begun, reported, ended
 *     mqtt_jobs.c     AWS IoT's job topics
 *     mqtt_status.c   status messages; what outlives a reset, in NVS
 *     mqtt_message.c  parsers, pure
 *
 * The client's task and the agent's only put what happens into the queue of ours,
 * which does everything else. So there is nothing to lock, and none of it waits.
 */
#ifndef AGENT_MQTT_H
#define AGENT_MQTT_H

#include "airlift_mqtt.h"

#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/task.h"
#include "nvs.h"

#include "mqtt_message.h"

#define AGENT_MQTT_TAG "airlift_mqtt"

/* --- What happens --------------------------------------------------------- */

enum agent_mqtt_input_kind {
    INPUT_CONNECTED,
    INPUT_DISCONNECTED,
    INPUT_SUBSCRIBED,
    INPUT_PUBLISHED,
    INPUT_MESSAGE,
    INPUT_TOO_LONG, /* a message that is, on this topic */
    INPUT_AGENT,
};

struct agent_mqtt_input {
    enum agent_mqtt_input_kind kind;
    int msg_id; /* of SUBSCRIBED, PUBLISHED */

    /* MESSAGE: text has a NUL behind it. */
    bool retained;
    uint32_t len;
    char topic[AIRLIFT_MQTT_MAX_TOPIC];

    /* AGENT */
    airlift_event_id_t event;
    airlift_fail_t reason;
    uint32_t bytes, total;
    char version[AGENT_VERSION_SIZE];
    char offer_id[AIRLIFT_MAX_OFFER_ID];
    char why[AGENT_TEXT_SIZE];

    char text[]; /* MESSAGE's */
};

/* --- The update under way -------------------------------------------------- */

enum agent_mqtt_state {
    UPDATE_NONE,
    UPDATE_INSTALLING, /* the agent has it, or runs its trial */
    UPDATE_WANTS_LINK, /* the link has expired, or was lost in a reset */
    /* Outcomes, to be told until somebody has heard them: */
    UPDATE_SUCCEEDED,
    UPDATE_UP_TO_DATE, /* it was there already */
    UPDATE_FAILED,
    UPDATE_ROLLED_BACK,
    UPDATE_REJECTED, /* not begun */
};

/* Stored with each change of state: the restart is in the middle of it. */
struct agent_mqtt_update_record {
    uint8_t format;
    uint8_t state;       /* enum agent_mqtt_state */
    uint8_t is_job;      /* of AWS IoT; else of an update message */
    uint8_t reason;      /* airlift_fail_t */
    uint8_t fresh_links; /* asked for, without an update in between */
    uint8_t unused[3];
    char id[AIRLIFT_MAX_OFFER_ID]; /* the offer's: "j:" and the job's id, "u:" and the message's */
    char version[AGENT_VERSION_SIZE + 3];
    char text[AGENT_TEXT_SIZE];
};

struct agent_mqtt {
    airlift_mqtt_config_t config; /* defaults filled in */
    char device_id[AGENT_MQTT_ID_SIZE];
    char update_topic[AIRLIFT_MQTT_MAX_TOPIC];
    char status_topic[AIRLIFT_MQTT_MAX_TOPIC];
    char group_topic[AIRLIFT_MQTT_MAX_TOPIC]; /* "": none */
    char jobs_topic[AIRLIFT_MQTT_MAX_TOPIC];  /* "$aws/things/<thing>/jobs"; "": no jobs */

    esp_mqtt_client_handle_t client;
    QueueHandle_t inputs; /* of struct agent_mqtt_input *, owned by who takes it */
    nvs_handle_t nvs;
    _Atomic bool is_connected; /* asked by other tasks, too */

    /* A message that arrives in pieces. In the client's task only. */
    struct agent_mqtt_input *arriving;

    int subscription; /* message id of the one whose answer makes us ready; -1: none */
    bool is_ready;    /* subscribed */
    uint32_t failed_connections;
    int64_t reconnect_at_us; /* 0: no need to */

    struct agent_mqtt_update_record update;
    struct agent_mqtt_input *next; /* the update message to be looked at after it; newest wins */
    int outcome_msg_id;            /* of the publication that tells the outcome; -1: not published */
    int64_t link_deadline_us;      /* for the answer to a request for a fresh link */
    int64_t progress_at_us;        /* no report of progress before */
    uint32_t bytes, total;         /* of the last progress */

    /* Jobs. */
    int64_t job_version, job_execution; /* of the job in `update`, 0: not known since this start */
    bool outcome_reported;              /* the request under way carries the outcome */
    uint32_t token;                     /* of the request under way */
    bool awaits_answer;
    int64_t answer_deadline_us;
    bool job_waits; /* there may be another one: ask when this is done */
};

/* --- mqtt.c ---------------------------------------------------------------- */

/* With room for a text of so many bytes and its NUL. Owned by the caller; NULL without memory. */
struct agent_mqtt_input *agent_mqtt_make_input(enum agent_mqtt_input_kind kind, uint32_t text_len);

/* QoS 1 for what must arrive, 0 for progress. The message id, or -1. */
int agent_mqtt_publish(struct agent_mqtt *m, const char *topic, const char *text, int qos);

/* --- mqtt_status.c --------------------------------------------------------- */

void agent_mqtt_record_load(struct agent_mqtt *m);

/* Power cut: the old state or the new one. A failure is logged: it costs the report after a reset. */
void agent_mqtt_record_store(struct agent_mqtt *m);

/*
 * The message in m->next outlives a restart, which the update before it may end
 * with; one of more than 4000 bytes does not. Power cut: looked at once more.
 */
void agent_mqtt_next_load(struct agent_mqtt *m);
void agent_mqtt_next_store(struct agent_mqtt *m);
void agent_mqtt_next_erase(struct agent_mqtt *m);

/* The id of the last update message that was dealt with for good. */
bool agent_mqtt_is_done(struct agent_mqtt *m, const char *id);
void agent_mqtt_set_done(struct agent_mqtt *m, const char *id);

/* Tell the state on the status topic; id, version, reason and text of `r`. The message id, or -1. */
int agent_mqtt_tell(struct agent_mqtt *m, const char *state, const struct agent_mqtt_update_record *r,
                    int qos);

/* The state's name in status messages. */
const char *agent_mqtt_state_name(enum agent_mqtt_state state);

/* --- mqtt_updates.c -------------------------------------------------------- */

bool agent_mqtt_is_outcome(uint8_t state);

/* airlift_start() was called: there is somebody to hand updates to. */
bool agent_mqtt_has_agent(void);

/* An update message has come. Owned by this. */
void agent_mqtt_on_message(struct agent_mqtt *m, struct agent_mqtt_input *input);

/* The agent tells something. */
void agent_mqtt_on_agent(struct agent_mqtt *m, const struct agent_mqtt_input *input);

/* Begin this update: "j:" or "u:" and an id. */
void agent_mqtt_begin(struct agent_mqtt *m, const char *id, const struct agent_mqtt_update *offer);

/* The same update's link is fresh again. */
void agent_mqtt_go_on(struct agent_mqtt *m, const struct agent_mqtt_update *offer);

/* The update has an outcome: store it, tell it. `text` may be NULL. */
void agent_mqtt_end(struct agent_mqtt *m, enum agent_mqtt_state state, airlift_fail_t reason,
                    const char *text);

/* Forget the update, whatever its state. */
void agent_mqtt_forget(struct agent_mqtt *m);

/* The outcome was heard: forget the update, and look at what waits. */
void agent_mqtt_close(struct agent_mqtt *m);

/* Connected and subscribed: tell what was not told yet. */
void agent_mqtt_on_ready(struct agent_mqtt *m);

/* The broker has it. */
void agent_mqtt_on_published(struct agent_mqtt *m, int msg_id);

/* Called now and then: deadlines. */
void agent_mqtt_look_at_clock(struct agent_mqtt *m);

/* --- mqtt_jobs.c ----------------------------------------------------------- */

/* Subscribe to the job topics. The last message id, or -1. */
int agent_mqtt_jobs_subscribe(struct agent_mqtt *m);

/* Is this one of the job topics? */
bool agent_mqtt_jobs_is_topic(const struct agent_mqtt *m, const char *topic);
void agent_mqtt_jobs_on_message(struct agent_mqtt *m, const struct agent_mqtt_input *input);

/* Ask for the next job, if nothing is under way. */
void agent_mqtt_jobs_ask(struct agent_mqtt *m);

/* Report the state of m->update: progress, or its outcome. One report at a time; called again for the rest. */
void agent_mqtt_jobs_report(struct agent_mqtt *m);

/* Ask for the job's document, and with it for a fresh link. */
void agent_mqtt_jobs_ask_link(struct agent_mqtt *m);

#endif
