/*
 * metrics.h - what the server counts: requests, bytes served and saved, patches.
 *
 * Threads: counters are atomic, and anyone may add to them.
 */
#ifndef SERVER_API_METRICS_H
#define SERVER_API_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "../store/store.h"
#include "failures.h"
#include "history.h"
#include "served.h"

struct srv_metrics {
    atomic_ullong requests[6]; /* by the first digit of their status; [0]: no answer */
    /* Of artifacts that were sent to their end: an answer that broke off is not counted. */
    atomic_ullong image_bytes, patch_bytes;
    atomic_ullong saved_bytes; /* what whole images would have taken beyond patch_bytes */
    atomic_ullong patches_made, patches_useless, patches_failed;
    struct srv_failures failures;  /* of devices */
    struct srv_served_list served; /* the bytes by release */
    struct srv_history history;    /* and by time */
    atomic_ullong patch_ms;        /* spent on making them */
    atomic_ullong patches_missing; /* now; the one being made too */
};

/* Take the bytes over that earlier processes counted, and hand them on. 0 or -1 (logged). */
int srv_metrics_load(struct srv_metrics *m, struct srv_store *store);
int srv_metrics_save(struct srv_metrics *m, struct srv_store *store);

/*
 * `len` bytes of an artifact of `size` bytes arrived; it stands for the image of this hash and `full` bytes, and is
 * it if the two are the same.
 */
void srv_metrics_artifact(struct srv_metrics *m, uint64_t len, uint32_t size, const char *image_sha256,
                          uint32_t full);

#endif
