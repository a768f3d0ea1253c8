/*
 * hours.h - what was sent in each hour.
 *
 * Threads as in store.h.
 */
#ifndef SERVER_STORE_HOURS_H
#define SERVER_STORE_HOURS_H

#include "store.h"

/* Bytes that were sent in an hour or a minute. */
struct srv_period {
    uint64_t start; /* seconds since 1970 */
    uint64_t image_bytes, patch_bytes;
    uint64_t saved_bytes; /* what whole images would have taken beyond patch_bytes */
    bool changed;         /* since it was stored; not in the store */
};

/* Those that began at `since` or later, oldest first; older ones are forgotten. Free *out. */
enum srv_status srv_store_hours(struct srv_store *s, uint64_t since, struct srv_period **out, size_t *n);

/* Power cut: the hour is as it was put before or as now. */
enum srv_status srv_store_put_hour(struct srv_store *s, const struct srv_period *hour);

#endif
