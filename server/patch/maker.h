/*
 * maker.h - patches are made in the background, one at a time, by a child process.
 *
 * What is to be made follows from the database alone (srv_store_missing_patch()), so nothing is queued, and
 * after a restart the work goes on with the patch that was being made. A child (`airlift delta make`) takes the
 * processor only when nobody else wants it, and ends by itself when it wants too much memory or time; what it
 * gives is checked by applying it before it is offered.
 */
#ifndef SERVER_PATCH_MAKER_H
#define SERVER_PATCH_MAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../api/metrics.h"
#include "../artifact/artifact.h"
#include "../store/patches.h"

/* Of one child. The encoder takes 256 MiB for a pair of 2 MiB. */
#define SRV_PATCH_MEMORY_MAX  (1024u << 20) /* bytes of address space */
#define SRV_PATCH_SECONDS_MAX 600u          /* of processor time */

struct srv_maker {
    /* Set by the caller before the start; borrowed until the stop. */
    struct srv_artifacts *artifacts;
    struct srv_metrics *metrics;
    struct srv_store *store; /* the maker's own connection */
    unsigned n_from;         /* releases that patches start from */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool running;
    bool stopping, woken; /* under lock, like child */
    pid_t child;          /* 0: none */
};

/* Start the thread. Returns 0, or an errno. */
int srv_maker_start(struct srv_maker *m);

/* There may be something to do: a release was published or withdrawn, or a device was seen. Any thread. */
void srv_maker_wake(struct srv_maker *m);

/* End the thread, and the child with it: what it was making is made after the next start. */
void srv_maker_stop(struct srv_maker *m);

#endif
