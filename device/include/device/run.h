/*
 * run.h - the device loop: boot, run the app, reset.
 */
#ifndef DEVICE_RUN_H
#define DEVICE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/flash_timing.h"
#include "device/wear.h"

struct dev_run_options {
    const char *flash_path;
    const char *manifest_url;                    /* handed to the app, or NULL */
    const char *ca_path;                         /* likewise */
    const char *reference_agent;                 /* program run in place of images for real chips */
    double watchdog_s;                           /* 0: off */
    uint64_t power_cut_at;                       /* 0: never */
    const struct dev_flash_timing *flash_timing; /* NULL: flash takes no time */
    unsigned max_boots;                          /* 0: no limit */
    int gpio[64];                                /* -1: not driven */
    bool quiet;                                  /* no boot log */
    bool detached;                               /* standard input is not read: only monitors type */
    void (*on_ready)(void *ctx); /* called once, when the device is on and listens to commands; or NULL */
    void *ready_ctx;
};

/* Why the device stopped, and what it did. */
struct dev_run_result {
    enum { DEV_STOP_MAX_BOOTS, DEV_STOP_POWER_CUT, DEV_STOP_NO_APP, DEV_STOP_SIGNAL, DEV_STOP_ERROR } stop;
    unsigned boots;
    char last_booted[17]; /* label, "" if nothing booted */
    uint64_t programs, erases, violations;
    uint32_t max_wear;
    unsigned n_wear; /* rows, one for each partition */
    struct dev_wear wear[AL_PTABLE_MAX_ENTRIES];
};

/*
 * Power the device on and run it until something stops it. The boot log goes to
 * stdout in ESP-IDF's style; the app writes there too. Ctrl-C or SIGTERM ends the app
 * (as pulling the plug would) and returns. While it runs it obeys device/control.h. Returns 0, or AL_ERR_* with one line in err.
 */
int dev_run(const struct dev_run_options *options, struct dev_run_result *result, char *err, size_t err_size);

#endif
