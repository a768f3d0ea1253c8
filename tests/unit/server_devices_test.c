/*
 * server_devices_test.c - the devices that asked for updates.
 */
#include "store_world.h"

#include "store/devices.h"

static struct srv_device device(const char *id, const char *version, const char *seen)
{
    struct srv_device d = {.product = "lamp"};
    strcpy(d.id, id);
    strcpy(d.version, version);
    strcpy(d.seen, seen);
    return d;
}

static void put(struct world *w, const struct srv_device *d)
{
    assert_int_equal(srv_store_put_devices(w->store, d, 1, SRV_DEVICES_MAX), SRV_OK);
}

/* "ID VERSION RELEASE FAILURE FAILED;" of each that is found. */
static void assert_found(struct world *w, const char *search, uint64_t limit, uint64_t n_found,
                         const char *wanted)
{
    char text[600] = "";
    size_t len = 0, n;
    struct srv_device_row *list;
    uint64_t found;
    assert_int_equal(srv_store_devices(w->store, search, limit, &list, &n, &found), SRV_OK);
    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s %s %s %s %s;", list[i].id, list[i].version,
                                list[i].release, list[i].failure, list[i].failed);
    }
    free(list);
    assert_string_equal(text, wanted);
    assert_int_equal(found, n_found);
}

static void publish(struct world *w, const char *version, char digit)
{
    struct srv_release r = {.product = "lamp", .chip_id = 5, .size = 1000, .created = "2026-01-01T00:00:00Z"};
    strcpy(r.version, version);
    memset(r.sha256, digit, 64);
    memset(r.md5, digit, 32);
    assert_int_equal(srv_store_begin(w->store), SRV_OK);
    assert_int_equal(srv_store_put(w->store, &r), SRV_OK);
    assert_int_equal(srv_store_commit(w->store), SRV_OK);
}

#define T1 "2100-01-01T00:00:01Z" /* not forgotten while this is of use */
#define T2 "2100-01-01T00:00:02Z"
#define T3 "2100-01-01T00:00:03Z"

static void test_devices_are_listed_by_when_they_were_seen(void **state)
{
    struct world *w = *state;
    struct srv_device a = device("a", "1.0.0", T1), b = device("b", "1.1.0", T2);
    put(w, &a);
    put(w, &b);
    assert_found(w, "", 10, 2, "b 1.1.0   ;a 1.0.0   ;");
    a = device("a", "1.2.0", T3);
    put(w, &a);
    assert_found(w, "", 10, 2, "a 1.2.0   ;b 1.1.0   ;");
    assert_found(w, "", 1, 2, "a 1.2.0   ;");
    strcpy(a.product, "other"); /* the same name there is another device */
    put(w, &a);
    assert_found(w, "oth", 10, 1, "a 1.2.0   ;");
}

static void test_devices_keep_their_last_failure(void **state)
{
    struct world *w = *state;
    struct srv_device a = device("a", "1.0.0", T1);
    strcpy(a.failure, "hash");
    put(w, &a);
    assert_found(w, "", 10, 1, "a 1.0.0  hash " T1 ";");
    a = device("a", "1.0.0", T2);
    put(w, &a);
    assert_found(w, "", 10, 1, "a 1.0.0  hash " T1 ";");
    a = device("a", "1.0.0", T3);
    strcpy(a.failure, "flash");
    put(w, &a);
    assert_found(w, "flash", 10, 1, "a 1.0.0  flash " T3 ";");
}

static void test_devices_say_what_made_an_image_known_bad(void **state)
{
    struct world *w = *state;
    static const char *const told[] = {"flash", "known bad", "health", "known bad"};
    static const char *const kept[] = {"flash", "known bad", "health", "health"};
    for (unsigned i = 0; i < 4; i++) {
        char wanted[64];
        struct srv_device a = device("a", "1.0.0", i < 3 ? T1 : T2);
        strcpy(a.failure, told[i]);
        put(w, &a);
        snprintf(wanted, sizeof wanted, "a 1.0.0  %s %s;", kept[i], i < 3 ? T1 : T2);
        assert_found(w, "", 10, 1, wanted);
    }
}

static void test_devices_are_found_by_any_part_as_it_stands(void **state)
{
    struct world *w = *state;
    const struct srv_device list[] = {device("24:0A:C4", "1.0.0", T1), device("50%", "1.0.1-rc_1", T2),
                                      device("x!y", "", T3)};
    assert_int_equal(srv_store_put_devices(w->store, list, 3, SRV_DEVICES_MAX), SRV_OK);
    assert_found(w, "0a:c", 10, 1, "24:0A:C4 1.0.0   ;");
    assert_found(w, "%", 10, 1, "50% 1.0.1-rc_1   ;");
    assert_found(w, "_", 10, 1, "50% 1.0.1-rc_1   ;");
    assert_found(w, "!", 10, 1, "x!y    ;");
    assert_found(w, "RC_1", 10, 1, "50% 1.0.1-rc_1   ;");
    assert_found(w, "' OR '1'='1", 10, 0, "");
}

static void test_devices_run_the_release_of_their_bytes(void **state)
{
    struct world *w = *state;
    publish(w, "1.0.0", 'a');
    publish(w, "1.1.0", 'b');
    struct srv_device d = device("bytes", "b1c75d1", T3);
    memset(d.sha256, 'b', 64);
    put(w, &d);
    d = device("md5", "", T3);
    memset(d.md5, 'a', 32);
    put(w, &d);
    d = device("version", "1.0.0", T2);
    put(w, &d);
    d = device("pretends", "1.0.0", T1);
    memset(d.sha256, 'c', 64);
    put(w, &d);
    assert_found(w, "", 10, 4,
                 "bytes 1.1.0 1.1.0  ;md5 1.0.0 1.0.0  ;version 1.0.0 1.0.0  ;pretends 1.0.0   ;");
    struct srv_device_count *counts;
    size_t n;
    assert_int_equal(srv_store_device_counts(w->store, &counts, &n), SRV_OK);
    assert_int_equal(n, 3);
    assert_string_equal(counts[0].release, "");
    assert_int_equal(counts[0].n, 1);
    assert_string_equal(counts[1].release, "1.0.0");
    assert_int_equal(counts[1].n, 2);
    assert_string_equal(counts[2].release, "1.1.0");
    assert_int_equal(counts[2].n, 1);
    free(counts);
}

static void test_devices_are_bounded_and_forgotten(void **state)
{
    struct world *w = *state;
    struct srv_device list[] = {device("a", "1", T1), device("b", "1", T1), device("c", "1", T1)};
    assert_int_equal(srv_store_put_devices(w->store, list, 3, 2), SRV_OK);
    assert_found(w, "", 10, 2, "a 1   ;b 1   ;");
    strcpy(list[1].version, "2"); /* one that is known goes on being noted */
    assert_int_equal(srv_store_put_devices(w->store, list, 3, 2), SRV_OK);
    assert_found(w, "", 10, 2, "a 1   ;b 2   ;");
    struct srv_device old = device("old", "1", "2001-01-01T00:00:00Z");
    put(w, &old);
    put(w, &list[2]); /* each writing looks for what is old */
    assert_found(w, "", 10, 3, "a 1   ;b 2   ;c 1   ;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_devices_are_listed_by_when_they_were_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_keep_their_last_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_say_what_made_an_image_known_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_are_found_by_any_part_as_it_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_run_the_release_of_their_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices_are_bounded_and_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
