/*
 * boot_log.h - what ROM and bootloader print, in ESP-IDF's familiar style.
 */
#ifndef DEVICE_BOOT_LOG_H
#define DEVICE_BOOT_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "airlift/boot.h"
#include "airlift/otadata.h"
#include "device/desc.h"
#include "device/shared.h"

struct dev_boot_log {
    bool quiet;
    FILE *to;       /* borrowed */
    double reset_s; /* when the device came out of reset, CLOCK_MONOTONIC */
    bool has_before;
    struct al_otadata before; /* OTA data when the bootloader started */
};

/* "I (24) tag: text", with the milliseconds since reset. `level` is E, W or I. */
void dev_boot_log(const struct dev_boot_log *log, char level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A line as it is. */
void dev_boot_log_line(const struct dev_boot_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Out of reset: the ROM's lines. */
void dev_boot_log_reset(struct dev_boot_log *log, enum dev_reset reset, const struct dev_desc *desc,
                        uint32_t flash_size);

/* Before al_boot(): remember the OTA data, to report what the bootloader changes. */
void dev_boot_log_before(struct dev_boot_log *log, const struct al_flash *flash, const struct dev_desc *desc,
                         struct al_boot_work *work);

/* After al_boot(): table, candidates, verdict, who signed the app, and the app's segments. */
void dev_boot_log_result(struct dev_boot_log *log, const struct al_flash *flash, const struct dev_desc *desc,
                         const struct al_boot_work *work, const struct al_boot_result *result);

#endif
