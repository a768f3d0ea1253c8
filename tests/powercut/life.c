/*
 * One life: power-on after power-on, until the scenario's last step is done.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "airlift/otadata.h"
#include "device/desc.h"
#include "device/shared.h"
#include "torture.h"

#define MAX_BOOTS 60u /* a device that needs more goes round in circles */
#define MAX_IDLES 4u  /* times in a row that the app stops before the step is done */

/* Bytes of a patch that a cut may let the device fetch twice: a sector; or a step of the journal, and the pieces
 * around it. */
#define CUT_COSTS       4096u
#define CUT_COSTS_WHOLE (8192u + 1024u)

uint8_t life_reference;
uint32_t life_cuts = UNCOUNTED;

const char *life_end_name(enum life_end end)
{
    static const char *const names[] = {
        [LIFE_GOOD] = "good",
        [LIFE_FORGOT] = "forgot",
        [LIFE_BRICK] = "nothing boots",
        [LIFE_FOREIGN] = "boots what is no whole image",
        [LIFE_OLDER] = "boots older than confirmed",
        [LIFE_UNTRUSTED] = "trusts who is not trusted",
        [LIFE_TOO_EARLY] = "burns an eFuse before the app is confirmed",
        [LIFE_VALUE] = "lost value",
        [LIFE_STUCK] = "the update does not complete",
        [LIFE_REFETCH] = "verified image downloaded again",
        [LIFE_WASTE] = "fetched too much",
        [LIFE_NO_RETURN] = "no rolling back any more",
        [LIFE_ERROR] = "firmware error",
    };

    return names[end];
}

static enum life_end fail(enum life_end end, const char *why)
{
    if (why != NULL) {
        snprintf(board->why, sizeof(board->why), "%s", why);
    }
    return end;
}

/* --- One power-on ------------------------------------------------------------ */

static void tell_records(void)
{
    const struct al_part part = {.off = 0x9000, .size = AL_OTADATA_SIZE};
    const struct unstable keep = board->state->unstable; /* looking changes nothing */
    struct al_otadata data;

    board->state->unstable.reads_left = 0;
    if (al_otadata_read(chip_port(), &part, &data) != 0) {
        return;
    }
    board->state->unstable = keep;
    for (unsigned i = 0; i < 2; i++) {
        const struct al_ota_record *r = &data.rec[i];
        const char *state = al_ota_state_name(r->state);

        chip_story("  otadata %u: %s seq %08x %s%s", i,
                   r->seq == 0xFFFFFFFF      ? "blank"
                   : al_ota_record_crc_ok(r) ? "whole"
                                             : "torn ",
                   r->seq, state != NULL ? state : "?",
                   keep.reads_left > 0 && keep.sector == part.off + i * AL_SECTOR_SIZE ? ", unstable" : "");
    }
}

/* What an app must have to start, besides being whole. Older than confirmed is judged by the caller. */
static enum life_end judge_trust(const struct al_boot_result *result, uint8_t version)
{
    const struct world *w = &board->state->world;

    if (scenario->anti_rollback && scenario->secure_version[version] < w->secure_version) {
        snprintf(board->why, sizeof(board->why), "%s boots with secure version %u, %u is burnt",
                 images[version].version, scenario->secure_version[version], w->secure_version);
        return LIFE_OLDER;
    }
    if (!scenario->secure_boot) {
        return LIFE_GOOD;
    }
    if (!signer_trusted(scenario->signer[version], w->revoked)) {
        return fail(LIFE_UNTRUSTED, images[version].version);
    }
    return result->tried[0].fault == AL_IMAGE_NOT_TRUSTED ? fail(LIFE_UNTRUSTED, "such an app is selected")
                                                          : LIFE_GOOD;
}

/* The bootloader. 0 if an app starts: *label points into `work`. */
static enum life_end boot(struct al_boot_work *work, struct al_boot_result *result, uint8_t *version)
{
    struct world *w = &board->state->world;
    struct al_boot_config config;
    struct dev_desc desc;

    if (dev_desc_load("", &desc, NULL, 0) != 0) {
        return fail(LIFE_ERROR, "no description");
    }
    if (chip_story != NULL) {
        chip_story("boot %u (%s)", board->boots, dev_reset_name((enum dev_reset)w->reset));
        tell_records();
    }
    dev_desc_boot_config(&desc, &config);
    if (al_boot(chip_port(), &config, work, result) != 0) {
        return fail(LIFE_ERROR, "the bootloader fails");
    }
    if (!result->boots) {
        return fail(LIFE_BRICK, al_boot_reason_name(result->reason));
    }
    *version = device_version_at(board->state, result->part.off);
    if (*version == NO_VERSION) {
        return fail(LIFE_FOREIGN, result->part.label);
    }
    const enum life_end trust = judge_trust(result, *version);

    if (trust != LIFE_GOOD) {
        return trust;
    }
    if (chip_story != NULL) {
        chip_story("  %s: %s from %s", al_boot_reason_name(result->reason), images[*version].version,
                   result->part.label);
    }
    if (*version < w->floor && !(w->floor == 0)) {
        snprintf(board->why, sizeof(board->why), "%s boots from %s, %s was confirmed",
                 images[*version].version, result->part.label, images[w->floor].version);
        return LIFE_OLDER;
    }
    return LIFE_GOOD;
}

/* Run a function in a child that ends with a status; -1 for a signal. */
static int in_child(void (*run)(const char *, uint8_t), const char *label, uint8_t version)
{
    fflush(stdout);
    const pid_t pid = fork();
    int status;

    if (pid == 0) {
        run(label, version);
        _exit(APP_PANIC);
    }
    if (pid < 0) {
        return -1;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_app(const char *label, uint8_t version)
{
    app_main_in_child(label, version);
}

/* --- The verdict --------------------------------------------------------------- */

static enum life_end judge(void)
{
    const struct world *w = &board->state->world;
    const bool no_return = (w->can_roll_back & life_reference) != life_reference;

    if (scenario->forgets) {
        return w->refetched != 0 || no_return ? LIFE_FORGOT : LIFE_GOOD;
    }
    if (w->refetched != 0) {
        return fail(LIFE_REFETCH, "an image that was verified was downloaded again");
    }
    if (scenario->delta && !scenario->bad_patch && life_cuts != UNCOUNTED &&
        w->fetched > patch.len + life_cuts * (scenario->whole ? CUT_COSTS_WHOLE : CUT_COSTS)) {
        snprintf(board->why, sizeof(board->why), "%u bytes fetched for a patch of %u in a life of %u cuts",
                 w->fetched, patch.len, life_cuts);
        return LIFE_WASTE;
    }
    if (no_return) {
        return fail(LIFE_NO_RETURN, "rolling back is not possible in the end, as it is without the cut");
    }
    return LIFE_GOOD;
}

/* The app ended like that: why does the next boot happen, or is this the end? */
static bool next_boot(int status, unsigned *idles, enum life_end *end)
{
    struct world *w = &board->state->world;

    *end = LIFE_GOOD;
    if (board->violated) {
        *end = fail(LIFE_ERROR, "a program would have had to set a bit");
        return false;
    }
    if (board->failed != LIFE_GOOD) {
        *end = (enum life_end)board->failed;
        return false;
    }
    switch (status) {
    case DEV_EXIT_RESTART:
        w->reset = DEV_RESET_SW;
        return true;
    case APP_IDLE:
        w->reset = DEV_RESET_POWERON;
        if (board->done) {
            *idles = 0;
            board->done = 0;
            w->step++;
            return w->step < scenario->n_steps;
        }
        if (++*idles < MAX_IDLES) {
            return true;
        }
        /* An image that ESP-IDF's sequence gave up although it is good: forgotten, for good. */
        *end = scenario->forgets && w->refused != 0 ? LIFE_FORGOT : LIFE_STUCK;
        return false;
    case APP_PANIC:
        w->reset = DEV_RESET_PANIC;
        return true;
    default:
        *end = fail(LIFE_ERROR, "the app died");
        return false;
    }
}

enum life_end life_run(bool record)
{
    static struct al_boot_work work; /* only while the bootloader runs */
    unsigned idles = 0;
    enum life_end end;

    board->ops = board->n_ops = board->data_len = board->boots = 0;
    board->recording = record;
    board->violated = board->overflow = false;
    board->failed = board->done = 0;
    board->why[0] = '\0';
    for (;;) {
        struct al_boot_result result;
        uint8_t version;

        if (++board->boots > MAX_BOOTS) {
            return fail(LIFE_STUCK, "it restarts again and again");
        }
        end = boot(&work, &result, &version);
        if (end != LIFE_GOOD) {
            return end;
        }
        const int status = in_child(run_app, result.part.label, version);

        if (!next_boot(status, &idles, &end)) {
            break;
        }
    }
    if (end == LIFE_GOOD && board->overflow) {
        return fail(LIFE_ERROR, "too many flash operations to record");
    }
    return end == LIFE_GOOD ? judge() : end;
}

/* --- Before the first boot ----------------------------------------------------------- */

static void provision(const char *label, uint8_t version)
{
    (void)version;
    app_provision(label);
}

bool life_provision(void)
{
    return in_child(provision, "ota_0", 0) == APP_IDLE;
}
