/*
 * db_sqlite.c - the driver for SQLite.
 *
 * Write-ahead log, so that readers never wait for a writer; synchronous=FULL, so that
 * a commit that returned is on the disk.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

#define MAX_STATEMENTS  64
#define MAX_COLUMNS     16
#define BUSY_TIMEOUT_MS 15000 /* for another connection's write transaction */

struct srv_db {
    sqlite3 *sqlite;
    struct {
        const char *sql; /* a literal: the address is the key */
        sqlite3_stmt *stmt;
    } kept[MAX_STATEMENTS];
    unsigned n_kept;
};

/* error: errno as the failing call left it */
static enum srv_status to_status(int rc, int error)
{
    switch (rc & 0xFF) { /* the rest is detail */
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return SRV_OK;
    case SQLITE_FULL:
        return SRV_FULL;
    case SQLITE_IOERR:
        /* SQLite knows of ENOSPC only: a quota or a file size limit arrives as a plain write error. */
        return error == ENOSPC || error == EDQUOT || error == EFBIG ? SRV_FULL : SRV_FAILED;
    default:
        return SRV_FAILED;
    }
}

static int prepare(struct srv_db *db, const char *sql, sqlite3_stmt **out)
{
    for (unsigned i = 0; i < db->n_kept; i++) {
        if (db->kept[i].sql == sql) {
            *out = db->kept[i].stmt;
            return SQLITE_OK;
        }
    }
    if (db->n_kept == MAX_STATEMENTS) {
        return SQLITE_NOMEM;
    }
    int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (rc == SQLITE_OK) {
        db->kept[db->n_kept].sql = sql;
        db->kept[db->n_kept++].stmt = *out;
    }
    return rc;
}

/* Step through the rows. SQLITE_DONE, or what went wrong. */
static int step_all(sqlite3_stmt *stmt, srv_db_row *row, void *ctx)
{
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *col[MAX_COLUMNS] = {0};
        int n = sqlite3_column_count(stmt);
        for (int i = 0; i < n && i < MAX_COLUMNS; i++) {
            col[i] = (const char *)sqlite3_column_text(stmt, i);
        }
        if (row && !row(ctx, col)) {
            return SQLITE_ABORT;
        }
    }
    return rc;
}

enum srv_status srv_db_run(struct srv_db *db, const char *sql, const char *const *args, unsigned n_args,
                           srv_db_row *row, void *ctx)
{
    sqlite3_stmt *stmt;
    errno = 0;
    int rc = prepare(db, sql, &stmt);
    if (rc != SQLITE_OK) {
        return to_status(rc, errno);
    }
    for (unsigned i = 0; i < n_args && rc == SQLITE_OK; i++) {
        rc = sqlite3_bind_text(stmt, (int)i + 1, args[i], -1, SQLITE_STATIC); /* NULL binds NULL */
    }
    if (rc == SQLITE_OK) {
        rc = step_all(stmt, row, ctx);
    }
    enum srv_status status = to_status(rc, errno);
    /* Reset repeats the error of step; clearing keeps no pointer into the caller's memory. */
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return status;
}

enum srv_status srv_db_begin(struct srv_db *db)
{
    /* IMMEDIATE takes the write lock now: a later upgrade could fail with "busy". */
    return srv_db_run(db, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL);
}

enum srv_status srv_db_commit(struct srv_db *db)
{
    enum srv_status status = srv_db_run(db, "COMMIT", NULL, 0, NULL, NULL);
    if (status != SRV_OK) {
        srv_db_rollback(db);
    }
    return status;
}

void srv_db_rollback(struct srv_db *db)
{
    /* A full disk may have rolled back already. */
    if (!sqlite3_get_autocommit(db->sqlite)) {
        (void)srv_db_run(db, "ROLLBACK", NULL, 0, NULL, NULL);
    }
}

const char *srv_db_error(const struct srv_db *db)
{
    return sqlite3_errmsg(db->sqlite);
}

int srv_db_open(const char *path, struct srv_db **out, char *err, size_t err_size)
{
    struct srv_db *db = calloc(1, sizeof *db);
    if (!db) {
        snprintf(err, err_size, "%s: out of memory", path);
        return -1;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &db->sqlite, flags, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(db->sqlite,
                          "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;", NULL,
                          NULL, NULL);
    }
    if (rc != SQLITE_OK) {
        snprintf(err, err_size, "%s: %s", path, db->sqlite ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(rc));
        srv_db_close(db);
        return -1;
    }
    *out = db;
    return 0;
}

void srv_db_close(struct srv_db *db)
{
    if (!db) {
        return;
    }
    for (unsigned i = 0; i < db->n_kept; i++) {
        sqlite3_finalize(db->kept[i].stmt);
    }
    if (db->sqlite) {
        /* Best effort: what stays in the log is read from there at the next start. */
        (void)sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    sqlite3_close(db->sqlite);
    free(db);
}
