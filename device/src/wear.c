/*
 * wear.c - how often the sectors of each partition were erased and programmed.
 */
#include "device/wear.h"

#include <stdio.h>

void dev_wear_of(const struct dev_shared *shared, uint32_t off, uint32_t size, struct dev_wear *out)
{
    out->n_sectors = 0;
    out->erases = out->programs = 0;
    out->max_erases = out->max_programs = 0;
    uint32_t end = (off + size + AL_SECTOR_SIZE - 1) / AL_SECTOR_SIZE;
    for (uint32_t i = off / AL_SECTOR_SIZE; i < end && i < DEV_MAX_SECTORS; i++) {
        uint32_t erases = atomic_load_explicit(&shared->wear[i], memory_order_relaxed);
        uint32_t programs = atomic_load_explicit(&shared->sector_programs[i], memory_order_relaxed);
        out->n_sectors++;
        out->erases += erases;
        out->programs += programs;
        out->max_erases = erases > out->max_erases ? erases : out->max_erases;
        out->max_programs = programs > out->max_programs ? programs : out->max_programs;
    }
}

unsigned dev_wear_table(const struct dev_shared *shared, const struct al_flash *flash, uint32_t ptable_off,
                        struct dev_wear out[AL_PTABLE_MAX_ENTRIES])
{
    struct al_ptable table;
    if (al_ptable_read(flash, ptable_off, &table)) {
        return 0;
    }
    for (unsigned i = 0; i < table.n; i++) {
        dev_wear_of(shared, table.part[i].off, table.part[i].size, &out[i]);
        snprintf(out[i].label, sizeof out[i].label, "%s", table.part[i].label);
    }
    return table.n;
}
