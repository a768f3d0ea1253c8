/*
 * sleep.c - deep sleep: what ends it.
 */
#include "sleep.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

#define ALL_PINS (DEV_WAKE_EXT0 | DEV_WAKE_EXT1 | DEV_WAKE_GPIO)

/* Those of the group's pins that are at its level. */
static uint64_t pins_at_level(const struct dev_shared *shared, unsigned group)
{
    uint64_t mask = atomic_load(&shared->sleep.pins[group].mask), found = 0;
    int wanted = atomic_load(&shared->sleep.pins[group].level);
    for (unsigned pin = 0; pin < DEV_GPIO_COUNT; pin++) {
        if ((mask >> pin & 1u) && dev_pin_level(shared, pin) == wanted) {
            found |= UINT64_C(1) << pin;
        }
    }
    return found;
}

/* The same, or 0 if that does not wake the device. */
static uint64_t waking_pins(const struct dev_shared *shared, unsigned group)
{
    uint64_t found = pins_at_level(shared, group);
    bool armed = atomic_load(&shared->sleep.sources) >> group & 1u;
    bool enough =
        !atomic_load(&shared->sleep.pins[group].all) || found == atomic_load(&shared->sleep.pins[group].mask);
    return armed && enough ? found : 0;
}

double dev_sleep_length_s(const struct dev_shared *shared)
{
    bool timed = atomic_load(&shared->sleep.sources) & DEV_WAKE_TIMER;
    return timed ? (double)atomic_load(&shared->sleep.timer_us) / 1e6 : INFINITY;
}

void dev_sleep_describe(const struct dev_shared *shared, char *out, size_t size)
{
    uint32_t sources = atomic_load(&shared->sleep.sources);
    const char *by_pin = sources & ALL_PINS ? "by a pin" : "";
    if (sources & DEV_WAKE_TIMER) {
        snprintf(out, size, "in %g s%s%s", dev_sleep_length_s(shared), *by_pin ? " or " : "", by_pin);
    } else {
        snprintf(out, size, "only %s", *by_pin ? by_pin : "by a reset");
    }
}

bool dev_sleep_pins_wake(const struct dev_shared *shared)
{
    for (unsigned group = 0; group < DEV_WAKE_PINS; group++) {
        if (waking_pins(shared, group)) {
            return true;
        }
    }
    return false;
}

void dev_sleep_woken(struct dev_shared *shared)
{
    uint32_t causes = 0;
    for (unsigned group = 0; group < DEV_WAKE_PINS; group++) {
        uint64_t found = waking_pins(shared, group);
        atomic_store(&shared->sleep.pins[group].found, found);
        causes |= found ? 1u << group : 0;
    }
    atomic_store(&shared->sleep.woken_by, causes ? causes : DEV_WAKE_TIMER);
}
