/*
 * agent.h - what the agent's files share: its one struct, and who does what.
 *
 *     agent.c     the task, its schedule, the public calls
 *     confirm.c   after a start: did an update pass its trial?
 *     commit.c    OTA data of a version that passed
 *     check.c     manifest, decision, selection for the next boot
 *     offer.c     the same for what airlift_install() was given
 *     download.c  bytes into the slot, sector by sector, resumable
 *     delta.c     the image out of the running one and a patch, which delta_decoder.c
 *                 decodes; delta_blocks.c checks it, delta_bank.c keeps its state
 *     slot.c      what lies in an app slot
 *     trust.c     signatures and secure versions: refused, and why
 *     http.c      one GET: redirects, headers, bounded waits
 *     journal.c   what outlives a reset, in NVS
 *     events.c    status, events, log lines
 *
 * All of it runs in the agent's task, except the public calls, which touch
 * `status` (under `lock`) and `bits` only.
 */
#ifndef AGENT_H
#define AGENT_H

#include "airlift.h"

#include "esp_http_client.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "nvs.h"

#include "airlift/crypto.h"
#include "manifest.h"

#define AGENT_TAG         "airlift"
#define AGENT_SECTOR_SIZE 4096u /* bytes, the unit of erasing and of resuming */
#define AGENT_ETAG_SIZE   128u  /* bytes with NUL; a longer tag is not used */

/* Bits of agent.bits. */
#define AGENT_BIT_CHECK   (1u << 0) /* airlift_check_now() */
#define AGENT_BIT_STOP    (1u << 1) /* airlift_stop(); stays set */
#define AGENT_BIT_HEALTHY (1u << 2) /* verdicts on the running version */
#define AGENT_BIT_SICK    (1u << 3)
#define AGENT_BIT_ASKED   (1u << 4) /* the app's health check has returned */
#define AGENT_BIT_ENDED   (1u << 5) /* the task has touched its memory for the last time */
#define AGENT_BIT_OFFER   (1u << 6) /* airlift_install() */
#define AGENT_BIT_GUEST   (1u << 7) /* agent_lend() */

/* --- What outlives a reset (journal.c) ------------------------------------ */

/* An image that was selected for boot, and what came of it. */
struct agent_record {
    uint8_t format;                   /* AGENT_RECORD_FORMAT */
    uint8_t subtype;                  /* of the slot it was put in */
    uint8_t tries;                    /* times it was selected, 255: or more */
    uint8_t reason;                   /* airlift_fail_t, of a bad one */
    uint8_t identity[AL_SHA256_SIZE]; /* agent_manifest_identity() */
    uint8_t image
        [AL_SHA256_SIZE]; /* esp_partition_get_sha256() of the slot; of a refused one: of the running app's */
    char version[AGENT_VERSION_SIZE + 2];
    uint8_t previous; /* subtype of the app that selected it */
};

#define AGENT_KEY_TRIAL     "trial"     /* selected, no verdict yet */
#define AGENT_KEY_INSTALLED "installed" /* the last one that passed */
#define AGENT_KEY_BAD       "bad"       /* the last one that failed: not tried again */
#define AGENT_KEY_REFUSED \
    "refused" /* the last one that was not trusted, by this running app: not fetched again */

/*
 * An image on its way into a slot, or complete and not installed.
 *
 * Whole: `total` bytes, `identity` is the image's. By a patch: that comes first, into the
 * slot's last sectors, and counts with all of them; `total` is these and the image, `identity`
 * the patch's SHA-256. Beyond the patch's sectors the position is the image's.
 */
struct agent_job {
    uint8_t format;
    uint8_t subtype; /* of the slot written */
    uint8_t way;     /* AGENT_WAY_* */
    uint8_t unused;
    uint32_t total; /* bytes */
    uint8_t identity[AL_SHA256_SIZE];
    char etag[AGENT_ETAG_SIZE]; /* strong tag of the bytes fetched, or "" */
};

#define AGENT_WAY_IMAGE 0u
#define AGENT_WAY_PATCH 1u
#define AGENT_WAY_STREAM \
    2u /* by a patch that is decoded as it comes: total is the image's, the position 0 or that */

/* The image to which no patch is tried any more: one failed. */
bool agent_gave_up_patches(nvs_handle_t nvs, const uint8_t identity[AL_SHA256_SIZE]);
esp_err_t agent_give_up_patches(nvs_handle_t nvs, const uint8_t identity[AL_SHA256_SIZE]);

/* What airlift_install() was given. Stored without what follows the URL's NUL. */
struct agent_offer {
    uint8_t format;
    bool has_sha256;
    bool has_md5;
    bool mandatory;
    bool force;
    uint8_t rounds; /* of attempts that failed, since the last reset */
    uint8_t unused[2];
    uint32_t size;
    uint8_t sha256[AL_SHA256_SIZE];
    uint8_t md5[AL_MD5_SIZE];
    char version[AGENT_VERSION_SIZE + 3];
    char id[AIRLIFT_MAX_OFFER_ID];
    char url[AIRLIFT_MAX_URL + 1];
};

/* Which offer brought the image that is on trial. */
struct agent_offer_note {
    uint8_t format;
    uint8_t unused[3];
    uint8_t identity[AL_SHA256_SIZE];
    char id[AIRLIFT_MAX_OFFER_ID];
};

bool agent_offer_load(nvs_handle_t nvs, struct agent_offer *out);
esp_err_t agent_offer_store(nvs_handle_t nvs, const struct agent_offer *offer);
esp_err_t agent_offer_erase(nvs_handle_t nvs);
bool agent_offer_note_load(nvs_handle_t nvs, struct agent_offer_note *out);
esp_err_t agent_offer_note_store(nvs_handle_t nvs, const struct agent_offer_note *note);

bool agent_record_load(nvs_handle_t nvs, const char *key, struct agent_record *out);
esp_err_t agent_record_store(nvs_handle_t nvs, const char *key, const struct agent_record *record);
esp_err_t agent_record_erase(nvs_handle_t nvs, const char *key);

/* The job and how many of its bytes are on flash: whole sectors, or all of them. */
bool agent_job_load(nvs_handle_t nvs, struct agent_job *out, uint32_t *pos);
esp_err_t agent_job_store(nvs_handle_t nvs, const struct agent_job *job);
esp_err_t agent_job_advance(nvs_handle_t nvs, uint32_t pos);
esp_err_t agent_job_erase(nvs_handle_t nvs);

/* --- The agent ------------------------------------------------------------ */

struct agent_http {
    esp_http_client_handle_t client; /* NULL: no request under way */
    int status;
    int64_t content_length; /* 0: not said */
    uint32_t timeout_s;
    char etag[AGENT_ETAG_SIZE];
    char content_range[64];
};

/* What is to be fetched, and where to. Borrows. */
struct agent_fetch {
    uint8_t way;      /* AGENT_WAY_*: this is the image, or the patch */
    const char *what; /* for people */
    const char *url;
    uint32_t size;           /* bytes; 0: not said, which is for images only */
    const uint8_t *sha256;   /* NULL: not said */
    const uint8_t *md5;      /* likewise */
    const uint8_t *identity; /* of the job */
    uint32_t off, room;      /* in the slot: whole sectors */

    /* For agent_fetch_stream(). */
    uint32_t from; /* first byte wanted */
    airlift_fail_t (*take)(void *ctx, const uint8_t *data, uint32_t len);
    void *ctx;
};

struct agent_download {
    const esp_partition_t *slot;
    struct agent_fetch fetch;
    struct al_hash sha256, md5;
    bool hashing; /* both are under way */
    esp_ota_handle_t ota;
    bool open;        /* the slot may be written */
    bool in_session;  /* by `ota` */
    bool from_zero;   /* no byte was taken over from an earlier session */
    uint32_t total;   /* bytes to be fetched; 0: not known yet */
    uint32_t pos;     /* bytes received and hashed */
    uint32_t held;    /* the last of them, still in the sector buffer */
    uint32_t saved;   /* bytes that the journal knows of */
    uint32_t fetched; /* bytes received since agent_download() began */
    struct agent_job job;
};

struct agent;
typedef void agent_guest_fn(struct agent *a, void *ctx);

/* What this device says of itself to be offered patches. */
struct agent_running {
    bool known;             /* the rest was found out */
    struct agent_file file; /* what was installed to become the running app; size 0: can't be told */
    const char *formats;    /* of patches: names, the preferred one first, with ", " between */
    uint32_t ram;           /* bytes that a decoder may take */
};

struct agent {
    airlift_config_t config; /* defaults filled in */
    EventGroupHandle_t bits;
    SemaphoreHandle_t lock;  /* guards status, next_check_us and next_offer */
    airlift_status_t status; /* next_check_s unused */
    int64_t next_check_us;   /* esp_timer_get_time() of it */
    nvs_handle_t nvs;

    const esp_partition_t *running;
    uint16_t chip_id; /* of the running image */
    char running_version[AGENT_VERSION_SIZE];
    agent_guest_fn *guest; /* waits to run, under `lock`; NULL: none */
    void *guest_ctx;
    _Atomic unsigned holds; /* of agent_hold() */
    bool health_asked;      /* a task for the app's health check was started */

    struct agent_manifest manifest;   /* or what an offer says */
    uint8_t identity[AL_SHA256_SIZE]; /* of the manifest's image */
    struct agent_patch patch;         /* to it; size 0: none */
    struct agent_running running_now;
    struct agent_offer *offer;           /* under way, owned; NULL: none */
    struct agent_offer *next_offer;      /* waits to begin, owned; NULL: none */
    char offer_id[AIRLIFT_MAX_OFFER_ID]; /* for events: whom they are about, "" nobody's */
    struct agent_http http;
    struct agent_download download;
    char why[AGENT_TEXT_SIZE]; /* of the last failure */

    /* Never both at once: the manifest is parsed before the download starts. */
    union {
        char text[AIRLIFT_MAX_MANIFEST + 1];
        uint8_t sector[AGENT_SECTOR_SIZE];
    } buf;
};

/* --- confirm.c ------------------------------------------------------------ */

/*
 * Find out which version runs, and whether an update came to its end in the last
 * boot: run the trial, or note the rollback. May restart the device.
 */
void agent_settle(struct agent *a);

/* --- commit.c ------------------------------------------------------------- */

/*
 * Select a slot, whose image was verified, for a trial in the next boot: like
 * esp_ota_set_boot_partition(), but a torn write can't leave a record that boots
 * without a trial. Power cut: what was selected before, or `slot`, on trial.
 */
esp_err_t agent_select_slot(const esp_partition_t *slot);

/*
 * Make the running app, which is on trial, the one that boots from now on. The
 * previous one, or NULL if that is unknown, remains the one to roll back to.
 *
 * Power cut: the running, the previous or, in a trial that is repeated, again
 * the running app boots; never an older one. See the table in commit.c.
 * Returns what esp_ota_mark_app_valid_cancel_rollback() and esp_partition_* do.
 */
esp_err_t agent_commit(const esp_partition_t *running, const esp_partition_t *previous);

/*
 * The record that boots the running app is not VALID. Not the same as pending: a
 * state torn by a power cut passes its record's CRC and is no state at all, and
 * without rollback in the bootloader there is none.
 */
bool agent_is_unconfirmed(const esp_partition_t *running);

/*
 * Put the previous app's OTA data record back, if a power cut in agent_commit()
 * left none. Nothing is written if all is well.
 */
esp_err_t agent_keep_way_back(const esp_partition_t *running, const esp_partition_t *previous);

/* --- check.c -------------------------------------------------------------- */

/* Fetch and parse the manifest into a->manifest and a->identity. */
airlift_fail_t agent_fetch_manifest(struct agent *a);

/*
 * One attempt: manifest, decision, download, selection, restart. AIRLIFT_FAIL_NONE
 * also if there is nothing to do. a->why says what failed.
 */
airlift_fail_t agent_check(struct agent *a);

/*
 * Bring what a->manifest and a->identity name onto this device, whose version it
 * is not: refuse what is known bad, ask the app, download, select, restart.
 *
 * *declined  the app does not want it now
 */
airlift_fail_t agent_install(struct agent *a, bool *declined);

/*
 * Is the image of a->manifest the running one? For firmware whose description
 * carries no release: its bytes tell.
 */
bool agent_runs_already(struct agent *a);

/*
 * Let the next boot start the image of `trial`, which lies in `slot`, verified,
 * and restart. Counts as one more try; AIRLIFT_FAIL_KNOWN_BAD if there were enough.
 */
airlift_fail_t agent_select(struct agent *a, const esp_partition_t *slot, struct agent_record *trial);

/*
 * The same for the image of a->manifest and a->identity that somebody pushed; no
 * restart follows, the pusher orders it.
 */
airlift_fail_t agent_select_pushed(struct agent *a, const esp_partition_t *slot);

/* Did the image of a->manifest and a->identity fail its trial here? */
bool agent_is_known_bad(struct agent *a);

/* --- offer.c -------------------------------------------------------------- */

/* Copy and check. False: something is too long, or the URL is not allowed. */
bool agent_offer_make(const airlift_offer_t *offer, const airlift_config_t *config, struct agent_offer *out);

/* Take the one that a reset interrupted, if there is one. */
void agent_offer_recall(struct agent *a);

/* Make the one that waits the current one. False if there is no current one either. */
bool agent_offer_next(struct agent *a);

/* One attempt, as agent_check(). *declined: the app does not want it now. */
airlift_fail_t agent_offer_try(struct agent *a, bool *declined);

/* It is done with: forget it and tell so. `text` may be NULL. */
void agent_offer_end(struct agent *a, airlift_fail_t reason, const char *text);

/* Its image is selected for the next boot. */
void agent_offer_selected(struct agent *a);

/* Note whose image is about to be put on trial, and find that out after the restart. */
esp_err_t agent_offer_note_trial(struct agent *a);
void agent_offer_recognise_trial(struct agent *a, const struct agent_record *trial);

/* --- download.c ----------------------------------------------------------- */

/*
 * Bring the image of a->manifest into `slot`, complete and verified, going on
 * where an earlier attempt at the same image stopped: by a->patch if there is one
 * that serves, else whole. Not selected yet.
 *
 * Power cut: the slot holds a prefix of the image (and the patch), of which the
 * journal names whole sectors at most `journal_bytes` short of all; or, at the end,
 * all of it.
 */
airlift_fail_t agent_download(struct agent *a, const esp_partition_t *slot);

/*
 * Fetch these bytes into `slot`, going on where an earlier attempt stopped, and
 * compare their hashes; an image is verified from flash as well.
 *
 * Power cut: as above; a patch's journal is a sector behind at most.
 */
airlift_fail_t agent_fetch(struct agent *a, const esp_partition_t *slot, const struct agent_fetch *fetch);

/*
 * Fetch bytes from fetch->from on and hand them to fetch->take, in order and once; what it returns ends the
 * fetching. A server that can't go on in the middle is an error.
 */
airlift_fail_t agent_fetch_stream(struct agent *a, const esp_partition_t *slot,
                                  const struct agent_fetch *fetch);

/*
 * Open the OTA session a->download.ota at byte `pos` of the image. From 0 it also
 * takes the slot's image out of what a rollback may choose.
 */
airlift_fail_t agent_open_session(struct agent *a, const esp_partition_t *slot, uint32_t pos);

/* End it: the image is verified from flash. */
airlift_fail_t agent_end_session(struct agent *a);

/* --- delta.c -------------------------------------------------------------- */

/*
 * Bring the image of a->manifest into `slot` by a->patch. Success: complete and
 * verified, as after a whole download. `*fall_back`: it can't be done this way, and
 * the whole image is to be fetched; a->why says why.
 *
 * The patch lies in the slot's last sectors, behind the place of the image. Nothing of
 * the decoder is stored: after a reset it runs again from the patch's begin, without
 * writing what is on flash already.
 */
airlift_fail_t agent_delta_install(struct agent *a, const esp_partition_t *slot, bool *fall_back);

/* Is this job the work of a->patch? */
bool agent_delta_is_job(const struct agent *a, const struct agent_job *job);

/* What a server has to know to offer patches. NULL: this agent takes none. */
const struct agent_running *agent_delta_running(struct agent *a);

/* What a patch to a->manifest's image has to be. False: none will do. */
bool agent_delta_needs(struct agent *a, struct agent_patch_needs *out);

/* The Authorization header that the server of `url` may see, or NULL. */
const char *agent_authorization(const struct agent *a, const char *url);

/* --- slot.c --------------------------------------------------------------- */

/*
 * The file that the slot's image was installed from: its length, with the signature
 * blocks behind it, and SHA-256. Reads all of it. False if it can't be told.
 */
bool agent_slot_file(struct agent *a, const esp_partition_t *slot, struct agent_file *out);

/* SHA-256 of `len` bytes at `off` of the slot, read through a->buf. False if flash fails. */
bool agent_slot_sha256(struct agent *a, const esp_partition_t *slot, uint32_t off, uint32_t len,
                       uint8_t out[AL_SHA256_SIZE]);

const esp_partition_t *agent_slot_by_subtype(uint8_t subtype);

/* The version that the slot's image describes itself with; "" if it has none. */
void agent_slot_version(const esp_partition_t *slot, char out[AGENT_VERSION_SIZE]);

/* Is the slot's image the one of this record? Reads all of it. */
bool agent_slot_is(const esp_partition_t *slot, const struct agent_record *record);

/*
 * A file of `size` bytes with this hash has been written there. Where it has more than an image, a signature, has flash
 * kept all of it? An image has a hash of its own; a signature that was lost looks like one that was never right, and
 * esp_ota_end() leaves nothing that would tell. _IMAGE if not.
 */
airlift_fail_t agent_slot_kept(struct agent *a, const esp_partition_t *slot, uint32_t size,
                               const uint8_t sha256[AL_SHA256_SIZE]);

/* Do the slot's first `size` bytes hash to the manifest's SHA-256 and MD5? Reads them into a->buf. */
bool agent_slot_holds(struct agent *a, const esp_partition_t *slot, uint32_t size);

/*
 * Make sure that the next boot does not want `slot`, which is about to be
 * overwritten: select the running app instead if it does.
 */
airlift_fail_t agent_slot_deselect(struct agent *a, const esp_partition_t *slot);

/* --- trust.c -------------------------------------------------------------- */

/*
 * esp_ota_end(), esp_ota_set_boot_partition() or esp_image_verify() has just refused an image with `err`: the
 * signature's reason if it was that, _SECURE_VERSION, or _IMAGE.
 */
airlift_fail_t agent_refuse_image(struct agent *a, esp_err_t err);

/* Verify what lies in the slot, with its signature, where one is asked for, and its secure version. Reads all of it. */
airlift_fail_t agent_verify_slot(struct agent *a, const esp_partition_t *slot);

/* An image that is whole, and not trusted: no other way to it helps. */
bool agent_is_distrust(airlift_fail_t fail);

/* What the manifest says of its secure version: would the image be refused? */
airlift_fail_t agent_check_secure_version(struct agent *a);

/*
 * Was the image of a->identity refused before, by the app that runs now? Another app may trust other keys,
 * so it asks again.
 */
airlift_fail_t agent_check_refused(struct agent *a);
void agent_note_refused(struct agent *a, airlift_fail_t reason);

/* --- image_prefix.c ------------------------------------------------------- */

#define AGENT_PREFIX_SIZE 288u /* image header, segment header, app description */

/* The version in the description, if the image's first AGENT_PREFIX_SIZE bytes have one; else "". */
void agent_prefix_version(const uint8_t *data, char out[AGENT_VERSION_SIZE]);

/* The same for the SHA-256 of its ELF file. False if there is none, or all of it is 0. */
bool agent_prefix_elf_sha256(const uint8_t *data, uint8_t out[AL_SHA256_SIZE]);

/*
 * Do an image's first bytes promise what was ordered, and no less than the device's secure
 * version? Asked before anything is erased. A description whose version is no semantic
 * version (Arduino's, or git describe without a tag) can't contradict a->manifest's.
 */
airlift_fail_t agent_check_prefix(struct agent *a, const uint8_t *data, uint32_t len);

/* --- http.c --------------------------------------------------------------- */

struct agent_request {
    const char *url;
    const char *authorization;           /* or NULL */
    uint32_t from;                       /* first byte wanted */
    uint32_t count;                      /* bytes wanted; 0: all. With from 0 too, no Range is sent */
    const char *if_range;                /* strong tag, or "" */
    const struct agent_running *running; /* sent if not NULL */
    const char *device, *version;        /* this device and what it runs; sent if device is not NULL */
    airlift_fail_t failed;               /* sent if there was a failure */
    uint32_t timeout_s;
};

/*
 * Send a GET, follow redirects (at most 10), receive the headers into a->http.
 * Success means that some other status than a redirect arrived. Close it.
 */
airlift_fail_t agent_http_get(struct agent *a, const struct agent_request *request);

/*
 * Read `len` bytes of the body. Fewer if it ends, if the connection fails or
 * falls silent, or if they take longer than twice the timeout altogether.
 */
uint32_t agent_http_read(struct agent *a, void *buf, uint32_t len);

void agent_http_close(struct agent *a);

/* --- events.c ------------------------------------------------------------- */

/* Note what failed, for the event and the log. Returns `reason`. */
airlift_fail_t agent_fail(struct agent *a, airlift_fail_t reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tell the app. `version` and `text` may be NULL. */
void agent_tell(struct agent *a, airlift_event_id_t id, const char *version, airlift_fail_t reason,
                const char *text);

/* Show a->running_version in the status, before a health check or an event asks for it. */
void agent_publish_version(struct agent *a);

/* Say whom the events from here on are about: an offer's id, or "". */
void agent_name_offer(struct agent *a, const char *id);

void agent_set_state(struct agent *a, airlift_state_t state);
void agent_set_progress(struct agent *a, uint32_t bytes, uint32_t total);

/* "1.4 MB" and the like, for log lines. */
struct agent_size_text {
    char text[16];
};
struct agent_size_text agent_size_text(uint32_t bytes);

/* --- agent.c -------------------------------------------------------------- */

/*
 * Wait. Returns early, with the bits that are set, as soon as one of `bits` or
 * AGENT_BIT_STOP is; 0 if the time passed. Clears none. AIRLIFT_NO_WAIT only looks.
 */
EventBits_t agent_wait(struct agent *a, uint32_t seconds, EventBits_t bits);

bool agent_stopping(struct agent *a);

/*
 * Lend the agent's task to what receives images from elsewhere (agent/push/):
 * `work` runs in it as soon as nothing else is under way there, and while it
 * runs, nothing else is. Called from other tasks.
 *
 * Returns ESP_OK, and `work` will run; ESP_ERR_NOT_FINISHED if an update or a trial
 * is under way, or the agent starts up, and *why says so; ESP_ERR_INVALID_STATE if
 * the agent is not running.
 */
esp_err_t agent_lend(agent_guest_fn *work, void *ctx, const char **why);

/* Why agent_lend() would be refused now; NULL if it would not. */
const char *agent_busy(void);

/* Do not run it any more. False if it runs already, or has run. */
bool agent_unlend(void *ctx);

/* From agent_hold() to agent_release() airlift_stop() is refused. ESP_ERR_INVALID_STATE if the agent is not running. */
esp_err_t agent_hold(void);
void agent_release(void);

#endif
