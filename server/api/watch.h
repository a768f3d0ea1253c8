/*
 * watch.h - a deadline for every connection.
 *
 * libmicrohttpd's timeout counts silence only, so a client that sends one byte a second would stay for
 * ever. A thread shuts down the socket of each connection whose deadline has passed; the
 * worker then sees it closed and cleans up as usual.
 */
#ifndef SERVER_API_WATCH_H
#define SERVER_API_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SRV_REQUEST_TIMEOUT_MS 30000u
#define SRV_IDLE_TIMEOUT_MS    60000u /* between requests on one connection */
#define SRV_MIN_RATE           4096u  /* bytes per second a body must make on average */

struct srv_conn {
    struct srv_conn *next, *prev;
    int fd; /* the worker's; open as long as the struct is in the list */
    _Atomic int64_t deadline_ms;
    atomic_bool expired;
    char peer[64];
};

struct srv_watch {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct srv_conn *head; /* under lock, like stopping */
    bool stopping;
    unsigned timeout_ms;
};

/* Start the thread. Returns 0, or an errno. */
int srv_watch_start(struct srv_watch *w, unsigned timeout_ms);
void srv_watch_stop(struct srv_watch *w); /* the list is empty by then */

void srv_watch_add(struct srv_watch *w, struct srv_conn *c);
void srv_watch_remove(struct srv_watch *w, struct srv_conn *c); /* before its socket is closed */

/*
 * Give a connection the request timeout from now, and for a body of `len` bytes the time
 * it takes at SRV_MIN_RATE.
 */
void srv_watch_extend(const struct srv_watch *w, struct srv_conn *c, uint64_t len);

/* The request is over: the next one is to arrive within SRV_IDLE_TIMEOUT_MS. */
void srv_watch_idle(struct srv_conn *c);

int64_t srv_now_ms(void); /* monotonic */

#endif
