/*
 * server_store_test.c - releases and tokens, on a real database file.
 */
#include "store/db.h"
#include "store_world.h"

/* Of two kinds, the second of which has no key. */
static const struct srv_signers signers = {
    2,
    {{"ECDSA P-256", "e237e7816c6b248d785877965ab5749ed31edafef2ea7e05457f5589efff73f2", true},
     {"unknown", "", false}}};

static enum srv_status put(struct srv_store *store, const char *product, const char *version)
{
    struct srv_release r = {.chip_id = 5,
                            .secure_version = 4000000000u,
                            .size = 1234,
                            .notes = "new: \"x\"; 'y'",
                            .signers = signers};
    strcpy(r.product, product);
    strcpy(r.version, version);
    strcpy(r.project, "http_pull");
    snprintf(r.sha256, sizeof r.sha256, "%064x", (unsigned)strlen(version));
    strcpy(r.image_sha256, "abc");
    strcpy(r.md5, "00000000000000000000000000000000");
    srv_timestamp(r.created);
    assert_int_equal(srv_store_begin(store), SRV_OK);
    enum srv_status status = srv_store_put(store, &r);
    return status == SRV_OK ? srv_store_commit(store) : status;
}

static void expect_newest(struct srv_store *store, const char *version)
{
    struct srv_release r;
    assert_int_equal(srv_store_newest(store, "demo", &r), SRV_OK);
    assert_string_equal(r.version, version);
    srv_release_clear(&r);
}

static void test_store_returns_what_was_put(void **state)
{
    struct world *w = *state;
    assert_int_equal(put(w->store, "demo", "1.4.2"), SRV_OK);
    struct srv_release r;
    assert_int_equal(srv_store_get(w->store, "demo", "1.4.2", &r), SRV_OK);
    assert_string_equal(r.product, "demo");
    assert_string_equal(r.project, "http_pull");
    assert_int_equal(r.chip_id, 5);
    assert_int_equal(r.secure_version, 4000000000u);
    assert_int_equal(r.size, 1234);
    assert_string_equal(r.notes, "new: \"x\"; 'y'");
    assert_int_equal(strlen(r.created), 20);
    assert_string_equal(r.image_sha256, "abc");
    assert_int_equal(r.signers.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(r.signers.item[i].type, signers.item[i].type);
        assert_string_equal(r.signers.item[i].key_digest, signers.item[i].key_digest);
        assert_int_equal(r.signers.item[i].valid, signers.item[i].valid);
    }
    srv_release_clear(&r);
    assert_int_equal(srv_store_get(w->store, "demo", "1.4.3", &r), SRV_NOT_FOUND);
    assert_int_equal(srv_store_get(w->store, "other", "1.4.2", &r), SRV_NOT_FOUND);
}

static void test_store_newest_is_by_semver_not_by_time(void **state)
{
    struct world *w = *state;
    struct srv_release r;
    assert_int_equal(srv_store_newest(w->store, "demo", &r), SRV_NOT_FOUND);
    static const char *const versions[] = {"1.9.0", "1.10.0", "1.10.1-rc.1", "1.2.0", "1.10.1-rc.1.1"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        assert_int_equal(put(w->store, "demo", versions[i]), SRV_OK);
    }
    assert_int_equal(put(w->store, "other", "9.0.0"), SRV_OK);
    expect_newest(w->store, "1.10.1-rc.1.1");

    struct srv_release *list;
    size_t n;
    assert_int_equal(srv_store_list(w->store, "demo", &list, &n), SRV_OK);
    assert_int_equal(n, 5);
    assert_string_equal(list[0].version, "1.10.1-rc.1.1");
    assert_string_equal(list[2].version, "1.10.0");
    assert_string_equal(list[4].version, "1.2.0");
    srv_releases_free(list, n);
}

static void test_store_withdrawn_is_not_offered(void **state)
{
    struct world *w = *state;
    uint32_t size;
    bool live;
    char sha256[65];
    snprintf(sha256, sizeof sha256, "%064x", 5u);
    assert_int_equal(put(w->store, "demo", "1.0.0"), SRV_OK);
    assert_int_equal(put(w->store, "demo", "1.10.0"), SRV_OK);
    assert_int_equal(srv_store_withdraw(w->store, "demo", "1.10.0"), SRV_OK);
    expect_newest(w->store, "1.0.0");
    assert_int_equal(srv_store_withdraw(w->store, "demo", "1.0.0"), SRV_OK);
    struct srv_release r;
    assert_int_equal(srv_store_newest(w->store, "demo", &r), SRV_NOT_FOUND);
    assert_int_equal(srv_store_artifact(w->store, sha256, &size, &live), SRV_OK);
    assert_int_equal(size, 1234);
    assert_false(live);
    assert_int_equal(put(w->store, "demo", "1.0.0"), SRV_OK); /* published again */
    expect_newest(w->store, "1.0.0");
    assert_int_equal(srv_store_artifact(w->store, sha256, &size, &live), SRV_OK);
    assert_true(live);
    assert_int_equal(srv_store_withdraw(w->store, "demo", "3.0.0"), SRV_NOT_FOUND);
    assert_int_equal(srv_store_artifact(w->store, "none", &size, &live), SRV_NOT_FOUND);
}

static void test_store_rollback_leaves_no_trace(void **state)
{
    struct world *w = *state;
    struct srv_release r = {.product = "demo", .version = "1.0.0"}, found;
    assert_int_equal(srv_store_begin(w->store), SRV_OK);
    assert_int_equal(srv_store_put(w->store, &r), SRV_OK);
    srv_store_rollback(w->store);
    assert_int_equal(srv_store_get(w->store, "demo", "1.0.0", &found), SRV_NOT_FOUND);
    assert_int_equal(put(w->store, "demo", "1.0.0"), SRV_OK); /* the next transaction begins anew */
}

static void test_store_survives_reopening_and_shares(void **state)
{
    struct world *w = *state;
    assert_int_equal(put(w->store, "demo", "1.0.0"), SRV_OK);
    assert_int_equal(srv_store_set_token(w->store, "admin", "aa"), SRV_OK);
    struct srv_store *second = open_store(w->path);
    expect_newest(second, "1.0.0");
    assert_int_equal(put(second, "demo", "1.1.0"), SRV_OK);
    expect_newest(w->store, "1.1.0");
    srv_store_close(second);
    srv_store_close(w->store);
    w->store = open_store(w->path);
    expect_newest(w->store, "1.1.0");
    char hash[65];
    assert_int_equal(srv_store_get_token(w->store, "admin", hash), SRV_OK);
    assert_string_equal(hash, "aa");
    assert_int_equal(srv_store_set_token(w->store, "admin", "bb"), SRV_OK);
    assert_int_equal(srv_store_get_token(w->store, "admin", hash), SRV_OK);
    assert_string_equal(hash, "bb");
    assert_int_equal(srv_store_get_token(w->store, "nobody", hash), SRV_NOT_FOUND);
}

static void test_store_reads_releases_of_an_older_airlift(void **state)
{
    struct world *w = *state;
    char err[256];
    struct srv_db *db;
    struct srv_release r;
    assert_int_equal(put(w->store, "demo", "1.0.0"), SRV_OK);
    assert_int_equal(srv_db_open(w->path, &db, err, sizeof err), 0);
    assert_int_equal(srv_db_run(db, "DELETE FROM images", NULL, 0, NULL, NULL), SRV_OK);
    srv_db_close(db);
    assert_int_equal(srv_store_get(w->store, "demo", "1.0.0", &r), SRV_OK);
    assert_string_equal(r.image_sha256, "");
    assert_int_equal(r.signers.n, 0);
    srv_release_clear(&r);
}

static void test_store_refuses_a_newer_schema_and_foreign_files(void **state)
{
    struct world *w = *state;
    char err[256], path[128];
    struct srv_db *db;
    assert_int_equal(srv_db_open(w->path, &db, err, sizeof err), 0);
    assert_int_equal(srv_db_run(db, "UPDATE meta SET value = '2' WHERE name = 'schema'", NULL, 0, NULL, NULL),
                     SRV_OK);
    srv_db_close(db);
    struct srv_store *store;
    assert_int_equal(srv_store_open(w->path, &store, err, sizeof err), -1);
    assert_non_null(strstr(err, "schema is version 2"));

    snprintf(path, sizeof path, "%s/foreign", w->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("this is no database, and it is longer than the sixteen bytes of a header", f);
    fclose(f);
    assert_int_equal(srv_store_open(path, &store, err, sizeof err), -1);
    assert_non_null(strstr(err, path));
    unlink(path);
    assert_int_equal(srv_store_open("/nonexistent/t.db", &store, err, sizeof err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_store_returns_what_was_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_newest_is_by_semver_not_by_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_withdrawn_is_not_offered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_rollback_leaves_no_trace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_survives_reopening_and_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_reads_releases_of_an_older_airlift, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_refuses_a_newer_schema_and_foreign_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
