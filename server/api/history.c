#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reply.h"

#define MINUTE 60u
#define HOUR   3600u

void srv_history_begin(struct srv_history *h)
{
    memset(h, 0, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
}

void srv_history_free(struct srv_history *h)
{
    pthread_mutex_destroy(&h->lock);
}

/* Add to the period of `length` seconds that `more` falls into; what stood in its place is from a round before. */
static void note(struct srv_period *ring, unsigned n, unsigned length, const struct srv_period *more)
{
    const uint64_t number = more->start / length;
    struct srv_period *p = &ring[number % n];
    if (p->start != number * length) {
        *p = (struct srv_period){.start = number * length};
    }
    p->image_bytes += more->image_bytes;
    p->patch_bytes += more->patch_bytes;
    p->saved_bytes += more->saved_bytes;
    p->changed = true;
}

void srv_history_note(struct srv_history *h, const struct srv_period *more)
{
    pthread_mutex_lock(&h->lock);
    note(h->minute, SRV_HISTORY_MINUTES, MINUTE, more);
    note(h->hour, SRV_HISTORY_HOURS, HOUR, more);
    pthread_mutex_unlock(&h->lock);
}

int srv_history_load(struct srv_history *h, struct srv_store *store)
{
    struct srv_period *hours;
    size_t n;
    const uint64_t now = (uint64_t)time(NULL);
    if (srv_store_hours(store, now - SRV_HISTORY_HOURS * HOUR, &hours, &n) != SRV_OK) {
        return -1;
    }
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < n; i++) {
        note(h->hour, SRV_HISTORY_HOURS, HOUR, &hours[i]);
    }
    pthread_mutex_unlock(&h->lock);
    free(hours);
    return 0;
}

int srv_history_save(struct srv_history *h, struct srv_store *store)
{
    /* A copy, so that nobody who counts waits for the database. */
    struct srv_period hour[SRV_HISTORY_HOURS];
    pthread_mutex_lock(&h->lock);
    memcpy(hour, h->hour, sizeof hour);
    for (unsigned i = 0; i < SRV_HISTORY_HOURS; i++) {
        h->hour[i].changed = false;
    }
    pthread_mutex_unlock(&h->lock);
    for (unsigned i = 0; i < SRV_HISTORY_HOURS; i++) {
        /* A cut between two of them: each is right by itself, as of its last writing. */
        if (hour[i].changed && srv_store_put_hour(store, &hour[i]) != SRV_OK) {
            return -1;
        }
    }
    return 0;
}

/* --- As JSON ------------------------------------------------------------------- */

static bool add_period(cJSON *array, const struct srv_period *p)
{
    char at[25];
    srv_timestamp_of((time_t)p->start, at);
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "at", at) &&
              cJSON_AddNumberToObject(json, "image_bytes", (double)p->image_bytes) &&
              cJSON_AddNumberToObject(json, "patch_bytes", (double)p->patch_bytes) &&
              cJSON_AddNumberToObject(json, "saved_bytes", (double)p->saved_bytes);
    return srv_json_append(array, json, ok);
}

/* The periods of the last round of a ring, which ends with the one that `now` falls into. */
static bool add_ring(cJSON *to, const char *name, const struct srv_period *ring, unsigned n, unsigned length,
                     uint64_t now)
{
    cJSON *array = cJSON_AddArrayToObject(to, name);
    bool ok = array != NULL;
    for (uint64_t number = now / length + 1 - n; number <= now / length && ok; number++) {
        const struct srv_period *p = &ring[number % n];
        ok = p->start != number * length || add_period(array, p);
    }
    return ok;
}

bool srv_history_add(cJSON *to, struct srv_history *h, uint64_t now)
{
    pthread_mutex_lock(&h->lock);
    bool ok = add_ring(to, "minutes", h->minute, SRV_HISTORY_MINUTES, MINUTE, now) &&
              add_ring(to, "hours", h->hour, SRV_HISTORY_HOURS, HOUR, now);
    pthread_mutex_unlock(&h->lock);
    return ok;
}
