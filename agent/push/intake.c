#include "intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "esp_system.h"

#define BEGIN_WAIT_MS 20000u /* a manifest that does not come takes the agent so long */

struct push_intake *push_intake_create(void)
{
    struct push_intake *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        return NULL;
    }
    in->orders = xQueueCreate(PUSH_N_SECTORS + 1, sizeof(struct push_msg));
    in->free = xQueueCreate(PUSH_N_SECTORS, sizeof(uint8_t));
    in->answers = xQueueCreate(1, sizeof(struct push_answer));
    if (in->orders == NULL || in->free == NULL || in->answers == NULL) {
        push_intake_delete(in);
        return NULL;
    }
    return in;
}

static void delete_queue(QueueHandle_t queue)
{
    if (queue != NULL) {
        vQueueDelete(queue);
    }
}

void push_intake_delete(struct push_intake *in)
{
    if (in == NULL) {
        return;
    }
    push_intake_abort(in);
    (void)agent_unlend(in); /* a restart that did not come to it */
    delete_queue(in->orders);
    delete_queue(in->free);
    delete_queue(in->answers);
    free(in);
}

/* --- One update ------------------------------------------------------------- */

static void post(struct push_intake *in, enum push_op op, uint8_t sector, uint32_t len)
{
    const struct push_msg msg = {.op = (uint8_t)op, .sector = sector, .len = (uint16_t)len};

    (void)xQueueSend(in->orders, &msg, portMAX_DELAY); /* without time limit it can't fail */
}

static airlift_fail_t answer(struct push_intake *in, struct push_answer *out, char why[AGENT_TEXT_SIZE])
{
    (void)xQueueReceive(in->answers, out, portMAX_DELAY);
    if (out->fail != AIRLIFT_FAIL_NONE) {
        memcpy(why, in->why, AGENT_TEXT_SIZE);
    }
    return out->fail;
}

static void make_all_free(struct push_intake *in)
{
    (void)xQueueReset(in->free);
    for (uint8_t i = 0; i < PUSH_N_SECTORS; i++) {
        (void)xQueueSend(in->free, &i, 0);
    }
    in->has_sector = false;
    in->held = 0;
}

airlift_fail_t push_intake_begin(struct push_intake *in, const struct push_order *order, uint32_t *pos,
                                 char why[AGENT_TEXT_SIZE])
{
    struct push_answer first;
    const char *busy;

    push_intake_abort(in); /* the same sender begins again */
    in->order = *order;
    in->failed = AIRLIFT_FAIL_NONE;
    in->why[0] = '\0';
    (void)xQueueReset(in->orders);
    (void)xQueueReset(in->answers);
    make_all_free(in);
    if (agent_lend(push_write_image, in, &busy) != ESP_OK) {
        snprintf(why, AGENT_TEXT_SIZE, "%s", busy);
        return AIRLIFT_FAIL_BUSY;
    }
    if (xQueueReceive(in->answers, &first, pdMS_TO_TICKS(BEGIN_WAIT_MS)) != pdTRUE) {
        if (agent_unlend(in)) {
            snprintf(why, AGENT_TEXT_SIZE, "another update is under way");
            return AIRLIFT_FAIL_BUSY;
        }
        (void)xQueueReceive(in->answers, &first, portMAX_DELAY); /* it began just now */
    }
    if (first.fail != AIRLIFT_FAIL_NONE) {
        memcpy(why, in->why, AGENT_TEXT_SIZE);
        return first.fail;
    }
    in->open = true;
    *pos = first.pos;
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t failure(struct push_intake *in, char why[AGENT_TEXT_SIZE])
{
    const int fail = in->failed;

    if (fail != AIRLIFT_FAIL_NONE) {
        memcpy(why, in->why, AGENT_TEXT_SIZE);
    }
    return (airlift_fail_t)fail;
}

static void hand_over(struct push_intake *in)
{
    post(in, PUSH_OP_DATA, in->sector, in->held);
    in->has_sector = false;
    in->held = 0;
}

airlift_fail_t push_intake_data(struct push_intake *in, const void *data, size_t len,
                                char why[AGENT_TEXT_SIZE])
{
    const uint8_t *at = data;

    while (len > 0) {
        if (!in->has_sector) {
            (void)xQueueReceive(in->free, &in->sector, portMAX_DELAY); /* the agent's task gives each back */
            in->has_sector = true;
        }
        const size_t room = AGENT_SECTOR_SIZE - in->held;
        const size_t part = len < room ? len : room;

        memcpy(in->buf[in->sector] + in->held, at, part);
        in->held += (uint32_t)part;
        at += part;
        len -= part;
        if (in->held == AGENT_SECTOR_SIZE) {
            hand_over(in);
        }
    }
    return failure(in, why);
}

airlift_fail_t push_intake_end(struct push_intake *in, bool *verified, char why[AGENT_TEXT_SIZE])
{
    struct push_answer last = {.fail = AIRLIFT_FAIL_NONE};

    if (in->held > 0) {
        hand_over(in);
    }
    post(in, PUSH_OP_END, 0, 0);
    in->open = false;
    const airlift_fail_t fail = answer(in, &last, why);

    *verified = last.verified;
    return fail;
}

void push_intake_abort(struct push_intake *in)
{
    struct push_answer last;
    char why[AGENT_TEXT_SIZE];

    if (in->open) {
        post(in, PUSH_OP_ABORT, 0, 0);
        in->open = false;
        (void)answer(in, &last, why);
    }
}

/* --- Restart ---------------------------------------------------------------- */

static void restart(struct agent *a, void *ctx)
{
    const struct push_intake *in = ctx;

    if (a->status.state == AIRLIFT_STATE_INSTALLED) {
        agent_tell(a, AIRLIFT_EVENT_REBOOTING, a->manifest.version, AIRLIFT_FAIL_NONE, NULL);
    }
    if (a->config.manual_restart) {
        ESP_LOGI(AGENT_TAG, "a restart was asked for: the app does it");
        return;
    }
    ESP_LOGI(AGENT_TAG, "restarting in %" PRIu32 " ms, as the sender asked", in->restart_ms);
    vTaskDelay(pdMS_TO_TICKS(in->restart_ms)); /* the answer shall reach the sender */
    esp_restart();
}

airlift_fail_t push_intake_restart(struct push_intake *in, uint32_t delay_ms, char why[AGENT_TEXT_SIZE])
{
    const char *busy;

    in->restart_ms = delay_ms;
    if (agent_lend(restart, in, &busy) != ESP_OK) {
        snprintf(why, AGENT_TEXT_SIZE, "%s", busy);
        return AIRLIFT_FAIL_BUSY;
    }
    return AIRLIFT_FAIL_NONE;
}
