#include "agent.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "airlift/fail_reasons.h"
#include "esp_log.h"

#define MAX_LISTENERS 4u

#define TEXT(name, text) [AIRLIFT_FAIL_##name] = text,
static const char *const fail_names[] = {[AIRLIFT_FAIL_NONE] = "none", AIRLIFT_FAIL_REASONS(TEXT)};

#define ONE(name, text) +1u
_Static_assert(sizeof(fail_names) / sizeof(fail_names[0]) == 1u AIRLIFT_FAIL_REASONS(ONE),
               "airlift_fail_t and the list of reasons differ");

/* Filled before the agent starts, read by its task. */
static struct {
    void (*on_event)(const airlift_event_t *event, void *ctx);
    void *ctx;
} listeners[MAX_LISTENERS];
static unsigned n_listeners;

static void take_status_lock(struct agent *a)
{
    (void)xSemaphoreTake(a->lock, portMAX_DELAY); /* without time limit it can't fail */
}

static void give_status_lock(struct agent *a)
{
    (void)xSemaphoreGive(a->lock);
}

/* What airlift_get_status() shall say after this event. */
static void note(struct agent *a, airlift_event_id_t id, airlift_fail_t reason, const char *text)
{
    take_status_lock(a);
    switch (id) {
    case AIRLIFT_EVENT_FAILED:
    case AIRLIFT_EVENT_ROLLED_BACK: /* the next check tells the server why */
        a->status.last_failure = reason;
        snprintf(a->status.last_failure_text, sizeof(a->status.last_failure_text), "%s", text);
        break;
    case AIRLIFT_EVENT_UP_TO_DATE:
    case AIRLIFT_EVENT_VERIFIED:
        a->status.last_failure = AIRLIFT_FAIL_NONE;
        a->status.last_failure_text[0] = '\0';
        break;
    case AIRLIFT_EVENT_REBOOTING:
        a->status.state = AIRLIFT_STATE_INSTALLED;
        break;
    default:
        break;
    }
    strcpy(a->status.running_version, a->running_version); /* a check may have learnt it */
    strcpy(a->status.offered_version, a->manifest.version);
    give_status_lock(a);
}

/* --- Shared with the other files ------------------------------------------ */

airlift_fail_t agent_fail(struct agent *a, airlift_fail_t reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(a->why, sizeof(a->why), format, args);
    va_end(args);
    return reason;
}

void agent_tell(struct agent *a, airlift_event_id_t id, const char *version, airlift_fail_t reason,
                const char *text)
{
    const airlift_event_t event = {
        .id = id,
        .version = version != NULL ? version : "",
        .mandatory = a->manifest.mandatory,
        .bytes = a->status.bytes, /* written by this task alone */
        .total = a->status.total,
        .reason = reason,
        .text = text != NULL ? text : "",
        .offer_id = a->offer_id,
    };

    note(a, id, reason, event.text);
    for (unsigned i = 0; i < n_listeners; i++) {
        listeners[i].on_event(&event, listeners[i].ctx);
    }
    if (a->config.on_event != NULL) {
        a->config.on_event(&event, a->config.ctx);
    }
}

void agent_publish_version(struct agent *a)
{
    take_status_lock(a);
    strcpy(a->status.running_version, a->running_version);
    give_status_lock(a);
}

void agent_name_offer(struct agent *a, const char *id)
{
    strcpy(a->offer_id, id);
    take_status_lock(a);
    strcpy(a->status.offer_id, id);
    give_status_lock(a);
}

void agent_set_state(struct agent *a, airlift_state_t state)
{
    take_status_lock(a);
    a->status.state = state;
    give_status_lock(a);
}

void agent_set_progress(struct agent *a, uint32_t bytes, uint32_t total)
{
    take_status_lock(a);
    a->status.bytes = bytes;
    a->status.total = total;
    give_status_lock(a);
}

struct agent_size_text agent_size_text(uint32_t bytes)
{
    struct agent_size_text out;

    if (bytes < 100000) {
        snprintf(out.text, sizeof(out.text), "%u.%u kB", (unsigned)(bytes / 1000),
                 (unsigned)(bytes % 1000 / 100));
    } else {
        const uint32_t tenths = (bytes + 50000) / 100000; /* of a MB */

        snprintf(out.text, sizeof(out.text), "%u.%u MB", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    }
    return out;
}

/* --- Public --------------------------------------------------------------- */

const char *airlift_fail_name(airlift_fail_t reason)
{
    const size_t n = sizeof(fail_names) / sizeof(fail_names[0]);

    return (size_t)reason < n ? fail_names[reason] : "unknown";
}

esp_err_t airlift_listen(void (*on_event)(const airlift_event_t *event, void *ctx), void *ctx)
{
    if (on_event == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (n_listeners == MAX_LISTENERS) {
        return ESP_ERR_NO_MEM;
    }
    listeners[n_listeners].on_event = on_event;
    listeners[n_listeners].ctx = ctx;
    n_listeners++;
    return ESP_OK;
}
