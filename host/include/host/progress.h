/*
 * progress.h - a progress bar on stderr, when stderr is a terminal.
 */
#ifndef HOST_PROGRESS_H
#define HOST_PROGRESS_H

#include <stdint.h>

struct host_progress {
    const char *what;
    uint64_t total; /* 0: unknown */
    int64_t start_ms, shown_ms;
    int percent;
    int enabled;
};

void host_progress_start(struct host_progress *p, const char *what, uint64_t total);
void host_progress_update(struct host_progress *p,
                          uint64_t done);        /* cheap; draws at most 10 times a second */
void host_progress_end(struct host_progress *p); /* clears the line */

#endif
