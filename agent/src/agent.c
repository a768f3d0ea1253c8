#include "agent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "esp_app_format.h"
#include "esp_log.h"
#include "esp_random.h"
#include "esp_system.h"
#include "esp_timer.h"

#include "schedule.h"
#include "url.h"

#define NVS_NAMESPACE "airlift"
#define OFFER_ROUNDS  8u /* of attempts: some hours, while the wait doubles */

/* The one agent. Set by airlift_start(), cleared by airlift_stop(). */
static struct agent *agent;

/* --- Time ----------------------------------------------------------------- */

EventBits_t agent_wait(struct agent *a, uint32_t seconds, EventBits_t bits)
{
    const int64_t deadline =
        esp_timer_get_time() + (seconds == AIRLIFT_NO_WAIT ? 0 : (int64_t)seconds * 1000000);
    const EventBits_t wanted = bits | AGENT_BIT_STOP;

    for (;;) {
        const int64_t left_ms = (deadline - esp_timer_get_time()) / 1000;
        /* Ticks of six hours in milliseconds don't fit 32 bits; a minute's do. */
        const uint32_t slice_ms = left_ms <= 0 ? 0 : left_ms > 60000 ? 60000 : (uint32_t)left_ms;
        const EventBits_t set =
            xEventGroupWaitBits(a->bits, wanted, pdFALSE, pdFALSE, pdMS_TO_TICKS(slice_ms)) & wanted;

        if (set != 0 || left_ms <= 0) {
            return set;
        }
    }
}

bool agent_stopping(struct agent *a)
{
    return (xEventGroupGetBits(a->bits) & AGENT_BIT_STOP) != 0;
}

/* Links that may expire in a row before it counts as a failed attempt: a server may answer 403 to all. */
#define MAX_FRESH_LINKS 3u

/* --- The task ------------------------------------------------------------- */

/* Could the same succeed in a few seconds? A wrong manifest won't heal; an expired link is read anew. */
static bool is_passing(airlift_fail_t fail)
{
    return fail == AIRLIFT_FAIL_NETWORK || fail == AIRLIFT_FAIL_HTTP_STATUS || fail == AIRLIFT_FAIL_FLASH ||
           fail == AIRLIFT_FAIL_STORAGE || fail == AIRLIFT_FAIL_EXPIRED;
}

static bool open_storage(struct agent *a)
{
    if (a->nvs == 0 && nvs_open(NVS_NAMESPACE, NVS_READWRITE, &a->nvs) != ESP_OK) {
        a->nvs = 0;
    }
    return a->nvs != 0;
}

/* Without storage no image can be put on trial: it is not downloaded either. */
static airlift_fail_t attempt(struct agent *a, bool *declined)
{
    if (!open_storage(a)) {
        return agent_fail(a, AIRLIFT_FAIL_STORAGE, "NVS cannot be opened for writing");
    }
    if (a->offer != NULL) {
        return agent_offer_try(a, declined);
    }
    agent_name_offer(a, "");
    return agent_check(a);
}

/* One check, or one round for the offer, with its attempts. */
static airlift_fail_t with_attempts(struct agent *a, bool *declined)
{
    uint32_t n_links = 0; /* that have expired, one after the other, without a byte in between */
    uint32_t bytes = 0;   /* when the last one did */

    *declined = false;
    for (uint32_t n = 1;; n++) {
        const airlift_fail_t fail = attempt(a, declined);

        if (fail == AIRLIFT_FAIL_NONE || fail == AIRLIFT_FAIL_STOPPED || agent_stopping(a)) {
            return fail;
        }
        if (a->offer == NULL && fail == AIRLIFT_FAIL_EXPIRED && n_links < MAX_FRESH_LINKS) {
            /* A link's time runs out: no fault of the image's or the network's. The manifest has a fresh one. */
            ESP_LOGI(AGENT_TAG, "%s: reading the manifest again for a fresh link", a->why);
            n_links = a->status.bytes > bytes ? 1 : n_links + 1;
            bytes = a->status.bytes;
            n--;
            if (agent_wait(a, 1, 0) != 0) {
                return AIRLIFT_FAIL_STOPPED;
            }
            continue;
        }
        if (a->status.state != AIRLIFT_STATE_INSTALLED) {
            agent_set_state(a, AIRLIFT_STATE_IDLE);
        }
        ESP_LOGW(AGENT_TAG, "no update (%s): %s", airlift_fail_name(fail), a->why);
        agent_tell(a, AIRLIFT_EVENT_FAILED, a->manifest.version, fail, a->why);
        if (!is_passing(fail) || n >= a->config.attempts ||
            (a->offer != NULL && fail == AIRLIFT_FAIL_EXPIRED)) {
            return fail; /* the offer's maker has the fresh link */
        }
        ESP_LOGI(AGENT_TAG, "attempt %" PRIu32 " of %" PRIu32 " follows", n + 1, a->config.attempts);
        if (agent_wait(a, a->config.attempt_delay_s, 0) != 0) {
            return AIRLIFT_FAIL_STOPPED;
        }
    }
}

static void set_next_check(struct agent *a, uint32_t seconds)
{
    (void)xSemaphoreTake(a->lock, portMAX_DELAY);
    if (a->status.state != AIRLIFT_STATE_INSTALLED) {
        a->status.state = AIRLIFT_STATE_IDLE;
    }
    a->next_check_us = esp_timer_get_time() + (int64_t)seconds * 1000000;
    (void)xSemaphoreGive(a->lock);
}

/* The wait after an attempt at something, of which so many in a row failed. */
static void wait_for_next(struct agent *a, uint32_t failed)
{
    const uint32_t wait_s =
        agent_schedule_next(a->config.check_interval_s, a->config.retry_s, failed, esp_random());

    set_next_check(a, wait_s);
    ESP_LOGI(AGENT_TAG, "next check in %" PRIu32 " s", wait_s);
}

/* Could the offer's link work a while later? A status of the server's is its last word. */
static bool may_come_true(const struct agent_offer *offer, airlift_fail_t fail)
{
    return (fail == AIRLIFT_FAIL_NETWORK || fail == AIRLIFT_FAIL_FLASH || fail == AIRLIFT_FAIL_STORAGE) &&
           offer->rounds < OFFER_ROUNDS;
}

static void work_on_offer(struct agent *a)
{
    bool declined;
    const airlift_fail_t fail = with_attempts(a, &declined);

    if (fail == AIRLIFT_FAIL_STOPPED || agent_stopping(a) || a->offer == NULL) {
        return; /* or it is installed, and the app restarts */
    }
    a->offer->rounds++;
    if (declined) {
        wait_for_next(a, 0);
    } else if (may_come_true(a->offer, fail)) {
        wait_for_next(a, a->offer->rounds);
    } else {
        agent_offer_end(a, fail, fail != AIRLIFT_FAIL_NONE ? a->why : NULL);
        if (a->status.state != AIRLIFT_STATE_INSTALLED) {
            agent_set_state(a, AIRLIFT_STATE_IDLE);
        }
    }
}

/* What agent_lend() was given, if anything. */
static void run_guest(struct agent *a)
{
    char offer_id[AIRLIFT_MAX_OFFER_ID];

    (void)xSemaphoreTake(a->lock, portMAX_DELAY);
    agent_guest_fn *work = a->guest;
    void *ctx = a->guest_ctx;

    a->guest = NULL;
    (void)xSemaphoreGive(a->lock);
    if (work == NULL || !open_storage(a)) {
        return;
    }
    /* What it tells is about no offer; the one that waits keeps its name. */
    strcpy(offer_id, a->offer_id);
    agent_name_offer(a, "");
    work(a, ctx);
    agent_name_offer(a, offer_id);
    if (a->status.state != AIRLIFT_STATE_INSTALLED) {
        agent_set_state(a, AIRLIFT_STATE_IDLE);
    }
}

static void check_for_ever(struct agent *a)
{
    uint32_t failed_checks = 0;
    bool declined;

    agent_offer_recall(a);
    while (!agent_stopping(a)) {
        const EventBits_t asked =
            xEventGroupClearBits(a->bits, AGENT_BIT_CHECK | AGENT_BIT_OFFER | AGENT_BIT_GUEST);

        run_guest(a);
        if (agent_offer_next(a)) {
            work_on_offer(a);
        } else if (a->config.manifest_url == NULL) {
            set_next_check(a, a->config.check_interval_s);
        } else if ((asked & AGENT_BIT_CHECK) != 0 || a->next_check_us <= esp_timer_get_time()) {
            failed_checks = is_passing(with_attempts(a, &declined)) ? failed_checks + 1 : 0;
            wait_for_next(a, failed_checks);
        }
        const int64_t left_us = a->next_check_us - esp_timer_get_time();

        if (left_us > 0) { /* rounded up, so that what is waited for is due afterwards */
            (void)agent_wait(a, (uint32_t)(left_us / 1000000) + 1,
                             AGENT_BIT_CHECK | AGENT_BIT_OFFER | AGENT_BIT_GUEST);
        }
    }
}

static void agent_task(void *arg)
{
    struct agent *a = arg;

    /* A stable supply, a network, and a firmware that does not crash at once. */
    if (agent_wait(a, a->config.stabilisation_s, 0) == 0) {
        (void)open_storage(a); /* else tried again before each check */
        agent_settle(a);
        check_for_ever(a);
    }
    if (a->health_asked) { /* its task still looks at ours */
        (void)xEventGroupWaitBits(a->bits, AGENT_BIT_ASKED, pdFALSE, pdTRUE, portMAX_DELAY);
    }
    (void)xEventGroupSetBits(a->bits, AGENT_BIT_ENDED);
    vTaskDelete(NULL);
}

/* --- Start and end -------------------------------------------------------- */

static void set_default(uint32_t *value, uint32_t fallback)
{
    if (*value == 0) {
        *value = fallback;
    }
}

static void set_defaults(airlift_config_t *c)
{
    set_default(&c->stabilisation_s, 30);
    set_default(&c->check_interval_s, 6 * 3600);
    set_default(&c->attempts, 3);
    set_default(&c->attempt_delay_s, 5);
    set_default(&c->retry_s, 60);
    set_default(&c->journal_bytes, 16384);
    set_default(&c->health_timeout_s, 300);
    set_default(&c->trial_boots, 3);
    if (c->trial_boots == AIRLIFT_NO_TRIAL_AGAIN) {
        c->trial_boots = 0;
    } else if (c->trial_boots > 250) {
        c->trial_boots = 250; /* what the journal's count holds */
    }
    set_default(&c->task_stack_size, 8192);
    set_default(&c->task_priority, 3);
    if (c->timeout_s > 600) {
        c->timeout_s = 600; /* keeps milliseconds within an int */
    }
}

static bool config_makes_sense(const airlift_config_t *c)
{
    if (c->manifest_url == NULL) {
        return c->health_check != NULL || c->confirm_by_app;
    }
    if (!agent_url_allowed(c->manifest_url, c->allow_http)) {
        return false;
    }
    return !agent_url_is_https(c->manifest_url) || c->cert_pem != NULL || c->crt_bundle_attach != NULL;
}

static void release(struct agent *a)
{
    if (a->nvs != 0) {
        nvs_close(a->nvs);
    }
    if (a->bits != NULL) {
        vEventGroupDelete(a->bits);
    }
    if (a->lock != NULL) {
        vSemaphoreDelete(a->lock);
    }
    free(a->offer);
    free(a->next_offer);
    free(a);
}

/*
 * Is NVS there? Only read: the first opening for writing makes the namespace on
 * flash, and nothing is written before the supply is known to be stable.
 */
static esp_err_t find_storage(void)
{
    nvs_handle_t nvs;
    const esp_err_t err = nvs_open(NVS_NAMESPACE, NVS_READONLY, &nvs);

    if (err == ESP_OK) {
        nvs_close(nvs);
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

/* What the agent has to know of the device before its task runs. */
static esp_err_t look_around(struct agent *a)
{
    esp_image_header_t header;

    a->running = esp_ota_get_running_partition();
    if (a->running == NULL || esp_ota_get_next_update_partition(NULL) == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    const esp_err_t err = esp_partition_read(a->running, 0, &header, sizeof(header));
    a->chip_id = (uint16_t)header.chip_id;
    return err == ESP_OK ? find_storage() : err;
}

static esp_err_t set_up(struct agent *a)
{
    a->bits = xEventGroupCreate();
    a->lock = xSemaphoreCreateMutex();
    if (a->bits == NULL || a->lock == NULL) {
        return ESP_ERR_NO_MEM;
    }
    const esp_err_t err = look_around(a);
    if (err != ESP_OK) {
        return err;
    }
    if (xTaskCreate(agent_task, "airlift", a->config.task_stack_size, a, a->config.task_priority, NULL) !=
        pdPASS) {
        return ESP_ERR_NO_MEM;
    }
    return ESP_OK;
}

/* --- For what receives images from elsewhere ------------------------------- */

/* Why nothing else can be done now; NULL if it can. With the lock. */
static const char *busy_with(const struct agent *a)
{
    switch (a->status.state) {
    case AIRLIFT_STATE_STABILISING:
        return "the device has just started: try again in a moment";
    case AIRLIFT_STATE_ON_TRIAL:
        return "the running version is on trial: try again when that is over";
    case AIRLIFT_STATE_DOWNLOADING:
        return "another update is under way";
    default:
        return a->guest != NULL ? "another update is about to begin" : NULL;
    }
}

const char *agent_busy(void)
{
    struct agent *a = agent;
    const char *why = "the agent does not run";

    if (a != NULL) {
        (void)xSemaphoreTake(a->lock, portMAX_DELAY);
        why = busy_with(a);
        (void)xSemaphoreGive(a->lock);
    }
    return why;
}

esp_err_t agent_lend(agent_guest_fn *work, void *ctx, const char **why)
{
    struct agent *a = agent;

    if (a == NULL) {
        *why = "the agent does not run";
        return ESP_ERR_INVALID_STATE;
    }
    (void)xSemaphoreTake(a->lock, portMAX_DELAY);
    *why = busy_with(a);
    if (*why == NULL) {
        a->guest = work;
        a->guest_ctx = ctx;
    }
    (void)xSemaphoreGive(a->lock);
    if (*why != NULL) {
        return ESP_ERR_NOT_FINISHED;
    }
    (void)xEventGroupSetBits(a->bits, AGENT_BIT_GUEST);
    return ESP_OK;
}

bool agent_unlend(void *ctx)
{
    struct agent *a = agent;
    bool waits;

    if (a == NULL) {
        return false;
    }
    (void)xSemaphoreTake(a->lock, portMAX_DELAY);
    waits = a->guest != NULL && a->guest_ctx == ctx;
    if (waits) {
        a->guest = NULL;
    }
    (void)xSemaphoreGive(a->lock);
    return waits;
}

esp_err_t agent_hold(void)
{
    if (agent == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    agent->holds++;
    return ESP_OK;
}

void agent_release(void)
{
    agent->holds--;
}

/* --- Public --------------------------------------------------------------- */

esp_err_t airlift_start(const airlift_config_t *config)
{
    if (config == NULL || !config_makes_sense(config)) {
        return ESP_ERR_INVALID_ARG;
    }
    if (agent != NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    struct agent *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return ESP_ERR_NO_MEM;
    }
    a->config = *config;
    set_defaults(&a->config);

    const esp_err_t err = set_up(a);
    if (err != ESP_OK) {
        release(a);
        return err;
    }
    agent = a;
    return ESP_OK;
}

esp_err_t airlift_stop(void)
{
    struct agent *a = agent;

    if (a == NULL || a->holds > 0) {
        return ESP_ERR_INVALID_STATE;
    }
    agent = NULL;
    (void)xEventGroupSetBits(a->bits, AGENT_BIT_STOP);
    (void)xEventGroupWaitBits(a->bits, AGENT_BIT_ENDED, pdFALSE, pdTRUE, portMAX_DELAY);
    release(a);
    return ESP_OK;
}

esp_err_t airlift_check_now(void)
{
    if (agent == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    (void)xEventGroupSetBits(agent->bits, AGENT_BIT_CHECK);
    return ESP_OK;
}

esp_err_t airlift_install(const airlift_offer_t *offer)
{
    struct agent *a = agent;

    if (offer == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (a == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    struct agent_offer *copy = malloc(sizeof(*copy));

    if (copy == NULL) {
        return ESP_ERR_NO_MEM;
    }
    if (!agent_offer_make(offer, &a->config, copy)) {
        free(copy);
        return ESP_ERR_INVALID_ARG;
    }
    (void)xSemaphoreTake(a->lock, portMAX_DELAY);
    const bool is_free = a->next_offer == NULL;

    if (is_free) {
        a->next_offer = copy;
    }
    (void)xSemaphoreGive(a->lock);
    if (!is_free) {
        free(copy);
        return ESP_ERR_NOT_FINISHED;
    }
    (void)xEventGroupSetBits(a->bits, AGENT_BIT_OFFER);
    return ESP_OK;
}

esp_err_t airlift_confirm(void)
{
    airlift_status_t status;
    const esp_err_t err = airlift_get_status(&status);

    if (err != ESP_OK || status.state != AIRLIFT_STATE_ON_TRIAL) {
        return ESP_ERR_INVALID_STATE;
    }
    (void)xEventGroupSetBits(agent->bits, AGENT_BIT_HEALTHY);
    return ESP_OK;
}

esp_err_t airlift_get_status(airlift_status_t *out)
{
    if (out == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (agent == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    (void)xSemaphoreTake(agent->lock, portMAX_DELAY);
    *out = agent->status;
    if (agent->next_offer != NULL) {
        strcpy(out->offer_id, agent->next_offer->id);
    }
    const int64_t left_us = agent->next_check_us - esp_timer_get_time();

    out->next_check_s = out->state == AIRLIFT_STATE_IDLE && left_us > 0 ? (uint32_t)(left_us / 1000000) : 0;
    (void)xSemaphoreGive(agent->lock);
    return ESP_OK;
}
