/*
 * Any bytes as an update message: what is accepted can be acted upon.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt_message.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct agent_mqtt_update update;
    char why[AGENT_TEXT_SIZE] = "";
    char *text = malloc(len + 1); /* its end is guarded */

    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    const airlift_fail_t fail = agent_mqtt_update_parse(text, len, false, &update, why);

    require(memchr(why, '\0', sizeof(why)) != NULL);
    if (fail == AIRLIFT_FAIL_NONE) {
        require(agent_url_allowed(update.image.url, false));
        require(strlen(update.image.version) < AGENT_VERSION_SIZE && strlen(update.id) < AGENT_MQTT_ID_SIZE);
        require(update.image.size <= 0x1000000);
    } else {
        require(fail == AIRLIFT_FAIL_MANIFEST || fail == AIRLIFT_FAIL_URL);
        require(why[0] != '\0');
    }
    free(text);
    return 0;
}
