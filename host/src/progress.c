/*
 * progress.c - a progress bar.
 */
#include "host/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define INTERVAL_MS 100

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void draw(struct host_progress *p, uint64_t done, int64_t now)
{
    int64_t elapsed = now - p->start_ms;
    double rate = elapsed > 0 ? (double)done / 1024.0 * 1000.0 / (double)elapsed : 0;
    if (p->total == 0) {
        fprintf(stderr, "\r\033[K%s %.0f KiB, %.0f KiB/s", p->what, (double)done / 1024.0, rate);
    } else {
        static const char full[] = "##############################";
        _Static_assert(sizeof full == BAR_WIDTH + 1, "one mark for each column");
        uint64_t part = done < p->total ? done : p->total;
        int percent = (int)((double)part / (double)p->total * 100.0);
        int marks = percent * BAR_WIDTH / 100;
        fprintf(stderr, "\r\033[K%s [%.*s%*s] %3d%% %.0f KiB/s", p->what, marks, full, BAR_WIDTH - marks, "",
                percent, rate);
        p->percent = percent;
    }
    fflush(stderr);
    p->shown_ms = now;
}

void host_progress_start(struct host_progress *p, const char *what, uint64_t total)
{
    memset(p, 0, sizeof *p);
    p->what = what;
    p->total = total;
    p->start_ms = p->shown_ms = now_ms();
    p->enabled = isatty(STDERR_FILENO);
}

void host_progress_update(struct host_progress *p, uint64_t done)
{
    if (!p->enabled) {
        return;
    }
    int64_t now = now_ms();
    /* The first second passes in silence: short work needs no bar. */
    if (now - p->start_ms >= 1000 && now - p->shown_ms >= INTERVAL_MS) {
        draw(p, done, now);
    }
}

void host_progress_end(struct host_progress *p)
{
    if (p->enabled && p->shown_ms != p->start_ms) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
    p->enabled = 0;
}
