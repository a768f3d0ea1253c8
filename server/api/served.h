/*
 * served.h - bytes of each image, and of the patches to it, that devices were sent: what each release saved.
 *
 * Threads: a lock of its own; anyone may call.
 */
#ifndef SERVER_API_SERVED_H
#define SERVER_API_SERVED_H

#include <cjson/cJSON.h>
#include <pthread.h>

#include "../store/patches.h"
#include "host/file.h"

struct srv_served_list {
    pthread_mutex_t lock;
    struct srv_served *items; /* one per image, in no order */
    size_t n;
};

/* srv_served_free() a list that was begun. */
void srv_served_begin(struct srv_served_list *list);
void srv_served_free(struct srv_served_list *list);

/* Add what `more` counts to the entry of its image. Without memory it is not counted. */
void srv_served_note(struct srv_served_list *list, const struct srv_served *more);

/* Take over what earlier processes counted, and hand on what has changed. 0 or -1 (logged). */
int srv_served_load(struct srv_served_list *list, struct srv_store *store);
int srv_served_save(struct srv_served_list *list, struct srv_store *store);

/*
 * Each release, as Prometheus counters, and as "releases": [{"product", "version", "image_bytes", "patch_bytes",
 * "saved_bytes"}]. False without memory, or if the store fails.
 */
bool srv_served_print(struct host_buf *out, struct srv_served_list *list, struct srv_store *store);
bool srv_served_add(cJSON *to, struct srv_served_list *list, struct srv_store *store);

#endif
