#include "csv_table.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/file.h"

#define FILE_MAX_SIZE (64u * 1024u * 1024u)

static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static void on_field(void *data, size_t len, void *ctx)
{
    struct csv_table *t = ctx;
    if (t->n_fields == t->fields_cap) {
        size_t cap = t->fields_cap ? 2 * t->fields_cap : 16;
        char **fields = realloc(t->fields, cap * sizeof *fields);
        if (!fields) {
            t->failed = 1;
            return;
        }
        t->fields = fields;
        t->fields_cap = cap;
    }
    char *copy = malloc(len + 1);
    if (!copy) {
        t->failed = 1;
        return;
    }
    if (len) {
        memcpy(copy, data, len);
    }
    copy[len] = '\0';
    t->fields[t->n_fields++] = copy;
}

/* A row ends: it is kept as wide as the first. */
static void on_row(int end, void *ctx)
{
    struct csv_table *t = ctx;
    (void)end;
    if (t->failed || t->n_fields == 0) {
        return;
    }
    if (t->n_rows == 0) {
        t->n_columns = t->n_fields;
    }
    while (t->n_fields < t->n_columns && !t->failed) {
        on_field(NULL, 0, t);
    }
    if (t->n_rows == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        char ***rows = realloc(t->rows, cap * sizeof *rows);
        t->failed |= !rows;
        if (rows) {
            t->rows = rows;
            t->cap = cap;
        }
    }
    char **row = t->failed ? NULL : calloc(t->n_columns + 1, sizeof *row);
    if (!row) {
        t->failed = 1;
        return;
    }
    for (size_t i = 0; i < t->n_fields; i++) {
        if (i < t->n_columns) {
            row[i] = t->fields[i];
            continue;
        }
        if (t->fields[i][0] && !t->wide_row) {
            t->wide_row = t->n_rows + 1;
        }
        free(t->fields[i]);
    }
    t->n_fields = 0;
    t->rows[t->n_rows++] = row;
}

/* Leave the comments out, as the generators do: before fields are looked at. */
static size_t drop_comments(char *text, size_t len)
{
    size_t kept = 0;
    for (size_t at = 0; at < len;) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t line = newline ? (size_t)(newline - (text + at)) + 1 : len - at;
        if (text[at] != '#') {
            memmove(text + kept, text + at, line);
            kept += line;
        }
        at += line;
    }
    return kept;
}

static int parse(struct csv_table *t, const char *path, char *text, size_t len, char *err, size_t err_size)
{
    struct csv_parser parser;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte-order mark */
        text += 3;
        len -= 3;
    }
    len = drop_comments(text, len);
    if (memchr(text, '\0', len)) {
        snprintf(err, err_size, "%s: not a text file", path);
        return -1;
    }
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    csv_set_space_func(&parser, never);
    size_t done = csv_parse(&parser, text, len, on_field, on_row, t);
    int result = done == len ? csv_fini(&parser, on_field, on_row, t) : -1;
    csv_free(&parser);
    if (result != 0) {
        snprintf(err, err_size, "%s: row %zu: a quote is not closed, or stands in the middle of a field",
                 path, t->n_rows + 1);
    } else if (t->failed) {
        snprintf(err, err_size, "out of memory");
        result = -1;
    } else if (t->wide_row) {
        snprintf(err, err_size,
                 "%s: row %zu: more fields than the first row has columns; put a value with commas in quotes",
                 path, t->wide_row);
        result = -1;
    } else if (t->n_rows == 0) {
        snprintf(err, err_size, "%s: no row with the columns' names", path);
        result = -1;
    }
    return result;
}

int csv_table_read(struct csv_table *t, const char *path, char *err, size_t err_size)
{
    struct host_buf file;
    memset(t, 0, sizeof *t);
    host_buf_init(&file, FILE_MAX_SIZE);
    int result = host_read_file(path, FILE_MAX_SIZE, &file, err, err_size);
    if (result == 0) {
        char none[] = "";
        result = parse(t, path, file.data ? (char *)file.data : none, file.len, err, err_size);
    }
    host_buf_free(&file);
    if (result != 0) {
        csv_table_free(t);
    }
    return result;
}

void csv_table_free(struct csv_table *t)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        free(t->fields[i]);
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        for (char **field = t->rows[i]; *field; field++) {
            free(*field);
        }
        free(t->rows[i]);
    }
    free(t->fields);
    free(t->rows);
    memset(t, 0, sizeof *t);
}

int csv_table_column(const struct csv_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (strcmp(t->rows[0][i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
