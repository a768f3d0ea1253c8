/*
 * address_map.h - the table that says how far addresses moved, from examples of it.
 */
#ifndef DELTA_ADDRESS_MAP_H
#define DELTA_ADDRESS_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "airlift/delta_model.h"

/* A field of the old image points to `target`, its successor in the new one so much further. */
struct address_sample {
    uint32_t target;
    int32_t shift;
};

/*
 * Find the table of at most `max` entries that explains the samples (which are sorted here) at the least cost: an
 * entry costs bits, and so does a field whose target it maps wrongly. Returns the number of entries,
 * or -1 if memory ran out.
 */
int address_map_fit(struct address_sample *sample, size_t n, unsigned max, struct al_delta_entry *out);

#endif
