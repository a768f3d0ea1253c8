/*
 * failures.h - why devices could not update: they say so when they ask for the manifest again.
 *
 * Threads: counters are atomic, and anyone may add to them.
 */
#ifndef SERVER_API_FAILURES_H
#define SERVER_API_FAILURES_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "host/file.h"

#define SRV_N_FAILURES 24u

struct srv_failures {
    atomic_ullong n[SRV_N_FAILURES]; /* by reason */
};

/*
 * Count what a device says, a name of agent/src/events.c; anything else is "other". NULL: it says nothing.
 * Returns the name, in static storage, or NULL.
 */
const char *srv_failures_note(struct srv_failures *f, const char *said);

/* Those that happened, as a Prometheus counter, and as "failures": {"unsigned": 2}. False without memory. */
bool srv_failures_print(struct host_buf *out, const struct srv_failures *f);
bool srv_failures_add(cJSON *to, const struct srv_failures *f);

#endif
