/*
 * Timers in microseconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"

#define LONG    pdMS_TO_TICKS(60000)
#define LONG_US 60000000u

static SemaphoreHandle_t expired;
static atomic_uint calls;

static void give(void *arg)
{
    (void)arg;
    atomic_fetch_add(&calls, 1);
    xSemaphoreGive(expired);
}

static esp_timer_handle_t make(esp_timer_cb_t callback, void *arg, bool skip)
{
    const esp_timer_create_args_t args = {
        .callback = callback, .arg = arg, .name = "test", .skip_unhandled_events = skip};
    esp_timer_handle_t timer = NULL;

    atomic_store(&calls, 0);
    assert_int_equal(esp_timer_create(&args, &timer), ESP_OK);
    return timer;
}

static int set_up(void **state)
{
    (void)state;
    expired = xSemaphoreCreateCounting(1000, 0);
    return expired == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    vSemaphoreDelete(expired);
    return 0;
}

static void test_timer_time_grows(void **state)
{
    int64_t before = esp_timer_get_time();

    (void)state;
    assert_true(before >= 0);
    vTaskDelay(2);
    assert_true(esp_timer_get_time() - before >= 20000);
}

static void test_timer_one_shot_expires_once_and_not_early(void **state)
{
    esp_timer_handle_t timer = make(give, NULL, false);
    int64_t before = esp_timer_get_time();
    uint64_t value;

    (void)state;
    assert_int_equal(esp_timer_start_once(timer, 20000), ESP_OK);
    assert_int_equal(esp_timer_get_period(timer, &value), ESP_OK);
    assert_int_equal(value, 0);
    assert_int_equal(esp_timer_get_expiry_time(timer, &value), ESP_OK);
    assert_true((int64_t)value >= before + 20000);
    assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
    assert_true(esp_timer_get_time() - before >= 20000);
    assert_false(esp_timer_is_active(timer));
    assert_int_equal(xSemaphoreTake(expired, 4), pdFALSE);
    assert_int_equal(esp_timer_stop(timer), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_timer_delete(timer), ESP_OK);
}

static void test_timer_periodic_goes_on_until_stopped(void **state)
{
    esp_timer_handle_t timer = make(give, NULL, false);
    uint64_t period;
    unsigned n;
    int i;

    (void)state;
    assert_int_equal(esp_timer_start_periodic(timer, 1000), ESP_OK);
    assert_int_equal(esp_timer_get_period(timer, &period), ESP_OK);
    assert_int_equal(period, 1000);
    assert_int_equal(esp_timer_get_expiry_time(timer, &period), ESP_ERR_NOT_SUPPORTED);
    for (i = 0; i < 5; i++) {
        assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
    }
    assert_int_equal(esp_timer_delete(timer), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_timer_stop(timer), ESP_OK);
    n = atomic_load(&calls);
    vTaskDelay(3);
    assert_true(atomic_load(&calls) - n <= 1); /* the one that was being made */
    assert_int_equal(esp_timer_delete(timer), ESP_OK);
}

static void sleep_first(void *arg)
{
    if (atomic_fetch_add(&calls, 1) == 0) {
        vTaskDelay(pdMS_TO_TICKS(100));
    }
    (void)arg;
    xSemaphoreGive(expired);
}

/* Ten periods pass in the first call: one timer makes up for them, the other does not. */
static void test_timer_catches_up_unless_told_to_skip(void **state)
{
    esp_timer_handle_t timer = make(sleep_first, NULL, false);
    esp_timer_handle_t skipping;
    int64_t start;
    int i;

    (void)state;
    esp_timer_start_periodic(timer, 10000);
    for (i = 0; i < 10; i++) {
        assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
    }
    esp_timer_stop(timer);
    esp_timer_delete(timer);
    vTaskDelay(2);
    while (xSemaphoreTake(expired, 0) == pdTRUE) {
    }

    skipping = make(sleep_first, NULL, true);
    start = esp_timer_get_time();
    esp_timer_start_periodic(skipping, 10000);
    for (i = 0; i < 10; i++) {
        assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
    }
    /* 100 ms of the first call, and then eight whole periods between the other nine at least */
    assert_true(esp_timer_get_time() - start >= 10000 + 100000 + 80000);
    esp_timer_stop(skipping);
    esp_timer_delete(skipping);
    vTaskDelay(2);
}

static void test_timer_restart_moves_the_expiry(void **state)
{
    esp_timer_handle_t timer = make(give, NULL, false);

    (void)state;
    assert_int_equal(esp_timer_restart(timer, 1000), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_timer_start_once(timer, LONG_US), ESP_OK);
    assert_int_equal(esp_timer_start_once(timer, LONG_US), ESP_ERR_INVALID_STATE);
    assert_true(esp_timer_get_next_alarm() > esp_timer_get_time() + LONG_US / 2);
    assert_int_equal(esp_timer_restart(timer, 1000), ESP_OK);
    assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
    assert_int_equal(esp_timer_delete(timer), ESP_OK);
    assert_true(esp_timer_get_next_alarm() == INT64_MAX);
}

static unsigned order[3];

static void append(void *arg)
{
    order[atomic_fetch_add(&calls, 1)] = *(const unsigned *)arg;
    xSemaphoreGive(expired);
}

static void test_timer_callbacks_come_in_order_of_expiry(void **state)
{
    static const unsigned ids[3] = {0, 1, 2};
    static const uint64_t after_us[3] = {120000, 40000, 80000};
    esp_timer_handle_t timers[3];
    uint64_t expiry[3];
    unsigned i;

    (void)state;
    for (i = 0; i < 3; i++) {
        timers[i] = make(append, (void *)(uintptr_t)&ids[i], false);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(esp_timer_start_once(timers[i], after_us[i]), ESP_OK);
        assert_int_equal(esp_timer_get_expiry_time(timers[i], &expiry[i]), ESP_OK);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
    }
    assert_true(expiry[order[0]] <= expiry[order[1]]);
    assert_true(expiry[order[1]] <= expiry[order[2]]);
    for (i = 0; i < 3; i++) {
        assert_int_equal(esp_timer_delete(timers[i]), ESP_OK);
    }
}

static void delete_itself(void *arg)
{
    assert_int_equal(esp_timer_delete(*(esp_timer_handle_t *)arg), ESP_OK);
    xSemaphoreGive(expired);
}

static void test_timer_may_delete_itself(void **state)
{
    static esp_timer_handle_t timer;

    (void)state;
    timer = make(delete_itself, &timer, false);
    esp_timer_start_once(timer, 1);
    assert_int_equal(xSemaphoreTake(expired, LONG), pdTRUE);
}

static void test_timer_wrong_arguments_are_refused(void **state)
{
    const esp_timer_create_args_t no_callback = {.name = "x"};
    esp_timer_handle_t timer;
    uint64_t value;

    (void)state;
    assert_int_equal(esp_timer_create(NULL, &timer), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_timer_create(&no_callback, &timer), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_timer_start_once(NULL, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_timer_stop(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_timer_delete(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_timer_get_period(NULL, &value), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_timer_init(), ESP_ERR_INVALID_STATE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_timer_time_grows),
        CASE(test_timer_one_shot_expires_once_and_not_early),
        CASE(test_timer_periodic_goes_on_until_stopped),
        CASE(test_timer_catches_up_unless_told_to_skip),
        CASE(test_timer_restart_moves_the_expiry),
        CASE(test_timer_callbacks_come_in_order_of_expiry),
        CASE(test_timer_may_delete_itself),
        CASE(test_timer_wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
