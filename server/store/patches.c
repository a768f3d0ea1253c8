#include "patches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "airlift/semver.h"
#include "store_internal.h"

#define SEEN_DAYS 90

static const char *const kind_name[SRV_PATCH_KINDS] = {"airlift", "airlift-12k", "esp_delta_ota"};
static const char *const state_name[] = {"made", "useless", "failed"};

/* --- Patches ---------------------------------------------------------------- */

#define PATCH_COLUMNS "from_sha256, to_sha256, from_size, to_size, format, ram, size, sha256, kind"

struct patch_list {
    struct srv_patch *items;
    size_t n;
};

static bool kind_column(enum srv_patch_kind *out, const char *col)
{
    unsigned kind = 0;
    while (col && kind < SRV_PATCH_KINDS && strcmp(col, kind_name[kind]) != 0) {
        kind++;
    }
    *out = (enum srv_patch_kind)kind;
    return col && kind < SRV_PATCH_KINDS;
}

static bool fill_patch(void *item, const char *const *col)
{
    struct srv_patch *p = item;
    uint64_t from_size, to_size, ram, size;
    if (!srv_text_column(p->from_sha256, sizeof p->from_sha256, col[0]) ||
        !srv_text_column(p->to_sha256, sizeof p->to_sha256, col[1]) ||
        !srv_number_column(&from_size, UINT32_MAX, col[2]) ||
        !srv_number_column(&to_size, UINT32_MAX, col[3]) ||
        !srv_text_column(p->format, sizeof p->format, col[4]) ||
        !srv_number_column(&ram, UINT32_MAX, col[5]) || !srv_number_column(&size, UINT32_MAX, col[6]) ||
        !srv_text_column(p->sha256, sizeof p->sha256, col[7]) || !kind_column(&p->kind, col[8])) {
        return false;
    }
    p->from_size = (uint32_t)from_size;
    p->to_size = (uint32_t)to_size;
    p->ram = (uint32_t)ram;
    p->size = (uint32_t)size;
    return true;
}

static enum srv_status list_patches(struct srv_store *s, const char *sql, const char *to_sha256,
                                    struct patch_list *list)
{
    const char *args[] = {to_sha256};
    struct srv_rows rows;
    enum srv_status status =
        srv_store_rows(s, "list_patches", sql, args, 1, sizeof(struct srv_patch), fill_patch, &rows);
    list->items = rows.items;
    list->n = rows.n;
    return status;
}

enum srv_status srv_store_patches(struct srv_store *s, const char *to_sha256, struct srv_patch **out,
                                  size_t *n)
{
    struct patch_list list;
    enum srv_status status = list_patches(
        s, "SELECT " PATCH_COLUMNS " FROM deltas WHERE to_sha256 = $1 AND state = 'made' ORDER BY size",
        to_sha256, &list);
    *out = list.items;
    *n = list.n;
    return status;
}

enum srv_status srv_store_put_patch(struct srv_store *s, const struct srv_patch *p,
                                    enum srv_patch_state state)
{
    char from_size[24], to_size[24], ram[24], size[24], now[25];
    srv_print_number(from_size, p->from_size);
    srv_print_number(to_size, p->to_size);
    srv_print_number(ram, p->ram);
    srv_print_number(size, p->size);
    srv_timestamp(now);
    const char *args[] = {
        p->from_sha256, p->to_sha256, state_name[state], from_size, to_size, p->format, ram, size,
        p->sha256,      now,          kind_name[p->kind]};
    return srv_store_checked(
        s, "put_patch",
        srv_db_run(s->db,
                   "INSERT INTO deltas (from_sha256, to_sha256, state, from_size, to_size, format, ram, size,"
                   " sha256, created, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
                   " ON CONFLICT (from_sha256, to_sha256, kind) DO NOTHING",
                   args, 11, NULL, NULL));
}

struct blocks_out {
    struct srv_blocks *blocks;
    bool found;
};

static bool take_blocks(void *ctx, const char *const *col)
{
    struct blocks_out *out = ctx;
    uint64_t size;
    out->found = srv_number_column(&size, UINT32_MAX, col[0]) &&
                 srv_text_column(out->blocks->sha256, sizeof out->blocks->sha256, col[1]);
    out->blocks->size = (uint32_t)size;
    return out->found;
}

enum srv_status srv_store_blocks(struct srv_store *s, const char *image_sha256, struct srv_blocks *out)
{
    struct blocks_out found = {out, false};
    const char *args[] = {image_sha256};
    enum srv_status status =
        srv_store_checked(s, "blocks",
                          srv_db_run(s->db, "SELECT size, sha256s FROM blocks WHERE image_sha256 = $1", args,
                                     1, take_blocks, &found));
    return status == SRV_OK && !found.found ? SRV_NOT_FOUND : status;
}

enum srv_status srv_store_put_blocks(struct srv_store *s, const char *image_sha256,
                                     const struct srv_blocks *blocks)
{
    char size[24];
    srv_print_number(size, blocks->size);
    const char *args[] = {image_sha256, size, blocks->sha256};
    return srv_store_checked(s, "put_blocks",
                             srv_db_run(s->db,
                                        "INSERT INTO blocks (image_sha256, size, sha256s) VALUES ($1, $2, $3)"
                                        " ON CONFLICT (image_sha256) DO NOTHING",
                                        args, 3, NULL, NULL));
}

enum srv_status srv_store_retry_patches(struct srv_store *s)
{
    return srv_store_checked(
        s, "retry_patches",
        srv_db_run(s->db, "DELETE FROM deltas WHERE state = 'failed'", NULL, 0, NULL, NULL));
}

struct artifact_out {
    char *to;
    uint64_t size, full, withdrawn;
    bool found;
};

static bool take_artifact(void *ctx, const char *const *col)
{
    struct artifact_out *out = ctx;
    out->found = true;
    return srv_number_column(&out->size, UINT32_MAX, col[0]) &&
           srv_number_column(&out->full, UINT32_MAX, col[1]) &&
           srv_number_column(&out->withdrawn, 1, col[2]) && srv_text_column(out->to, 65, col[3]);
}

enum srv_status srv_store_patch_artifact(struct srv_store *s, const char *sha256, uint32_t *size, char to[65],
                                         uint32_t *full, bool *live)
{
    struct artifact_out out = {.to = to};
    const char *args[] = {sha256};
    enum srv_status status = srv_store_checked(
        s, "patch_artifact",
        srv_db_run(s->db,
                   "SELECT p.size, p.to_size, r.withdrawn, p.to_sha256 FROM deltas p"
                   " JOIN releases r ON r.sha256 = p.to_sha256 WHERE p.sha256 = $1 AND p.state = 'made'"
                   " ORDER BY r.withdrawn LIMIT 1",
                   args, 1, take_artifact, &out));
    *size = (uint32_t)out.size;
    *full = (uint32_t)out.full;
    *live = !out.withdrawn;
    return status == SRV_OK && !out.found ? SRV_NOT_FOUND : status;
}

/* --- What devices run --------------------------------------------------------- */

static bool take_flag(void *ctx, const char *const *col)
{
    (void)col;
    *(bool *)ctx = true;
    return true;
}

enum srv_status srv_store_saw(struct srv_store *s, const char *product, const char *sha256,
                              enum srv_patch_kind kind, bool *noted)
{
    char hour[25];
    bool known = false, fresh = false;
    *noted = false;
    srv_timestamp(hour);
    strcpy(hour + 13, ":00:00Z");
    const char *args[] = {product, sha256, kind_name[kind], hour};
    enum srv_status status = srv_store_checked(
        s, "saw",
        srv_db_run(s->db,
                   "SELECT 1 FROM askers WHERE product = $1 AND sha256 = $2 AND kind = $3 AND seen = $4",
                   args, 4, take_flag, &fresh));
    if (status != SRV_OK || fresh) {
        return status;
    }
    /* Anyone may say anything: only releases are noted, so the table stays as small as theirs. */
    status = srv_store_checked(s, "saw",
                               srv_db_run(s->db, "SELECT 1 FROM releases WHERE product = $1 AND sha256 = $2",
                                          args, 2, take_flag, &known));
    if (status != SRV_OK || !known) {
        return status;
    }
    status = srv_store_checked(
        s, "saw",
        srv_db_run(s->db,
                   "INSERT INTO askers (product, sha256, kind, seen) VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (product, sha256, kind) DO UPDATE SET"
                   " seen = excluded.seen",
                   args, 4, NULL, NULL));
    *noted = status == SRV_OK;
    return status;
}

static bool take_time(void *ctx, const char *const *col)
{
    return !col[0] || srv_text_column(ctx, 25, col[0]);
}

enum srv_status srv_store_seen(struct srv_store *s, const char *product, const char *sha256, char out[25])
{
    const char *args[] = {product, sha256};
    out[0] = '\0';
    return srv_store_checked(s, "seen",
                             srv_db_run(s->db,
                                        "SELECT MAX(seen) FROM askers WHERE product = $1 AND sha256 = $2",
                                        args, 2, take_time, out));
}

/* --- What is missing ------------------------------------------------------------ */

/* A release, and when a device that ran it asked for each kind of patch: "" if none did, or long ago. */
struct source {
    char version[33], sha256[65], seen[SRV_PATCH_KINDS][25];
    uint32_t size;
};

struct source_list {
    struct source *items;
    size_t n;
    char since[25];
};

static bool add_source(void *ctx, const char *const *col)
{
    struct source_list *list = ctx;
    struct source *items = realloc(list->items, (list->n + 1) * sizeof *items);
    uint64_t size;
    if (!items) {
        return false;
    }
    list->items = items;
    struct source *source = &items[list->n++];
    memset(source, 0, sizeof *source);
    if (!srv_text_column(source->version, sizeof source->version, col[0]) ||
        !srv_text_column(source->sha256, sizeof source->sha256, col[1]) ||
        !srv_number_column(&size, UINT32_MAX, col[2])) {
        return false;
    }
    source->size = (uint32_t)size;
    for (unsigned kind = 0; kind < SRV_PATCH_KINDS; kind++) {
        const char *seen = col[3 + kind];
        if (seen && !srv_text_column(source->seen[kind], sizeof source->seen[kind], seen)) {
            return false;
        }
        if (strcmp(source->seen[kind], list->since) < 0) {
            source->seen[kind][0] = '\0';
        }
    }
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const struct source *left = a, *right = b;
    return al_semver_compare(right->version, left->version);
}

/* The product's releases, the newest first. */
static enum srv_status list_sources(struct srv_store *s, const char *product, struct source_list *list)
{
    srv_timestamp_of(time(NULL) - SEEN_DAYS * 86400, list->since);
    const char *args[] = {product, kind_name[SRV_PATCH_OWN], kind_name[SRV_PATCH_SMALL],
                          kind_name[SRV_PATCH_ESP]};
#define SEEN(n) "(SELECT seen FROM askers WHERE product = $1 AND sha256 = r.sha256 AND kind = $" #n ")"
    enum srv_status status =
        srv_store_checked(s, "list_sources",
                          srv_db_run(s->db,
                                     "SELECT r.version, r.sha256, r.size, " SEEN(2) ", " SEEN(3) ", " SEEN(
                                         4) " FROM releases r WHERE r.product = $1",
                                     args, 4, add_source, list));
#undef SEEN
    if (list->n > 0) {
        qsort(list->items, list->n, sizeof *list->items, newest_first);
    }
    return status;
}

/* A product whose newest release patches shall lead to. */
struct target {
    struct srv_release newest;
    struct patch_list known;
    struct source_list sources;
};

static bool is_older(const struct target *t, const struct source *source)
{
    return al_semver_compare(source->version, t->newest.version) < 0 &&
           strcmp(source->sha256, t->newest.sha256) != 0;
}

/* Was a device of that kind seen; or of any, for SRV_PATCH_KINDS? */
static bool was_seen(const struct source *source, unsigned kind)
{
    for (unsigned i = 0; i < SRV_PATCH_KINDS; i++) {
        if (source->seen[i][0] && (kind == i || kind == SRV_PATCH_KINDS)) {
            return true;
        }
    }
    return false;
}

static bool is_any_seen(const struct target *t, unsigned kind, bool older_only)
{
    for (size_t i = 0; i < t->sources.n; i++) {
        if (was_seen(&t->sources.items[i], kind) && (!older_only || is_older(t, &t->sources.items[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_known(const struct target *t, enum srv_patch_kind kind, const char *from_sha256)
{
    for (size_t i = 0; i < t->known.n; i++) {
        if (t->known.items[i].kind == kind && strcmp(t->known.items[i].from_sha256, from_sha256) == 0) {
            return true;
        }
    }
    return false;
}

/* A patch that shall be: is it there? from NULL: the whole image. */
static void want(struct srv_patch_job *job, const struct target *t, enum srv_patch_kind kind,
                 const struct source *from)
{
    if (is_known(t, kind, from ? from->sha256 : "") || job->n_missing++ > 0) {
        return;
    }
    strcpy(job->product, t->newest.product);
    strcpy(job->to_version, t->newest.version);
    strcpy(job->patch.to_sha256, t->newest.sha256);
    job->patch.to_size = t->newest.size;
    job->patch.kind = kind;
    if (from) {
        strcpy(job->from_version, from->version);
        strcpy(job->patch.from_sha256, from->sha256);
        job->patch.from_size = from->size;
    }
}

/* How many older releases come first: those seen later, or as late and of a newer version. */
static size_t rank(const struct target *t, const struct source *source, enum srv_patch_kind kind)
{
    size_t n = 0;
    for (const struct source *other = t->sources.items; other < t->sources.items + t->sources.n; other++) {
        const int later = strcmp(other->seen[kind], source->seen[kind]);
        n += is_older(t, other) && (later > 0 || (later == 0 && other < source));
    }
    return n;
}

static void want_kind(struct srv_patch_job *job, const struct target *t, enum srv_patch_kind kind,
                      unsigned n_from)
{
    /* Nobody said what devices run: probably what was published last. */
    const bool guess = kind == SRV_PATCH_OWN && !is_any_seen(t, SRV_PATCH_KINDS, true);
    if (kind == SRV_PATCH_OWN || is_any_seen(t, kind, false)) {
        want(job, t, kind, NULL);
    }
    for (size_t i = 0; i < t->sources.n; i++) {
        const struct source *source = &t->sources.items[i];
        if (is_older(t, source) && (guess || was_seen(source, kind)) && rank(t, source, kind) < n_from) {
            want(job, t, kind, source);
        }
    }
}

static enum srv_status missing_of(struct srv_store *s, const char *product, unsigned n_from,
                                  struct srv_patch_job *job)
{
    struct target t = {0};
    enum srv_status status = srv_store_newest(s, product, &t.newest);
    if (status != SRV_OK) {
        return status == SRV_NOT_FOUND ? SRV_OK : status;
    }
    status = list_patches(s, "SELECT " PATCH_COLUMNS " FROM deltas WHERE to_sha256 = $1", t.newest.sha256,
                          &t.known);
    if (status == SRV_OK) {
        status = list_sources(s, product, &t.sources);
    }
    for (unsigned kind = 0; kind < SRV_PATCH_KINDS && status == SRV_OK; kind++) {
        want_kind(job, &t, (enum srv_patch_kind)kind, n_from);
    }
    free(t.known.items);
    free(t.sources.items);
    srv_release_clear(&t.newest);
    return status;
}

struct name {
    char text[65];
};

static bool fill_name(void *item, const char *const *col)
{
    struct name *name = item;
    return srv_text_column(name->text, sizeof name->text, col[0]);
}

enum srv_status srv_store_missing_patch(struct srv_store *s, unsigned n_from, struct srv_patch_job *out)
{
    struct srv_rows names;
    memset(out, 0, sizeof *out);
    enum srv_status status = srv_store_rows(s, "missing_patch", "SELECT name FROM products ORDER BY name",
                                            NULL, 0, sizeof(struct name), fill_name, &names);
    const struct name *name = names.items;
    for (size_t i = 0; i < names.n && status == SRV_OK; i++) {
        status = missing_of(s, name[i].text, n_from, out);
    }
    free(names.items);
    return status == SRV_OK && out->n_missing == 0 ? SRV_NOT_FOUND : status;
}

/* --- What was saved ------------------------------------------------------------------ */

static bool fill_served(void *item, const char *const *col)
{
    struct srv_served *served = item;
    return srv_text_column(served->image_sha256, sizeof served->image_sha256, col[0]) &&
           srv_number_column(&served->image_bytes, UINT64_MAX, col[1]) &&
           srv_number_column(&served->patch_bytes, UINT64_MAX, col[2]) &&
           srv_number_column(&served->saved_bytes, UINT64_MAX, col[3]);
}

enum srv_status srv_store_served(struct srv_store *s, struct srv_served **out, size_t *n)
{
    struct srv_rows rows;
    enum srv_status status =
        srv_store_rows(s, "served", "SELECT image_sha256, image_bytes, patch_bytes, saved_bytes FROM served",
                       NULL, 0, sizeof(struct srv_served), fill_served, &rows);
    *out = rows.items;
    *n = rows.n;
    return status;
}

enum srv_status srv_store_put_served(struct srv_store *s, const struct srv_served *served)
{
    char image[24], patch[24], saved[24];
    srv_print_number(image, served->image_bytes);
    srv_print_number(patch, served->patch_bytes);
    srv_print_number(saved, served->saved_bytes);
    const char *args[] = {served->image_sha256, image, patch, saved};
    return srv_store_checked(
        s, "put_served",
        srv_db_run(s->db,
                   "INSERT INTO served (image_sha256, image_bytes, patch_bytes, saved_bytes)"
                   " VALUES ($1, $2, $3, $4) ON CONFLICT (image_sha256) DO UPDATE SET"
                   " image_bytes = excluded.image_bytes, patch_bytes = excluded.patch_bytes,"
                   " saved_bytes = excluded.saved_bytes",
                   args, 4, NULL, NULL));
}

static bool fill_release_name(void *item, const char *const *col)
{
    struct srv_release_name *name = item;
    return srv_text_column(name->product, sizeof name->product, col[0]) &&
           srv_text_column(name->version, sizeof name->version, col[1]);
}

enum srv_status srv_store_names(struct srv_store *s, const char *image_sha256, struct srv_release_name **out,
                                size_t *n)
{
    struct srv_rows rows;
    const char *args[] = {image_sha256};
    enum srv_status status = srv_store_rows(
        s, "names", "SELECT product, version FROM releases WHERE sha256 = $1 ORDER BY product, version", args,
        1, sizeof(struct srv_release_name), fill_release_name, &rows);
    *out = rows.items;
    *n = rows.n;
    return status;
}

/* --- Totals -------------------------------------------------------------------------- */

static bool take_number(void *ctx, const char *const *col)
{
    return srv_number_column(ctx, UINT64_MAX, col[0]);
}

enum srv_status srv_store_total(struct srv_store *s, const char *name, uint64_t *value)
{
    const char *args[] = {name};
    *value = 0;
    return srv_store_checked(
        s, "total",
        srv_db_run(s->db, "SELECT value FROM totals WHERE name = $1", args, 1, take_number, value));
}

enum srv_status srv_store_set_total(struct srv_store *s, const char *name, uint64_t value)
{
    char text[24];
    srv_print_number(text, value);
    const char *args[] = {name, text};
    return srv_store_checked(s, "set_total",
                             srv_db_run(s->db,
                                        "INSERT INTO totals (name, value) VALUES ($1, $2)"
                                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                                        args, 2, NULL, NULL));
}
