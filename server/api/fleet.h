/*
 * fleet.h - devices are noted when they ask for updates.
 *
 * A million devices ask often: what they say is gathered, and written at once for many. A power cut loses what was not
 * written yet, until each asks again.
 *
 * Threads: locks of its own; anyone may call, with a store of his own.
 */
#ifndef SERVER_API_FLEET_H
#define SERVER_API_FLEET_H

#include <pthread.h>

#include "../store/devices.h"

struct srv_fleet {
    pthread_mutex_t writing;    /* held while what was gathered goes to the store; taken before `lock` */
    pthread_mutex_t lock;       /* for the rest */
    struct srv_device *pending; /* owned; each device once */
    size_t n;
    int64_t since_ms; /* of the oldest */
};

/* srv_fleet_free() one that was begun. */
void srv_fleet_begin(struct srv_fleet *f);
void srv_fleet_free(struct srv_fleet *f);

/* What a device says of itself; NULL: nothing. Lengths and characters are not checked yet. */
struct srv_fleet_word {
    const char *product; /* one that exists */
    const char *id, *version, *sha256, *md5;
    const char *failure; /* one of srv_failures_note()'s */
};

/* Note it; who does not say an id of 1 to 64 printable characters is not noted. Now and then this writes. */
void srv_fleet_note(struct srv_fleet *f, struct srv_store *store, const struct srv_fleet_word *word);

/* Write what was gathered, and wait for another thread that is doing so: what was noted before is in the store then. */
enum srv_status srv_fleet_flush(struct srv_fleet *f, struct srv_store *store);

#endif
