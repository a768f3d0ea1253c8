/*
 * store_world.h - a store on a database file of its own, for the tests of what it knows.
 */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

struct world {
    char dir[64];
    char path[96];
    struct srv_store *store;
};

static inline struct srv_store *open_store(const char *path)
{
    struct srv_store *store;
    char err[256];
    assert_int_equal(srv_store_open(path, &store, err, sizeof err), 0);
    return store;
}

static inline int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/airlift-store-XXXXXX");
    if (!mkdtemp(w->dir)) {
        return -1;
    }
    snprintf(w->path, sizeof w->path, "%s/t.db", w->dir);
    w->store = open_store(w->path);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    srv_store_close(w->store);
    unlink(w->path);
    int result = rmdir(w->dir); /* fails if the log files were left behind */
    free(w);
    return result;
}

#endif
