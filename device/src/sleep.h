/*
 * sleep.h - deep sleep: what ends it.
 *
 * The app's process is gone and has left its wishes in shared->sleep. The time
 * runs from then; pins are looked at, and the first condition that holds ends it.
 */
#ifndef DEVICE_SLEEP_H
#define DEVICE_SLEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "device/shared.h"

/* Seconds; INFINITY without a timer. */
double dev_sleep_length_s(const struct dev_shared *shared);

/* "in 5 s", "in 5 s or by a pin", "only by a reset". */
void dev_sleep_describe(const struct dev_shared *shared, char *out, size_t size);

/* Do pins wake the device now? */
bool dev_sleep_pins_wake(const struct dev_shared *shared);

/* It wakes up: note by what, for the app that starts. Without a pin that says so it was the timer. */
void dev_sleep_woken(struct dev_shared *shared);

#endif
