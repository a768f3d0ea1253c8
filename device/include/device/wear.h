/*
 * wear.h - how often the sectors of each partition were erased and programmed.
 */
#ifndef DEVICE_WEAR_H
#define DEVICE_WEAR_H

#include <stdint.h>

#include "airlift/flash.h"
#include "airlift/ptable.h"
#include "device/shared.h"

/* Since power-on. */
struct dev_wear {
    char label[AL_LABEL_SIZE + 1];
    uint32_t n_sectors;
    uint64_t erases, programs;         /* of all its sectors */
    uint32_t max_erases, max_programs; /* of one sector */
};

/* Of the sectors that bytes off .. off + size - 1 lie in; the label stays as it is. */
void dev_wear_of(const struct dev_shared *shared, uint32_t off, uint32_t size, struct dev_wear *out);

/*
 * A row for each partition of the table at `ptable_off`. How many; 0 if there is no valid table.
 */
unsigned dev_wear_table(const struct dev_shared *shared, const struct al_flash *flash, uint32_t ptable_off,
                        struct dev_wear out[AL_PTABLE_MAX_ENTRIES]);

#endif
