/*
 * status.h - what a running device says of itself.
 */
#ifndef DEVICE_STATUS_H
#define DEVICE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/flash.h"
#include "airlift/image.h"
#include "device/shared.h"

/* All borrowed. */
struct dev_status {
    double uptime_s; /* since power-on */
    unsigned boots;
    enum dev_reset reset;
    bool asleep;
    const char *partition;            /* of the app, "" if none was started yet */
    const struct al_image_desc *desc; /* of the app; NULL: it has none */
    double watchdog_s;                /* 0: off */
    const struct dev_shared *shared;
    const struct al_flash *flash;
    uint32_t ptable_off;
};

/* The object of docs/device.md, "device", in one line, to be freed. NULL: out of memory. */
char *dev_status_json(const struct dev_status *status);

#endif
