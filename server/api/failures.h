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

#include "airlift/fail_reasons.h"
#include "host/file.h"

/* "other", and those that devices can name. */
#define SRV_FAILURE_ONE(name, text) +1u
#define SRV_N_FAILURES              (1u AIRLIFT_FAIL_REASONS(SRV_FAILURE_ONE))

struct srv_failures {
    atomic_ullong n[SRV_N_FAILURES]; /* by reason */
};

/*
 * Count what a device says, one of AIRLIFT_FAIL_REASONS; anything else is "other". NULL: it says nothing.
 * Returns the name, in static storage, or NULL.
 */
const char *srv_failures_note(struct srv_failures *f, const char *said);

/* Those that happened, as a Prometheus counter, and as "failures": {"unsigned": 2}. False without memory. */
bool srv_failures_print(struct host_buf *out, const struct srv_failures *f);
bool srv_failures_add(cJSON *to, const struct srv_failures *f);

#endif
