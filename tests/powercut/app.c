/*
 * The firmware. Every version is the same program; the scenario says which one
 * is sick and which one crashes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "airlift_signature.h"
#include "device/shared.h"
#include "esp_system.h"
#include "nvs_flash.h"
#include "torture.h"

#define N_CHECKS   3u   /* by one run of the agent, until it has nothing more to do */
#define VALUE_SIZE 100u /* bytes */
#define SERIAL     4711u

static uint8_t running; /* version */

/* --- Its values in NVS ---------------------------------------------------------- */

static void fail(enum life_end end, const char *why)
{
    if (board->failed == LIFE_GOOD) {
        board->failed = (uint8_t)end;
        snprintf(board->why, sizeof(board->why), "%s", why);
    }
}

static void make_value(uint32_t number, uint8_t out[VALUE_SIZE])
{
    for (unsigned i = 0; i < VALUE_SIZE; i++) {
        out[i] = (uint8_t)(mix(number, i / 8) >> i % 8 * 8);
    }
}

static bool write_value(nvs_handle_t nvs, uint32_t number)
{
    uint8_t value[VALUE_SIZE];

    make_value(number, value);
    return nvs_set_blob(nvs, "value", value, sizeof(value)) == ESP_OK && nvs_commit(nvs) == ESP_OK;
}

static bool holds(nvs_handle_t nvs, uint32_t number)
{
    uint8_t value[VALUE_SIZE], wanted[VALUE_SIZE];
    size_t len = sizeof(value);

    make_value(number, wanted);
    return nvs_get_blob(nvs, "value", value, &len) == ESP_OK && len == sizeof(value) &&
           memcmp(value, wanted, len) == 0;
}

static void use_values(void)
{
    struct world *w = &board->state->world;
    nvs_handle_t nvs;
    uint32_t serial;
    esp_err_t err = nvs_flash_init();

    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        /* As every example does. */
        err = nvs_flash_erase();
        if (err == ESP_OK) {
            err = nvs_flash_init();
        }
    }
    if (err != ESP_OK || nvs_open("app", NVS_READWRITE, &nvs) != ESP_OK) {
        fail(LIFE_VALUE, "NVS does not open");
        app_ends(APP_PANIC);
    }
    if (nvs_get_u32(nvs, "serial", &serial) != ESP_OK || serial != SERIAL) {
        fail(LIFE_VALUE, "the serial number in NVS is lost");
    }
    if (holds(nvs, w->value_new)) {
        w->value_old = w->value_new;
    } else if (holds(nvs, w->value_old)) {
        w->value_new = w->value_old;
    } else {
        fail(LIFE_VALUE, "the value in NVS is neither the old nor the new one");
    }
    while (w->writes_left > 0) {
        w->writes_left--;
        w->value_new = w->value_old + 1;
        if (!write_value(nvs, w->value_new)) {
            fail(LIFE_VALUE, "the value in NVS cannot be written");
            break;
        }
        w->value_old = w->value_new;
    }
    nvs_close(nvs);
}

/* --- The end of a step ------------------------------------------------------------- */

static bool is_pending(void)
{
    esp_ota_img_states_t state;

    return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

/* Nothing is left to be done for the current step. */
static _Noreturn void step_is_done(void)
{
    struct world *w = &board->state->world;

    if (is_pending()) {
        fail(LIFE_STUCK, "the app is not confirmed in the end");
    }
    if ((scenario->revokes >> running & 1) &&
        esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_0) != ESP_OK) {
        snprintf(board->why, sizeof(board->why), "the old key cannot be revoked");
        app_ends(APP_IDLE); /* flash that could not be read; it tries again */
    }
    w->floor = running;
    if (esp_ota_check_rollback_is_possible()) {
        w->can_roll_back |= (uint8_t)(1u << w->step);
    }
    board->done = 1;
    app_ends(APP_IDLE);
}

static const struct step *current_step(void)
{
    return &scenario->step[board->state->world.step];
}

/* --- With the agent ------------------------------------------------------------------ */

static uint8_t version_of(const char *text)
{
    for (uint8_t v = 0; v < MAX_VERSIONS; v++) {
        if (strcmp(text, images[v].version) == 0) {
            return v;
        }
    }
    return NO_VERSION;
}

static bool is_well(void *ctx)
{
    (void)ctx;
    return scenario->temper[running] == GOOD;
}

static void on_event(const airlift_event_t *event, void *ctx)
{
    struct world *w = &board->state->world;
    const uint8_t version = version_of(event->version);
    const uint8_t bit = (uint8_t)(version == NO_VERSION ? 0 : 1u << version);

    (void)ctx;
    switch (event->id) {
    case AIRLIFT_EVENT_VERIFIED:
        w->verified |= bit;
        break;
    case AIRLIFT_EVENT_REBOOTING:
        if (version != NO_VERSION && scenario->secure_boot &&
            !signer_trusted(scenario->signer[version], w->revoked)) {
            fail(LIFE_UNTRUSTED, "it selects what no trusted key signed");
        }
        w->selected |= bit;
        break;
    case AIRLIFT_EVENT_CONFIRMED:
        w->floor = version;
        break;
    case AIRLIFT_EVENT_ROLLED_BACK:
        w->rolled_back |= bit;
        break;
    default:
        break;
    }
}

/* As a retained message does it: the link comes again with each start, unless the agent has it still. */
static airlift_fail_t try_offer(struct agent *a)
{
    const airlift_offer_t link = {.id = "u:link", .url = "https://origin/image.bin"};
    bool declined;

    if (a->offer == NULL) {
        a->next_offer = malloc(sizeof(*a->next_offer));
        if (a->next_offer == NULL || !agent_offer_make(&link, &a->config, a->next_offer)) {
            fail(LIFE_ERROR, "the link is not accepted");
            app_ends(APP_PANIC);
        }
    }
    (void)agent_offer_next(a);
    const airlift_fail_t result = agent_offer_try(a, &declined);

    if (result == AIRLIFT_FAIL_NONE || result == AIRLIFT_FAIL_KNOWN_BAD) {
        agent_offer_end(a, result, NULL);
    }
    return result;
}

static _Noreturn void run_agent(void)
{
    static struct agent a;
    const struct step *step = current_step();
    airlift_fail_t result = AIRLIFT_FAIL_NONE;
    bool is_refused = false;

    a.config = (airlift_config_t){
        .manifest_url = "https://origin/version.json",
        .cert_pem = "",
        .attempts = N_CHECKS,
        .journal_bytes = 8192,
        .health_check = is_well,
        .health_timeout_s = 300,
        .trial_boots = 3,
        .on_event = on_event,
    };
    a.running = esp_ota_get_running_partition();
    a.chip_id = AL_CHIP_LINUX;
    if (a.running == NULL || nvs_open("airlift", NVS_READWRITE, &a.nvs) != ESP_OK) {
        fail(LIFE_ERROR, "the agent does not start");
        app_ends(APP_PANIC);
    }
    agent_settle(&a);
    if (scenario->offer) {
        agent_offer_recall(&a);
    }
    for (unsigned n = 0; n < N_CHECKS; n++) {
        result =
            scenario->offer ? try_offer(&a) : agent_check(&a); /* restarts when it has installed something */
        is_refused = agent_is_distrust(result);
        if (result == AIRLIFT_FAIL_NONE || result == AIRLIFT_FAIL_KNOWN_BAD || is_refused) {
            break;
        }
    }
    if (result == AIRLIFT_FAIL_KNOWN_BAD) {
        if (scenario->temper[step->version] == GOOD) {
            fail(LIFE_STUCK, "a good image is refused as known bad");
        }
        board->state->world.refused |= (uint8_t)(1u << step->version);
    }
    const bool refused = step->kind == STEP_REFUSED && is_refused;

    if (running == step->expect &&
        (step->expect == step->version || result == AIRLIFT_FAIL_KNOWN_BAD || refused)) {
        step_is_done();
    }
    snprintf(board->why, sizeof(board->why), "the agent stops: %.90s", a.why);
    app_ends(APP_IDLE);
}

/* --- As ESP-IDF's examples do it --------------------------------------------------------- */

static void confirm_natively(void)
{
    struct world *w = &board->state->world;

    if (!is_pending()) {
        return;
    }
    if (scenario->temper[running] == SICK) {
        (void)esp_ota_mark_app_invalid_rollback_and_reboot();
        return; /* there is nothing to go back to */
    }
    if (esp_ota_mark_app_valid_cancel_rollback() == ESP_OK) {
        w->floor = running;
    }
}

static bool failed_before(const char *version)
{
    const esp_partition_t *invalid = esp_ota_get_last_invalid_partition();
    esp_app_desc_t desc;

    return invalid != NULL && esp_ota_get_partition_description(invalid, &desc) == ESP_OK &&
           strcmp(desc.version, version) == 0;
}

/* Returns, if it fails, whether that is because of who signed the image. */
static bool update_natively(const struct image *im, uint8_t version)
{
    struct world *w = &board->state->world;
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    esp_ota_handle_t ota;
    esp_err_t err = esp_ota_begin(slot, OTA_WITH_SEQUENTIAL_WRITES, &ota);

    if (w->verified >> version & 1) {
        w->refetched |= (uint8_t)(1u << version);
    }
    for (uint32_t off = 0; err == ESP_OK && off < im->len; off += 4096) {
        err = esp_ota_write(ota, im->data + off, im->len - off < 4096 ? im->len - off : 4096);
    }
    if (err == ESP_OK) {
        err = esp_ota_end(ota);
    }
    if (err == ESP_OK) {
        w->verified |= (uint8_t)(1u << version);
        err = esp_ota_set_boot_partition(slot);
    }
    if (err == ESP_OK) {
        esp_restart();
    }
    snprintf(board->why, sizeof(board->why), "the update fails: %s", esp_err_to_name(err));
    return airlift_last_signature_fault() != AL_SIG_GOOD;
}

static void switch_app(const esp_partition_t *to)
{
    const esp_err_t err = esp_ota_set_boot_partition(to);

    if (err == ESP_OK) {
        esp_restart();
    }
    snprintf(board->why, sizeof(board->why), "the switch fails: %s", esp_err_to_name(err));
}

static const esp_partition_t *partition_of(uint8_t version)
{
    for (unsigned i = 0; i <= scenario->n_slots; i++) {
        if (scenario->content[i] == version) {
            return esp_partition_find_first(
                ESP_PARTITION_TYPE_APP,
                i == 0 ? ESP_PARTITION_SUBTYPE_APP_FACTORY : ESP_PARTITION_SUBTYPE_OTA(i - 1), NULL);
        }
    }
    return NULL;
}

static _Noreturn void run_native(void)
{
    const struct step *step = current_step();
    struct world *w = &board->state->world;

    confirm_natively();
    if (running == step->expect && (step->expect == step->version || (w->refused >> step->version & 1))) {
        step_is_done();
    }
    if (step->kind == STEP_SWITCH_SLOT || step->kind == STEP_SWITCH_FACTORY) {
        w->floor = 0; /* the user wants an older one */
        switch_app(partition_of(step->version));
    } else if (failed_before(images[step->version].version)) {
        w->refused |= (uint8_t)(1u << step->version);
        if (step->expect != step->version) {
            step_is_done();
        }
        snprintf(board->why, sizeof(board->why), "the update is refused as known bad");
    } else if (update_natively(&images[step->version], step->version) && step->kind == STEP_REFUSED) {
        step_is_done();
    }
    app_ends(APP_IDLE);
}

/* --- Entry --------------------------------------------------------------------------------- */

void app_main_in_child(const char *label, uint8_t version)
{
    running = version;
    if (setenv(DEV_ENV_FLASH, "", 1) != 0 || setenv(DEV_ENV_RUNNING, label, 1) != 0) {
        app_ends(APP_PANIC);
    }
    alarm(20); /* a firmware in an endless loop is killed */
    if (scenario->temper[version] == CRASHES) {
        app_ends(APP_PANIC);
    }
    use_values();
    if (scenario->app == APP_AGENT) {
        run_agent();
    }
    run_native();
}

void app_provision(const char *label)
{
    nvs_handle_t nvs;

    if (setenv(DEV_ENV_FLASH, "", 1) != 0 || setenv(DEV_ENV_RUNNING, label, 1) != 0 ||
        nvs_flash_init() != ESP_OK || nvs_open("app", NVS_READWRITE, &nvs) != ESP_OK ||
        nvs_set_u32(nvs, "serial", SERIAL) != ESP_OK) {
        app_ends(APP_PANIC);
    }
    for (uint32_t n = scenario->prefill + 1u; n > 0; n--) {
        if (!write_value(nvs, n)) {
            app_ends(APP_PANIC);
        }
    }
    app_ends(APP_IDLE);
}
