#include "devices.h"

#include <stdlib.h>
#include <string.h>

#include "store_internal.h"

/* --- Noting --------------------------------------------------------------------- */

static bool take_count(void *ctx, const char *const *col)
{
    return srv_number_column(ctx, UINT64_MAX, col[0]);
}

static enum srv_status forget_old(struct srv_store *s)
{
    char since[25];
    srv_timestamp_of(time(NULL) - (time_t)SRV_DEVICES_DAYS * 86400, since);
    const char *args[] = {since};
    return srv_store_checked(s, "forget_devices",
                             srv_db_run(s->db, "DELETE FROM devices WHERE seen < $1", args, 1, NULL, NULL));
}

/* Runs the release of these bytes, or, without a hash, of this version. */
#define RELEASE_RUN                                                                          \
    "COALESCE((SELECT version FROM releases WHERE product = $1 AND (sha256 = $4 OR md5 = $5" \
    " OR ($4 = '' AND $5 = '' AND version = $3)) LIMIT 1), '')"

/* What is known of one before it is noted again. */
struct known {
    bool found;
    char failure[33], failed[25];
};

static bool take_known(void *ctx, const char *const *col)
{
    struct known *known = ctx;
    known->found = true;
    return srv_text_column(known->failure, sizeof known->failure, col[0]) &&
           srv_text_column(known->failed, sizeof known->failed, col[1]);
}

static enum srv_status find_known(struct srv_store *s, const struct srv_device *d, struct known *out)
{
    const char *args[] = {d->product, d->id};
    memset(out, 0, sizeof *out);
    return srv_db_run(s->db, "SELECT failure, failed FROM devices WHERE product = $1 AND id = $2", args, 2,
                      take_known, out);
}

bool srv_failure_stands(const char *known, const char *told)
{
    const bool was_tried = strcmp(known, "health") == 0 || strcmp(known, "trial reset") == 0;
    return !told[0] || (was_tried && strcmp(told, "known bad") == 0);
}

static enum srv_status put_device(struct srv_store *s, const struct srv_device *d, const struct known *known)
{
    const char *args[] = {
        d->product, d->id,
        d->version, d->sha256,
        d->md5,     srv_failure_stands(known->failure, d->failure) ? known->failure : d->failure,
        d->seen,    d->failure[0] ? d->seen : known->failed};
    return srv_db_run(s->db,
                      "INSERT INTO devices (product, id, version, release, failure, seen, failed)"
                      " VALUES ($1, $2, $3, " RELEASE_RUN ", $6, $7, $8)"
                      " ON CONFLICT (product, id) DO UPDATE SET version = excluded.version,"
                      " release = excluded.release, failure = excluded.failure, seen = excluded.seen,"
                      " failed = excluded.failed",
                      args, 8, NULL, NULL);
}

static enum srv_status put_all(struct srv_store *s, const struct srv_device *list, size_t n, uint64_t max)
{
    uint64_t n_known = 0;
    struct known known;
    enum srv_status status = forget_old(s);
    if (status == SRV_OK) {
        status = srv_db_run(s->db, "SELECT COUNT(*) FROM devices", NULL, 0, take_count, &n_known);
    }
    for (size_t i = 0; i < n && status == SRV_OK; i++) {
        status = find_known(s, &list[i], &known);
        if (status == SRV_OK && (known.found || n_known < max)) {
            n_known += !known.found;
            status = put_device(s, &list[i], &known);
        }
    }
    return srv_store_checked(s, "put_devices", status);
}

enum srv_status srv_store_put_devices(struct srv_store *s, const struct srv_device *list, size_t n,
                                      uint64_t max)
{
    enum srv_status status = srv_store_begin(s);
    if (status != SRV_OK) {
        return status;
    }
    status = put_all(s, list, n, max);
    if (status != SRV_OK) {
        srv_store_rollback(s);
        return status;
    }
    return srv_store_commit(s);
}

/* --- Listing -------------------------------------------------------------------- */

/* "%TEXT%" for LIKE, in lower case, with '!' before what means something there. */
static char *pattern_of(const char *text)
{
    char *out = malloc(2 * strlen(text) + 3), *p = out;
    if (!out) {
        return NULL;
    }
    *p++ = '%';
    for (; *text; text++) {
        if (strchr("%_!", *text)) {
            *p++ = '!';
        }
        *p++ = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    }
    *p++ = '%';
    *p = '\0';
    return out;
}

static bool fill_row(void *item, const char *const *col)
{
    struct srv_device_row *r = item;
    return srv_text_column(r->product, sizeof r->product, col[0]) &&
           srv_text_column(r->id, sizeof r->id, col[1]) &&
           srv_text_column(r->version, sizeof r->version, *col[3] ? col[3] : col[2]) &&
           srv_text_column(r->release, sizeof r->release, col[3]) &&
           srv_text_column(r->failure, sizeof r->failure, col[4]) &&
           srv_text_column(r->failed, sizeof r->failed, col[5]) &&
           srv_text_column(r->seen, sizeof r->seen, col[6]);
}

#define ROWS "SELECT product, id, version, release, failure, failed, seen FROM devices"
#define MATCHES                                                         \
    " WHERE product LIKE $1 ESCAPE '!' OR LOWER(id) LIKE $1 ESCAPE '!'" \
    " OR LOWER(version) LIKE $1 ESCAPE '!' OR failure LIKE $1 ESCAPE '!'"

/* By the index on `seen`: as fast for a million as for ten. */
static enum srv_status list_all(struct srv_store *s, const char *limit, struct srv_rows *rows,
                                uint64_t *n_found)
{
    const char *args[] = {limit};
    enum srv_status status = srv_store_checked(
        s, "devices", srv_db_run(s->db, "SELECT COUNT(*) FROM devices", NULL, 0, take_count, n_found));
    return status == SRV_OK
               ? srv_store_rows(s, "devices",
                                ROWS " ORDER BY seen DESC, product, id LIMIT CAST($1 AS INTEGER)", args, 1,
                                sizeof(struct srv_device_row), fill_row, rows)
               : status;
}

/* All rows have to be looked at; in the table's order (that is why || ''), which is a good deal faster than in the index's. */
static enum srv_status list_matching(struct srv_store *s, const char *pattern, const char *limit,
                                     struct srv_rows *rows, uint64_t *n_found)
{
    const char *args[] = {pattern, limit};
    enum srv_status status = srv_store_checked(
        s, "devices",
        srv_db_run(s->db, "SELECT COUNT(*) FROM devices" MATCHES, args, 1, take_count, n_found));
    return status == SRV_OK && *n_found > 0
               ? srv_store_rows(s, "devices",
                                ROWS MATCHES
                                " ORDER BY seen || '' DESC, product, id LIMIT CAST($2 AS INTEGER)",
                                args, 2, sizeof(struct srv_device_row), fill_row, rows)
               : status;
}

enum srv_status srv_store_devices(struct srv_store *s, const char *search, uint64_t limit,
                                  struct srv_device_row **out, size_t *n, uint64_t *n_found)
{
    struct srv_rows rows = {0};
    char limit_text[24];
    srv_print_number(limit_text, limit);
    *n_found = 0;
    enum srv_status status = SRV_FAILED;
    char *pattern = pattern_of(search);
    if (pattern) {
        status = *search ? list_matching(s, pattern, limit_text, &rows, n_found)
                         : list_all(s, limit_text, &rows, n_found);
    }
    free(pattern);
    *out = rows.items;
    *n = rows.n;
    return status;
}

static bool fill_count(void *item, const char *const *col)
{
    struct srv_device_count *c = item;
    return srv_text_column(c->product, sizeof c->product, col[0]) &&
           srv_text_column(c->release, sizeof c->release, col[1]) &&
           srv_number_column(&c->n, UINT64_MAX, col[2]);
}

enum srv_status srv_store_device_counts(struct srv_store *s, struct srv_device_count **out, size_t *n)
{
    struct srv_rows rows;
    enum srv_status status =
        srv_store_rows(s, "device_counts",
                       "SELECT product, release, COUNT(*) FROM devices GROUP BY product, release"
                       " ORDER BY product, release",
                       NULL, 0, sizeof(struct srv_device_count), fill_count, &rows);
    *out = rows.items;
    *n = rows.n;
    return status;
}
