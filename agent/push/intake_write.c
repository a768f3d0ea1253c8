/*
 * The agent's side of a pushed image: it comes in whole sectors and goes on flash
 * as fast as that takes it. Whole blocks of 64 KiB are erased at once, each when
 * the writing reaches it, which takes a fifth of the time that its sectors would.
 *
 *     begin   fits? known bad? an earlier attempt at it to go on with?
 *     sector  the first one is looked at before anything is erased
 *     end     size and hashes compared, verified from flash, put on trial
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "esp_log.h"

#include "intake.h"

#define BLOCK_SIZE    65536u
#define MIN_FOR_BLOCK 16384u /* erasing a block takes about as long as 3 to 5 sectors */

/* One update. Lives on the agent's stack while it lasts. */
struct writer {
    struct push_intake *in;
    const esp_partition_t *part;
    struct al_hash sha256, md5;
    bool hashing;   /* both are under way */
    bool resumable; /* the journal knows of it */
    esp_ota_handle_t ota;
    bool writing;    /* the OTA session is open, or the filesystem's partition begun */
    uint32_t pos;    /* bytes on flash and hashed */
    uint32_t erased; /* bytes from the partition's start that are erased or written */
    uint32_t saved;  /* bytes that the journal knows of */
};

/* --- Where to, and from where on? -------------------------------------------- */

static const esp_partition_t *find_filesystem(void)
{
    const esp_partition_t *part =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_SPIFFS, NULL);

    return part != NULL
               ? part
               : esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_FAT, NULL);
}

static airlift_fail_t find_target(struct agent *a, struct writer *w)
{
    const struct push_order *order = &w->in->order;

    w->part = order->filesystem ? find_filesystem() : esp_ota_get_next_update_partition(NULL);
    if (w->part == NULL || w->part->address == a->running->address) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH,
                          order->filesystem ? "there is no partition spiffs or fat"
                                            : "there is no second app slot to install into");
    }
    if (order->size > w->part->size) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "%" PRIu32 " bytes do not fit %s of %" PRIu32, order->size,
                          w->part->label, (uint32_t)w->part->size);
    }
    return AIRLIFT_FAIL_NONE;
}

/* The same for the agent's other files, as if a manifest had said it. */
static airlift_fail_t describe(struct agent *a, const struct push_order *order)
{
    struct agent_manifest *m = &a->manifest;

    memset(m, 0, sizeof(*m));
    m->size = order->size;
    m->has_sha256 = order->has_sha256;
    m->has_md5 = order->has_md5;
    memcpy(m->sha256, order->sha256, sizeof(m->sha256));
    memcpy(m->md5, order->md5, sizeof(m->md5));
    return agent_manifest_identity(m, a->identity) == 0 ? AIRLIFT_FAIL_NONE
                                                        : agent_fail(a, AIRLIFT_FAIL_FLASH, "no SHA-256");
}

/* An image that was rolled back here is not tried again unless the sender insists. */
static airlift_fail_t refuse_known_bad(struct agent *a, const struct push_order *order)
{
    struct agent_record bad;

    if (!agent_record_load(a->nvs, AGENT_KEY_BAD, &bad) ||
        memcmp(bad.identity, a->identity, sizeof(bad.identity)) != 0) {
        return AIRLIFT_FAIL_NONE;
    }
    if (order->force) {
        /* A cut before this line refuses it the next time as well. */
        (void)agent_record_erase(a->nvs, AGENT_KEY_BAD);
        return AIRLIFT_FAIL_NONE;
    }
    return agent_fail(a, AIRLIFT_FAIL_KNOWN_BAD, "this image was rolled back here (%s)",
                      airlift_fail_name((airlift_fail_t)bad.reason));
}

/* --- Hashes ------------------------------------------------------------------ */

static bool begin_hashes(struct writer *w)
{
    if (al_sha256_init(&w->sha256) != 0) {
        return false;
    }
    if (al_md5_init(&w->md5) != 0) {
        al_hash_abort(&w->sha256);
        return false;
    }
    w->hashing = true;
    return true;
}

static bool hash(struct writer *w, const void *data, uint32_t len)
{
    return al_hash_update(&w->sha256, data, len) == 0 && al_hash_update(&w->md5, data, len) == 0;
}

static void end_hashes(struct writer *w)
{
    if (w->hashing) {
        al_hash_abort(&w->sha256);
        al_hash_abort(&w->md5);
        w->hashing = false;
    }
}

/* --- Going on with an earlier attempt ------------------------------------------ */

static bool take_over(struct agent *a, struct writer *w, uint32_t pos)
{
    for (uint32_t off = 0; off < pos; off += AGENT_SECTOR_SIZE) {
        const uint32_t n = pos - off < AGENT_SECTOR_SIZE ? pos - off : AGENT_SECTOR_SIZE;

        if (esp_partition_read(w->part, off, a->buf.sector, n) != ESP_OK || !hash(w, a->buf.sector, n)) {
            return false;
        }
        if (off % BLOCK_SIZE == 0) {
            vTaskDelay(1); /* a megabyte takes long enough for the idle task's watchdog */
        }
    }
    return esp_ota_resume(w->part, 0, pos, &w->ota) == ESP_OK; /* erases nothing, now or later: we do */
}

/* As far as the journal knows. Whatever is wrong with it, the image then comes from its start. */
static airlift_fail_t resume(struct agent *a, struct writer *w)
{
    struct agent_job job;
    uint32_t pos;

    if (!w->resumable || !agent_job_load(a->nvs, &job, &pos) || pos == 0 || job.total != w->in->order.size ||
        job.subtype != (uint8_t)w->part->subtype ||
        memcmp(job.identity, a->identity, sizeof(job.identity)) != 0) {
        return AIRLIFT_FAIL_NONE;
    }
    if (take_over(a, w, pos)) {
        w->writing = true;
        w->pos = w->saved = pos;
        /* Of the sectors behind it some may be written already: they are erased when it is their turn. */
        w->erased = (pos + AGENT_SECTOR_SIZE - 1) / AGENT_SECTOR_SIZE * AGENT_SECTOR_SIZE;
        ESP_LOGI(AGENT_TAG, "the push goes on at %s of %s", agent_size_text(pos).text,
                 agent_size_text(job.total).text);
        return AIRLIFT_FAIL_NONE;
    }
    end_hashes(w);
    return begin_hashes(w) ? AIRLIFT_FAIL_NONE : agent_fail(a, AIRLIFT_FAIL_FLASH, "no hashes");
}

static airlift_fail_t begin(struct agent *a, struct writer *w)
{
    const struct push_order *order = &w->in->order;
    airlift_fail_t fail = find_target(a, w);

    if (fail == AIRLIFT_FAIL_NONE) {
        fail = describe(a, order);
    }
    if (fail == AIRLIFT_FAIL_NONE && !order->filesystem) {
        fail = refuse_known_bad(a, order);
    }
    if (fail == AIRLIFT_FAIL_NONE && !begin_hashes(w)) {
        fail = agent_fail(a, AIRLIFT_FAIL_FLASH, "no hashes");
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    w->resumable = order->has_sha256 && order->size != 0 && !order->filesystem;
    agent_set_progress(a, 0, order->size);
    return resume(a, w);
}

/* --- Sectors ------------------------------------------------------------------- */

/*
 * What to erase next: the rest of a block, as far as the image needs it; or all of a
 * block, where that is quicker than the image's sectors of it.
 */
static uint32_t erase_len(const struct writer *w)
{
    const uint32_t size = w->in->order.size != 0 ? w->in->order.size : (uint32_t)w->part->size;
    const uint32_t end = (size + AGENT_SECTOR_SIZE - 1) / AGENT_SECTOR_SIZE * AGENT_SECTOR_SIZE;
    const uint32_t block = BLOCK_SIZE - w->erased % BLOCK_SIZE;
    const uint32_t left = end > w->erased ? end - w->erased : 0;

    if (block == BLOCK_SIZE && left >= MIN_FOR_BLOCK && w->part->size - w->erased >= BLOCK_SIZE) {
        return BLOCK_SIZE;
    }
    return left < block ? left : block;
}

/* The first sector has arrived: look at it before the slot loses anything. */
static airlift_fail_t open_slot(struct agent *a, struct writer *w, const uint8_t *data, uint32_t len)
{
    struct agent_job job = {.subtype = (uint8_t)w->part->subtype, .total = w->in->order.size};
    struct agent_manifest *m = &a->manifest;
    airlift_fail_t fail;

    if (len >= AGENT_PREFIX_SIZE) {
        agent_prefix_version(data, m->version);
    }
    fail = agent_check_prefix(a, data, len);
    if (fail == AIRLIFT_FAIL_NONE) {
        fail = agent_slot_deselect(a, w->part);
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        return fail;
    }
    agent_tell(a, AIRLIFT_EVENT_UPDATE_AVAILABLE, m->version, AIRLIFT_FAIL_NONE, NULL);

    /* A cut from here on finds a job at position 0, or none: the image comes from its start. */
    memcpy(job.identity, a->identity, sizeof(job.identity));
    const esp_err_t stored = w->resumable ? agent_job_store(a->nvs, &job) : agent_job_erase(a->nvs);

    if (stored != ESP_OK) {
        if (!w->resumable) {
            return agent_fail(a, AIRLIFT_FAIL_STORAGE, "the journal cannot be written (%s)",
                              esp_err_to_name(stored));
        }
        ESP_LOGW(AGENT_TAG, "progress cannot be stored: after a reset the image comes from its start");
        w->resumable = false;
    }
    /* Erases the first block only. A cut in it: what boots lies elsewhere. */
    const uint32_t first = erase_len(w);
    const esp_err_t err = esp_ota_begin(w->part, first, &w->ota);

    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "cannot write slot %s (%s)", w->part->label,
                          esp_err_to_name(err));
    }
    w->writing = true;
    w->erased = first;
    return AIRLIFT_FAIL_NONE;
}

/* At a block's boundary: what is before it is on flash for good. */
static void note_progress(struct agent *a, struct writer *w)
{
    if (w->resumable && agent_job_advance(a->nvs, w->pos) == ESP_OK) {
        w->saved = w->pos;
    }
    agent_set_progress(a, w->pos, w->in->order.size);
    agent_tell(a, AIRLIFT_EVENT_PROGRESS, a->manifest.version, AIRLIFT_FAIL_NONE, NULL);
}

static airlift_fail_t write_sector(struct agent *a, struct writer *w, const uint8_t *data, uint32_t len)
{
    const bool filesystem = w->in->order.filesystem;
    esp_err_t err = ESP_OK;

    if (len > w->part->size - w->pos || (w->in->order.size != 0 && len > w->in->order.size - w->pos)) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "more bytes came than %s",
                          w->in->order.size != 0 ? "were announced" : "fit the slot");
    }
    if (w->pos % AGENT_SECTOR_SIZE != 0) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "more bytes came behind the last sector");
    }
    if (!w->writing && !filesystem) {
        const airlift_fail_t fail = open_slot(a, w, data, len);

        if (fail != AIRLIFT_FAIL_NONE) {
            return fail;
        }
    }
    w->writing = true;
    if (w->pos == w->erased) {
        if (w->pos > 0) {
            note_progress(a, w);
        }
        const uint32_t n = erase_len(w);

        err = esp_partition_erase_range(w->part, w->erased, n);
        w->erased += n;
    }
    if (err == ESP_OK) {
        err = filesystem ? esp_partition_write(w->part, w->pos, data, len) : esp_ota_write(w->ota, data, len);
    }
    if (err != ESP_OK) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "writing %s at %" PRIu32 " failed (%s)", w->part->label,
                          w->pos, esp_err_to_name(err));
    }
    if (!hash(w, data, len)) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "hashing failed");
    }
    w->pos += len;
    return AIRLIFT_FAIL_NONE;
}

/* --- The end ------------------------------------------------------------------- */

static airlift_fail_t compare(struct agent *a, struct writer *w)
{
    const struct push_order *order = &w->in->order;
    uint8_t sha256[AL_SHA256_SIZE], md5[AL_SHA256_SIZE];
    const int sha256_err = al_hash_final(&w->sha256, sha256);
    const int md5_err = al_hash_final(&w->md5, md5);

    w->hashing = false;
    if (sha256_err != 0 || md5_err != 0) {
        return agent_fail(a, AIRLIFT_FAIL_FLASH, "hashing failed");
    }
    if (w->pos == 0 || (order->size != 0 && w->pos != order->size)) {
        return agent_fail(a, AIRLIFT_FAIL_SIZE, "%" PRIu32 " bytes came, not all of the image", w->pos);
    }
    if (order->has_sha256 && memcmp(sha256, order->sha256, AL_SHA256_SIZE) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_HASH, "the image's SHA-256 is not the announced one");
    }
    if (order->has_md5 && memcmp(md5, order->md5, AL_MD5_SIZE) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_HASH, "the image's MD5 is not the announced one");
    }
    /* From here on it has the same name as one that a manifest with a SHA-256 offers. */
    memcpy(a->identity, sha256, sizeof(a->identity));
    memcpy(a->manifest.sha256, sha256, sizeof(a->manifest.sha256));
    a->manifest.has_sha256 = true;
    a->manifest.size = w->pos;
    return AIRLIFT_FAIL_NONE;
}

/* Whole, as announced, and good from flash? */
static airlift_fail_t verify(struct agent *a, struct writer *w)
{
    airlift_fail_t fail = compare(a, w);

    if (fail == AIRLIFT_FAIL_NONE && !w->in->order.filesystem) {
        fail = agent_slot_kept(a, w->part, w->pos, a->manifest.sha256);
    }
    if (fail != AIRLIFT_FAIL_NONE || w->in->order.filesystem) {
        return fail;
    }
    const esp_err_t err = esp_ota_end(w->ota); /* reads all of it back */

    w->writing = false;
    if (err != ESP_OK) {
        return agent_refuse_image(a, err);
    }
    agent_slot_version(w->part, a->manifest.version);
    return refuse_known_bad(a, &w->in->order);
}

static airlift_fail_t finish(struct agent *a, struct writer *w, bool *verified)
{
    airlift_fail_t fail = verify(a, w);

    *verified = fail == AIRLIFT_FAIL_NONE;
    if (w->in->order.filesystem) {
        return fail;
    }
    if (fail != AIRLIFT_FAIL_NONE) {
        if (agent_is_distrust(fail)) {
            agent_note_refused(a, fail); /* a manifest that offers it need not be followed */
        }
        /* Nothing of it is worth keeping. A cut before this erases it next time. */
        (void)agent_job_erase(a->nvs);
        return fail;
    }
    /* A cut before this: the rest is sent again. After it, the image is found complete. */
    if (w->resumable) {
        (void)agent_job_advance(a->nvs, w->pos);
    }
    ESP_LOGI(AGENT_TAG, "%s verified, pushed over %s", a->manifest.version, w->in->order.way);
    agent_tell(a, AIRLIFT_EVENT_VERIFIED, a->manifest.version, AIRLIFT_FAIL_NONE, NULL);
    fail = agent_select_pushed(a, w->part);
    if (fail == AIRLIFT_FAIL_NONE) {
        ESP_LOGI(AGENT_TAG, "installed %s in %s, the next restart starts it", a->manifest.version,
                 w->part->label);
    }
    return fail;
}

/* The sender is gone: whole sectors that need not come again. */
static void save_progress(struct agent *a, struct writer *w)
{
    if (w->resumable && w->writing && w->pos > w->saved && w->pos % AGENT_SECTOR_SIZE == 0 &&
        agent_job_advance(a->nvs, w->pos) == ESP_OK) {
        w->saved = w->pos;
    }
}

/* --- The agent's task ------------------------------------------------------------ */

static void note_failure(struct agent *a, struct push_intake *in, airlift_fail_t fail)
{
    ESP_LOGW(AGENT_TAG, "push over %s failed (%s): %s", in->order.way, airlift_fail_name(fail), a->why);
    memcpy(in->why, a->why, sizeof(in->why));
    in->failed = (int)fail;
    agent_tell(a, AIRLIFT_EVENT_FAILED, a->manifest.version, fail, a->why);
}

static void give_answer(struct push_intake *in, airlift_fail_t fail, bool verified, uint32_t pos)
{
    const struct push_answer answer = {.fail = fail, .verified = verified, .pos = pos};

    (void)xQueueSend(in->answers, &answer, portMAX_DELAY);
}

/* Sectors as they come, until the listener has no more. False: it gave up. */
static bool receive(struct agent *a, struct writer *w)
{
    struct push_intake *in = w->in;
    struct push_msg msg;

    while (xQueueReceive(in->orders, &msg, portMAX_DELAY) == pdTRUE && msg.op == PUSH_OP_DATA) {
        if (in->failed == AIRLIFT_FAIL_NONE) {
            const airlift_fail_t fail = write_sector(a, w, in->buf[msg.sector], msg.len);

            if (fail != AIRLIFT_FAIL_NONE) {
                note_failure(a, in, fail);
            }
        }
        (void)xQueueSend(in->free, &msg.sector, portMAX_DELAY);
    }
    return msg.op == PUSH_OP_END;
}

static void close_session(struct writer *w)
{
    if (w->writing && !w->in->order.filesystem) {
        (void)esp_ota_abort(w->ota); /* frees it; flash stays as it is */
    }
    end_hashes(w);
}

void push_write_image(struct agent *a, void *ctx)
{
    struct writer w = {.in = ctx};
    struct push_intake *in = ctx;
    const airlift_state_t before = a->status.state;
    bool verified = false;

    agent_set_state(a, AIRLIFT_STATE_DOWNLOADING);
    airlift_fail_t fail = begin(a, &w);

    if (fail != AIRLIFT_FAIL_NONE) {
        note_failure(a, in, fail);
        close_session(&w);
        agent_set_state(a, before);
        give_answer(in, fail, false, 0);
        return;
    }
    give_answer(in, AIRLIFT_FAIL_NONE, false, w.pos);
    const bool complete = receive(a, &w);

    fail = (airlift_fail_t)in->failed;
    if (complete && fail == AIRLIFT_FAIL_NONE) {
        fail = finish(a, &w, &verified);
        if (fail != AIRLIFT_FAIL_NONE) {
            note_failure(a, in, fail);
        }
    } else {
        save_progress(a, &w);
        ESP_LOGW(AGENT_TAG, "push over %s ended at %" PRIu32 " bytes", in->order.way, w.pos);
    }
    close_session(&w);
    if (a->status.state != AIRLIFT_STATE_INSTALLED) {
        agent_set_state(a, AIRLIFT_STATE_IDLE);
    }
    give_answer(in, fail, verified, w.pos);
}
