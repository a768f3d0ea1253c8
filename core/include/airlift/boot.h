/*
 * boot.h - one power-on: which app starts?
 *
 * The second-stage bootloader's work, rule by rule as ESP-IDF does it
 * (docs/architecture.md, "Boot selection"), with rollback and anti-rollback as
 * run-time options. The emulator, the bare-metal bootloader and the tests share it.
 */
#ifndef AIRLIFT_BOOT_H
#define AIRLIFT_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/err.h"
#include "airlift/flash.h"
#include "airlift/image.h"
#include "airlift/ptable.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a held pin asks for. */
enum al_boot_pin {
    AL_BOOT_PIN_NONE,
    AL_BOOT_PIN_FACTORY_RESET, /* CONFIG_BOOTLOADER_FACTORY_RESET */
    AL_BOOT_PIN_TEST_APP,      /* CONFIG_BOOTLOADER_APP_TEST */
    AL_BOOT_PIN_OFF,           /* nothing any more: the power went while it was looked at */
};

/* The device and how its bootloader was built. */
struct al_boot_config {
    uint32_t ptable_off;         /* AL_PTABLE_OFFSET unless built otherwise */
    bool rollback;               /* CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE */
    bool anti_rollback;          /* CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK, with rollback */
    bool skip_validate;          /* CONFIG_BOOTLOADER_SKIP_VALIDATE_ALWAYS; not with secure boot */
    struct al_image_rules rules; /* chip and revisions; offsets and signature are filled in here */
    bool secure_boot;            /* eFuse: an app starts only if `trusted` is content with its signature */
    struct al_sig_policy trusted;
    uint32_t secure_version; /* eFuse count now */

    /*
     * Which pin is held? Asked once, after the first selection and what it wrote;
     * may take its time. NULL: none, as at a wake-up from deep sleep.
     */
    enum al_boot_pin (*held_pin)(void *ctx);
    void *pin_ctx;
    const char *reset_labels; /* a factory reset erases data partitions of these labels,
                                 between commas or spaces; NULL: none */
    bool reset_otadata;       /* and OTA data */

    /*
     * Burn the eFuse up to `version`; called at most twice. Once burnt it can't
     * be undone. NULL is allowed without anti-rollback. Returns 0 or AL_ERR_*.
     */
    int (*burn_secure_version)(void *ctx, uint32_t version);
    void *burn_ctx;
};

enum al_boot_reason {
    AL_BOOT_SELECTED,          /* the app that OTA data names */
    AL_BOOT_DEFAULT,           /* no usable record: the default app */
    AL_BOOT_INITIAL,           /* blank OTA data, first slot: OTA data was written */
    AL_BOOT_FALLBACK,          /* the chosen app did not verify; this one did */
    AL_BOOT_TEST,              /* test app, by its pin */
    AL_BOOT_NO_TABLE,          /* nothing: partition table damaged */
    AL_BOOT_OTADATA_TOO_SMALL, /* nothing: OTA data partition below 0x2000, or unreadable */
    AL_BOOT_NO_APP,            /* nothing: every candidate was refused */
};

/* "selected", "default", ..., as `airlift boot --json` prints them. */
const char *al_boot_reason_name(enum al_boot_reason reason);

#define AL_BOOT_MAX_TRIED 18u

struct al_boot_tried {
    int8_t index;              /* slot, -1 factory, -2 test */
    enum al_image_fault fault; /* AL_IMAGE_GOOD: this one started */
    bool secure_version_low;
    enum al_sig_fault signature; /* why, if `fault` is AL_IMAGE_NOT_TRUSTED; else AL_SIG_GOOD */
};

/* Why it was refused, for people: "signed with a key that was revoked". */
const char *al_boot_tried_text(const struct al_boot_tried *tried);

/* What happened. */
struct al_boot_result {
    enum al_boot_reason reason;
    bool boots;              /* `part` is valid */
    struct al_part part;     /* the app that starts */
    uint32_t secure_version; /* eFuse count afterwards */
    int selected;            /* index that OTA data selected: slot, -1 factory */
    bool reset_failed;       /* a factory reset could not erase all it should */
    uint8_t n_tried;
    struct al_boot_tried tried[AL_BOOT_MAX_TRIED];
};

/* Memory for a boot: about 8 KiB, 2 of them for signatures, plus the read buffer. Contents do not matter. */
struct al_boot_work {
    struct al_ptable table;        /* afterwards: the device's table, if it was good */
    struct al_image_check check;   /* afterwards: of the app tried last */
    struct al_sig_check signature; /* with secure boot likewise, if the check came as far as that */
    uint8_t buf[AL_SECTOR_SIZE];
};

/*
 * Boot once. Writes what a bootloader writes: OTA data (NEW becomes
 * PENDING_VERIFY, a record found PENDING_VERIFY becomes ABORTED, the first boot
 * of a blank OTA data without factory app writes VALID) and, with
 * anti-rollback, the eFuse. Reads 2 sectors of OTA data at most and each
 * candidate image once, with secure boot up to the end of its signature sector
 * (with anti-rollback its description once or twice more).
 * OTA data that can't be written, or an image that can't be read, does not end
 * the boot. A factory reset erases after the first selection, whatever that
 * wrote, and selects again, which reads OTA data once more.
 *
 * Power cut: every OTA data change is al_otadata_write() of one sector; see
 * there. No image is touched. In a factory reset: some of it is erased; the pin
 * is likely to be held still.
 *
 * Returns 0 whenever a verdict was reached (also "nothing boots"); AL_ERR_IO if
 * nothing boots and flash failed on the way; AL_ERR_STATE for AL_BOOT_PIN_OFF;
 * AL_ERR_ARG for skip_validate with secure boot, before anything is read; AL_ERR_CRYPTO.
 */
AL_CHECK_RESULT int al_boot(const struct al_flash *flash, const struct al_boot_config *config,
                            struct al_boot_work *work, struct al_boot_result *out);

/*
 * What the next boot would select, without image checks and without writing:
 * ESP-IDF's esp_ota_get_boot_partition(). NULL if the table has no OTA data
 * partition, or no app. Points into `table`.
 */
const struct al_part *al_boot_peek(const struct al_flash *flash, const struct al_ptable *table);

#ifdef __cplusplus
}
#endif

#endif
