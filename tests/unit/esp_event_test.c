/*
 * Event loops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esp_event.h"
#include "esp_timer.h"

ESP_EVENT_DEFINE_BASE(APPLE);
ESP_EVENT_DEFINE_BASE(PEAR);

#define LONG pdMS_TO_TICKS(60000)

/* What handlers saw: a letter for the handler, a digit for the event. */
static char log_text[128];

static void note(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    size_t len = strlen(log_text);

    (void)data;
    assert_true(len + 4 < sizeof log_text);
    log_text[len] = *(const char *)arg;
    log_text[len + 1] = (char)(base == APPLE ? 'a' : 'p');
    log_text[len + 2] = (char)('0' + id);
    log_text[len + 3] = '\0';
}

/* A loop without a task: events are dispatched when the test says so. */
static esp_event_loop_handle_t make_loop(int32_t queue_size)
{
    esp_event_loop_args_t args = {.queue_size = queue_size};
    esp_event_loop_handle_t loop = NULL;

    log_text[0] = '\0';
    assert_int_equal(esp_event_loop_create(&args, &loop), ESP_OK);
    return loop;
}

static void post(esp_event_loop_handle_t loop, esp_event_base_t base, int32_t id)
{
    assert_int_equal(esp_event_post_to(loop, base, id, NULL, 0, 0), ESP_OK);
}

static void test_event_reaches_handlers_in_order_of_registration(void **state)
{
    esp_event_loop_handle_t loop = make_loop(8);

    (void)state;
    assert_int_equal(esp_event_handler_register_with(loop, APPLE, 1, note, "1"), ESP_OK);
    assert_int_equal(
        esp_event_handler_instance_register_with(loop, ESP_EVENT_ANY_BASE, ESP_EVENT_ANY_ID, note, "*", NULL),
        ESP_OK);
    assert_int_equal(esp_event_handler_register_with(loop, APPLE, ESP_EVENT_ANY_ID, note, "A"), ESP_OK);
    post(loop, APPLE, 1);
    post(loop, PEAR, 1);
    post(loop, APPLE, 2);
    assert_string_equal(log_text, "");
    assert_int_equal(esp_event_loop_run(loop, 0), ESP_OK);
    assert_int_equal(esp_event_loop_run(loop, 0), ESP_OK);
    assert_int_equal(esp_event_loop_run(loop, 2), ESP_OK);
    assert_string_equal(log_text, "1a1*a1Aa1"
                                  "*p1"
                                  "*a2Aa2");
    assert_int_equal(esp_event_loop_delete(loop), ESP_OK);
}

static void test_event_registering_again_replaces_the_argument(void **state)
{
    esp_event_loop_handle_t loop = make_loop(8);
    esp_event_handler_instance_t first, second;

    (void)state;
    assert_int_equal(esp_event_handler_register_with(loop, APPLE, 1, note, "x"), ESP_OK);
    assert_int_equal(esp_event_handler_register_with(loop, APPLE, 1, note, "y"), ESP_OK);
    assert_int_equal(esp_event_handler_instance_register_with(loop, APPLE, 1, note, "i", &first), ESP_OK);
    assert_int_equal(esp_event_handler_instance_register_with(loop, APPLE, 1, note, "j", &second), ESP_OK);
    post(loop, APPLE, 1);
    esp_event_loop_run(loop, 1);
    assert_string_equal(log_text, "ya1ia1ja1");

    log_text[0] = '\0';
    assert_int_equal(esp_event_handler_instance_unregister_with(loop, APPLE, 1, first), ESP_OK);
    assert_int_equal(esp_event_handler_unregister_with(loop, APPLE, 1, note), ESP_OK);
    assert_int_equal(esp_event_handler_unregister_with(loop, APPLE, 1, note), ESP_OK); /* is none: ignored */
    post(loop, APPLE, 1);
    esp_event_loop_run(loop, 1);
    assert_string_equal(log_text, "ja1");
    esp_event_loop_delete(loop);
}

static esp_event_loop_handle_t loop_in_use;

static void register_another(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    note(arg, base, id, data);
    assert_int_equal(esp_event_handler_unregister_with(loop_in_use, APPLE, 1, register_another), ESP_OK);
    assert_int_equal(esp_event_handler_register_with(loop_in_use, APPLE, 1, note, "n"), ESP_OK);
    post(loop_in_use, APPLE, 1);
}

static void test_event_handlers_may_change_the_list_and_post(void **state)
{
    (void)state;
    loop_in_use = make_loop(1);
    esp_event_handler_register_with(loop_in_use, APPLE, 1, register_another, "r");
    post(loop_in_use, APPLE, 1);
    esp_event_loop_run(loop_in_use, 0);
    assert_string_equal(log_text, "ra1"); /* the new one gets the next event */
    esp_event_loop_run(loop_in_use, 0);
    assert_string_equal(log_text, "ra1na1");
    esp_event_loop_delete(loop_in_use);
}

static void post_twice(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)arg;
    (void)base;
    (void)id;
    (void)data;
    assert_int_equal(esp_event_post_to(loop_in_use, PEAR, 1, NULL, 0, portMAX_DELAY), ESP_OK);
    assert_int_equal(esp_event_post_to(loop_in_use, PEAR, 1, NULL, 0, portMAX_DELAY), ESP_ERR_TIMEOUT);
}

static void test_event_post_from_a_handler_never_waits(void **state)
{
    (void)state;
    loop_in_use = make_loop(1);
    esp_event_handler_register_with(loop_in_use, APPLE, 1, post_twice, NULL);
    post(loop_in_use, APPLE, 1);
    esp_event_loop_run(loop_in_use, 0);
    esp_event_loop_delete(loop_in_use); /* with an event waiting */
}

struct payload {
    int number;
    char text[8];
};

static SemaphoreHandle_t arrived;
static struct payload last;

static void keep(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)base;
    (void)id;
    if (data != NULL) {
        last = *(struct payload *)data;
    } else {
        last.number = -1;
    }
    *(TaskHandle_t *)arg = xTaskGetCurrentTaskHandle();
    xSemaphoreGive(arrived);
}

static void test_event_default_loop_copies_data_and_has_its_own_task(void **state)
{
    struct payload payload = {42, "copied"};
    TaskHandle_t ran_in = NULL;

    (void)state;
    arrived = xSemaphoreCreateBinary();
    assert_int_equal(esp_event_post(APPLE, 1, NULL, 0, 0), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_event_handler_register(APPLE, 1, keep, &ran_in), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_event_loop_delete_default(), ESP_ERR_INVALID_STATE);

    assert_int_equal(esp_event_loop_create_default(), ESP_OK);
    assert_int_equal(esp_event_loop_create_default(), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_event_handler_register(APPLE, 1, keep, &ran_in), ESP_OK);
    assert_int_equal(esp_event_post(APPLE, 1, &payload, sizeof payload, LONG), ESP_OK);
    memset(&payload, 0, sizeof payload);
    assert_int_equal(xSemaphoreTake(arrived, LONG), pdTRUE);
    assert_int_equal(last.number, 42);
    assert_string_equal(last.text, "copied");
    assert_ptr_not_equal(ran_in, xTaskGetCurrentTaskHandle());
    assert_string_equal(pcTaskGetName(ran_in), "sys_evt");
    assert_int_equal(esp_event_isr_post(APPLE, 1, NULL, 0, NULL), ESP_OK);
    assert_int_equal(xSemaphoreTake(arrived, LONG), pdTRUE);
    assert_int_equal(last.number, -1);
    assert_int_equal(esp_event_handler_unregister(APPLE, 1, keep), ESP_OK);
    assert_int_equal(esp_event_loop_delete_default(), ESP_OK);
    vSemaphoreDelete(arrived);
}

static atomic_bool in_handler, handler_may_end;
static atomic_int handler_ended;

static void take_time(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)arg;
    (void)base;
    (void)id;
    (void)data;
    atomic_store(&in_handler, true);
    while (!atomic_load(&handler_may_end)) {
        vTaskDelay(1);
    }
    atomic_store(&handler_ended, 1);
}

static void let_handler_end(void *arg)
{
    vTaskDelay(3);
    atomic_store(&handler_may_end, true);
    (void)arg;
}

static void test_event_unregister_waits_for_a_running_handler(void **state)
{
    const esp_timer_create_args_t args = {.callback = let_handler_end};
    esp_timer_handle_t timer;

    (void)state;
    assert_int_equal(esp_event_loop_create_default(), ESP_OK);
    esp_event_handler_register(APPLE, 1, take_time, NULL);
    esp_event_post(APPLE, 1, NULL, 0, LONG);
    while (!atomic_load(&in_handler)) {
        vTaskDelay(1);
    }
    esp_timer_create(&args, &timer);
    esp_timer_start_once(timer, 1);
    assert_int_equal(esp_event_handler_unregister(APPLE, 1, take_time), ESP_OK);
    assert_int_equal(atomic_load(&handler_ended), 1);
    esp_timer_delete(timer);
    esp_event_loop_delete_default();
}

static void test_event_wrong_arguments_are_refused(void **state)
{
    esp_event_loop_handle_t loop = make_loop(1);
    esp_event_loop_args_t args = {.queue_size = 0};
    esp_event_loop_handle_t other;
    uint32_t data[2] = {0};

    (void)state;
    assert_int_equal(esp_event_loop_create(NULL, &other), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_event_loop_create(&args, &other), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_event_handler_register_with(loop, ESP_EVENT_ANY_BASE, 1, note, "x"),
                     ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_event_handler_register_with(loop, APPLE, 1, NULL, "x"), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_event_post_to(loop, ESP_EVENT_ANY_BASE, 1, NULL, 0, 0), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_event_post_to(loop, APPLE, ESP_EVENT_ANY_ID, NULL, 0, 0), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_event_isr_post_to(loop, APPLE, 1, data, sizeof data, NULL), ESP_ERR_INVALID_ARG);
    post(loop, APPLE, 1);
    assert_int_equal(esp_event_post_to(loop, APPLE, 1, data, sizeof data, 1), ESP_ERR_TIMEOUT);
    assert_int_equal(esp_event_isr_post_to(loop, APPLE, 1, data, 4, NULL), ESP_FAIL);
    esp_event_loop_delete(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_reaches_handlers_in_order_of_registration),
        cmocka_unit_test(test_event_registering_again_replaces_the_argument),
        cmocka_unit_test(test_event_handlers_may_change_the_list_and_post),
        cmocka_unit_test(test_event_post_from_a_handler_never_waits),
        cmocka_unit_test(test_event_default_loop_copies_data_and_has_its_own_task),
        cmocka_unit_test(test_event_unregister_waits_for_a_running_handler),
        cmocka_unit_test(test_event_wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
