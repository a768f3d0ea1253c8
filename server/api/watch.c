/*
 * watch.c - connection deadlines.
 */
#include "watch.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

int64_t srv_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How often to look: a deadline may be passed by so much. */
static unsigned period_ms(const struct srv_watch *w)
{
    unsigned period = w->timeout_ms / 4;
    return period < 50 ? 50 : period > 1000 ? 1000 : period;
}

static void *watch_thread(void *arg)
{
    struct srv_watch *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        int64_t now = srv_now_ms();
        for (struct srv_conn *c = w->head; c; c = c->next) {
            if (now >= atomic_load(&c->deadline_ms) && !atomic_exchange(&c->expired, true)) {
                shutdown(c->fd, SHUT_RDWR);
            }
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)period_ms(w) * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int srv_watch_start(struct srv_watch *w, unsigned timeout_ms)
{
    memset(w, 0, sizeof *w);
    w->timeout_ms = timeout_ms;
    pthread_condattr_t attr;
    int error = pthread_mutex_init(&w->lock, NULL);
    if (error) {
        return error;
    }
    error = pthread_condattr_init(&attr);
    if (!error) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        error = pthread_cond_init(&w->wake, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (!error) {
        error = pthread_create(&w->thread, NULL, watch_thread, w);
    }
    return error;
}

void srv_watch_stop(struct srv_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
}

void srv_watch_add(struct srv_watch *w, struct srv_conn *c)
{
    srv_watch_extend(w, c, 0);
    pthread_mutex_lock(&w->lock);
    c->prev = NULL;
    c->next = w->head;
    if (c->next) {
        c->next->prev = c;
    }
    w->head = c;
    pthread_mutex_unlock(&w->lock);
}

void srv_watch_remove(struct srv_watch *w, struct srv_conn *c)
{
    pthread_mutex_lock(&w->lock);
    if (c->prev) {
        c->prev->next = c->next;
    } else {
        w->head = c->next;
    }
    if (c->next) {
        c->next->prev = c->prev;
    }
    pthread_mutex_unlock(&w->lock);
}

void srv_watch_extend(const struct srv_watch *w, struct srv_conn *c, uint64_t len)
{
    atomic_store(&c->deadline_ms, srv_now_ms() + w->timeout_ms + (int64_t)(len * 1000 / SRV_MIN_RATE));
}

void srv_watch_idle(struct srv_conn *c)
{
    atomic_store(&c->deadline_ms, srv_now_ms() + SRV_IDLE_TIMEOUT_MS);
}
