/*
 * store_internal.h - what the store's files share.
 */
#ifndef SERVER_STORE_STORE_INTERNAL_H
#define SERVER_STORE_STORE_INTERNAL_H

#include "db.h"
#include "store.h"

struct srv_store {
    struct srv_db *db;
};

/* Log a failure; the status is handed through. */
enum srv_status srv_store_checked(struct srv_store *s, const char *what, enum srv_status status);

/* What a statement found: n structs, owned by the caller; items is NULL if n is 0. */
struct srv_rows {
    void *items;
    size_t n;
};

/*
 * Run a statement and keep each row as a struct of `size` bytes. fill() gets it zeroed; false from it (a column that
 * makes no sense) fails the whole. On failure, which is logged, *out is empty.
 */
enum srv_status srv_store_rows(struct srv_store *s, const char *what, const char *sql,
                               const char *const *args, unsigned n_args, size_t size,
                               bool (*fill)(void *item, const char *const *col), struct srv_rows *out);

/* Copy a column; false if it is NULL or too long, which only a foreign hand can cause. */
bool srv_text_column(char *out, size_t size, const char *col);
bool srv_number_column(uint64_t *out, uint64_t max, const char *col);

/* The other way, for an argument. */
void srv_print_number(char out[24], uint64_t value);

#endif
