#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "watch.h"

#define PENDING_MAX 256u
#define PENDING_MS  10000

void srv_fleet_begin(struct srv_fleet *f)
{
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->writing, NULL);
    pthread_mutex_init(&f->lock, NULL);
}

void srv_fleet_free(struct srv_fleet *f)
{
    free(f->pending);
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->writing);
}

/* Copy printable ASCII that fits; anything else is as good as nothing. */
static bool take_text(char *out, size_t size, const char *text)
{
    const size_t len = text ? strlen(text) : 0;
    bool ok = len > 0 && len < size;
    for (size_t i = 0; i < len && ok; i++) {
        ok = text[i] >= 0x20 && text[i] <= 0x7e;
    }
    if (ok) {
        memcpy(out, text, len + 1);
    }
    return ok;
}

/* Under the lock: its place among the pending ones. NULL: without memory it is not noted. */
static struct srv_device *place_for(struct srv_fleet *f, const struct srv_device *d)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->pending[i].id, d->id) == 0 && strcmp(f->pending[i].product, d->product) == 0) {
            return &f->pending[i];
        }
    }
    if (!f->pending) {
        f->pending = calloc(PENDING_MAX, sizeof *f->pending);
        f->n = 0;
        f->since_ms = srv_now_ms();
    }
    return f->pending && f->n < PENDING_MAX ? &f->pending[f->n++] : NULL;
}

void srv_fleet_note(struct srv_fleet *f, struct srv_store *store, const struct srv_fleet_word *word)
{
    struct srv_device d = {0};
    if (!take_text(d.product, sizeof d.product, word->product) || !take_text(d.id, sizeof d.id, word->id)) {
        return;
    }
    (void)take_text(d.version, sizeof d.version, word->version);
    (void)take_text(d.sha256, sizeof d.sha256, word->sha256);
    (void)take_text(d.md5, sizeof d.md5, word->md5);
    (void)take_text(d.failure, sizeof d.failure, word->failure);
    srv_timestamp(d.seen);
    pthread_mutex_lock(&f->lock);
    struct srv_device *place = place_for(f, &d);
    if (place) {
        if (srv_failure_stands(place->failure, d.failure)) { /* told a moment ago */
            strcpy(d.failure, place->failure);
        }
        *place = d;
    }
    const bool due = f->n == PENDING_MAX || (f->n > 0 && srv_now_ms() - f->since_ms >= PENDING_MS);
    pthread_mutex_unlock(&f->lock);
    if (due) {
        (void)srv_fleet_flush(f, store); /* logged; they will ask again */
    }
}

enum srv_status srv_fleet_flush(struct srv_fleet *f, struct srv_store *store)
{
    pthread_mutex_lock(&f->writing);
    /* Taken away, so that nobody who is noted meanwhile waits for the database. */
    pthread_mutex_lock(&f->lock);
    struct srv_device *list = f->pending;
    const size_t n = f->n;
    f->pending = NULL;
    f->n = 0;
    pthread_mutex_unlock(&f->lock);
    enum srv_status status = n > 0 ? srv_store_put_devices(store, list, n, SRV_DEVICES_MAX) : SRV_OK;
    pthread_mutex_unlock(&f->writing);
    free(list);
    return status;
}
