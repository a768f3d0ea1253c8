/*
 * An image out of the running one and a patch.
 *
 *     slot  | new image ...                    | (free) | patch |
 *
 *     fetch   the patch into the slot's last sectors, resumable like an image
 *     check   its SHA-256, from flash, before the slot's first sector is erased
 *     decode  the running image and the patch give the new one, sector by sector, each
 *             block compared with the manifest's hash of it (delta_blocks.c)
 *     end     SHA-256 against the manifest's, verified from flash
 *
 * A reset during the decoding costs no byte: the patch is there still, and the
 * decoder, of which nothing is stored, is run again from its begin. It writes
 * nothing until it comes to the first sector that the journal does not name.
 *
 * A patch that does not fit behind the image is decoded as it comes:
 *
 *     slot  | new image ...                    | (free) | bank | bank |
 *
 * The decoder's state is stored in the banks in turn (delta_bank.c), so a reset
 * costs the patch's bytes since then. Here only the blocks' hashes and the image's tell
 * whether the patch was right.
 */
#include "delta.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"

#define PIECE 512u /* bytes of the patch, read at a time */

#define BREATH (8 * AGENT_SECTOR_SIZE) /* bytes of the image after which other tasks get their turn */

static uint32_t whole_sectors(uint32_t size)
{
    return (size + AGENT_SECTOR_SIZE - 1) / AGENT_SECTOR_SIZE * AGENT_SECTOR_SIZE;
}

/* Patch and image share the slot: where the patch's sectors are. */
static uint32_t room_of(const struct agent_patch *patch)
{
    return whole_sectors(patch->size);
}

/* Bytes of the slot behind the image. */
static uint32_t spare(const struct agent *a, const esp_partition_t *slot)
{
    const uint32_t image = whole_sectors(a->manifest.size);

    return image < slot->size ? slot->size - image : 0;
}

/* --- What the device takes ------------------------------------------------- */

const struct agent_running *agent_delta_running(struct agent *a)
{
    struct agent_running *r = &a->running_now;

    if (a->config.no_patches) {
        return NULL;
    }
    if (!r->known) {
        r->known = true;
        r->formats = agent_decoder_formats;
        r->ram = agent_decoder_ram[0];
        (void)agent_slot_file(a, a->running, &r->file); /* else patches without an old image remain */
    }
    return r;
}

bool agent_delta_needs(struct agent *a, struct agent_patch_needs *out)
{
    const struct agent_running *running = agent_delta_running(a);
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    const struct agent_manifest *m = &a->manifest;

    if (running == NULL || slot == NULL || !m->has_sha256 || m->size == 0 ||
        agent_gave_up_patches(a->nvs, a->identity)) {
        return false;
    }
    const uint32_t room = spare(a, slot);

    out->from = running->file;
    for (uint8_t i = 0; i < AGENT_PATCH_FORMATS; i++) {
        out->format[i] = (struct agent_patch_format){
            .name = agent_decoder_name[i],
            .ram = agent_decoder_ram[i],
            .room = room >= agent_bank_room(i) ? 2 * m->size : room, /* streamed, it takes no room */
        };
    }
    return true;
}

bool agent_delta_is_job(const struct agent *a, const struct agent_job *job)
{
    const uint32_t before = job->way == AGENT_WAY_PATCH ? room_of(&a->patch) : 0;

    return a->patch.size != 0 && job->way != AGENT_WAY_IMAGE &&
           memcmp(job->identity, a->patch.sha256, sizeof(job->identity)) == 0 &&
           job->total == before + a->manifest.size;
}

/* --- The patch --------------------------------------------------------------- */

static uint32_t patch_off(const struct agent *a, const esp_partition_t *slot)
{
    return slot->size - room_of(&a->patch);
}

/* Is all of the patch in the slot? *pos is where the image's bytes go on. */
static bool patch_is_there(struct agent *a, const esp_partition_t *slot, struct agent_job *job, uint32_t *pos)
{
    const uint32_t room = room_of(&a->patch);
    uint8_t sha256[AL_SHA256_SIZE];

    if (!agent_job_load(a->nvs, job, pos) || job->subtype != (uint8_t)slot->subtype ||
        job->way != AGENT_WAY_PATCH || !agent_delta_is_job(a, job) || *pos < room) {
        return false;
    }
    *pos -= room;
    /* It was checked when it came; what lies in flash may have suffered since. */
    return agent_slot_sha256(a, slot, patch_off(a, slot), a->patch.size, sha256) &&
           memcmp(sha256, a->patch.sha256, sizeof(sha256)) == 0;
}

static airlift_fail_t fetch_patch(struct agent *a, const esp_partition_t *slot)
{
    const struct agent_fetch patch = {
        .way = AGENT_WAY_PATCH,
        .what = "patch",
        .url = a->patch.url,
        .size = a->patch.size,
        .sha256 = a->patch.sha256,
        .identity = a->patch.sha256,
        .off = patch_off(a, slot),
        .room = room_of(&a->patch),
    };

    return agent_fetch(a, slot, &patch);
}

/* --- Decoding ------------------------------------------------------------------ */

int agent_decoding_read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct agent_decoding *d = ctx;

    return esp_partition_read(d->a->running, off, buf, len) == ESP_OK ? 0 : AL_ERR_IO;
}

/* Whole sectors are on flash: this run wrote them, or an earlier one did. The rest is in the buffer. */
int agent_decoding_read_new(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct agent_decoding *d = ctx;
    const uint32_t start = d->made - d->held;
    const uint32_t on_flash = off >= start ? 0 : off + len <= start ? len : start - off;

    if (on_flash > 0 && esp_partition_read(d->slot, off, buf, on_flash) != ESP_OK) {
        return AL_ERR_IO;
    }
    if (len > on_flash) {
        memcpy((uint8_t *)buf + on_flash, d->a->buf.sector + (off + on_flash - start), len - on_flash);
    }
    return 0;
}

/* The slot is about to lose what it holds. */
static airlift_fail_t open_slot(struct agent_decoding *d)
{
    const airlift_fail_t fail = agent_slot_deselect(d->a, d->slot);

    return fail == AIRLIFT_FAIL_NONE ? agent_open_session(d->a, d->slot, d->durable) : fail;
}

/* A sector, or the image's end, is complete. */
static airlift_fail_t take_sector(struct agent_decoding *d)
{
    struct agent *a = d->a;
    const uint32_t start = d->made - d->held;

    if (agent_stopping(a)) {
        return agent_fail(a, AIRLIFT_FAIL_STOPPED, "stopped");
    }
    if (d->made % BREATH == 0) {
        vTaskDelay(1); /* a small patch can make a large image: the idle task's watchdog */
    }
    airlift_fail_t fail = agent_blocks_take(d);

    if (fail != AIRLIFT_FAIL_NONE || start < d->durable) {
        return fail; /* run again, up to where writing goes on */
    }
    if (start == 0) { /* before the slot's first sector is erased */
        fail = agent_check_prefix(a, a->buf.sector, d->held);
    }
    if (fail == AIRLIFT_FAIL_NONE && !a->download.in_session) {
        fail = open_slot(d);
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    const esp_err_t err = esp_ota_write(a->download.ota, a->buf.sector, d->held);

    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "writing slot %s at %" PRIu32 " failed (%s)", d->slot->label,
                          start, esp_err_to_name(err));
    }
    if (d->made % AGENT_SECTOR_SIZE == 0 && d->made - d->saved >= a->config.journal_bytes) {
        if (d->streaming || agent_job_advance(a->nvs, room_of(&a->patch) + d->made) == ESP_OK) {
            d->saved = d->made;
        }
        agent_set_progress(a, d->made, a->manifest.size);
        agent_tell(a, AIRLIFT_EVENT_PROGRESS, a->manifest.version, AIRLIFT_FAIL_NONE, NULL);
    }
    return AIRLIFT_FAIL_NONE;
}

int agent_decoding_take(void *ctx, const void *data, uint32_t len)
{
    struct agent_decoding *d = ctx;
    struct agent *a = d->a;
    const uint8_t *p = data;

    while (len > 0 && d->fail == AIRLIFT_FAIL_NONE) {
        const uint32_t room = AGENT_SECTOR_SIZE - d->held;
        const uint32_t n = len < room ? len : room;

        memcpy(a->buf.sector + d->held, p, n);
        d->held += n;
        d->made += n;
        p += n;
        len -= n;
        if (d->held == AGENT_SECTOR_SIZE || d->made == a->manifest.size) {
            d->fail = take_sector(d);
            d->held = 0;
        }
    }
    return d->fail == AIRLIFT_FAIL_NONE ? 0 : AL_ERR_IO;
}

/* What a call of the decoder came to. */
static airlift_fail_t outcome(struct agent_decoding *d, int err)
{
    if (d->fail != AIRLIFT_FAIL_NONE) {
        return d->fail;
    }
    return err == 0
               ? AIRLIFT_FAIL_NONE
               : agent_fail(d->a, AIRLIFT_FAIL_IMAGE, "the patch cannot be applied (%s)", al_strerror(err));
}

/* Run the decoder over all of the patch. */
static airlift_fail_t decode(struct agent_decoding *d)
{
    struct agent *a = d->a;
    const uint32_t off = patch_off(a, d->slot);
    uint8_t piece[PIECE];
    const airlift_fail_t fail = agent_blocks_begin(d, false);
    int err = 0;

    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }

    agent_decoder_begin(d);
    for (uint32_t at = 0; at < a->patch.size && err == 0; at += PIECE) {
        const uint32_t n = a->patch.size - at < PIECE ? a->patch.size - at : PIECE;

        if (esp_partition_read(d->slot, off + at, piece, n) != ESP_OK) {
            return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot read the patch in slot %s", d->slot->label);
        }
        err = agent_decoder_feed(d, piece, n);
    }
    return outcome(d, err == 0 ? agent_decoder_end(d) : err);
}

/* --- Decoding as it comes ------------------------------------------------------------- */

static airlift_fail_t take_piece(void *ctx, const uint8_t *data, uint32_t len)
{
    struct agent_decoding *d = ctx;
    struct agent *a = d->a;
    const airlift_fail_t fail = outcome(d, agent_decoder_feed(d, data, len));
    /* An image that comes whole is long: what a cut may cost is as for an image. */
    const uint32_t step = a->patch.whole ? a->config.journal_bytes : AGENT_SECTOR_SIZE;

    const uint32_t taken = agent_decoder_taken(d);

    if (fail == AIRLIFT_FAIL_NONE && taken - d->stored >= step && taken < a->patch.size &&
        agent_bank_save(d) != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot store the decoder's state in slot %s",
                          d->slot->label);
    }
    return fail;
}

/* Nothing was decoded yet: note the work. */
static airlift_fail_t begin_stream(struct agent_decoding *d)
{
    struct agent *a = d->a;
    struct agent_job *job = &a->download.job;
    const airlift_fail_t fail = open_slot(d);

    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    /* A cut within: no job, or no bank; it is begun again, of which nothing was fetched. */
    if (agent_bank_clear(d) != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot erase in slot %s", d->slot->label);
    }
    if (agent_job_store(a->nvs, job) != ESP_OK || agent_job_advance(a->nvs, 0) != ESP_OK) {
        ESP_LOGW(AGENT_TAG, "progress cannot be stored: after a reset the download begins again");
    }
    return AIRLIFT_FAIL_NONE;
}

/* Fetch and decode at once. */
static airlift_fail_t stream(struct agent_decoding *d)
{
    struct agent *a = d->a;
    struct agent_job job;
    uint32_t pos;
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    d->streaming = true;
    const bool begun = agent_job_load(a->nvs, &job, &pos) && job.way == AGENT_WAY_STREAM &&
                       job.subtype == (uint8_t)d->slot->subtype && agent_delta_is_job(a, &job) &&
                       agent_bank_load(d);

    a->download.job = (struct agent_job){
        .subtype = (uint8_t)d->slot->subtype, .way = AGENT_WAY_STREAM, .total = a->manifest.size};
    memcpy(a->download.job.identity, a->patch.sha256, sizeof(a->download.job.identity));
    if (begun) {
        ESP_LOGI(AGENT_TAG, "the patch goes on at %s of %s", agent_size_text(d->stored).text,
                 agent_size_text(a->patch.size).text);
        agent_decoder_go_on(d);
        fail = open_slot(d);
    } else {
        d->durable = d->made = d->held = d->stored = 0;
        agent_decoder_begin(d);
        fail = begin_stream(d);
    }
    const struct agent_fetch patch = {
        .way = AGENT_WAY_STREAM,
        .what = "patch",
        .url = a->patch.url,
        .size = a->patch.size,
        .room = a->patch.size,
        .from = d->stored,
        .take = take_piece,
        .ctx = d,
    };

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_blocks_begin(d, begun);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_fetch_stream(a, d->slot, &patch);
    }
    return fail == AIRLIFT_FAIL_NONE ? outcome(d, agent_decoder_end(d)) : fail;
}

/* --- One patch ----------------------------------------------------------------------- */

/* The image is made, by one way or the other: verify it from flash. */
static airlift_fail_t finish(struct agent_decoding *d)
{
    struct agent *a = d->a;
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    if (!agent_slot_holds(a, d->slot, a->manifest.size)) {
        fail = agent_fail(a, AIRLIFT_FAIL_HASH, "the patch does not give the manifest's image");
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_end_session(a);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        /* A cut before this repeats the last sectors; after it, the image is found complete. */
        (void)agent_job_advance(a->nvs, a->download.job.total);
    }
    return fail;
}

/* Make the image from the patch that lies in the slot, or that is brought there first. */
static airlift_fail_t apply(struct agent_decoding *d)
{
    struct agent *a = d->a;

    if (patch_is_there(a, d->slot, &a->download.job, &d->durable)) {
        agent_set_state(a, AIRLIFT_STATE_DOWNLOADING);
    } else {
        const airlift_fail_t fail = fetch_patch(a, d->slot);

        d->durable = 0;
        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
    }
    if (d->durable >= a->manifest.size) {
        d->durable = 0; /* it was complete once, and is not what it was */
    }
    d->saved = d->durable;
    ESP_LOGI(AGENT_TAG, "applying the patch%s%s", d->durable > 0 ? " again, from " : "",
             d->durable > 0 ? agent_size_text(d->durable).text : "");
    return decode(d);
}

/* Could the same patch do another time? */
static bool may_come_true(airlift_fail_t fail)
{
    return fail == AIRLIFT_FAIL_NETWORK || fail == AIRLIFT_FAIL_EXPIRED || fail == AIRLIFT_FAIL_STOPPED;
}

airlift_fail_t agent_delta_install(struct agent *a, const esp_partition_t *slot, bool *fall_back)
{
    struct agent_decoding *d = calloc(1, sizeof(*d) + agent_decoder_size(a->patch.format));

    *fall_back = d == NULL;
    if (d == NULL) {
        return agent_fail(a, AIRLIFT_FAIL_STORAGE, "no memory for the patch's decoder");
    }
    d->a = a;
    d->slot = slot;
    ESP_LOGI(AGENT_TAG, "a patch of %s serves for %s", agent_size_text(a->patch.size).text,
             agent_size_text(a->manifest.size).text);
    airlift_fail_t fail = room_of(&a->patch) <= spare(a, slot) ? apply(d) : stream(d);

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = finish(d);
    }
    agent_blocks_end(d);
    free(d);
    if (a->download.in_session) {
        (void)esp_ota_abort(a->download.ota);
        a->download.in_session = false;
    }
    if (fail != AIRLIFT_FAIL_NONE && !may_come_true(fail)) {
        /* A cut between these: the patch is gone, and tried once more from the server. */
        (void)agent_job_erase(a->nvs);
        (void)agent_give_up_patches(a->nvs, a->identity);
        *fall_back = !agent_is_distrust(fail); /* of the image, whichever way it comes */
    }
    return fail;
}
