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

/* Copy a column; false if it is NULL or too long, which only a foreign hand can cause. */
bool srv_text_column(char *out, size_t size, const char *col);
bool srv_number_column(uint64_t *out, uint64_t max, const char *col);

/* The other way, for an argument. */
void srv_print_number(char out[24], uint64_t value);

#endif
