/*
 * csv_table.h - a CSV file with a row of names: read by libcsv, quoted fields and all.
 *
 * Lines that begin with # are comments, blank lines are skipped; blanks around a field belong to it.
 */
#ifndef CLI_CSV_TABLE_H
#define CLI_CSV_TABLE_H

#include <stddef.h>

struct csv_table {
    char ***rows; /* owned; rows[0] has the names; each ends with NULL and has n_columns fields */
    size_t n_rows;
    size_t n_columns;
    /* while it is read */
    size_t cap, n_fields, fields_cap;
    char **fields;
    int failed;
    size_t wide_row; /* one with more fields than there are names; 0: none */
};

/* 0, or -1 with one line in err. A short row is filled with "". Fields beyond the names have to be
 * empty: a comma that nobody quoted would cut a value short. */
int csv_table_read(struct csv_table *t, const char *path, char *err, size_t err_size);
void csv_table_free(struct csv_table *t);

/* The column of that name, or -1. */
int csv_table_column(const struct csv_table *t, const char *name);

#endif
