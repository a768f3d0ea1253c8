/*
 * devices.h - the devices that asked for updates, as they call themselves.
 *
 * Anyone may say anything: what is kept is bounded, and decides nothing.
 *
 * Threads as in store.h.
 */
#ifndef SERVER_STORE_DEVICES_H
#define SERVER_STORE_DEVICES_H

#include "store.h"

#define SRV_DEVICES_MAX  1000000u /* more are not noted */
#define SRV_DEVICES_DAYS 90u      /* after so many without a word one is forgotten */

/* What a device says when it asks. Texts are printable ASCII; "": it did not say. */
struct srv_device {
    char product[65];
    char id[65];
    char version[33];
    char sha256[65], md5[33]; /* of the file that it runs */
    char failure[33];         /* of its last update */
    char seen[25];            /* as srv_timestamp() has it */
};

/*
 * Note them, in one transaction. `max`: SRV_DEVICES_MAX.
 * Power cut: all are noted or none.
 */
enum srv_status srv_store_put_devices(struct srv_store *s, const struct srv_device *list, size_t n,
                                      uint64_t max);

/*
 * Does the failure that is known of a device stay when it tells this one? When it tells none any more; and when it tells that it
 * refuses the image since, "known bad", for what that did on trial.
 */
bool srv_failure_stands(const char *known, const char *told);

struct srv_device_row {
    char product[65], id[65];
    char version[33]; /* the release's, or else as it says */
    char release[33]; /* the release that it runs; "": none */
    char failure[33]; /* the last one; "": none */
    char failed[25];  /* when that was told last; "": never */
    char seen[25];
};

/*
 * Up to `limit` devices, those first that were seen last. search: what product, id, version or failure contain, in any case of
 * letters; "": all. *n_found counts all that match. Free *out.
 */
enum srv_status srv_store_devices(struct srv_store *s, const char *search, uint64_t limit,
                                  struct srv_device_row **out, size_t *n, uint64_t *n_found);

/* How many devices run a release; release "": another image. By product. Free *out. */
struct srv_device_count {
    char product[65], release[33];
    uint64_t n;
};
enum srv_status srv_store_device_counts(struct srv_store *s, struct srv_device_count **out, size_t *n);

#endif
