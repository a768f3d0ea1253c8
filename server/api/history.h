/*
 * history.h - when bytes were sent: by minute for an hour, by hour for a week.
 *
 * Threads: a lock of its own; anyone may call.
 */
#ifndef SERVER_API_HISTORY_H
#define SERVER_API_HISTORY_H

#include <cjson/cJSON.h>
#include <pthread.h>

#include "../store/hours.h"

#define SRV_HISTORY_MINUTES 60u
#define SRV_HISTORY_HOURS   168u

struct srv_history {
    pthread_mutex_t lock;
    struct srv_period minute[SRV_HISTORY_MINUTES], hour[SRV_HISTORY_HOURS]; /* by start; 0 is unused */
};

/* srv_history_free() one that was begun. */
void srv_history_begin(struct srv_history *h);
void srv_history_free(struct srv_history *h);

/* Add what was sent at more->start. */
void srv_history_note(struct srv_history *h, const struct srv_period *more);

/* Take the hours over that earlier processes counted, and hand on what has changed. 0 or -1 (logged). */
int srv_history_load(struct srv_history *h, struct srv_store *store);
int srv_history_save(struct srv_history *h, struct srv_store *store);

/*
 * Add "minutes" and "hours": [{"at", "image_bytes", "patch_bytes", "saved_bytes"}], oldest first, up to `now`. Those in
 * which nothing was sent are left out. False without memory.
 */
bool srv_history_add(cJSON *to, struct srv_history *h, uint64_t now);

#endif
