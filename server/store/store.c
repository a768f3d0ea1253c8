/*
 * store.c - the SQL, and rows to structs.
 *
 * products.newest is kept beside the releases because SQL cannot order semantic versions:
 * every change of a product's releases recomputes it in the same transaction.
 */
#include "store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "airlift/semver.h"
#include "db.h"
#include "host/log.h"

/* Grows when older programs would misread a table. One that they do not know leaves it as it is: it is made when
 * the database is opened, and is no business of theirs. */
#define SCHEMA_VERSION "1"

static const char *const schema[] = {
    "CREATE TABLE IF NOT EXISTS meta ("
    " name TEXT PRIMARY KEY,"
    " value TEXT NOT NULL)",

    "CREATE TABLE IF NOT EXISTS products ("
    " name TEXT PRIMARY KEY,"
    " chip_id INTEGER NOT NULL,"
    " newest TEXT)",

    "CREATE TABLE IF NOT EXISTS releases ("
    " product TEXT NOT NULL REFERENCES products (name),"
    " version TEXT NOT NULL,"
    " project TEXT NOT NULL,"
    " chip_id INTEGER NOT NULL,"
    " secure_version BIGINT NOT NULL,"
    " size BIGINT NOT NULL,"
    " sha256 TEXT NOT NULL,"
    " md5 TEXT NOT NULL,"
    " mandatory INTEGER NOT NULL,"
    " withdrawn INTEGER NOT NULL,"
    " created TEXT NOT NULL,"
    " notes TEXT,"
    " PRIMARY KEY (product, version))",

    "CREATE INDEX IF NOT EXISTS releases_sha256 ON releases (sha256)",

    "CREATE TABLE IF NOT EXISTS images ("
    " sha256 TEXT PRIMARY KEY," /* of the file */
    " image_sha256 TEXT NOT NULL,"
    " signers TEXT NOT NULL)", /* as print_signers() has them */

    "CREATE TABLE IF NOT EXISTS tokens ("
    " role TEXT PRIMARY KEY,"
    " sha256 TEXT NOT NULL,"
    " created TEXT NOT NULL)",

    /* Two tables of earlier versions, which knew one kind of patch; what they held is made and noted anew. */
    "DROP TABLE IF EXISTS patches",
    "DROP TABLE IF EXISTS running",

    "CREATE TABLE IF NOT EXISTS deltas ("
    " from_sha256 TEXT NOT NULL," /* '' for a whole image, compressed */
    " to_sha256 TEXT NOT NULL,"
    " kind TEXT NOT NULL,"  /* srv_patch_kind_name[] */
    " state TEXT NOT NULL," /* made, useless or failed */
    " from_size BIGINT NOT NULL,"
    " to_size BIGINT NOT NULL,"
    " format TEXT NOT NULL,"
    " ram BIGINT NOT NULL,"
    " size BIGINT NOT NULL,"
    " sha256 TEXT NOT NULL," /* '' unless made */
    " created TEXT NOT NULL,"
    " PRIMARY KEY (from_sha256, to_sha256, kind))",

    "CREATE INDEX IF NOT EXISTS deltas_sha256 ON deltas (sha256)",

    "CREATE TABLE IF NOT EXISTS blocks ("
    " image_sha256 TEXT PRIMARY KEY,"
    " size BIGINT NOT NULL,"
    " sha256s TEXT NOT NULL)", /* 16 digits for each block */

    "CREATE TABLE IF NOT EXISTS askers ("
    " product TEXT NOT NULL,"
    " sha256 TEXT NOT NULL," /* of the file that a device runs */
    " kind TEXT NOT NULL,"   /* of patch that it takes */
    " seen TEXT NOT NULL,"   /* to the hour */
    " PRIMARY KEY (product, sha256, kind))",

    "CREATE TABLE IF NOT EXISTS served ("
    " image_sha256 TEXT PRIMARY KEY,"
    " image_bytes BIGINT NOT NULL,"
    " patch_bytes BIGINT NOT NULL,"
    " saved_bytes BIGINT NOT NULL)",

    "CREATE TABLE IF NOT EXISTS devices ("
    " product TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " version TEXT NOT NULL,"
    " release TEXT NOT NULL," /* '' for an image that is none */
    " failure TEXT NOT NULL," /* the last one, '' if there was none; likewise failed, its time */
    " failed TEXT NOT NULL,"
    " seen TEXT NOT NULL,"
    " PRIMARY KEY (product, id))",

    "CREATE INDEX IF NOT EXISTS devices_seen ON devices (seen)",

    "CREATE INDEX IF NOT EXISTS devices_release ON devices (product, release)",

    "CREATE TABLE IF NOT EXISTS hours ("
    " start BIGINT PRIMARY KEY," /* seconds since 1970 */
    " image_bytes BIGINT NOT NULL,"
    " patch_bytes BIGINT NOT NULL,"
    " saved_bytes BIGINT NOT NULL)",

    "CREATE TABLE IF NOT EXISTS totals ("
    " name TEXT PRIMARY KEY,"
    " value BIGINT NOT NULL)",

    "INSERT INTO meta (name, value) VALUES ('schema', '" SCHEMA_VERSION "') ON CONFLICT (name) DO NOTHING",
};

#define RELEASE_COLUMNS                                                                                   \
    "r.product, r.version, r.project, r.chip_id, r.secure_version, r.size, r.sha256, r.md5, r.mandatory," \
    " r.withdrawn, r.created, r.notes, i.image_sha256, i.signers"

/* What is known of the image; NULL for one that was published before that was kept. */
#define WITH_IMAGE " LEFT JOIN images i ON i.sha256 = r.sha256"

/* --- Rows ------------------------------------------------------------------ */

/* Log a failure; the status is handed through. */
enum srv_status srv_store_checked(struct srv_store *s, const char *what, enum srv_status status)
{
    if (status == SRV_FAILED || status == SRV_FULL) {
        host_log(HOST_LOG_ERROR, "database_failed", "while", what, "reason", srv_db_error(s->db), NULL);
    }
    return status;
}

struct growing {
    struct srv_rows *rows;
    size_t size;
    bool (*fill)(void *item, const char *const *col);
};

static bool grow(void *ctx, const char *const *col)
{
    const struct growing *g = ctx;
    void *items = realloc(g->rows->items, (g->rows->n + 1) * g->size);
    if (!items) {
        return false;
    }
    g->rows->items = items;
    void *item = (char *)items + g->rows->n++ * g->size;
    memset(item, 0, g->size);
    return g->fill(item, col);
}

enum srv_status srv_store_rows(struct srv_store *s, const char *what, const char *sql,
                               const char *const *args, unsigned n_args, size_t size,
                               bool (*fill)(void *item, const char *const *col), struct srv_rows *out)
{
    struct growing g = {out, size, fill};
    *out = (struct srv_rows){0};
    enum srv_status status = srv_store_checked(s, what, srv_db_run(s->db, sql, args, n_args, grow, &g));
    if (status != SRV_OK) {
        free(out->items);
        *out = (struct srv_rows){0};
    }
    return status;
}

/* Copy a column; false if it is NULL or too long, which only a foreign hand can cause. */
bool srv_text_column(char *out, size_t size, const char *col)
{
    size_t len = col ? strlen(col) : size;
    if (len >= size) {
        return false;
    }
    memcpy(out, col, len + 1);
    return true;
}

bool srv_number_column(uint64_t *out, uint64_t max, const char *col)
{
    char *end = NULL;
    *out = col ? strtoull(col, &end, 10) : 0;
    return col && *col && !*end && *out <= max;
}

void srv_print_number(char out[24], uint64_t value)
{
    snprintf(out, 24, "%llu", (unsigned long long)value);
}

#define SIGNERS_SIZE 300u /* bytes of three of them, as text */

/* "TYPE,DIGEST,1;" each, with "-" for a digest that is missing. */
static void print_signers(const struct srv_signers *signers, char out[SIGNERS_SIZE])
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < signers->n; i++) {
        const struct srv_signer *s = &signers->item[i];
        int n = snprintf(out + len, SIGNERS_SIZE - len, "%s,%s,%d;", s->type,
                         s->key_digest[0] ? s->key_digest : "-", s->valid);
        len += n > 0 ? (size_t)n : 0;
    }
}

static bool signers_column(struct srv_signers *out, const char *col)
{
    memset(out, 0, sizeof *out);
    while (*col) {
        struct srv_signer *s = &out->item[out->n];
        int valid, len = 0;
        if (out->n == AL_SIG_MAX_BLOCKS ||
            sscanf(col, "%15[^,;],%64[-0-9a-f],%d;%n", s->type, s->key_digest, &valid, &len) != 3 ||
            len == 0) {
            return false;
        }
        if (s->key_digest[0] == '-') {
            s->key_digest[0] = '\0';
        }
        s->valid = valid;
        out->n++;
        col += len;
    }
    return true;
}

static bool release_row(struct srv_release *r, const char *const *col)
{
    uint64_t chip_id, secure_version, size, mandatory, withdrawn;
    memset(r, 0, sizeof *r);
    if (!srv_text_column(r->product, sizeof r->product, col[0]) ||
        !srv_text_column(r->version, sizeof r->version, col[1]) ||
        !srv_text_column(r->project, sizeof r->project, col[2]) ||
        !srv_number_column(&chip_id, UINT16_MAX, col[3]) ||
        !srv_number_column(&secure_version, UINT32_MAX, col[4]) ||
        !srv_number_column(&size, UINT32_MAX, col[5]) ||
        !srv_text_column(r->sha256, sizeof r->sha256, col[6]) ||
        !srv_text_column(r->md5, sizeof r->md5, col[7]) || !srv_number_column(&mandatory, 1, col[8]) ||
        !srv_number_column(&withdrawn, 1, col[9]) ||
        !srv_text_column(r->created, sizeof r->created, col[10])) {
        return false;
    }
    r->chip_id = (uint16_t)chip_id;
    r->secure_version = (uint32_t)secure_version;
    r->size = (uint32_t)size;
    r->mandatory = mandatory;
    r->withdrawn = withdrawn;
    if (col[12] && (!srv_text_column(r->image_sha256, sizeof r->image_sha256, col[12]) ||
                    !signers_column(&r->signers, col[13]))) {
        return false;
    }
    r->notes = col[11] ? strdup(col[11]) : NULL;
    return !col[11] || r->notes;
}

struct release_list {
    struct srv_release *items;
    size_t n, cap;
};

static bool add_release(void *ctx, const char *const *col)
{
    struct release_list *list = ctx;
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 16;
        struct srv_release *items = realloc(list->items, cap * sizeof *items);
        if (!items) {
            return false;
        }
        list->items = items;
        list->cap = cap;
    }
    return release_row(&list->items[list->n++], col);
}

static int newest_first(const void *a, const void *b)
{
    const struct srv_release *left = a, *right = b;
    return al_semver_compare(right->version, left->version);
}

static int by_product(const void *a, const void *b)
{
    const struct srv_release *left = a, *right = b;
    int order = strcmp(left->product, right->product);
    return order ? order : newest_first(a, b);
}

/* Exactly one release. */
static enum srv_status one_release(struct srv_store *s, const char *what, const char *sql,
                                   const char *const *args, unsigned n_args, struct srv_release *out)
{
    struct release_list list = {0};
    memset(out, 0, sizeof *out);
    enum srv_status status =
        srv_store_checked(s, what, srv_db_run(s->db, sql, args, n_args, add_release, &list));
    if (status == SRV_OK && list.n == 0) {
        status = SRV_NOT_FOUND;
    }
    if (status == SRV_OK) {
        *out = list.items[0];
        list.items[0].notes = NULL;
    }
    srv_releases_free(list.items, list.n);
    return status;
}

static enum srv_status update_newest(struct srv_store *s, const char *product)
{
    struct srv_release *list;
    size_t n;
    enum srv_status status = srv_store_list(s, product, &list, &n);
    if (status != SRV_OK) {
        return status;
    }
    const char *newest = NULL;
    for (size_t i = 0; i < n && !newest; i++) {
        newest = list[i].withdrawn ? NULL : list[i].version;
    }
    const char *args[] = {newest, product};
    status = srv_store_checked(
        s, "update_newest",
        srv_db_run(s->db, "UPDATE products SET newest = $1 WHERE name = $2", args, 2, NULL, NULL));
    srv_releases_free(list, n);
    return status;
}

struct text_out {
    char *text;
    size_t size;
    bool found;
};

static bool take_text(void *ctx, const char *const *col)
{
    struct text_out *out = ctx;
    out->found = srv_text_column(out->text, out->size, col[0]);
    return out->found;
}

/* One text column of one row, or SRV_NOT_FOUND. */
static enum srv_status one_text(struct srv_store *s, const char *what, const char *sql,
                                const char *const *args, unsigned n_args, char *text, size_t size)
{
    struct text_out out = {text, size, false};
    enum srv_status status =
        srv_store_checked(s, what, srv_db_run(s->db, sql, args, n_args, take_text, &out));
    return status == SRV_OK && !out.found ? SRV_NOT_FOUND : status;
}

/* --- Open and close -------------------------------------------------------- */

static enum srv_status make_tables(struct srv_store *s)
{
    enum srv_status status = srv_store_begin(s);
    if (status != SRV_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof schema / sizeof schema[0] && status == SRV_OK; i++) {
        status = srv_store_checked(s, "make_tables", srv_db_run(s->db, schema[i], NULL, 0, NULL, NULL));
    }
    if (status != SRV_OK) {
        srv_store_rollback(s);
        return status;
    }
    /* Power cut: an empty database or all tables; the next start makes them either way. */
    return srv_store_commit(s);
}

int srv_store_open(const char *path, struct srv_store **out, char *err, size_t err_size)
{
    struct srv_store *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_size, "%s: out of memory", path);
        return -1;
    }
    if (srv_db_open(path, &s->db, err, err_size) != 0) {
        free(s);
        return -1;
    }
    char version[16] = "";
    if (make_tables(s) != SRV_OK || one_text(s, "read_schema", "SELECT value FROM meta WHERE name = 'schema'",
                                             NULL, 0, version, sizeof version) != SRV_OK) {
        snprintf(err, err_size, "%s: %s", path, srv_db_error(s->db));
        srv_store_close(s);
        return -1;
    }
    if (strcmp(version, SCHEMA_VERSION) != 0) {
        snprintf(err, err_size,
                 "%s: its schema is version %s and this airlift knows version " SCHEMA_VERSION
                 " only; use the airlift that wrote it, or a newer one",
                 path, version);
        srv_store_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void srv_store_close(struct srv_store *s)
{
    if (s) {
        srv_db_close(s->db);
        free(s);
    }
}

enum srv_status srv_store_begin(struct srv_store *s)
{
    return srv_store_checked(s, "begin", srv_db_begin(s->db));
}

enum srv_status srv_store_commit(struct srv_store *s)
{
    return srv_store_checked(s, "commit", srv_db_commit(s->db));
}

void srv_store_rollback(struct srv_store *s)
{
    srv_db_rollback(s->db);
}

enum srv_status srv_store_ping(struct srv_store *s)
{
    char value[16];
    return one_text(s, "ping", "SELECT value FROM meta WHERE name = 'schema'", NULL, 0, value, sizeof value);
}

/* --- Releases -------------------------------------------------------------- */

void srv_release_clear(struct srv_release *r)
{
    free(r->notes);
    memset(r, 0, sizeof *r);
}

void srv_releases_free(struct srv_release *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(list[i].notes);
    }
    free(list);
}

enum srv_status srv_store_list(struct srv_store *s, const char *product, struct srv_release **out, size_t *n)
{
    struct release_list list = {0};
    const char *args[] = {product};
    enum srv_status status = srv_store_checked(
        s, "list",
        srv_db_run(s->db, "SELECT " RELEASE_COLUMNS " FROM releases r" WITH_IMAGE " WHERE r.product = $1",
                   args, 1, add_release, &list));
    if (status == SRV_OK && list.n == 0) {
        status = SRV_NOT_FOUND;
    }
    if (status != SRV_OK) {
        srv_releases_free(list.items, list.n);
        return status;
    }
    qsort(list.items, list.n, sizeof *list.items, newest_first);
    *out = list.items;
    *n = list.n;
    return SRV_OK;
}

enum srv_status srv_store_list_all(struct srv_store *s, struct srv_release **out, size_t *n)
{
    struct release_list list = {0};
    enum srv_status status =
        srv_store_checked(s, "list_all",
                          srv_db_run(s->db, "SELECT " RELEASE_COLUMNS " FROM releases r" WITH_IMAGE, NULL, 0,
                                     add_release, &list));
    if (status != SRV_OK) {
        srv_releases_free(list.items, list.n);
        return status;
    }
    if (list.n > 0) {
        qsort(list.items, list.n, sizeof *list.items, by_product);
    }
    *out = list.items;
    *n = list.n;
    return SRV_OK;
}

enum srv_status srv_store_get(struct srv_store *s, const char *product, const char *version,
                              struct srv_release *out)
{
    const char *args[] = {product, version};
    return one_release(s, "get",
                       "SELECT " RELEASE_COLUMNS " FROM releases r" WITH_IMAGE
                       " WHERE r.product = $1 AND r.version = $2",
                       args, 2, out);
}

enum srv_status srv_store_newest(struct srv_store *s, const char *product, struct srv_release *out)
{
    const char *args[] = {product};
    return one_release(s, "newest",
                       "SELECT " RELEASE_COLUMNS " FROM products p"
                       " JOIN releases r ON r.product = p.name AND r.version = p.newest" WITH_IMAGE
                       " WHERE p.name = $1",
                       args, 1, out);
}

static enum srv_status put_image(struct srv_store *s, const struct srv_release *r)
{
    char signers[SIGNERS_SIZE];
    print_signers(&r->signers, signers);
    const char *args[] = {r->sha256, r->image_sha256, signers};
    return srv_store_checked(
        s, "put_image",
        srv_db_run(s->db,
                   "INSERT INTO images (sha256, image_sha256, signers) VALUES ($1, $2, $3)"
                   " ON CONFLICT (sha256) DO UPDATE SET"
                   " image_sha256 = excluded.image_sha256, signers = excluded.signers",
                   args, 3, NULL, NULL));
}

enum srv_status srv_store_put(struct srv_store *s, const struct srv_release *r)
{
    char chip_id[8], secure_version[16], size[16];
    snprintf(chip_id, sizeof chip_id, "%u", (unsigned)r->chip_id);
    snprintf(secure_version, sizeof secure_version, "%lu", (unsigned long)r->secure_version);
    snprintf(size, sizeof size, "%lu", (unsigned long)r->size);

    const char *product_args[] = {r->product, chip_id};
    enum srv_status status = srv_store_checked(
        s, "put_product",
        srv_db_run(s->db,
                   "INSERT INTO products (name, chip_id) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                   product_args, 2, NULL, NULL));
    if (status != SRV_OK) {
        return status;
    }
    const char *args[] = {r->product,
                          r->version,
                          r->project,
                          chip_id,
                          secure_version,
                          size,
                          r->sha256,
                          r->md5,
                          r->mandatory ? "1" : "0",
                          r->withdrawn ? "1" : "0",
                          r->created,
                          r->notes};
    status = srv_store_checked(
        s, "put_release",
        srv_db_run(s->db,
                   "INSERT INTO releases (product, version, project, chip_id, secure_version, size,"
                   " sha256, md5, mandatory, withdrawn, created, notes)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                   " ON CONFLICT (product, version) DO UPDATE SET"
                   " mandatory = excluded.mandatory, withdrawn = excluded.withdrawn,"
                   " notes = excluded.notes",
                   args, 12, NULL, NULL));
    if (status == SRV_OK) {
        status = put_image(s, r);
    }
    return status == SRV_OK ? update_newest(s, r->product) : status;
}

enum srv_status srv_store_withdraw(struct srv_store *s, const char *product, const char *version)
{
    struct srv_release found;
    enum srv_status status = srv_store_get(s, product, version, &found);
    if (status != SRV_OK) {
        return status;
    }
    srv_release_clear(&found);
    const char *args[] = {product, version};
    status = srv_store_checked(
        s, "withdraw",
        srv_db_run(s->db, "UPDATE releases SET withdrawn = 1 WHERE product = $1 AND version = $2", args, 2,
                   NULL, NULL));
    return status == SRV_OK ? update_newest(s, product) : status;
}

struct artifact_out {
    uint64_t size, withdrawn;
    bool found;
};

static bool take_artifact(void *ctx, const char *const *col)
{
    struct artifact_out *out = ctx;
    out->found = true;
    return srv_number_column(&out->size, UINT32_MAX, col[0]) && srv_number_column(&out->withdrawn, 1, col[1]);
}

enum srv_status srv_store_artifact(struct srv_store *s, const char *sha256, uint32_t *size, bool *live)
{
    struct artifact_out out = {0};
    const char *args[] = {sha256};
    enum srv_status status = srv_store_checked(
        s, "artifact",
        srv_db_run(s->db, "SELECT size, withdrawn FROM releases WHERE sha256 = $1 ORDER BY withdrawn LIMIT 1",
                   args, 1, take_artifact, &out));
    if (status != SRV_OK) {
        return status;
    }
    *size = (uint32_t)out.size;
    *live = !out.withdrawn;
    return out.found ? SRV_OK : SRV_NOT_FOUND;
}

/* --- Tokens ---------------------------------------------------------------- */

enum srv_status srv_store_get_token(struct srv_store *s, const char *role, char sha256[65])
{
    const char *args[] = {role};
    return one_text(s, "get_token", "SELECT sha256 FROM tokens WHERE role = $1", args, 1, sha256, 65);
}

enum srv_status srv_store_set_token(struct srv_store *s, const char *role, const char *sha256)
{
    char now[25];
    srv_timestamp(now);
    const char *args[] = {role, sha256, now};
    return srv_store_checked(s, "set_token",
                             srv_db_run(s->db,
                                        "INSERT INTO tokens (role, sha256, created) VALUES ($1, $2, $3)"
                                        " ON CONFLICT (role) DO UPDATE SET sha256 = excluded.sha256,"
                                        " created = excluded.created",
                                        args, 3, NULL, NULL));
}

void srv_timestamp(char out[25])
{
    srv_timestamp_of(time(NULL), out);
}

void srv_timestamp_of(time_t when, char out[25])
{
    struct tm utc;
    if (!gmtime_r(&when, &utc) || strftime(out, 25, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        strcpy(out, "1970-01-01T00:00:00Z");
    }
}
