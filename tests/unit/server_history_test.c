/*
 * server_history_test.c - what was sent, by minute and by hour.
 */
#include "store_world.h"

#include <cjson/cJSON.h>

#include "api/history.h"

#define NOW 1000000000u /* within the minute from 999999960 and the hour from 999997200 */

static void note(struct srv_history *h, uint64_t when, uint64_t saved)
{
    srv_history_note(
        h, &(struct srv_period){.start = when, .image_bytes = 1, .patch_bytes = 2, .saved_bytes = saved});
}

static cJSON *print(struct srv_history *h, uint64_t now)
{
    cJSON *json = cJSON_CreateObject();
    assert_true(srv_history_add(json, h, now));
    return json;
}

/* "AT SAVED" of each, with spaces between. */
static void assert_periods(struct srv_history *h, uint64_t now, const char *list, const char *wanted)
{
    char text[400] = "";
    size_t len = 0;
    cJSON *json = print(h, now);
    const cJSON *period;
    cJSON_ArrayForEach(period, cJSON_GetObjectItem(json, list))
    {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %.0f", len ? " " : "",
                                cJSON_GetObjectItem(period, "at")->valuestring,
                                cJSON_GetObjectItem(period, "saved_bytes")->valuedouble);
    }
    assert_string_equal(text, wanted);
    cJSON_Delete(json);
}

static void test_history_adds_up_by_minute_and_hour(void **state)
{
    (void)state;
    struct srv_history h;
    srv_history_begin(&h);
    note(&h, NOW, 5);
    note(&h, NOW + 19, 6);
    note(&h, NOW + 20, 7);
    assert_periods(&h, NOW + 20, "minutes", "2001-09-09T01:46:00Z 11 2001-09-09T01:47:00Z 7");
    assert_periods(&h, NOW + 20, "hours", "2001-09-09T01:00:00Z 18");
    cJSON *json = print(&h, NOW + 20);
    const cJSON *hour = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "hours"), 0);
    assert_int_equal(cJSON_GetObjectItem(hour, "image_bytes")->valueint, 3);
    assert_int_equal(cJSON_GetObjectItem(hour, "patch_bytes")->valueint, 6);
    cJSON_Delete(json);
    srv_history_free(&h);
}

static void test_history_forgets_what_is_older_than_its_round(void **state)
{
    (void)state;
    struct srv_history h;
    srv_history_begin(&h);
    note(&h, NOW, 5);
    assert_periods(&h, NOW + 59 * 60, "minutes", "2001-09-09T01:46:00Z 5");
    assert_periods(&h, NOW + 60 * 60, "minutes", "");
    note(&h, NOW + 60 * 60, 6); /* in the same place */
    assert_periods(&h, NOW + 60 * 60, "minutes", "2001-09-09T02:46:00Z 6");
    assert_periods(&h, NOW + 167 * 3600, "hours", "2001-09-09T01:00:00Z 5 2001-09-09T02:00:00Z 6");
    assert_periods(&h, NOW + 168 * 3600, "hours", "2001-09-09T02:00:00Z 6");
    assert_periods(&h, NOW - 3600, "hours", ""); /* a clock that was set back shows nothing of the future */
    assert_periods(&h, 0, "minutes", "");
    srv_history_free(&h);
}

static void test_history_of_hours_outlives_the_process(void **state)
{
    struct world *w = *state;
    const uint64_t now = (uint64_t)time(NULL);
    struct srv_history before, after;
    srv_history_begin(&before);
    srv_history_begin(&after);
    note(&before, now - 3600, 5);
    note(&before, now, 6);
    assert_int_equal(srv_history_save(&before, w->store), 0);
    note(&before, now, 1);
    assert_int_equal(srv_history_save(&before, w->store), 0);
    const struct srv_period old = {.start = now - 169 * 3600, .image_bytes = 9};
    assert_int_equal(srv_store_put_hour(w->store, &old), SRV_OK);

    assert_int_equal(srv_history_load(&after, w->store), 0);
    cJSON *a = print(&before, now), *b = print(&after, now);
    assert_true(cJSON_Compare(cJSON_GetObjectItem(a, "hours"), cJSON_GetObjectItem(b, "hours"), true));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(b, "hours")), 2);
    cJSON_Delete(a);
    cJSON_Delete(b);
    struct srv_period *hours;
    size_t n;
    assert_int_equal(srv_store_hours(w->store, 0, &hours, &n), SRV_OK);
    assert_int_equal(n, 2); /* the old one is gone */
    free(hours);
    srv_history_free(&before);
    srv_history_free(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_adds_up_by_minute_and_hour),
        cmocka_unit_test(test_history_forgets_what_is_older_than_its_round),
        cmocka_unit_test_setup_teardown(test_history_of_hours_outlives_the_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
