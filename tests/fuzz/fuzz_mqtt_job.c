/*
 * Any bytes as a job service's answer: an accepted id cannot change the topic it
 * becomes part of, and numbers are whole.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct agent_mqtt_job job;
    struct agent_mqtt_job_answer answer;
    char why[AGENT_TEXT_SIZE] = "";
    char *text = malloc(len + 1);

    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    if (agent_mqtt_job_parse(text, len, false, &job, why)) {
        require(strlen(job.id) < AGENT_MQTT_ID_SIZE && strpbrk(job.id, "/+#$ ") == NULL);
        require(job.version >= 0 && job.execution >= 0);
        require(job.has_document || job.refused == AIRLIFT_FAIL_NONE);
        require(job.refused == AIRLIFT_FAIL_NONE || why[0] != '\0');
    } else {
        require(why[0] != '\0');
    }
    if (agent_mqtt_job_answer_parse(text, len, &answer)) {
        require(strlen(answer.code) < sizeof(answer.code) && strlen(answer.token) < sizeof(answer.token));
    }
    free(text);
    return 0;
}
