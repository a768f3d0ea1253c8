#include "hours.h"

#include "store_internal.h"

static bool fill_period(void *item, const char *const *col)
{
    struct srv_period *p = item;
    return srv_number_column(&p->start, UINT64_MAX, col[0]) &&
           srv_number_column(&p->image_bytes, UINT64_MAX, col[1]) &&
           srv_number_column(&p->patch_bytes, UINT64_MAX, col[2]) &&
           srv_number_column(&p->saved_bytes, UINT64_MAX, col[3]);
}

enum srv_status srv_store_hours(struct srv_store *s, uint64_t since, struct srv_period **out, size_t *n)
{
    struct srv_rows rows = {0};
    char text[24];
    srv_print_number(text, since);
    const char *args[] = {text};
    /* Power cut: gone or not; they are not asked for again. */
    enum srv_status status = srv_store_checked(
        s, "forget_hours", srv_db_run(s->db, "DELETE FROM hours WHERE start < $1", args, 1, NULL, NULL));
    if (status == SRV_OK) {
        status = srv_store_rows(
            s, "hours", "SELECT start, image_bytes, patch_bytes, saved_bytes FROM hours ORDER BY start", NULL,
            0, sizeof(struct srv_period), fill_period, &rows);
    }
    *out = rows.items;
    *n = rows.n;
    return status;
}

enum srv_status srv_store_put_hour(struct srv_store *s, const struct srv_period *hour)
{
    char start[24], image[24], patch[24], saved[24];
    srv_print_number(start, hour->start);
    srv_print_number(image, hour->image_bytes);
    srv_print_number(patch, hour->patch_bytes);
    srv_print_number(saved, hour->saved_bytes);
    const char *args[] = {start, image, patch, saved};
    return srv_store_checked(
        s, "put_hour",
        srv_db_run(s->db,
                   "INSERT INTO hours (start, image_bytes, patch_bytes, saved_bytes) VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (start) DO UPDATE SET image_bytes = excluded.image_bytes,"
                   " patch_bytes = excluded.patch_bytes, saved_bytes = excluded.saved_bytes",
                   args, 4, NULL, NULL));
}
