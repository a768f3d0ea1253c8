/*
 * An image out of the running one and a patch.
 *
 *     slot  | new image ...                    | (free) | patch |
 *
 *     fetch   the patch into the slot's last sectors, resumable like an image
 *     check   its SHA-256, from flash, before the slot's first sector is erased
 *     decode  the running image and the patch give the new one, sector by sector
 *     end     SHA-256 against the manifest's, verified from flash
 *
 * A reset during the decoding costs no byte: the patch is there still, and the
 * decoder, of which nothing is stored, is run again from its begin. It writes
 * nothing until it comes to the first sector that the journal does not name.
 */
#include "agent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"

#include "airlift/esp_delta.h"

#define PIECE 512u /* bytes of the patch, read at a time */

/* What agent_patch.format counts. */
static const char *const format_name[] = {"esp_delta_ota", NULL};

/* Patch and image share the slot: where the patch's sectors are. */
static uint32_t room_of(const struct agent_patch *patch)
{
    return (patch->size + AGENT_SECTOR_SIZE - 1) / AGENT_SECTOR_SIZE * AGENT_SECTOR_SIZE;
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
        r->ram = sizeof(struct al_esp_delta);
        (void)agent_slot_file(a, a->running, &r->file); /* else patches without an old image remain */
    }
    return r;
}

bool agent_delta_needs(struct agent *a, struct agent_patch_needs *out)
{
    const struct agent_running *running = agent_delta_running(a);
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    const struct agent_manifest *m = &a->manifest;
    const uint32_t image = (m->size + AGENT_SECTOR_SIZE - 1) / AGENT_SECTOR_SIZE * AGENT_SECTOR_SIZE;

    if (running == NULL || slot == NULL || !m->has_sha256 || m->size == 0 || image >= slot->size ||
        agent_gave_up_patches(a->nvs, a->identity)) {
        return false;
    }
    *out = (struct agent_patch_needs){
        .format = format_name,
        .from = running->file,
        .ram = running->ram,
        .room = slot->size - image,
    };
    return true;
}

bool agent_delta_is_job(const struct agent *a, const struct agent_job *job)
{
    return a->patch.size != 0 && job->way == AGENT_WAY_PATCH &&
           memcmp(job->identity, a->patch.sha256, sizeof(job->identity)) == 0 &&
           job->total == room_of(&a->patch) + a->manifest.size;
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
        !agent_delta_is_job(a, job) || *pos < room) {
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

    ESP_LOGI(AGENT_TAG, "a patch of %s serves for %s", agent_size_text(a->patch.size).text,
             agent_size_text(a->manifest.size).text);
    return agent_fetch(a, slot, &patch);
}

/* --- Decoding ------------------------------------------------------------------ */

/* What the decoder's calls work with. */
struct decoding {
    struct agent *a;
    const esp_partition_t *slot;
    uint32_t durable; /* bytes of the image that are on flash */
    uint32_t made;    /* bytes decoded */
    uint32_t held;    /* the last of them, in a->buf.sector */
    uint32_t saved;   /* bytes that the journal knows of */
    airlift_fail_t fail;
    struct al_esp_delta decoder;
};

static int read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct decoding *d = ctx;

    return esp_partition_read(d->a->running, off, buf, len) == ESP_OK ? 0 : AL_ERR_IO;
}

/* The first sector is there: look at it before the slot loses anything. */
static airlift_fail_t open_slot(struct decoding *d)
{
    struct agent *a = d->a;
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    if (d->durable == 0) {
        fail = agent_check_prefix(a->buf.sector, d->held, a->chip_id, a->manifest.version, a->why);
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_slot_deselect(a, d->slot);
    }
    return fail == AIRLIFT_FAIL_NONE ? agent_open_session(a, d->slot, d->durable) : fail;
}

/* A sector, or the image's end, is complete. */
static airlift_fail_t take_sector(struct decoding *d)
{
    struct agent *a = d->a;
    const uint32_t start = d->made - d->held;

    if (start < d->durable) {
        return AIRLIFT_FAIL_NONE; /* run again, up to where writing goes on */
    }
    if (!a->download.in_session) {
        const airlift_fail_t fail = open_slot(d);

        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
    }
    const esp_err_t err = esp_ota_write(a->download.ota, a->buf.sector, d->held);

    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "writing slot %s at %" PRIu32 " failed (%s)", d->slot->label,
                          start, esp_err_to_name(err));
    }
    if (d->made % AGENT_SECTOR_SIZE == 0 && d->made - d->saved >= a->config.journal_bytes) {
        if (agent_job_advance(a->nvs, room_of(&a->patch) + d->made) == ESP_OK) {
            d->saved = d->made;
        }
        agent_set_progress(a, d->made, a->manifest.size);
        agent_tell(a, AIRLIFT_EVENT_PROGRESS, a->manifest.version, AIRLIFT_FAIL_NONE, NULL);
    }
    return AIRLIFT_FAIL_NONE;
}

static int take_new(void *ctx, const void *data, uint32_t len)
{
    struct decoding *d = ctx;
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

/* Run the decoder over all of the patch. */
static airlift_fail_t decode(struct decoding *d)
{
    struct agent *a = d->a;
    const struct al_esp_delta_io io = {d, a->running_now.file.size, a->manifest.size, read_old, take_new};
    const uint32_t off = patch_off(a, d->slot);
    uint8_t piece[PIECE];
    int err = 0;

    al_esp_delta_begin(&d->decoder, &io);

    for (uint32_t at = 0; at < a->patch.size && err == 0; at += PIECE) {
        const uint32_t n = a->patch.size - at < PIECE ? a->patch.size - at : PIECE;

        if (agent_stopping(a)) {
            return agent_fail(a, AIRLIFT_FAIL_STOPPED, "stopped");
        }
        if (esp_partition_read(d->slot, off + at, piece, n) != ESP_OK) {
            return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot read the patch in slot %s", d->slot->label);
        }
        err = al_esp_delta_feed(&d->decoder, piece, n);
        if (at % (8 * PIECE) == 0) {
            vTaskDelay(1); /* a small patch can make a large image: the idle task's watchdog */
        }
    }
    if (err == 0) {
        err = al_esp_delta_end(&d->decoder);
    }
    if (d->fail != AIRLIFT_FAIL_NONE) {
        return d->fail;
    }
    if (err != 0) {
        return agent_fail(a, AIRLIFT_FAIL_IMAGE, "the patch cannot be applied (%s)", al_strerror(err));
    }
    return AIRLIFT_FAIL_NONE;
}

/* Make the image, of which `durable` bytes are there, and verify it from flash. */
static airlift_fail_t apply(struct decoding *d)
{
    struct agent *a = d->a;

    ESP_LOGI(AGENT_TAG, "applying the patch%s%s", d->durable > 0 ? " again, from " : "",
             d->durable > 0 ? agent_size_text(d->durable).text : "");
    airlift_fail_t fail = decode(d);

    if (fail == AIRLIFT_FAIL_NONE && !agent_slot_holds(a, d->slot, a->manifest.size)) {
        fail = agent_fail(a, AIRLIFT_FAIL_HASH, "the patch does not give the manifest's image");
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_end_session(a);
    }
    if (a->download.in_session) {
        (void)esp_ota_abort(a->download.ota);
        a->download.in_session = false;
    }
    if (fail == AIRLIFT_FAIL_NONE) {
        /* A cut before this repeats the last sectors; after it, the image is found complete. */
        (void)agent_job_advance(a->nvs, room_of(&a->patch) + a->manifest.size);
    }
    return fail;
}

/* Could the same patch do another time? */
static bool may_come_true(airlift_fail_t fail)
{
    return fail == AIRLIFT_FAIL_NETWORK || fail == AIRLIFT_FAIL_EXPIRED || fail == AIRLIFT_FAIL_STOPPED;
}

airlift_fail_t agent_delta_install(struct agent *a, const esp_partition_t *slot, bool *fall_back)
{
    struct decoding *d = calloc(1, sizeof(*d));
    airlift_fail_t fail = AIRLIFT_FAIL_NONE;

    *fall_back = d == NULL;
    if (d == NULL) {
        return agent_fail(a, AIRLIFT_FAIL_STORAGE, "no memory for the patch's decoder");
    }
    d->a = a;
    d->slot = slot;
    if (patch_is_there(a, slot, &a->download.job, &d->durable)) {
        agent_set_state(a, AIRLIFT_STATE_DOWNLOADING);
    } else {
        d->durable = 0;
        fail = fetch_patch(a, slot);
    }
    if (d->durable >= a->manifest.size) {
        d->durable = 0; /* it was complete once, and is not what it was */
    }
    d->saved = d->durable;
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = apply(d);
    }
    free(d);
    if (fail != AIRLIFT_FAIL_NONE && !may_come_true(fail)) {
        /* A cut between these: the patch is gone, and tried once more from the server. */
        (void)agent_job_erase(a->nvs);
        (void)agent_give_up_patches(a->nvs, a->identity);
        *fall_back = true;
    }
    return fail;
}
