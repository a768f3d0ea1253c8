/*
 * torture.h - a device's whole life on a flash in RAM, cut wherever one likes.
 *
 *     chip.c       the flash and the eFuses; counts, records, tears operations
 *     device.c     what a device is made of: partition table, images, OTA data
 *     signer.c     who signed those images
 *     verdicts.c   signatures are verified once
 *     origin.c     the update server, in place of agent/src/http.c
 *     os.c         what the agent needs of FreeRTOS and the system; time never passes
 *     app.c        the firmware: the agent, or ESP-IDF's own sequence
 *     life.c       power-on after power-on until the scenario's end, with the checks
 *     scenarios.c  the lives that are lived
 *     explore.c    every cut in every way, and every second one
 *     main.c       options and results
 *
 * A power-on runs the bootloader (core's al_boot) and then a child process with
 * the app. What survives it is struct state, and nothing else: each child is a
 * fresh copy of a process in which no firmware ever ran.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/boot.h"
#include "airlift/flash.h"
#include "airlift/ptable.h"

#define MAX_VERSIONS 5u
#define MAX_STEPS    3u
#define MAX_SLOTS    3u
#define NO_VERSION   0xFFu
#define PTABLE_OFF   0x8000u
#define MAX_LOG_OPS  8192u

/* --- What outlives a reset ------------------------------------------------- */

/* Everything around the device that the next power-on finds as it was left. */
struct world {
    uint32_t value_old, value_new; /* the app's value in NVS is one of the two */
    uint16_t writes_left;          /* the app still wants to write its value so often */
    uint8_t step;                  /* of the scenario: what is to be achieved now */
    uint8_t reset;                 /* enum dev_reset: why the next boot happens */
    uint8_t floor;                 /* version that was confirmed: nothing older may boot */
    uint8_t verified;              /* bit per version: its image was complete and verified */
    uint8_t selected;              /* bit per version: it was selected for boot */
    uint8_t refetched;             /* bit per version: downloaded although it was verified before */
    uint8_t rolled_back;           /* bit per version: the device said so */
    uint8_t drops_left;            /* connections that the server still loses */
    uint8_t can_roll_back;         /* bit per step: possible when the step was done */
    uint8_t secure_version;        /* eFuse */
    uint8_t revoked;               /* eFuse: bit per key */
    uint8_t refused;               /* bit per version: the device does not want it any more */
    uint32_t fetched;              /* bytes of the patch, where the scenario has one */
};

/* Cells left between 0 and 1 by a torn erase: the next reads of the sector find now this, now that. */
struct unstable {
    uint32_t reads_left;
    uint32_t sector; /* offset in flash */
    uint64_t seed;
};

struct state {
    struct world world;
    struct unstable unstable;
    uint8_t flips[AL_SECTOR_SIZE]; /* the unstable bits */
    uint8_t flash[];               /* board->flash_size bytes */
};

/* --- Flash operations (chip.c) ---------------------------------------------- */

enum op_kind { OP_PROGRAM, OP_ERASE };

/* One operation as recorded, with what was true before it. */
struct op {
    enum op_kind kind;
    uint32_t off, len;
    uint32_t data; /* of a program: where in board->data; 0 for an erase */
    struct world world;
    struct unstable unstable;
};

/* How an operation is cut. */
enum tear_kind {
    TEAR_NONE = 0,
    TEAR_NOT_BEGUN = 'n',
    TEAR_PREFIX = 'p',   /* program: so many bytes, and the next one half */
    TEAR_BITS = 'b',     /* program: a random part of the bits */
    TEAR_PART = 'e',     /* erase: a random part of the sector */
    TEAR_UNSTABLE = 'u', /* erase: bits that flip on the next two reads */
    TEAR_DONE = 'd',     /* complete, and nothing after it */
};

struct tear {
    char kind;       /* enum tear_kind */
    uint8_t variant; /* 0..9, gives another random part */
    uint64_t seed;
};

/* One worker's device, in memory that it shares with its children. */
struct board {
    uint32_t flash_size;
    uint32_t ops; /* programs and sector erases since the life began */
    uint32_t boots;
    bool recording;
    bool overflow;  /* the record is not complete */
    bool violated;  /* a program would have needed a 0 to become a 1 */
    uint8_t failed; /* enum life_end, found by the app */
    uint8_t done;   /* the app says that the step is done */
    char why[120];
    uint32_t n_ops;
    uint32_t data_len, data_size;
    struct op *op; /* MAX_LOG_OPS */
    uint8_t *data;
    struct state *state;
};

extern struct board *board; /* this process's */
extern void (*chip_story)(const char *format, ...) __attribute__((format(printf, 1, 2)));

extern bool chip_dense; /* also programs that lack a few bits only */

/* A board in shared memory with room for a record; ends the process without memory. */
struct board *board_new(uint32_t flash_size);

const struct al_flash *chip_port(void);

/* Leave at `s` what the operation leaves when it is cut like that. */
void chip_tear(struct state *s, const struct op *op, const uint8_t *data, const struct tear *tear);

/* A state and the record of the life that began with it: go on by one operation. */
void chip_step(struct state *s, const struct op *op, const uint8_t *data);

/* The tears worth trying on an operation; returns how many. */
#define MAX_TEARS 10u
unsigned chip_tears(const struct op *op, struct tear out[MAX_TEARS]);

uint64_t mix(uint64_t a, uint64_t b);
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

/* --- Scenarios --------------------------------------------------------------- */

enum app_kind {
    APP_AGENT,  /* airlift's agent */
    APP_NATIVE, /* esp_ota_begin, write, end, set_boot_partition; mark valid */
};

enum temper { GOOD, SICK, CRASHES };

/* Who signed a version, where secure boot is on. The eFuses hold the first N_TRUSTED keys. */
enum signer { SIGNED_A, SIGNED_B, SIGNED_STRANGER, SIGNED_BROKEN /* by A, and damaged */ };

#define N_TRUSTED 2u

/* STEP_REFUSED: offered, and to be refused for its signature, before it is selected. */
enum step_kind { STEP_UPDATE, STEP_REFUSED, STEP_SWITCH_SLOT, STEP_SWITCH_FACTORY };

struct step {
    enum step_kind kind;
    uint8_t version; /* offered, or what the slot switched to holds */
    uint8_t expect;  /* version that runs in the end */
};

struct record {
    uint32_t seq; /* 0: blank */
    uint32_t state;
};

struct scenario {
    const char *name, *about;
    enum app_kind app;
    bool factory;
    uint8_t n_slots;
    uint8_t content[1 + MAX_SLOTS]; /* version in factory, ota_0, ...; NO_VERSION: blank */
    struct record record[2];
    bool anti_rollback;
    uint8_t secure_version[MAX_VERSIONS];
    bool secure_boot;
    enum signer signer[MAX_VERSIONS];
    uint8_t revokes; /* bit per version: confirmed, it revokes key A */
    enum temper temper[MAX_VERSIONS];
    uint8_t first; /* version that runs at first */
    struct step step[MAX_STEPS];
    uint8_t n_steps;
    uint8_t drops;    /* connections lost during the download */
    uint16_t prefill; /* values written to NVS beforehand, so that its pages are nearly full */
    uint16_t writes;  /* times the app writes its value */
    bool offline;     /* the server is out of reach once the image is selected */
    bool offer;       /* a link, sent at each start until it is answered, in place of a manifest */
    bool delta;       /* the server has a patch from the first version to the first step's */
    bool whole;       /* it holds the whole image, and is longer than there is room behind that */
    bool bad_patch;   /* and it is not what it should be */
    bool esp;         /* it is of esp_delta_ota's format, not airlift's own */
    bool slow;        /* a life takes long: short runs try fewer of them */
    bool forgets;     /* ESP-IDF's own sequence: an update may be forgotten, not the device lost */
};

extern const struct scenario scenarios[];
extern const unsigned n_scenarios;

/* --- The device (device.c) ------------------------------------------------------ */

struct geometry {
    uint32_t slot_size, image_size, nvs_size; /* bytes */
};

extern const struct geometry geometry_small, geometry_large;

struct image {
    uint8_t *data;
    uint32_t len;
    uint8_t sha256[32], md5[16];
    char version[16];
    char etag[20];
};

extern struct image images[MAX_VERSIONS]; /* of the current scenario */
extern const struct scenario *scenario;
extern struct geometry geometry;

uint32_t device_flash_size(const struct scenario *sc, const struct geometry *g);

/* Make the scenario current and put its device, as it is at first, into board->state. */
void device_make(const struct scenario *sc, const struct geometry *g);

/* The patch of a scenario that has one, from images[scenario->first] to its first step's. */
extern struct image patch;

/* A version with a record of state VALID is one that `is` likes. Asked whenever something is burnt. */
bool device_has_confirmed(bool (*is)(uint8_t version, uint8_t arg), uint8_t arg);

/* The version whose bytes lie at `off`, whole; NO_VERSION if none. */
uint8_t device_version_at(const struct state *s, uint32_t off);

/* "otadata+0x1000", for stories. */
const char *device_place(uint32_t off, char out[40]);

/* --- Signatures (signer.c, verdicts.c) -------------------------------------------------------- */

/* The sector behind `len` bytes, a multiple of 4 KiB. False if OpenSSL fails. */
bool signer_sign(enum signer signer, const uint8_t *content, uint32_t len,
                 uint8_t sector[AL_SIG_SECTOR_SIZE]);

/* The device may start what he signed. */
bool signer_trusted(enum signer signer, uint8_t revoked);

/* Verdicts on signatures are kept from here on; before the first process. Ends it without memory. */
void verdicts_start(void);

/* Digests of the trusted keys; filled in by device_make(). */
extern uint8_t device_keys[N_TRUSTED][AL_SIG_KEY_DIGEST_SIZE];

/* --- The app (app.c, os.c, origin.c) --------------------------------------------- */

/* Run the firmware in `label`, of version `running`. In a child process; does not return. */
_Noreturn void app_main_in_child(const char *label, uint8_t running);

/* The first boot at the factory: NVS gets its values. In a child process. */
_Noreturn void app_provision(const char *label);

_Noreturn void app_ends(int status);

#define APP_IDLE  70 /* exit status: the app has nothing more to do */
#define APP_PANIC 71 /* it crashed */

/* --- Lives (life.c) ---------------------------------------------------------------- */

enum life_end {
    LIFE_GOOD,
    LIFE_FORGOT,    /* good, but something was forgotten (only where the scenario allows it) */
    LIFE_BRICK,     /* nothing boots */
    LIFE_FOREIGN,   /* something boots that is no whole image */
    LIFE_OLDER,     /* an image older than the confirmed one boots */
    LIFE_UNTRUSTED, /* an image that no trusted key signed boots, or is selected */
    LIFE_TOO_EARLY, /* an eFuse was burnt for a version that is not confirmed */
    LIFE_VALUE,     /* the app's value in NVS is neither the old nor the new one */
    LIFE_STUCK,     /* the update does not complete */
    LIFE_REFETCH,   /* a verified image was downloaded again */
    LIFE_WASTE,     /* more was fetched than the patch and what a cut may cost */
    LIFE_NO_RETURN, /* rolling back is not possible any more */
    LIFE_ERROR,     /* a firmware bug: 0 -> 1, a crash, an endless loop */
};

const char *life_end_name(enum life_end end);

/* Live on from board->state to the scenario's end. board->why says what went wrong. */
enum life_end life_run(bool record);

/* Give a new device's NVS its values, through the SDK. False if that fails. */
bool life_provision(void);

/* Cuts of the life that is lived now: bounds what it may fetch. UNCOUNTED: other things go wrong in it. */
#define UNCOUNTED UINT32_MAX
extern uint32_t life_cuts;

/* Bits of world.can_roll_back that the life without a cut had. */
extern uint8_t life_reference;

/* --- Exploring (explore.c) ------------------------------------------------------------ */

struct explore_options {
    unsigned jobs;
    uint64_t seed;
    const char *scenario; /* NULL: all */
    uint32_t doubles;     /* second cuts for each first one; UINT32_MAX: all */
    bool all_tears;       /* each second cut in every way; else in two of three */
    uint32_t sampled;     /* lives of two cuts of each scenario on 4 MiB of flash */
    bool one_failure;     /* is enough: stop then */
    bool progress;
};

struct totals {
    uint64_t first_cuts;       /* operations in lives without a cut */
    uint64_t singles, doubles; /* lives executed with one and with two cuts */
    uint64_t answered;         /* lives whose state after the last cut had been seen */
    uint64_t forgot;           /* of the executed */
    uint64_t boots;
    uint64_t failures;
};

#define MAX_FAILURES 64u

struct failure {
    char id[96];
    uint8_t end;
    char why[120];
};

struct result {
    struct totals total;
    struct totals per_scenario[32];
    unsigned n_failures;
    struct failure failure[MAX_FAILURES];
};

/* 0, or -1 if a life without a cut fails already, which the failures tell. */
int explore(const struct explore_options *options, struct result *out);

/* Tell the life of that id. 0 if it is good, 1 if not, 2 if there is no such life. */
int replay(const char *id, uint64_t seed);

#endif
