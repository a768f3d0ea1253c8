/*
 * airlift.h - the update agent: keeps a device's firmware up to date.
 *
 *     static const airlift_config_t config = {
 *         .manifest_url = "https://updates.example.com/firmware/lamp/version.json",
 *         .cert_pem = server_root_pem,
 *         .health_check = lamp_is_well,
 *     };
 *     ESP_ERROR_CHECK(nvs_flash_init());
 *     ... network up ...
 *     ESP_ERROR_CHECK(airlift_start(&config));
 *
 * From then on one task looks for a newer version every few hours, downloads it
 * into the other app slot, verifies it, restarts into it, and lets the health
 * check decide whether it stays. A download that is cut short goes on where it
 * stopped, also after a reset. A version that was rolled back is not tried
 * again until a different image is published.
 *
 * The manifest is a small JSON object:
 *
 *     {"version": "1.4.3", "url": "1.4.3.bin", "sha256": "<64 hex digits>",
 *      "md5": "<32 hex digits>", "size": 1503936, "mandatory": false,
 *      "secure_version": 0}
 *
 * version and url are needed; what else is there is checked. Versions are
 * ordered by Semantic Versioning, and only a newer one is installed. A url may
 * be relative to the manifest's. "patches" may be there too (docs/deltas.md): the
 * smallest that serves is fetched in place of the image.
 *
 * What else learns of updates - a message, a job, a button - hands them over with
 * airlift_install(), and they go the same way. Then no manifest is needed.
 *
 * Needs: a partition table with otadata and two app slots; NVS (namespace
 * "airlift" in the default partition); for rollback the bootloader option
 * CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE; for checks of certificate dates a set
 * clock. ESP-IDF 5.5 or later.
 *
 * Power cut at any instant: the device boots the old firmware or the new one,
 * whole and verified, never one older than what was confirmed, and the update
 * completes later. What was verified once is not downloaded again: an update
 * that OTA data lost in the cut is selected again from its slot.
 *
 * Memory: about 15 KiB of heap plus the task's stack, taken once by
 * airlift_start(). On top of it, only during a check: the HTTP client with
 * TLS, and some 4 KiB while the manifest is parsed; and 5 KiB for an offer under way.
 */
#ifndef AIRLIFT_H
#define AIRLIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AIRLIFT_MAX_URL        4096u /* bytes, of the manifest's and the image's URL */
#define AIRLIFT_MAX_MANIFEST   8192u /* bytes; a longer manifest is refused */
#define AIRLIFT_MIN_INTERVAL_S 5u    /* polling is never faster, whatever the configuration */

/* For stabilisation_s and attempt_delay_s: none at all (0 means the default). */
#define AIRLIFT_NO_WAIT UINT32_MAX

/* For trial_boots: a power loss during the trial counts against the image. */
#define AIRLIFT_NO_TRIAL_AGAIN UINT32_MAX

/* --- What the agent tells ------------------------------------------------- */

typedef enum {
    AIRLIFT_EVENT_CHECKING,         /* asks for the manifest */
    AIRLIFT_EVENT_UP_TO_DATE,       /* nothing newer is offered */
    AIRLIFT_EVENT_UPDATE_AVAILABLE, /* version, mandatory, total (0: not said) */
    AIRLIFT_EVENT_PROGRESS,         /* bytes of total are on flash; every 16 KiB */
    AIRLIFT_EVENT_VERIFIED,         /* the image on flash is whole and the manifest's */
    AIRLIFT_EVENT_REBOOTING,        /* selected for the next boot; restarts when the callback has returned */
    AIRLIFT_EVENT_CONFIRMED,        /* version passed its trial: it stays */
    AIRLIFT_EVENT_ROLLED_BACK,      /* version failed its trial, this firmware runs again; reason, text */
    AIRLIFT_EVENT_FAILED,           /* reason, text; the running firmware goes on */
    AIRLIFT_EVENT_TRIAL_AGAIN,      /* version had no fair trial, for lack of power, and gets another; text */
    AIRLIFT_EVENT_OFFER_ENDED, /* the offer of offer_id is done with, nothing was installed: the device has
                                     * it already (reason AIRLIFT_FAIL_NONE), or reason and text say why */
} airlift_event_id_t;

typedef enum {
    AIRLIFT_FAIL_NONE,
    AIRLIFT_FAIL_NETWORK,     /* no trusted connection, silence, or it was lost and stayed lost */
    AIRLIFT_FAIL_HTTP_STATUS, /* the server answered with an error; the text has the number */
    AIRLIFT_FAIL_URL,         /* plain HTTP, too long, no URL at all, or redirected in a loop */
    AIRLIFT_FAIL_MANIFEST,    /* too large, not JSON, or a field is missing or senseless */
    AIRLIFT_FAIL_VERSION,     /* not a semantic version, or the image carries another one */
    AIRLIFT_FAIL_IMAGE,       /* not an app image, or damaged */
    AIRLIFT_FAIL_CHIP,        /* an image for another chip */
    AIRLIFT_FAIL_SIZE,        /* does not fit the slot, or is not the size that the manifest says */
    AIRLIFT_FAIL_HASH,        /* SHA-256 or MD5 is not the manifest's */
    AIRLIFT_FAIL_KNOWN_BAD,   /* offered, but this image failed its trial here before */
    AIRLIFT_FAIL_FLASH,       /* flash could not be read or written, or there is no slot to write */
    AIRLIFT_FAIL_STORAGE,     /* NVS could not be written */
    AIRLIFT_FAIL_HEALTH,      /* the health check failed or hung */
    AIRLIFT_FAIL_TRIAL_RESET, /* the new firmware restarted before its health check had passed */
    AIRLIFT_FAIL_STOPPED,     /* airlift_stop() was called */
    AIRLIFT_FAIL_EXPIRED,     /* the image's link is not valid any more (HTTP 403): a fresh one is needed */
    AIRLIFT_FAIL_BUSY,        /* pushed while another update or a trial is under way */
    AIRLIFT_FAIL_DENIED,      /* pushed by somebody who does not have the key or the password */

    /* The image is whole, and this device does not trust it. Not fetched again while the same app runs. */
    AIRLIFT_FAIL_UNSIGNED,       /* it is not signed, and has to be */
    AIRLIFT_FAIL_UNKNOWN_KEY,    /* signed with a key that is not trusted here */
    AIRLIFT_FAIL_REVOKED_KEY,    /* signed with a key that is not trusted any more */
    AIRLIFT_FAIL_BAD_SIGNATURE,  /* the signature is damaged, or belongs to other bytes */
    AIRLIFT_FAIL_SECURE_VERSION, /* older than anti-rollback allows; also told before the download */
} airlift_fail_t;

/* Short name of a reason, such as "network". Static storage, never NULL. */
const char *airlift_fail_name(airlift_fail_t reason);

typedef struct {
    airlift_event_id_t id;
    const char *version;   /* the version it is about, "" if none; valid during the callback */
    bool mandatory;        /* the manifest's flag */
    uint32_t bytes, total; /* of the image */
    airlift_fail_t reason;
    const char *text;     /* one line for people, "" if none; valid during the callback */
    const char *offer_id; /* of the airlift_offer_t it is about, also after the restart; "" if none */
} airlift_event_t;

/*
 * Hear of each event as on_event does, before it and beside it: for what stands
 * between the app and the agent, such as airlift_mqtt.h. At most 4, for good;
 * before airlift_start(). ESP_ERR_NO_MEM if there are more.
 */
esp_err_t airlift_listen(void (*on_event)(const airlift_event_t *event, void *ctx), void *ctx);

/* --- Configuration -------------------------------------------------------- */

/*
 * Zero or NULL means the default in brackets. The struct is copied; what its
 * pointers point to is borrowed until airlift_stop() returns.
 *
 * Callbacks run in the agent's task (health_check in one of its own). None of
 * them may call airlift_start() or airlift_stop().
 */
typedef struct {
    const char
        *manifest_url; /* [none: only what airlift_install() is given; then a health check is needed] */

    /* Whom to trust over HTTPS: exactly this root certificate (PEM with its
     * NUL), or what esp_crt_bundle_attach knows. One of the two is needed. */
    const char *cert_pem;
    esp_err_t (*crt_bundle_attach)(void *conf);
    bool allow_http; /* [refuse plain HTTP] also for the image's URL */

    /* Value of an Authorization header, such as "Bearer ...". Sent to the
     * manifest's server only: never to another origin or after a redirect. */
    const char *authorization; /* [none] */

    /* The running version, for firmware whose app description does not carry
     * its release, such as Arduino's. [the app description's] */
    const char *version;

    /* What the server is to call this device in its list. Sent with each check, to the manifest's server only, as is
     * the running version. [its factory MAC address, as "24:0a:c4:00:00:01"; "": neither is sent] */
    const char *device_id;

    uint32_t stabilisation_s;  /* [30] after start, before anything is done */
    uint32_t check_interval_s; /* [6 h] between checks, +-10 % at random */
    uint32_t attempts;         /* [3] per check */
    uint32_t attempt_delay_s;  /* [5] between them */
    uint32_t retry_s;          /* [60] after failed attempts; doubles each time up to the interval */
    uint32_t timeout_s;     /* [10 for the manifest, 30 for the image] silence taken for a lost connection */
    uint32_t journal_bytes; /* [16384] a reset costs at most so many downloaded bytes */

    /* Fetch images whole, also where the manifest offers a patch. [no; always without CONFIG_AIRLIFT_DELTA] */
    bool no_patches;

    /*
     * Is this firmware fit to stay? Asked once, on the first boot of a new
     * version, after the stabilisation. It may block, but not beyond the
     * timeout: false or no answer rolls back.
     * [Can the manifest be fetched, tried until the timeout?]
     */
    bool (*health_check)(void *ctx);
    uint32_t health_timeout_s; /* [300] */

    /* A power loss is not the image's fault: so many further trials it gets, as
     * long as each ends in one. A crash or a watchdog reset is, at once. */
    uint32_t trial_boots; /* [3] at most 250 */

    /* The app calls airlift_confirm() itself, within the health timeout;
     * health_check is not asked. */
    bool confirm_by_app;

    /* May a version that is not mandatory be installed now? Asked at each check
     * while one is offered. [yes] */
    bool (*may_install)(const airlift_event_t *offer, void *ctx);

    /* The app restarts the device itself some time after AIRLIFT_EVENT_REBOOTING. */
    bool manual_restart;

    void (*on_event)(const airlift_event_t *event, void *ctx);
    void *ctx; /* handed to the callbacks */

    uint32_t task_stack_size; /* [8192] bytes */
    uint32_t task_priority;   /* [3] */
} airlift_config_t;

/* --- Calls ---------------------------------------------------------------- */

/*
 * Start the agent's task. One agent per device.
 *
 * Returns ESP_OK; ESP_ERR_INVALID_ARG if the URL is too long, plain HTTP without
 * allow_http, or HTTPS without a certificate, or if there is neither a manifest
 * nor a health check;
 * ESP_ERR_INVALID_STATE if it runs already; ESP_ERR_NO_MEM; ESP_ERR_NOT_FOUND
 * if the partition table has no slot to update; an NVS error if its storage
 * cannot be opened (nvs_flash_init() comes first).
 */
esp_err_t airlift_start(const airlift_config_t *config);

/*
 * End the task and give its memory back. Waits for the request under way to
 * end, timeout_s at most, and for a running callback. Progress is kept. No
 * other task may be in one of these calls. ESP_ERR_INVALID_STATE if it is not
 * running, or a listener of airlift_push.h still is.
 */
esp_err_t airlift_stop(void);

/*
 * Check now rather than at the end of the interval, for example on a message.
 * Returns at once; several calls before the check starts are one. Not before
 * the stabilisation and the trial are over. Any task may call it.
 * ESP_ERR_INVALID_STATE if the agent is not running.
 */
esp_err_t airlift_check_now(void);

/*
 * An update that somebody else found. The agent installs it as it does what a
 * manifest publishes: download with resumption, verification, trial, confirmation
 * or rollback. Zero or NULL means "not said".
 */
#define AIRLIFT_MAX_OFFER_ID 80u /* bytes with NUL */

typedef struct {
    const char *id;        /* [""] comes back in the events about it, also after the restart */
    const char *url;       /* needed; absolute */
    const char *version;   /* [what the image says] */
    const uint8_t *sha256; /* 32 bytes */
    const uint8_t *md5;    /* 16 bytes */
    uint32_t size;         /* bytes */
    bool mandatory;        /* may_install is not asked */
    bool force;            /* also a version that is not newer */
} airlift_offer_t;

/*
 * Install this. Returns at once; the struct is copied. It is stored, and taken up
 * again after a reset, until it is installed or ended with
 * AIRLIFT_EVENT_OFFER_ENDED. Begins after the stabilisation, the trial and what is
 * under way; an earlier offer that waits for the network ends in its favour.
 *
 * The same offer twice, also across restarts, is one update: where both versions
 * are semantic ones only a newer one is installed, unless `force`. Otherwise it
 * is compared by its SHA-256, by the ELF hash in its description, or by what was
 * recorded when it was installed. An image that was rolled back here is refused,
 * `force` or not. What the offer does not say is read from the image's first bytes.
 *
 * After failed attempts it waits as a check does, and gives up after 8 rounds. HTTP
 * 403 ends it with AIRLIFT_FAIL_EXPIRED at once: call again with a fresh link, and
 * the download goes on where it stopped. The manifest is not asked meanwhile.
 *
 * Power cut: the offer is taken up again, once it was stored. Any task may call it.
 * ESP_ERR_INVALID_ARG if something is too long, or the URL not allowed;
 * ESP_ERR_NOT_FINISHED if another one waits to begin; ESP_ERR_NO_MEM;
 * ESP_ERR_INVALID_STATE if the agent is not running.
 */
esp_err_t airlift_install(const airlift_offer_t *offer);

/*
 * The running version is fit to stay: ends its trial, whatever the health check
 * would say. Any task may call it. ESP_ERR_INVALID_STATE if the agent is not
 * running or no trial is under way.
 */
esp_err_t airlift_confirm(void);

typedef enum {
    AIRLIFT_STATE_STABILISING,
    AIRLIFT_STATE_ON_TRIAL, /* a new version, not confirmed yet */
    AIRLIFT_STATE_IDLE,     /* waits for the next check */
    AIRLIFT_STATE_CHECKING,
    AIRLIFT_STATE_DOWNLOADING,
    AIRLIFT_STATE_INSTALLED, /* the next boot starts the new version */
} airlift_state_t;

typedef struct {
    airlift_state_t state;
    char running_version[33];
    char offered_version[33];    /* of the last manifest, "" before the first */
    uint32_t bytes, total;       /* of the download under way, or the last one */
    airlift_fail_t last_failure; /* also of a trial; AIRLIFT_FAIL_NONE once a check went well */
    char last_failure_text[128];
    char offer_id[AIRLIFT_MAX_OFFER_ID]; /* of the offer that waits, is under way or on trial; "" if none */
    uint32_t next_check_s;               /* seconds from now; 0 while something is going on */
} airlift_status_t;

/* A snapshot. Any task may call it. ESP_ERR_INVALID_ARG, ESP_ERR_INVALID_STATE. */
esp_err_t airlift_get_status(airlift_status_t *out);

#ifdef __cplusplus
}
#endif

#endif
