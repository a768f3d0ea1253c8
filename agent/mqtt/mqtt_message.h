/*
 * mqtt_message.h - what update messages and job services say. Pure.
 */
#ifndef AGENT_MQTT_MESSAGE_H
#define AGENT_MQTT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift.h"
#include "manifest.h"

#define AGENT_MQTT_ID_SIZE 65u /* bytes with NUL; AWS job ids have up to 64 characters */

/* An update message, or a job document. */
struct agent_mqtt_update {
    struct agent_manifest image; /* version "" if not said */
    bool force;
    char id[AGENT_MQTT_ID_SIZE]; /* "" if not said */
};

/*
 * Parse {"update_url": "https://...", "version", "sha256", "md5", "size",
 * "mandatory", "force", "id"}; "url" does for update_url. Only the URL is
 * needed; what else is there must be of its type and form.
 *
 * text, len  followed by a NUL
 * why        AGENT_TEXT_SIZE bytes: what is wrong
 *
 * Heap: the JSON tree, bounded as the manifest's. AIRLIFT_FAIL_MANIFEST, _VERSION or _URL.
 */
airlift_fail_t agent_mqtt_update_parse(const char *text, size_t len, bool allow_http,
                                       struct agent_mqtt_update *out, char why[AGENT_TEXT_SIZE]);

enum agent_mqtt_job_status {
    AGENT_MQTT_JOB_OTHER, /* of no concern, or none */
    AGENT_MQTT_JOB_QUEUED,
    AGENT_MQTT_JOB_IN_PROGRESS,
};

/* What notify-next, start-next/accepted and get/accepted carry. */
struct agent_mqtt_job {
    char id[AGENT_MQTT_ID_SIZE]; /* "": there is no job */
    enum agent_mqtt_job_status status;
    int64_t version, execution;
    bool has_document;
    airlift_fail_t refused; /* of the document, with `why` */
    struct agent_mqtt_update update;
};

/*
 * Parse {"execution": {"jobId", "status", "versionNumber", "executionNumber",
 * "jobDocument"}}. The document's own faults are no error of this: out->refused.
 * False: not such a message, `why` says so.
 */
bool agent_mqtt_job_parse(const char *text, size_t len, bool allow_http, struct agent_mqtt_job *out,
                          char why[AGENT_TEXT_SIZE]);

/* What .../rejected and update/accepted carry. */
struct agent_mqtt_job_answer {
    char code[32]; /* "" with accepted */
    char token[24];
};

bool agent_mqtt_job_answer_parse(const char *text, size_t len, struct agent_mqtt_job_answer *out);

/* Milliseconds before reconnecting for the nth time in a row (from 0). Random: 0 to 2^32-1. */
uint32_t agent_mqtt_backoff_ms(uint32_t min_s, uint32_t max_s, uint32_t n, uint32_t random);

/* 1 to 64 of the characters that device ids may have: nothing that topics give a meaning. */
bool agent_mqtt_id_is_plain(const char *id);

#endif
