#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "airlift.h"
#include "schedule.h"

#define MIDDLE 0x80000000u /* no jitter */

static void test_schedule_spreads_by_ten_percent(void **state)
{
    (void)state;
    assert_int_equal(agent_schedule_next(21600, 60, 0, 0), 19440);
    assert_int_equal(agent_schedule_next(21600, 60, 0, MIDDLE), 21600);
    assert_int_equal(agent_schedule_next(21600, 60, 0, UINT32_MAX), 23760);
    /* Every value between is reached by some random number. */
    assert_int_equal(agent_schedule_next(21600, 60, 0, UINT32_MAX / 4), 20520);
}

static void test_schedule_doubles_after_failures_up_to_the_interval(void **state)
{
    static const uint32_t expected[] = {60, 120, 240, 480, 960, 1920, 3600, 3600};

    (void)state;
    for (uint32_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(agent_schedule_next(3600, 60, i + 1, MIDDLE), expected[i]);
    }
    assert_int_equal(agent_schedule_next(3600, 60, UINT32_MAX, MIDDLE), 3600);
    assert_int_equal(agent_schedule_next(30, 60, 1, MIDDLE), 30);
}

static void test_schedule_is_never_faster_than_the_floor(void **state)
{
    (void)state;
    assert_int_equal(agent_schedule_next(1, 1, 0, 0), AIRLIFT_MIN_INTERVAL_S);
    assert_int_equal(agent_schedule_next(0, 0, 3, 0), AIRLIFT_MIN_INTERVAL_S);
    assert_int_equal(agent_schedule_next(AIRLIFT_MIN_INTERVAL_S, 60, 0, 0), AIRLIFT_MIN_INTERVAL_S);
}

static void test_schedule_survives_extreme_settings(void **state)
{
    (void)state;
    assert_in_range(agent_schedule_next(UINT32_MAX, UINT32_MAX, 0, UINT32_MAX), 31536000, 34689600);
    assert_in_range(agent_schedule_next(UINT32_MAX, UINT32_MAX, 9, UINT32_MAX), 31536000, 34689600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule_spreads_by_ten_percent),
        cmocka_unit_test(test_schedule_doubles_after_failures_up_to_the_interval),
        cmocka_unit_test(test_schedule_is_never_faster_than_the_floor),
        cmocka_unit_test(test_schedule_survives_extreme_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
