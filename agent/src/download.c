/*
 * The way of an image, or of a patch, into the slot. Bytes are gathered into whole
 * sectors, so each sector is erased once and programmed once, and hashed as they pass.
 *
 *     start    journal says: nothing, a prefix, or all of it
 *     request  from the first byte that is missing
 *     body     sector by sector; a lost connection goes back to "request"
 *     end      hashes compared; an image is verified from flash
 */
#include "agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "esp_log.h"

#include "http_fields.h"
#include "url.h"

#define MAX_STALLS   3u /* connections lost in a row without a new sector */
#define MAX_RESTARTS 2u /* times the server may make us begin again */

/* --- The session: hashes and slot ----------------------------------------- */

static bool is_patch(const struct agent_download *d)
{
    return d->fetch.way == AGENT_WAY_PATCH;
}

static void end_session(struct agent_download *d)
{
    if (d->in_session) {
        (void)esp_ota_abort(d->ota); /* frees it; flash stays as it is */
        d->in_session = false;
    }
    d->open = false;
    if (d->hashing) {
        al_hash_abort(&d->sha256);
        al_hash_abort(&d->md5);
        d->hashing = false;
    }
}

/* Nothing received yet. */
static airlift_fail_t begin_from_zero(struct agent *a)
{
    struct agent_download *d = &a->download;

    end_session(d);
    d->pos = d->held = d->saved = d->total = 0;
    d->from_zero = true;
    d->job.total = 0;
    d->job.etag[0] = '\0';
    if (al_sha256_init(&d->sha256) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "no SHA-256");
    }
    if (al_md5_init(&d->md5) != 0) {
        al_hash_abort(&d->sha256);
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "no MD5");
    }
    d->hashing = true;
    return AIRLIFT_FAIL_NONE;
}

static bool hash_sector(struct agent *a, uint32_t len)
{
    return al_hash_update(&a->download.sha256, a->buf.sector, len) == 0 &&
           al_hash_update(&a->download.md5, a->buf.sector, len) == 0;
}

/* Take over the `pos` bytes that an earlier session left on flash, all of them hashed again. */
static airlift_fail_t take_over(struct agent *a, const struct agent_job *job, uint32_t pos)
{
    struct agent_download *d = &a->download;

    for (uint32_t off = 0; off < pos; off += AGENT_SECTOR_SIZE) {
        if (esp_partition_read(d->slot, d->fetch.off + off, a->buf.sector, AGENT_SECTOR_SIZE) != ESP_OK ||
            !hash_sector(a, AGENT_SECTOR_SIZE)) {
            return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot read back slot %s", d->slot->label);
        }
        if (off % (16 * AGENT_SECTOR_SIZE) == 0) {
            vTaskDelay(1);
        }
    }
    if (!is_patch(d)) {
        const airlift_fail_t fail = agent_open_session(a, d->slot, pos);

        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
    }
    d->open = true;
    d->from_zero = false;
    d->pos = d->saved = pos;
    d->total = is_patch(d) ? d->fetch.size : job->total;
    d->job = *job;
    return AIRLIFT_FAIL_NONE;
}

/* Without a strong tag only a hash can tell that the rest belongs to the same bytes. */
static bool may_resume(const struct agent_fetch *fetch, const struct agent_job *job)
{
    return job->etag[0] != '\0' || fetch->sha256 != NULL || fetch->md5 != NULL;
}

/* Does the journal's job fetch this, and did it come to where going on is possible? */
static bool is_ours(const struct agent_download *d, const struct agent_job *job, uint32_t pos)
{
    const uint32_t end = is_patch(d) ? d->fetch.size : job->total;

    return job->way == d->fetch.way && job->subtype == d->job.subtype && pos > 0 && pos < end &&
           pos % AGENT_SECTOR_SIZE == 0 && end <= d->fetch.room &&
           memcmp(job->identity, d->fetch.identity, sizeof(job->identity)) == 0 && may_resume(&d->fetch, job);
}

static airlift_fail_t begin(struct agent *a)
{
    struct agent_download *d = &a->download;
    struct agent_job job;
    uint32_t pos;

    airlift_fail_t fail = begin_from_zero(a);

    d->job.subtype = (uint8_t)d->slot->subtype;
    d->job.way = d->fetch.way;
    memcpy(d->job.identity, d->fetch.identity, sizeof(d->job.identity));
    if (fail != AIRLIFT_FAIL_NONE || !agent_job_load(a->nvs, &job, &pos) || !is_ours(d, &job, pos)) {
        return fail;
    }
    fail = take_over(a, &job, pos);
    if (fail != AIRLIFT_FAIL_NONE) {
        /* What cannot be gone on with is done anew. */
        ESP_LOGW(AGENT_TAG, "%s: beginning again", a->why);
        return begin_from_zero(a);
    }
    ESP_LOGI(AGENT_TAG, "download goes on at %s of %s", agent_size_text(pos).text,
             agent_size_text(d->total).text);
    return AIRLIFT_FAIL_NONE;
}

/* --- Sectors -------------------------------------------------------------- */

/* The first sector has arrived: look at it before the slot loses anything. */
static airlift_fail_t open_slot(struct agent *a)
{
    struct agent_download *d = &a->download;
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    if (!is_patch(d)) {
        fail = agent_check_prefix(a, a->buf.sector, d->held);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_slot_deselect(a, d->slot);
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }

    /* A cut from here on finds a job at position 0: it begins again. Without a
     * working journal the download is still good, only not resumable. */
    if (agent_job_store(a->nvs, &d->job) != ESP_OK) {
        ESP_LOGW(AGENT_TAG, "progress cannot be stored: after a reset the download begins again");
    }
    fail = agent_open_session(a, d->slot, 0);
    if (fail == AIRLIFT_FAIL_NONE && is_patch(d)) {
        /* It was opened for what that does to OTA data: the image that lies here may lose its last sectors
         * to the patch, so rolling back must not choose it any more. */
        (void)esp_ota_abort(d->ota);
        d->in_session = false;
    }
    d->open = fail == AIRLIFT_FAIL_NONE;
    return fail;
}

/* The buffered bytes of a patch, whose sectors are not the OTA session's. */
static esp_err_t write_patch_sector(struct agent *a)
{
    struct agent_download *d = &a->download;
    const uint32_t at = d->fetch.off + d->pos - d->held;
    const uint32_t len = (d->held + 15u) & ~15u; /* what flash encryption wants */

    memset(a->buf.sector + d->held, 0xFF, len - d->held);
    /* A cut until it is whole: the journal does not name this sector yet. */
    const esp_err_t err = esp_partition_erase_range(d->slot, at, AGENT_SECTOR_SIZE);

    return err == ESP_OK ? esp_partition_write(d->slot, at, a->buf.sector, len) : err;
}

/* Put the buffered bytes on flash: a whole sector, or the image's last bytes. */
static airlift_fail_t write_sector(struct agent *a)
{
    struct agent_download *d = &a->download;

    if (!d->open) {
        const airlift_fail_t fail = open_slot(a);

        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
    }
    if (!hash_sector(a, d->held)) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "hashing failed");
    }
    const esp_err_t err = is_patch(d) ? write_patch_sector(a) : esp_ota_write(d->ota, a->buf.sector, d->held);
    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "writing slot %s at %" PRIu32 " failed (%s)", d->slot->label,
                          d->pos - d->held, esp_err_to_name(err));
    }
    d->held = 0;

    /* A patch is small, and fetching part of it twice would cost what it saves. */
    const uint32_t step = is_patch(d) ? AGENT_SECTOR_SIZE : a->config.journal_bytes;

    if (d->pos % AGENT_SECTOR_SIZE == 0 && d->pos - d->saved >= step) {
        if (agent_job_advance(a->nvs, d->pos) == ESP_OK) {
            d->saved = d->pos;
        }
        if (!is_patch(d)) {
            agent_set_progress(a, d->pos, d->total);
            agent_tell(a, AIRLIFT_EVENT_PROGRESS, a->manifest.version, AIRLIFT_FAIL_NONE, NULL);
        }
    }
    return AIRLIFT_FAIL_NONE;
}

/* --- One request ---------------------------------------------------------- */

/* The answer carries all of it: is it of the right size? */
static airlift_fail_t accept_whole(struct agent *a)
{
    struct agent_download *d = &a->download;
    const int64_t length = a->http.content_length;

    if (length <= 0) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "the server does not say how long the %s is", d->fetch.what);
    }
    if (d->fetch.size != 0 && length != d->fetch.size) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE,
                          "the server sends %" PRId64 " bytes, the manifest says %" PRIu32, length,
                          d->fetch.size);
    }
    if (length > d->fetch.room) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "%" PRId64 " bytes do not fit slot %s of %" PRIu32, length,
                          d->slot->label, (uint32_t)d->slot->size);
    }
    if (d->pos > 0) {
        ESP_LOGW(AGENT_TAG, "the server sends another %s, or ignores Range: beginning again", d->fetch.what);
        const airlift_fail_t fail = begin_from_zero(a);

        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
    }
    d->total = (uint32_t)length;
    if (d->fetch.take == NULL) {
        d->job.total = is_patch(d) ? d->fetch.room + a->manifest.size : d->total;
    }
    if (agent_etag_is_strong(a->http.etag)) {
        strcpy(d->job.etag, a->http.etag);
    }
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t broken_off(struct agent *a)
{
    return agent_fail(a, AIRLIFT_FAIL_NETWORK, "the connection broke off at %" PRIu32 " of %" PRIu32 " bytes",
                      a->download.pos, a->download.total);
}

/* Read the body up to `end` and hand it on. */
static airlift_fail_t receive_stream(struct agent *a, uint32_t end)
{
    struct agent_download *d = &a->download;
    uint8_t piece[512];

    while (d->pos < end) {
        if (agent_stopping(a)) {
            return agent_fail(a, AIRLIFT_FAIL_STOPPED, "stopped");
        }
        const uint32_t want = end - d->pos < sizeof(piece) ? end - d->pos : (uint32_t)sizeof(piece);
        const uint32_t got = agent_http_read(a, piece, want);
        const airlift_fail_t fail = d->fetch.take(d->fetch.ctx, piece, got);

        d->pos += got;
        d->fetched += got;
        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
        if (got < want) {
            return broken_off(a);
        }
    }
    return AIRLIFT_FAIL_NONE;
}

/* Read the body up to `end`. */
static airlift_fail_t receive(struct agent *a, uint32_t end)
{
    struct agent_download *d = &a->download;

    if (d->fetch.take != NULL) {
        return receive_stream(a, end);
    }
    while (d->pos < end) {
        if (agent_stopping(a)) {
            return agent_fail(a, AIRLIFT_FAIL_STOPPED, "stopped");
        }
        const uint32_t room = AGENT_SECTOR_SIZE - d->held;
        const uint32_t want = end - d->pos < room ? end - d->pos : room;
        const uint32_t got = agent_http_read(a, a->buf.sector + d->held, want);

        d->held += got;
        d->pos += got;
        d->fetched += got;
        if (d->held == AGENT_SECTOR_SIZE || d->pos == d->total) {
            const airlift_fail_t fail = write_sector(a);

            if (fail != AIRLIFT_FAIL_NONE) {
                return fail;
            }
        }
        if (got < want) {
            return broken_off(a);
        }
    }
    return AIRLIFT_FAIL_NONE;
}

/* Ask for what is missing and take what comes. *restarts counts beginnings from zero. */
static airlift_fail_t request(struct agent *a, unsigned *restarts)
{
    struct agent_download *d = &a->download;
    const struct agent_request r = {
        .url = d->fetch.url,
        .authorization = agent_authorization(a, d->fetch.url),
        .from = d->pos,
        .if_range = d->job.etag,
        .timeout_s = a->config.timeout_s != 0 ? a->config.timeout_s : 30,
    };
    uint32_t first, last, total;
    airlift_fail_t fail = agent_http_get(a, &r);

    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    const enum agent_answer answer = agent_judge_answer(a->http.status, d->pos, d->total, d->job.etag,
                                                        a->http.etag, a->http.content_range);

    if (a->http.status == 403) {
        /* What a presigned link answers once its time is over, at a reconnect too. */
        return agent_fail(a, AIRLIFT_FAIL_EXPIRED, "the server answers 403 to the %s's URL", d->fetch.what);
    }
    if (answer == AGENT_ANSWER_REFUSED) {
        return agent_fail(a, AIRLIFT_FAIL_HTTP_STATUS, "the server answers %d to the %s's URL",
                          a->http.status, d->fetch.what);
    }
    if (d->fetch.take != NULL && d->pos > 0 && answer != AGENT_ANSWER_PART) {
        return agent_fail(a, AIRLIFT_FAIL_HTTP_STATUS, "the server does not go on with the %s",
                          d->fetch.what);
    }
    if ((answer == AGENT_ANSWER_RESTART || (answer == AGENT_ANSWER_WHOLE && d->pos > 0)) &&
        ++*restarts > MAX_RESTARTS) {
        return agent_fail(a, AIRLIFT_FAIL_HTTP_STATUS, "the server changes the %s while it sends it",
                          d->fetch.what);
    }
    switch (answer) {
    case AGENT_ANSWER_RESTART:
        ESP_LOGW(AGENT_TAG, "the %s has changed at the server: beginning again", d->fetch.what);
        return begin_from_zero(a);
    case AGENT_ANSWER_PART:
        (void)agent_parse_content_range(a->http.content_range, &first, &last, &total); /* judged above */
        return receive(a, last + 1);
    default:
        fail = accept_whole(a);
        return fail == AIRLIFT_FAIL_NONE ? receive(a, d->total) : fail;
    }
}

/* Requests until all bytes are on flash, or until going on makes no sense. */
static airlift_fail_t fetch_all(struct agent *a)
{
    struct agent_download *d = &a->download;
    unsigned stalls = 0, restarts = 0;

    do {
        const uint32_t before = d->pos;
        const airlift_fail_t fail = request(a, &restarts);

        agent_http_close(a);
        if (fail == AIRLIFT_FAIL_NETWORK) {
            stalls = d->pos >= before + AGENT_SECTOR_SIZE ? 0 : stalls + 1;
            if (stalls >= MAX_STALLS || d->pos == 0) {
                return fail; /* not a lost connection: there never was one worth the name */
            }
            ESP_LOGW(AGENT_TAG, "%s: reconnecting", a->why);
            (void)agent_wait(a, a->config.attempt_delay_s, AGENT_BIT_STOP);
        } else if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
        if (agent_stopping(a)) {
            return agent_fail(a, AIRLIFT_FAIL_STOPPED, "stopped");
        }
    } while (d->total == 0 || d->pos < d->total);
    return AIRLIFT_FAIL_NONE;
}

/* --- The end -------------------------------------------------------------- */

static airlift_fail_t compare_hashes(struct agent *a, uint8_t sha256[AL_SHA256_SIZE])
{
    struct agent_download *d = &a->download;
    uint8_t md5[AL_SHA256_SIZE];
    const int sha256_err = al_hash_final(&d->sha256, sha256);
    const int md5_err = al_hash_final(&d->md5, md5);

    d->hashing = false;
    if (sha256_err != 0 || md5_err != 0) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "hashing failed");
    }
    if (d->fetch.sha256 != NULL && memcmp(sha256, d->fetch.sha256, AL_SHA256_SIZE) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_HASH, "the %s's SHA-256 is not the manifest's", d->fetch.what);
    }
    if (d->fetch.md5 != NULL && memcmp(md5, d->fetch.md5, AL_MD5_SIZE) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_HASH, "the %s's MD5 is not the manifest's", d->fetch.what);
    }
    return AIRLIFT_FAIL_NONE;
}

static airlift_fail_t verify(struct agent *a)
{
    struct agent_download *d = &a->download;
    uint8_t sha256[AL_SHA256_SIZE];
    airlift_fail_t fail = compare_hashes(a, sha256);

    if (fail == AIRLIFT_FAIL_NONE && !is_patch(d)) {
        fail = agent_slot_kept(a, d->slot, d->total, sha256);
        if (fail == AIRLIFT_FAIL_NONE) {
            fail = agent_end_session(a);
        }
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        /* Nothing of it is worth keeping. A cut before this erases it next time. */
        (void)agent_job_erase(a->nvs);
        return fail;
    }
    /* A cut before this leaves a prefix named in the journal: its rest is
     * fetched again. After it, it is found complete. */
    (void)agent_job_advance(a->nvs, is_patch(d) ? d->fetch.room : d->job.total);
    return AIRLIFT_FAIL_NONE;
}

/* What a failure leaves: whole sectors that the next attempt need not fetch. */
static void save_progress(struct agent *a)
{
    struct agent_download *d = &a->download;
    const uint32_t on_flash = d->pos - d->held;

    if (d->open && on_flash > d->saved && on_flash % AGENT_SECTOR_SIZE == 0 &&
        agent_job_advance(a->nvs, on_flash) == ESP_OK) {
        d->saved = on_flash;
    }
}

/* --- Shared with the other files ------------------------------------------ */

const char *agent_authorization(const struct agent *a, const char *url)
{
    const char *own = a->config.manifest_url;

    return own != NULL && agent_url_same_origin(url, own) ? a->config.authorization : NULL;
}

airlift_fail_t agent_open_session(struct agent *a, const esp_partition_t *slot, uint32_t pos)
{
    struct agent_download *d = &a->download;
    const esp_err_t err = pos == 0 ? esp_ota_begin(slot, OTA_WITH_SEQUENTIAL_WRITES, &d->ota)
                                   : esp_ota_resume(slot, OTA_WITH_SEQUENTIAL_WRITES, pos, &d->ota);

    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot %s slot %s (%s)", pos == 0 ? "write" : "go on in",
                          slot->label, esp_err_to_name(err));
    }
    d->in_session = true;
    return AIRLIFT_FAIL_NONE;
}

airlift_fail_t agent_end_session(struct agent *a)
{
    const esp_err_t err = esp_ota_end(a->download.ota); /* reads all of it back */

    a->download.in_session = false;
    return err == ESP_OK ? AIRLIFT_FAIL_NONE : agent_refuse_image(a, err);
}

airlift_fail_t agent_fetch(struct agent *a, const esp_partition_t *slot, const struct agent_fetch *fetch)
{
    struct agent_download *d = &a->download;
    bool again = false;
    airlift_fail_t fail;

    d->slot = slot;
    d->fetch = *fetch;
    agent_set_state(a, AIRLIFT_STATE_DOWNLOADING);
    do {
        fail = again ? begin_from_zero(a) : begin(a);
        if (fail == AIRLIFT_FAIL_NONE) {
            fail = fetch_all(a);
            if (fail != AIRLIFT_FAIL_NONE) {
                save_progress(a);
            }
        }
        const bool resumed = !d->from_zero;

        if (fail == AIRLIFT_FAIL_NONE) {
            fail = verify(a);
        }
        /* The parts may be of two images: one clean download decides. */
        again = !again && fail == AIRLIFT_FAIL_HASH && resumed;
        if (again) {
            ESP_LOGW(AGENT_TAG, "%s: downloading all of it again", a->why);
        }
    } while (again);
    end_session(d);
    return fail;
}

airlift_fail_t agent_fetch_stream(struct agent *a, const esp_partition_t *slot,
                                  const struct agent_fetch *fetch)
{
    struct agent_download *d = &a->download;

    d->slot = slot;
    d->fetch = *fetch;
    d->pos = fetch->from;
    d->total = fetch->size;
    agent_set_state(a, AIRLIFT_STATE_DOWNLOADING);
    return fetch_all(a);
}

airlift_fail_t agent_download(struct agent *a, const esp_partition_t *slot)
{
    const struct agent_manifest *m = &a->manifest;
    const struct agent_fetch image = {
        .way = AGENT_WAY_IMAGE,
        .what = "image",
        .url = m->url,
        .size = m->size,
        .sha256 = m->has_sha256 ? m->sha256 : NULL,
        .md5 = m->has_md5 ? m->md5 : NULL,
        .identity = a->identity,
        .room = slot->size,
    };
    bool fall_back = true;

    memset(&a->download, 0, sizeof(a->download));
    if (a->patch.size != 0) {
        const airlift_fail_t fail = agent_delta_install(a, slot, &fall_back);

        if (!fall_back) {
            return fail;
        }
        ESP_LOGW(AGENT_TAG, "%s: the whole image instead", a->why);
    }
    return agent_fetch(a, slot, &image);
}
