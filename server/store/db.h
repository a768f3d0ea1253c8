/*
 * db.h - the small driver under the store: run one SQL statement.
 *
 * SQL is written once, in store.c, in the words that SQLite and PostgreSQL share
 * ($1, $2, ... in order of appearance); arguments and results are text, as
 * libpq has them. Another database is another file that defines these functions.
 *
 * Threads: a connection is used by one thread at a time. Several connections,
 * also of other processes, may be open on one database.
 */
#ifndef SERVER_STORE_DB_H
#define SERVER_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

struct srv_db;

/* One row; columns are text or NULL, borrowed for the call. False ends the statement with SRV_FAILED. */
typedef bool srv_db_row(void *ctx, const char *const *col);

/* Open, creating it if missing. 0, or -1 with one line in err. */
int srv_db_open(const char *path, struct srv_db **out, char *err, size_t err_size);

/* Move the write-ahead log into the database file, and close. NULL is allowed. */
void srv_db_close(struct srv_db *db);

/*
 * Run `sql`, a string literal: prepared statements are kept by its address.
 *
 * args  n_args texts or NULLs, borrowed for the call
 * row   called for each row; NULL: rows are not expected
 *
 * Power cut: what a statement outside a transaction, or a commit, has reported as
 * done survives it; anything less leaves no trace.
 *
 * Returns SRV_OK, SRV_FULL or SRV_FAILED; srv_db_error() has the reason.
 */
enum srv_status srv_db_run(struct srv_db *db, const char *sql, const char *const *args, unsigned n_args,
                           srv_db_row *row, void *ctx);

/* A transaction that sees no other writer between begin and commit. Waits for one under way. */
enum srv_status srv_db_begin(struct srv_db *db);
enum srv_status srv_db_commit(struct srv_db *db); /* on failure rolled back */
void srv_db_rollback(struct srv_db *db);

/* Why the last call failed. Valid until the next one. */
const char *srv_db_error(const struct srv_db *db);

#endif
