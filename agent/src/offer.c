/*
 * What airlift_install() was given: kept until it is installed or refused, and
 * brought the same way as a manifest's image.
 *
 * An offer may say as little as a URL. Then the image's first bytes tell its
 * version, and together with its length they are its identity: links change with
 * each signature, a build's description does not.
 */
#include "agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"

#include "airlift/semver.h"
#include "http_fields.h"
#include "url.h"

/* --- Taking it in --------------------------------------------------------- */

static bool copy_text(char *out, size_t size, const char *text)
{
    if (text == NULL) {
        out[0] = '\0';
        return true;
    }
    if (strlen(text) >= size) {
        return false;
    }
    strcpy(out, text);
    return true;
}

bool agent_offer_make(const airlift_offer_t *offer, const airlift_config_t *config, struct agent_offer *out)
{
    memset(out, 0, sizeof(*out));
    if (offer->url == NULL || !agent_url_allowed(offer->url, config->allow_http) ||
        (agent_url_is_https(offer->url) && config->cert_pem == NULL && config->crt_bundle_attach == NULL) ||
        !copy_text(out->url, sizeof(out->url), offer->url) ||
        !copy_text(out->id, sizeof(out->id), offer->id) ||
        !copy_text(out->version, AGENT_VERSION_SIZE, offer->version)) {
        return false;
    }
    out->has_sha256 = offer->sha256 != NULL;
    out->has_md5 = offer->md5 != NULL;
    if (out->has_sha256) {
        memcpy(out->sha256, offer->sha256, sizeof(out->sha256));
    }
    if (out->has_md5) {
        memcpy(out->md5, offer->md5, sizeof(out->md5));
    }
    out->size = offer->size;
    out->mandatory = offer->mandatory;
    out->force = offer->force;
    return true;
}

static void make_current(struct agent *a, struct agent_offer *offer)
{
    a->offer = offer;
    agent_name_offer(a, offer->id);
}

void agent_offer_recall(struct agent *a)
{
    struct agent_offer *offer = malloc(sizeof(*offer));

    if (offer == NULL || a->nvs == 0 || !agent_offer_load(a->nvs, offer)) {
        free(offer);
        return;
    }
    ESP_LOGI(AGENT_TAG, "going on with the update that was offered before the restart");
    make_current(a, offer);
}

bool agent_offer_next(struct agent *a)
{
    (void)xSemaphoreTake(a->lock, portMAX_DELAY);
    struct agent_offer *next = a->next_offer;

    a->next_offer = NULL;
    if (next != NULL) {
        strcpy(a->status.offer_id, next->id); /* in one step: somebody may look whether it is known */
    }
    (void)xSemaphoreGive(a->lock);
    if (next == NULL) {
        return a->offer != NULL;
    }
    if (a->offer != NULL && strcmp(a->offer->id, next->id) == 0) {
        free(a->offer); /* the same with a fresh link */
        a->offer = NULL;
    } else if (a->offer != NULL) {
        agent_offer_end(a, AIRLIFT_FAIL_STOPPED, "another offer takes its place");
    }
    make_current(a, next);
    /* A cut before this line loses the offer: whoever made it finds no outcome. After
     * it the next start takes the offer up again. */
    if (a->nvs == 0 || agent_offer_store(a->nvs, next) != ESP_OK) {
        ESP_LOGW(AGENT_TAG, "the offer cannot be stored: a reset will lose it");
    }
    return true;
}

/* --- Letting it go -------------------------------------------------------- */

static void forget(struct agent *a)
{
    if (a->nvs != 0) {
        (void)agent_offer_erase(a->nvs);
    }
    free(a->offer);
    a->offer = NULL;
}

void agent_offer_end(struct agent *a, airlift_fail_t reason, const char *text)
{
    /* Told before it is forgotten: a cut in between tells it once more. */
    agent_tell(a, AIRLIFT_EVENT_OFFER_ENDED, a->manifest.version, reason, text);
    forget(a);
    agent_name_offer(a, "");
}

void agent_offer_selected(struct agent *a)
{
    if (a->offer != NULL) {
        /* A cut before this line takes the offer up again after the trial, and finds
         * that the image is there already, or known bad. */
        forget(a);
    }
}

/* --- Whose image is on trial? --------------------------------------------- */

esp_err_t agent_offer_note_trial(struct agent *a)
{
    struct agent_offer_note note = {0};

    if (a->offer == NULL) {
        return ESP_OK;
    }
    memcpy(note.identity, a->identity, sizeof(note.identity));
    strcpy(note.id, a->offer->id);
    /* Before the trial is noted: a cut in between leaves a name that nothing bears. */
    return agent_offer_note_store(a->nvs, &note);
}

void agent_offer_recognise_trial(struct agent *a, const struct agent_record *trial)
{
    struct agent_offer_note note;

    if (agent_offer_note_load(a->nvs, &note) &&
        memcmp(note.identity, trial->identity, sizeof(note.identity)) == 0) {
        agent_name_offer(a, note.id);
    }
}

/* --- What the image itself says ------------------------------------------- */

/* The whole image's length, of an answer to a Range; 0 if it is not said. */
static uint32_t whole_length(const struct agent *a)
{
    uint32_t first, last, total;

    if (a->http.status == 206) {
        return agent_parse_content_range(a->http.content_range, &first, &last, &total) && first == 0 ? total
                                                                                                     : 0;
    }
    return a->http.content_length > 0 && a->http.content_length <= INT32_MAX
               ? (uint32_t)a->http.content_length
               : 0;
}

/* Receive the image's first bytes into a->buf.sector and its length into *total. */
static airlift_fail_t receive_prefix(struct agent *a, uint32_t *total)
{
    if (a->http.status == 403) {
        return agent_fail(a, AIRLIFT_FAIL_EXPIRED, "the server answers 403 to the image's URL");
    }
    if (a->http.status != 200 && a->http.status != 206) {
        return agent_fail(a, AIRLIFT_FAIL_HTTP_STATUS, "the server answers %d to the image's URL",
                          a->http.status);
    }
    *total = whole_length(a);
    if (*total == 0) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "the server does not say how long the image is");
    }
    if (*total < AGENT_PREFIX_SIZE) {
        return agent_fail(a, AIRLIFT_FAIL_IMAGE, "%" PRIu32 " bytes are no app image", *total);
    }
    if (agent_http_read(a, a->buf.sector, AGENT_PREFIX_SIZE) < AGENT_PREFIX_SIZE) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "the connection broke off within the first bytes");
    }
    return AIRLIFT_FAIL_NONE;
}

/* Fill in what the offer did not say: version, size, identity. */
static airlift_fail_t look_at_image(struct agent *a)
{
    struct agent_manifest *m = &a->manifest;
    const struct agent_request request = {
        .url = m->url,
        .authorization = agent_authorization(a, m->url),
        .count = AGENT_PREFIX_SIZE,
        .if_range = "",
        .timeout_s = a->config.timeout_s != 0 ? a->config.timeout_s : 30,
    };
    uint32_t total = 0;
    airlift_fail_t fail = agent_http_get(a, &request);

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = receive_prefix(a, &total);
    }
    agent_http_close(a);
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    if (m->size != 0 && total != m->size) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "the server has %" PRIu32 " bytes, the offer says %" PRIu32,
                          total, m->size);
    }
    m->size = total;
    if (m->version[0] == '\0') {
        agent_prefix_version(a->buf.sector, m->version);
    }
    return agent_check_prefix(a, a->buf.sector, AGENT_PREFIX_SIZE);
}

/* Of the bytes in a->buf.sector, the length, and what the offer says of the rest. */
static bool identify_by_prefix(struct agent *a)
{
    const struct agent_manifest *m = &a->manifest;
    const uint8_t size[4] = {(uint8_t)m->size, (uint8_t)(m->size >> 8), (uint8_t)(m->size >> 16),
                             (uint8_t)(m->size >> 24)};
    struct al_hash hash;

    if (al_sha256_init(&hash) != 0) {
        return false;
    }
    if (al_hash_update(&hash, a->buf.sector, AGENT_PREFIX_SIZE) != 0 ||
        al_hash_update(&hash, size, sizeof(size)) != 0 ||
        al_hash_update(&hash, m->md5, m->has_md5 ? sizeof(m->md5) : 0) != 0) {
        al_hash_abort(&hash);
        return false;
    }
    return al_hash_final(&hash, a->identity) == 0;
}

/* The offer as a manifest. */
static void describe(struct agent *a)
{
    const struct agent_offer *o = a->offer;
    struct agent_manifest *m = &a->manifest;

    memset(m, 0, sizeof(*m));
    strcpy(m->url, o->url);
    memcpy(m->version, o->version, sizeof(m->version));
    memcpy(m->sha256, o->sha256, sizeof(m->sha256));
    memcpy(m->md5, o->md5, sizeof(m->md5));
    m->has_sha256 = o->has_sha256;
    m->has_md5 = o->has_md5;
    m->mandatory = o->mandatory;
    m->size = o->size;
    a->patch.size = 0;
}

/* --- Decision ------------------------------------------------------------- */

/* Is the running image the one whose first bytes are in a->buf.sector? */
static bool runs_this_build(const struct agent *a)
{
    uint8_t offered[AL_SHA256_SIZE];
    esp_app_desc_t running;

    return agent_prefix_elf_sha256(a->buf.sector, offered) &&
           esp_ota_get_partition_description(a->running, &running) == ESP_OK &&
           memcmp(offered, running.app_elf_sha256, sizeof(offered)) == 0;
}

/* Did the running image come here under this identity? */
static bool was_installed(struct agent *a)
{
    struct agent_record installed;

    return agent_record_load(a->nvs, AGENT_KEY_INSTALLED, &installed) &&
           memcmp(installed.identity, a->identity, sizeof(installed.identity)) == 0 &&
           agent_slot_is(a->running, &installed);
}

/* Nothing to do: not newer where that can be told, else the very same image. */
static bool has_it(struct agent *a, bool looked)
{
    const struct agent_manifest *m = &a->manifest;

    if (agent_runs_already(a)) {
        return true;
    }
    if (!a->offer->force && al_semver_valid(m->version) && al_semver_valid(a->running_version)) {
        return al_semver_compare(m->version, a->running_version) <= 0;
    }
    if (m->has_sha256 && m->size != 0 && strcmp(m->version, a->running_version) == 0) {
        return agent_slot_holds(a, a->running, m->size);
    }
    /* With a SHA-256 the buffer may hold something else by now, and is not needed. */
    return (looked && !m->has_sha256 && runs_this_build(a)) || was_installed(a);
}

airlift_fail_t agent_offer_try(struct agent *a, bool *declined)
{
    struct agent_manifest *m = &a->manifest;
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    *declined = false;
    describe(a);
    const bool look = !m->has_sha256 || m->version[0] == '\0';

    if (a->status.state != AIRLIFT_STATE_INSTALLED) {
        agent_set_state(a, AIRLIFT_STATE_CHECKING);
    }
    if (look) {
        fail = look_at_image(a);
    }
    if (fail == AIRLIFT_FAIL_NONE &&
        (m->has_sha256 ? agent_manifest_identity(m, a->identity) != 0 : !identify_by_prefix(a))) {
        fail = agent_fail(a, AIRLIFT_FAIL_FLASH, "no SHA-256");
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    if (has_it(a, look)) {
        ESP_LOGI(AGENT_TAG, "up to date: %s runs, %s is offered", a->running_version, m->version);
        agent_tell(a, AIRLIFT_EVENT_UP_TO_DATE, m->version, AIRLIFT_FAIL_NONE, NULL);
        return AIRLIFT_FAIL_NONE;
    }
    return agent_install(a, declined);
}
