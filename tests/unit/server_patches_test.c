/*
 * server_patches_test.c - which patches are missing, and what is known of those that are made.
 */
#include "patch/describe.h"
#include "store/db.h"
#include "store/patches.h"
#include "store_world.h"

/* Release 1.N.0 with a hash of digits N and 1000 + N bytes. */
static void put(struct srv_store *store, unsigned n)
{
    struct srv_release r = {.chip_id = 5, .size = 1000 + n};
    strcpy(r.product, "lamp");
    snprintf(r.version, sizeof r.version, "1.%u.0", n);
    strcpy(r.project, "lamp");
    snprintf(r.sha256, sizeof r.sha256, "%064u", n);
    strcpy(r.md5, "00000000000000000000000000000000");
    srv_timestamp(r.created);
    assert_int_equal(srv_store_begin(store), SRV_OK);
    assert_int_equal(srv_store_put(store, &r), SRV_OK);
    assert_int_equal(srv_store_commit(store), SRV_OK);
}

static void put_up_to(struct srv_store *store, unsigned last)
{
    for (unsigned n = 1; n <= last; n++) {
        put(store, n);
    }
}

static void saw(struct srv_store *store, unsigned n, enum srv_patch_kind kind, bool expect_noted)
{
    char sha256[65];
    bool noted;
    snprintf(sha256, sizeof sha256, "%064u", n);
    assert_int_equal(srv_store_saw(store, "lamp", sha256, kind, &noted), SRV_OK);
    assert_int_equal(noted, expect_noted);
}

/* Make all that is missing; what the patches start from, with their kind unless it is the first: "* 1.3.0 *:2". */
static void make_all(struct srv_store *store, unsigned n_from, enum srv_patch_state result, char out[128])
{
    struct srv_patch_job job;
    size_t left = 0;
    out[0] = '\0';
    while (srv_store_missing_patch(store, n_from, &job) == SRV_OK) {
        assert_true(left == 0 || job.n_missing == left - 1);
        left = job.n_missing;
        sprintf(out + strlen(out), "%s%s", out[0] ? " " : "", job.from_version[0] ? job.from_version : "*");
        if (job.patch.kind != SRV_PATCH_OWN) {
            sprintf(out + strlen(out), ":%d", (int)job.patch.kind);
        }
        snprintf(job.patch.sha256, sizeof job.patch.sha256, "%032u%.32s", 7u + (unsigned)job.patch.kind,
                 job.patch.from_sha256 + 32 * !!job.patch.from_sha256[0]);
        job.patch.size = job.patch.from_sha256[0] ? 100 + job.patch.from_size - 1000 : 600;
        strcpy(job.patch.format, "f");
        job.patch.ram = 20480;
        assert_int_equal(srv_store_put_patch(store, &job.patch, result), SRV_OK);
        assert_true(strlen(out) < 100);
    }
}

static void test_patches_start_from_the_newest_releases_if_no_device_was_seen(void **state)
{
    struct world *w = *state;
    char made[128];
    make_all(w->store, 2, SRV_PATCH_MADE, made);
    assert_string_equal(made, "");
    put(w->store, 1);
    make_all(w->store, 2, SRV_PATCH_MADE, made);
    assert_string_equal(made, "*");
    for (unsigned n = 2; n <= 10; n += 4) { /* 1.10.0 is newer than 1.6.0 */
        put(w->store, n);
    }
    make_all(w->store, 2, SRV_PATCH_MADE, made);
    assert_string_equal(made, "* 1.6.0 1.2.0");
    make_all(w->store, 3, SRV_PATCH_MADE, made);
    assert_string_equal(made, "1.1.0");
}

static void test_patches_start_from_what_devices_run(void **state)
{
    struct world *w = *state;
    char made[128];
    put_up_to(w->store, 5);
    saw(w->store, 2, SRV_PATCH_OWN, true);
    saw(w->store, 2, SRV_PATCH_OWN, false); /* within the hour */
    saw(w->store, 5, SRV_PATCH_OWN, true);  /* the newest: needs no patch */
    saw(w->store, 77, SRV_PATCH_OWN, false);
    make_all(w->store, 4, SRV_PATCH_MADE, made);
    assert_string_equal(made, "* 1.2.0");
}

static void test_patches_are_of_the_kinds_that_devices_take(void **state)
{
    struct world *w = *state;
    char made[128];
    put_up_to(w->store, 5);
    saw(w->store, 2, SRV_PATCH_ESP, true);
    saw(w->store, 3, SRV_PATCH_ESP, true);
    saw(w->store, 3, SRV_PATCH_SMALL, true);
    make_all(w->store, 1, SRV_PATCH_MADE, made);
    assert_string_equal(made, "* *:1 1.3.0:1 *:2 1.3.0:2");
    make_all(w->store, 4, SRV_PATCH_MADE, made);
    assert_string_equal(made, "1.2.0:2");
    saw(w->store, 1, SRV_PATCH_OWN, true);
    make_all(w->store, 4, SRV_PATCH_MADE, made);
    assert_string_equal(made, "1.1.0");

    struct srv_patch *list;
    size_t n;
    char to[65];
    snprintf(to, sizeof to, "%064u", 5u);
    assert_int_equal(srv_store_patches(w->store, to, &list, &n), SRV_OK);
    assert_int_equal(n, 7);
    assert_int_equal(list[0].kind, SRV_PATCH_OWN);
    assert_int_equal(list[0].from_size, 1001);
    free(list);
}

static void test_patches_failed_are_tried_again_useless_are_not(void **state)
{
    struct world *w = *state;
    char made[128];
    put(w->store, 1);
    put(w->store, 2);
    make_all(w->store, 1, SRV_PATCH_FAILED, made);
    assert_string_equal(made, "* 1.1.0");
    assert_int_equal(srv_store_retry_patches(w->store), SRV_OK);
    make_all(w->store, 1, SRV_PATCH_USELESS, made);
    assert_string_equal(made, "* 1.1.0");
    assert_int_equal(srv_store_retry_patches(w->store), SRV_OK);
    make_all(w->store, 1, SRV_PATCH_MADE, made);
    assert_string_equal(made, "");

    struct srv_patch *list;
    size_t n;
    char to[65];
    snprintf(to, sizeof to, "%064u", 2u);
    assert_int_equal(srv_store_patches(w->store, to, &list, &n), SRV_OK);
    assert_int_equal(n, 0);
    free(list);
}

static void test_patches_are_listed_smallest_first_and_found_as_artifacts(void **state)
{
    struct world *w = *state;
    char made[128], to[65], image[65];
    struct srv_patch *list;
    size_t n;
    uint32_t size, full;
    bool live;
    put(w->store, 1);
    put(w->store, 2);
    put(w->store, 3);
    make_all(w->store, 4, SRV_PATCH_MADE, made);
    snprintf(to, sizeof to, "%064u", 3u);
    assert_int_equal(srv_store_patches(w->store, to, &list, &n), SRV_OK);
    assert_int_equal(n, 3);
    assert_int_equal(list[0].size, 101);
    assert_int_equal(list[0].from_size, 1001);
    assert_int_equal(list[1].size, 102);
    assert_int_equal(list[2].size, 600);
    assert_string_equal(list[2].from_sha256, "");
    assert_int_equal(list[0].ram, 20480);
    assert_string_equal(list[0].format, "f");

    assert_int_equal(srv_store_patch_artifact(w->store, list[0].sha256, &size, image, &full, &live), SRV_OK);
    assert_int_equal(size, 101);
    assert_int_equal(full, 1003);
    assert_string_equal(image, to);
    assert_true(live);
    assert_int_equal(srv_store_begin(w->store), SRV_OK);
    assert_int_equal(srv_store_withdraw(w->store, "lamp", "1.3.0"), SRV_OK);
    assert_int_equal(srv_store_commit(w->store), SRV_OK);
    assert_int_equal(srv_store_patch_artifact(w->store, list[0].sha256, &size, image, &full, &live), SRV_OK);
    assert_false(live);
    assert_int_equal(srv_store_patch_artifact(w->store, to, &size, image, &full, &live), SRV_NOT_FOUND);
    free(list);

    make_all(w->store, 4, SRV_PATCH_MADE, made); /* 1.2.0 is the newest now */
    assert_string_equal(made, "* 1.1.0");
}

static void test_patches_tables_are_made_in_an_older_database(void **state)
{
    struct world *w = *state;
    static const char *const drop[] = {"DROP TABLE deltas", "DROP TABLE askers", "DROP TABLE totals"};
    struct srv_db *db;
    char err[256], made[128];
    put(w->store, 1);
    srv_store_close(w->store);
    assert_int_equal(srv_db_open(w->path, &db, err, sizeof err), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(srv_db_run(db, drop[i], NULL, 0, NULL, NULL), SRV_OK);
    }
    srv_db_close(db);
    w->store = open_store(w->path);
    make_all(w->store, 4, SRV_PATCH_MADE, made);
    assert_string_equal(made, "*");
}

static void test_blocks_are_found_by_their_image(void **state)
{
    struct world *w = *state;
    static uint8_t image[5 << 20];
    struct srv_blocks blocks, found;
    assert_true(srv_describe_blocks(image, 65537, &blocks));
    assert_int_equal(blocks.size, 65536);
    assert_string_equal(blocks.sha256, "de2f256064a0af796e340b9cffb37a98");
    assert_true(srv_describe_blocks(image, sizeof image, &blocks));
    assert_int_equal(blocks.size, 131072); /* not more than 64 of them */
    assert_int_equal(strlen(blocks.sha256), 40 * 16);
    assert_int_equal(srv_store_blocks(w->store, "aa", &found), SRV_NOT_FOUND);
    assert_int_equal(srv_store_put_blocks(w->store, "aa", &blocks), SRV_OK);
    assert_int_equal(srv_store_put_blocks(w->store, "aa", &blocks), SRV_OK);
    assert_int_equal(srv_store_blocks(w->store, "aa", &found), SRV_OK);
    assert_int_equal(found.size, blocks.size);
    assert_string_equal(found.sha256, blocks.sha256);
}

static void test_what_was_served_stays(void **state)
{
    struct world *w = *state;
    struct srv_served served = {.image_bytes = 7, .patch_bytes = 5000000000u, .saved_bytes = 9}, *list;
    struct srv_release_name *names;
    size_t n;
    put(w->store, 1);
    snprintf(served.image_sha256, sizeof served.image_sha256, "%064u", 1u);
    assert_int_equal(srv_store_put_served(w->store, &served), SRV_OK);
    served.image_bytes = 8;
    assert_int_equal(srv_store_put_served(w->store, &served), SRV_OK);
    assert_int_equal(srv_store_served(w->store, &list, &n), SRV_OK);
    assert_int_equal(n, 1);
    assert_memory_equal(&list[0], &served, sizeof served);
    free(list);
    assert_int_equal(srv_store_names(w->store, served.image_sha256, &names, &n), SRV_OK);
    assert_int_equal(n, 1);
    assert_string_equal(names[0].product, "lamp");
    assert_string_equal(names[0].version, "1.1.0");
    free(names);
}

static void test_patches_totals_stay(void **state)
{
    struct world *w = *state;
    uint64_t value = 1;
    assert_int_equal(srv_store_total(w->store, "saved_bytes", &value), SRV_OK);
    assert_int_equal(value, 0);
    assert_int_equal(srv_store_set_total(w->store, "saved_bytes", 5000000000u), SRV_OK);
    assert_int_equal(srv_store_set_total(w->store, "saved_bytes", 6000000000u), SRV_OK);
    srv_store_close(w->store);
    w->store = open_store(w->path);
    assert_int_equal(srv_store_total(w->store, "saved_bytes", &value), SRV_OK);
    assert_int_equal(value, 6000000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_patches_start_from_the_newest_releases_if_no_device_was_seen,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_patches_start_from_what_devices_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patches_are_of_the_kinds_that_devices_take, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patches_failed_are_tried_again_useless_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patches_are_listed_smallest_first_and_found_as_artifacts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_patches_tables_are_made_in_an_older_database, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks_are_found_by_their_image, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_served_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_patches_totals_stay, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
