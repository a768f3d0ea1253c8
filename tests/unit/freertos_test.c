/*
 * FreeRTOS over threads. Nothing here depends on how long something takes:
 * tests wait for what must happen, and prove an order by what can't be first.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/queue.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "freertos/timers.h"

#define STACK 4096
#define LONG  pdMS_TO_TICKS(60000) /* far longer than anything here takes */

static SemaphoreHandle_t done; /* given by helper tasks */

/* Deleted tasks may still be on their way out. */
static void wait_until_helpers_are_gone(void)
{
    while (xTaskGetHandle("helper") != NULL) {
        vTaskDelay(1);
    }
}

static int set_up(void **state)
{
    (void)state;
    wait_until_helpers_are_gone();
    done = xSemaphoreCreateCounting(100, 0);
    return done == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    vSemaphoreDelete(done);
    return 0;
}

static void wait_done(unsigned n)
{
    while (n-- > 0) {
        assert_int_equal(xSemaphoreTake(done, LONG), pdTRUE);
    }
}

static void wait_until_blocked(TaskHandle_t task)
{
    while (eTaskGetState(task) != eBlocked) {
        vTaskDelay(1);
    }
}

static TaskHandle_t start(TaskFunction_t code, void *arg, UBaseType_t priority)
{
    TaskHandle_t task = NULL;

    assert_int_equal(xTaskCreate(code, "helper", STACK, arg, priority, &task), pdPASS);
    return task;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Tasks ----------------------------------------------------------------- */

static void remember_self(void *arg)
{
    *(TaskHandle_t *)arg = xTaskGetCurrentTaskHandle();
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_task_handle_is_set_before_it_runs(void **state)
{
    TaskHandle_t inside = NULL;
    TaskHandle_t outside;

    (void)state;
    outside = start(remember_self, &inside, 5);
    wait_done(1);
    assert_ptr_equal(inside, outside);
}

static void sleep_forever(void *arg)
{
    (void)arg;
    vTaskDelay(portMAX_DELAY);
    fail();
}

static void test_task_is_gone_when_a_waiting_one_was_deleted(void **state)
{
    UBaseType_t before = uxTaskGetNumberOfTasks();
    TaskHandle_t task;

    (void)state;
    task = start(sleep_forever, NULL, 5);
    wait_until_blocked(task);
    assert_int_equal(uxTaskGetNumberOfTasks(), before + 1);
    vTaskDelete(task);
    assert_int_equal(uxTaskGetNumberOfTasks(), before);
    assert_int_equal(eTaskGetState(task), eDeleted);
}

static void test_task_deleted_before_it_began_never_runs(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 50; i++) {
        vTaskDelete(start(sleep_forever, NULL, 5));
    }
}

static atomic_bool may_go_on;

static void spin_then_call(void *arg)
{
    atomic_int *reached = arg;

    xSemaphoreGive(done);
    while (!atomic_load(&may_go_on)) {
        sched_yield();
    }
    atomic_store(reached, 1);
    vTaskDelay(1);
    atomic_store(reached, 2);
    vTaskDelete(NULL);
}

static void test_task_deleted_while_running_ends_at_its_next_call(void **state)
{
    atomic_int reached = 0;
    TaskHandle_t task;

    (void)state;
    atomic_store(&may_go_on, false);
    task = start(spin_then_call, &reached, 5);
    wait_done(1);
    vTaskDelay(2); /* it is past its own call of xSemaphoreGive() now, or ends there, which is as good */
    vTaskDelete(task);
    atomic_store(&may_go_on, true);
    wait_until_helpers_are_gone();
    assert_int_not_equal(atomic_load(&reached), 2);
}

static void test_task_name_is_cut_and_found(void **state)
{
    TaskHandle_t task = NULL;

    (void)state;
    assert_int_equal(xTaskCreate(sleep_forever, "a_name_of_20_letters", STACK, NULL, 7, &task), pdPASS);
    assert_string_equal(pcTaskGetName(task), "a_name_of_20_le");
    assert_ptr_equal(xTaskGetHandle("a_name_of_20_le"), task);
    assert_int_equal(uxTaskPriorityGet(task), 7);
    vTaskPrioritySet(task, 3);
    assert_int_equal(uxTaskPriorityGet(task), 3);
    vTaskDelete(task);
    assert_null(xTaskGetHandle("a_name_of_20_le"));
    assert_int_equal(uxTaskPriorityGet(task), 0);
}

static void test_task_static_creation_works(void **state)
{
    static StackType_t stack[STACK];
    static StaticTask_t memory;
    TaskHandle_t task = xTaskCreateStatic(sleep_forever, "static", STACK, NULL, 5, stack, &memory);

    (void)state;
    assert_non_null(task);
    vTaskDelete(task);
}

static void test_task_first_thread_is_called_main(void **state)
{
    (void)state;
    assert_string_equal(pcTaskGetName(NULL), "main");
    assert_int_equal(uxTaskPriorityGet(NULL), 1);
    assert_int_equal(eTaskGetState(xTaskGetCurrentTaskHandle()), eRunning);
}

static void *call_from_thread(void *arg)
{
    *(TaskHandle_t *)arg = xTaskGetCurrentTaskHandle();
    vTaskDelay(1);
    return NULL;
}

static void test_task_any_thread_becomes_one_and_leaves(void **state)
{
    UBaseType_t before = uxTaskGetNumberOfTasks();
    TaskHandle_t task = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, call_from_thread, &task), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_non_null(task);
    assert_int_equal(eTaskGetState(task), eDeleted);
    assert_int_equal(uxTaskGetNumberOfTasks(), before);
}

static void use_stack(void *arg)
{
    volatile char big[300 * 1024];
    size_t i;

    for (i = 0; i < sizeof big; i += 512) {
        big[i] = 1;
    }
    *(UBaseType_t *)arg = uxTaskGetStackHighWaterMark(NULL);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_task_high_water_mark_sees_what_was_used(void **state)
{
    UBaseType_t left = 0;

    (void)state;
    start(use_stack, &left, 5);
    wait_done(1);
    assert_true(left > 64 * 1024);
    assert_true(left < (2048 - 290) * 1024);
}

static void test_task_local_pointers_are_kept_per_task(void **state)
{
    TaskHandle_t task = start(sleep_forever, NULL, 5);
    int mine, its;

    (void)state;
    assert_null(pvTaskGetThreadLocalStoragePointer(task, 0));
    vTaskSetThreadLocalStoragePointer(task, 0, &its);
    vTaskSetThreadLocalStoragePointer(NULL, 0, &mine);
    assert_ptr_equal(pvTaskGetThreadLocalStoragePointer(task, 0), &its);
    assert_ptr_equal(pvTaskGetThreadLocalStoragePointer(NULL, 0), &mine);
    vTaskDelete(task);
}

/* ---- Time ------------------------------------------------------------------- */

static void test_delay_lasts_at_least_as_long(void **state)
{
    TickType_t tick = xTaskGetTickCount();
    int64_t before = now_ms();

    (void)state;
    vTaskDelay(pdMS_TO_TICKS(50));
    assert_true(now_ms() - before >= 49);
    assert_true(xTaskGetTickCount() - tick >= pdMS_TO_TICKS(50));
}

static void test_delay_until_keeps_a_rhythm_and_tells_when_late(void **state)
{
    TickType_t first = xTaskGetTickCount();
    TickType_t last = first;

    (void)state;
    assert_int_equal(xTaskDelayUntil(&last, 5), pdTRUE);
    assert_int_equal(last, first + 5);
    assert_true(xTaskGetTickCount() - first >= 5);
    vTaskDelay(10);
    assert_int_equal(xTaskDelayUntil(&last, 2), pdFALSE);
    assert_int_equal(last, first + 7);
}

static void take_forever(void *arg)
{
    assert_int_equal(xSemaphoreTake((SemaphoreHandle_t)arg, portMAX_DELAY), pdFALSE);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_delay_aborted_wait_ends_as_a_timeout(void **state)
{
    SemaphoreHandle_t never = xSemaphoreCreateBinary();
    TaskHandle_t task = start(take_forever, never, 5);

    (void)state;
    wait_until_blocked(task);
    assert_int_equal(xTaskAbortDelay(task), pdPASS);
    wait_done(1);
    vSemaphoreDelete(never);
}

/* ---- Suspending --------------------------------------------------------------- */

static atomic_uint turns;

static void count_turns(void *arg)
{
    (void)arg;
    for (;;) {
        atomic_fetch_add(&turns, 1);
        vTaskDelay(1);
    }
}

static void test_suspend_stops_a_task_until_it_is_resumed(void **state)
{
    TaskHandle_t task = start(count_turns, NULL, 5);
    unsigned then;

    (void)state;
    vTaskSuspend(task);
    vTaskSuspend(task);
    assert_int_equal(eTaskGetState(task), eSuspended);
    then = atomic_load(&turns);
    vTaskDelay(5);
    assert_true(atomic_load(&turns) - then <= 1); /* the turn that had begun */
    vTaskResume(task);
    while (atomic_load(&turns) - then <= 1) {
        vTaskDelay(1);
    }
    vTaskDelete(task);
}

static void suspend_self(void *arg)
{
    (void)arg;
    vTaskSuspend(NULL);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_suspend_self_waits_for_resume(void **state)
{
    TaskHandle_t task = start(suspend_self, NULL, 5);

    (void)state;
    while (eTaskGetState(task) != eSuspended) {
        vTaskDelay(1);
    }
    assert_int_equal(xSemaphoreTake(done, 3), pdFALSE);
    vTaskResume(task);
    wait_done(1);
}

static void test_suspend_does_not_keep_a_task_from_being_deleted(void **state)
{
    TaskHandle_t task = start(suspend_self, NULL, 5);

    (void)state;
    while (eTaskGetState(task) != eSuspended) {
        vTaskDelay(1);
    }
    vTaskDelete(task);
    wait_until_helpers_are_gone();
}

/* ---- Notifications --------------------------------------------------------------- */

struct note_test {
    uint32_t value;
    BaseType_t result;
};

static void take_note(void *arg)
{
    struct note_test *t = arg;

    t->value = ulTaskNotifyTake(pdTRUE, LONG);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_notify_take_returns_the_count(void **state)
{
    struct note_test t = {0};
    TaskHandle_t task = start(take_note, &t, 5);

    (void)state;
    wait_until_blocked(task);
    xTaskNotifyGive(task);
    wait_done(1);
    assert_int_equal(t.value, 1);
    /* to oneself: nothing is lost without a waiter */
    xTaskNotifyGive(xTaskGetCurrentTaskHandle());
    xTaskNotifyGive(xTaskGetCurrentTaskHandle());
    assert_int_equal(ulTaskNotifyTake(pdFALSE, 0), 2);
    assert_int_equal(ulTaskNotifyTake(pdTRUE, 0), 1);
    assert_int_equal(ulTaskNotifyTake(pdTRUE, 0), 0);
}

static void wait_note(void *arg)
{
    struct note_test *t = arg;

    t->result = xTaskNotifyWait(0xF0, 0x0F, &t->value, LONG);
    xSemaphoreGive(done);
    vTaskDelay(portMAX_DELAY);
}

static void test_notify_wait_clears_on_entry_and_exit(void **state)
{
    struct note_test t = {0};
    TaskHandle_t self = xTaskGetCurrentTaskHandle();
    TaskHandle_t task = start(wait_note, &t, 5);

    (void)state;
    wait_until_blocked(task);
    assert_int_equal(xTaskNotify(task, 0x33, eSetBits), pdPASS);
    wait_done(1);
    assert_int_equal(t.result, pdTRUE);
    assert_int_equal(t.value, 0x33);
    assert_int_equal(ulTaskNotifyValueClear(task, 0), 0x30);
    vTaskDelete(task);

    /* bits of an earlier notification: cleared on entry unless it is still pending */
    assert_int_equal(xTaskNotify(self, 0x81, eSetBits), pdPASS);
    assert_int_equal(xTaskNotifyWait(0xFF, 0, &t.value, 0), pdTRUE);
    assert_int_equal(t.value, 0x81);
    assert_int_equal(xTaskNotifyWait(0x80, 0, &t.value, 0), pdFALSE);
    assert_int_equal(t.value, 0x01);

    assert_int_equal(xTaskNotify(self, 5, eSetValueWithoutOverwrite), pdPASS);
    assert_int_equal(xTaskNotify(self, 6, eSetValueWithoutOverwrite), pdFAIL);
    assert_int_equal(xTaskNotify(self, 7, eSetValueWithOverwrite), pdPASS);
    assert_int_equal(xTaskNotifyWait(0xFF, 0xFFFFFFFF, &t.value, 0), pdTRUE);
    assert_int_equal(t.value, 7);
    assert_int_equal(xTaskNotifyWait(0, 0, &t.value, 2), pdFALSE);
    assert_int_equal(t.value, 0);
    xTaskNotifyGive(self);
    assert_int_equal(xTaskNotifyStateClear(NULL), pdTRUE);
    assert_int_equal(xTaskNotifyStateClear(NULL), pdFALSE);
    (void)ulTaskNotifyValueClear(NULL, 0xFFFFFFFF);
}

static void test_notify_to_a_task_that_is_gone_fails(void **state)
{
    TaskHandle_t task = start(sleep_forever, NULL, 5);

    (void)state;
    vTaskDelete(task);
    assert_int_equal(xTaskNotifyGive(task), pdFAIL);
}

static void test_notify_does_not_end_a_delay(void **state)
{
    TaskHandle_t task = start(sleep_forever, NULL, 5);

    (void)state;
    wait_until_blocked(task);
    xTaskNotifyGive(task);
    vTaskDelay(2);
    assert_int_equal(eTaskGetState(task), eBlocked);
    vTaskDelete(task);
}

/* ---- Queues ------------------------------------------------------------------------ */

static void test_queue_keeps_order_and_takes_from_both_ends(void **state)
{
    QueueHandle_t q = xQueueCreate(3, sizeof(int));
    int in, out;

    (void)state;
    for (in = 1; in <= 3; in++) {
        assert_int_equal(uxQueueSpacesAvailable(q), 4 - in);
        assert_int_equal(xQueueSend(q, &in, 0), pdTRUE);
    }
    assert_int_equal(xQueueSend(q, &in, 2), errQUEUE_FULL);
    assert_int_equal(xQueuePeek(q, &out, 0), pdTRUE);
    assert_int_equal(out, 1);
    assert_int_equal(xQueueReceive(q, &out, 0), pdTRUE);
    assert_int_equal(out, 1);
    in = 9;
    assert_int_equal(xQueueSendToFront(q, &in, 0), pdTRUE);
    assert_int_equal(uxQueueMessagesWaiting(q), 3);
    assert_int_equal(xQueueReceive(q, &out, 0), pdTRUE);
    assert_int_equal(out, 9);
    assert_int_equal(xQueueReceive(q, &out, 0), pdTRUE);
    assert_int_equal(out, 2);
    assert_int_equal(xQueueReset(q), pdPASS);
    assert_int_equal(xQueueReceive(q, &out, 2), errQUEUE_EMPTY);
    vQueueDelete(q);
}

static void test_queue_overwrite_replaces_the_item(void **state)
{
    static StaticQueue_t memory;
    static uint8_t storage[sizeof(int)];
    QueueHandle_t q = xQueueCreateStatic(1, sizeof(int), storage, &memory);
    int value = 1;

    (void)state;
    assert_int_equal(xQueueOverwrite(q, &value), pdTRUE);
    value = 2;
    assert_int_equal(xQueueOverwrite(q, &value), pdTRUE);
    assert_int_equal(uxQueueMessagesWaiting(q), 1);
    assert_int_equal(xQueueReceive(q, &value, 0), pdTRUE);
    assert_int_equal(value, 2);
    vQueueDelete(q);
}

struct receiver {
    QueueHandle_t q;
    int got;
};

static void receive_one(void *arg)
{
    struct receiver *r = arg;

    assert_int_equal(xQueueReceive(r->q, &r->got, LONG), pdTRUE);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_queue_serves_the_highest_priority_first(void **state)
{
    QueueHandle_t q = xQueueCreate(2, sizeof(int));
    struct receiver low = {q, 0}, high = {q, 0}, middle = {q, 0};
    int i;

    (void)state;
    wait_until_blocked(start(receive_one, &low, 2));
    wait_until_blocked(start(receive_one, &high, 9));
    wait_until_blocked(start(receive_one, &middle, 5));
    for (i = 1; i <= 3; i++) {
        assert_int_equal(xQueueSend(q, &i, LONG), pdTRUE);
        wait_done(1);
    }
    assert_int_equal(high.got, 1);
    assert_int_equal(middle.got, 2);
    assert_int_equal(low.got, 3);
    vQueueDelete(q);
}

static void test_queue_item_of_a_deleted_waiter_goes_to_the_next(void **state)
{
    QueueHandle_t q = xQueueCreate(1, sizeof(int));
    struct receiver first = {q, 0}, second = {q, 0};
    TaskHandle_t task;
    int i;

    (void)state;
    for (i = 1; i <= 20; i++) {
        task = start(receive_one, &first, 9);
        wait_until_blocked(task);
        wait_until_blocked(start(receive_one, &second, 2));
        vTaskSuspend(task); /* woken, it takes nothing ... */
        assert_int_equal(xQueueSend(q, &i, 0), pdTRUE);
        wait_done(1);
        assert_int_equal(second.got, i); /* ... so the other one gets it */
        vTaskDelete(task);
        assert_int_equal(first.got, 0);
    }
    vQueueDelete(q);
}

static void peek_one(void *arg)
{
    struct receiver *r = arg;

    assert_int_equal(xQueuePeek(r->q, &r->got, LONG), pdTRUE);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_queue_peek_leaves_the_item_for_all(void **state)
{
    QueueHandle_t q = xQueueCreate(1, sizeof(int));
    struct receiver a = {q, 0}, b = {q, 0};
    int value = 4;

    (void)state;
    wait_until_blocked(start(peek_one, &a, 3));
    wait_until_blocked(start(peek_one, &b, 2));
    assert_int_equal(xQueueSend(q, &value, 0), pdTRUE);
    wait_done(2);
    assert_int_equal(a.got, 4);
    assert_int_equal(b.got, 4);
    assert_int_equal(uxQueueMessagesWaiting(q), 1);
    vQueueDelete(q);
}

#define PRODUCERS 4
#define ITEMS     500

static atomic_uint sum;

static void produce(void *arg)
{
    unsigned i;

    for (i = 1; i <= ITEMS; i++) {
        assert_int_equal(xQueueSend((QueueHandle_t)arg, &i, LONG), pdTRUE);
    }
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void consume(void *arg)
{
    unsigned i, item;

    for (i = 0; i < ITEMS; i++) {
        assert_int_equal(xQueueReceive((QueueHandle_t)arg, &item, LONG), pdTRUE);
        atomic_fetch_add(&sum, item);
    }
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_queue_loses_nothing_between_many_tasks(void **state)
{
    QueueHandle_t q = xQueueCreate(3, sizeof(unsigned));
    unsigned i;

    (void)state;
    for (i = 0; i < PRODUCERS; i++) {
        start(produce, q, i + 1);
        start(consume, q, PRODUCERS - i);
    }
    wait_done(2 * PRODUCERS);
    assert_int_equal(atomic_load(&sum), PRODUCERS * (ITEMS * (ITEMS + 1) / 2));
    vQueueDelete(q);
}

/* ---- Semaphores and mutexes -------------------------------------------------------- */

static void test_semaphore_binary_starts_empty_and_holds_one(void **state)
{
    StaticSemaphore_t memory;
    SemaphoreHandle_t s = xSemaphoreCreateBinaryStatic(&memory);

    (void)state;
    assert_ptr_equal(s, &memory);
    assert_int_equal(xSemaphoreTake(s, 0), pdFALSE);
    assert_int_equal(xSemaphoreGive(s), pdTRUE);
    assert_int_equal(xSemaphoreGive(s), pdFALSE);
    assert_int_equal(xSemaphoreTake(s, 0), pdTRUE);
    vSemaphoreDelete(s);
}

static void test_semaphore_counts_to_its_maximum(void **state)
{
    SemaphoreHandle_t s = xSemaphoreCreateCounting(2, 1);

    (void)state;
    assert_int_equal(uxSemaphoreGetCount(s), 1);
    assert_int_equal(xSemaphoreGive(s), pdTRUE);
    assert_int_equal(xSemaphoreGive(s), pdFALSE);
    assert_int_equal(xSemaphoreTake(s, 0), pdTRUE);
    assert_int_equal(xSemaphoreTake(s, 0), pdTRUE);
    assert_int_equal(xSemaphoreTake(s, 1), pdFALSE);
    vSemaphoreDelete(s);
}

static unsigned guarded;

static void add_under_mutex(void *arg)
{
    unsigned i, seen;

    for (i = 0; i < 300; i++) {
        xSemaphoreTake((SemaphoreHandle_t)arg, portMAX_DELAY);
        seen = guarded;
        sched_yield();
        guarded = seen + 1;
        xSemaphoreGive((SemaphoreHandle_t)arg);
    }
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_mutex_excludes(void **state)
{
    SemaphoreHandle_t m = xSemaphoreCreateMutex();

    (void)state;
    guarded = 0;
    start(add_under_mutex, m, 1);
    start(add_under_mutex, m, 5);
    start(add_under_mutex, m, 5);
    wait_done(3);
    assert_int_equal(guarded, 900);
    assert_null(xSemaphoreGetMutexHolder(m));
    xSemaphoreTake(m, 0);
    assert_ptr_equal(xSemaphoreGetMutexHolder(m), xTaskGetCurrentTaskHandle());
    assert_int_equal(xSemaphoreTake(m, 1), pdFALSE); /* not recursive */
    assert_int_equal(xSemaphoreGive(m), pdTRUE);
    assert_int_equal(xSemaphoreGive(m), pdFALSE);
    vSemaphoreDelete(m);
}

static void try_recursive(void *arg)
{
    SemaphoreHandle_t m = arg;

    assert_int_equal(xSemaphoreTakeRecursive(m, 0), pdFALSE);
    assert_int_equal(xSemaphoreGiveRecursive(m), pdFALSE);
    xSemaphoreGive(done);
    assert_int_equal(xSemaphoreTakeRecursive(m, LONG), pdTRUE);
    assert_int_equal(xSemaphoreGiveRecursive(m), pdTRUE);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_mutex_recursive_is_free_after_as_many_gives(void **state)
{
    SemaphoreHandle_t m = xSemaphoreCreateRecursiveMutex();
    TaskHandle_t task;

    (void)state;
    assert_int_equal(xSemaphoreTakeRecursive(m, 0), pdTRUE);
    assert_int_equal(xSemaphoreTakeRecursive(m, 0), pdTRUE);
    task = start(try_recursive, m, 5);
    wait_done(1);
    wait_until_blocked(task);
    assert_int_equal(xSemaphoreGiveRecursive(m), pdTRUE);
    assert_int_equal(xSemaphoreTake(done, 3), pdFALSE);
    assert_int_equal(xSemaphoreGiveRecursive(m), pdTRUE);
    wait_done(1);
    vSemaphoreDelete(m);
}

static portMUX_TYPE mux = portMUX_INITIALIZER_UNLOCKED;

static void add_in_critical_section(void *arg)
{
    unsigned i;

    (void)arg;
    for (i = 0; i < 1000; i++) {
        taskENTER_CRITICAL(&mux);
        taskENTER_CRITICAL(&mux);
        guarded++;
        taskEXIT_CRITICAL(&mux);
        taskEXIT_CRITICAL(&mux);
    }
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_critical_sections_exclude_and_nest(void **state)
{
    (void)state;
    guarded = 0;
    start(add_in_critical_section, NULL, 1);
    start(add_in_critical_section, NULL, 5);
    wait_done(2);
    assert_int_equal(guarded, 2000);
}

/* ---- Event groups --------------------------------------------------------------------- */

struct waiter {
    EventGroupHandle_t group;
    EventBits_t bits;
    BaseType_t clear, all;
    EventBits_t got;
};

static void wait_bits(void *arg)
{
    struct waiter *w = arg;

    w->got = xEventGroupWaitBits(w->group, w->bits, w->clear, w->all, LONG);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_event_group_waits_for_any_or_for_all(void **state)
{
    EventGroupHandle_t g = xEventGroupCreate();
    struct waiter any = {g, 0x3, pdFALSE, pdFALSE, 0};
    struct waiter all = {g, 0x3, pdFALSE, pdTRUE, 0};

    (void)state;
    wait_until_blocked(start(wait_bits, &any, 5));
    wait_until_blocked(start(wait_bits, &all, 5));
    assert_int_equal(xEventGroupSetBits(g, 0x1), 0x1);
    wait_done(1);
    assert_int_equal(any.got, 0x1);
    assert_int_equal(xSemaphoreTake(done, 3), pdFALSE);
    xEventGroupSetBits(g, 0x2);
    wait_done(1);
    assert_int_equal(all.got, 0x3);
    assert_int_equal(xEventGroupGetBits(g), 0x3);
    assert_int_equal(xEventGroupClearBits(g, 0x1), 0x3);
    assert_int_equal(xEventGroupWaitBits(g, 0x1, pdTRUE, pdTRUE, 2), 0x2);
    vEventGroupDelete(g);
}

static void test_event_group_bit_that_is_cleared_reaches_all_waiters(void **state)
{
    StaticEventGroup_t memory;
    EventGroupHandle_t g = xEventGroupCreateStatic(&memory);
    struct waiter a = {g, 0x4, pdTRUE, pdTRUE, 0};
    struct waiter b = {g, 0x4, pdTRUE, pdTRUE, 0};

    (void)state;
    wait_until_blocked(start(wait_bits, &a, 5));
    wait_until_blocked(start(wait_bits, &b, 5));
    assert_int_equal(xEventGroupSetBits(g, 0xC), 0x8);
    wait_done(2);
    assert_int_equal(a.got, 0xC);
    assert_int_equal(b.got, 0xC);
    assert_int_equal(xEventGroupGetBits(g), 0x8);
    assert_int_equal(xEventGroupWaitBits(g, 0x8, pdTRUE, pdFALSE, 0), 0x8);
    assert_int_equal(xEventGroupGetBits(g), 0);
    vEventGroupDelete(g);
}

static void test_event_group_delete_wakes_its_waiters(void **state)
{
    EventGroupHandle_t g = xEventGroupCreate();
    struct waiter w = {g, 0x4, pdTRUE, pdTRUE, 77};

    (void)state;
    wait_until_blocked(start(wait_bits, &w, 5));
    vEventGroupDelete(g);
    wait_done(1);
    assert_int_equal(w.got, 0);
}

static void meet(void *arg)
{
    struct waiter *w = arg;

    w->got = xEventGroupSync(w->group, w->bits, 0x7, LONG);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void test_event_group_sync_lets_all_go_together(void **state)
{
    EventGroupHandle_t g = xEventGroupCreate();
    struct waiter a = {g, 0x1, 0, 0, 0};
    struct waiter b = {g, 0x2, 0, 0, 0};

    (void)state;
    wait_until_blocked(start(meet, &a, 5));
    wait_until_blocked(start(meet, &b, 5));
    assert_int_equal(xEventGroupSync(g, 0x4, 0x7, LONG), 0x7);
    wait_done(2);
    assert_int_equal(a.got, 0x7);
    assert_int_equal(b.got, 0x7);
    assert_int_equal(xEventGroupGetBits(g), 0);
    vEventGroupDelete(g);
}

/* ---- Software timers --------------------------------------------------------------------- */

static void give_done(TimerHandle_t timer)
{
    atomic_fetch_add((atomic_int *)pvTimerGetTimerID(timer), 1);
    xSemaphoreGive(done);
}

static void test_timer_one_shot_expires_once(void **state)
{
    atomic_int calls = 0;
    TimerHandle_t t = xTimerCreate("once", 2, pdFALSE, &calls, give_done);

    (void)state;
    assert_false(xTimerIsTimerActive(t));
    assert_string_equal(pcTimerGetName(t), "once");
    assert_int_equal(xTimerStart(t, 0), pdPASS);
    wait_done(1);
    assert_false(xTimerIsTimerActive(t));
    assert_int_equal(xSemaphoreTake(done, 6), pdFALSE);
    assert_int_equal(atomic_load(&calls), 1);
    assert_int_equal(xTimerDelete(t, 0), pdPASS);
}

static void test_timer_auto_reload_goes_on_until_stopped(void **state)
{
    atomic_int calls = 0;
    static StaticTimer_t memory;
    int n;
    TimerHandle_t t = xTimerCreateStatic("again", 1, pdTRUE, &calls, give_done, &memory);

    (void)state;
    assert_int_equal(xTimerStart(t, 0), pdPASS);
    wait_done(3);
    assert_true(xTimerIsTimerActive(t));
    assert_int_equal(xTimerStop(t, 0), pdPASS);
    assert_false(xTimerIsTimerActive(t));
    n = atomic_load(&calls);
    vTaskDelay(5);
    assert_true(atomic_load(&calls) - n <= 1); /* the one that was being made */
    xTimerDelete(t, 0);
}

static void test_timer_change_of_period_starts_it(void **state)
{
    atomic_int calls = 0;
    TimerHandle_t t = xTimerCreate("slow", LONG, pdFALSE, &calls, give_done);

    (void)state;
    xTimerStart(t, 0);
    assert_true(xTimerGetExpiryTime(t) - xTaskGetTickCount() > LONG / 2);
    assert_int_equal(xTimerChangePeriod(t, 1, 0), pdPASS);
    assert_int_equal(xTimerGetPeriod(t), 1);
    wait_done(1);
    xTimerDelete(t, 0);
}

static void delete_itself(TimerHandle_t timer)
{
    xTimerDelete(timer, 0);
    xSemaphoreGive(done);
}

/* So many that a leak shows under AddressSanitizer: a single pointer may still lie on some stack. */
static void test_timer_may_delete_itself(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 50; i++) {
        assert_int_equal(xTimerStart(xTimerCreate("brief", 1, pdTRUE, NULL, delete_itself), 0), pdPASS);
    }
    wait_done(50);
    assert_int_equal(xSemaphoreTake(done, 4), pdFALSE);
}

static void pended(void *arg, uint32_t value)
{
    *(uint32_t *)arg = value;
    xSemaphoreGive(done);
}

static void test_timer_service_calls_pended_functions(void **state)
{
    uint32_t value = 0;

    (void)state;
    assert_int_equal(xTimerPendFunctionCall(pended, &value, 42, 0), pdPASS);
    wait_done(1);
    assert_int_equal(value, 42);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_task_handle_is_set_before_it_runs),
        CASE(test_task_is_gone_when_a_waiting_one_was_deleted),
        CASE(test_task_deleted_before_it_began_never_runs),
        CASE(test_task_deleted_while_running_ends_at_its_next_call),
        CASE(test_task_name_is_cut_and_found),
        CASE(test_task_static_creation_works),
        CASE(test_task_first_thread_is_called_main),
        CASE(test_task_any_thread_becomes_one_and_leaves),
        CASE(test_task_high_water_mark_sees_what_was_used),
        CASE(test_task_local_pointers_are_kept_per_task),
        CASE(test_delay_lasts_at_least_as_long),
        CASE(test_delay_until_keeps_a_rhythm_and_tells_when_late),
        CASE(test_delay_aborted_wait_ends_as_a_timeout),
        CASE(test_suspend_stops_a_task_until_it_is_resumed),
        CASE(test_suspend_self_waits_for_resume),
        CASE(test_suspend_does_not_keep_a_task_from_being_deleted),
        CASE(test_notify_take_returns_the_count),
        CASE(test_notify_wait_clears_on_entry_and_exit),
        CASE(test_notify_to_a_task_that_is_gone_fails),
        CASE(test_notify_does_not_end_a_delay),
        CASE(test_queue_keeps_order_and_takes_from_both_ends),
        CASE(test_queue_overwrite_replaces_the_item),
        CASE(test_queue_serves_the_highest_priority_first),
        CASE(test_queue_item_of_a_deleted_waiter_goes_to_the_next),
        CASE(test_queue_peek_leaves_the_item_for_all),
        CASE(test_queue_loses_nothing_between_many_tasks),
        CASE(test_semaphore_binary_starts_empty_and_holds_one),
        CASE(test_semaphore_counts_to_its_maximum),
        CASE(test_mutex_excludes),
        CASE(test_mutex_recursive_is_free_after_as_many_gives),
        CASE(test_critical_sections_exclude_and_nest),
        CASE(test_event_group_waits_for_any_or_for_all),
        CASE(test_event_group_bit_that_is_cleared_reaches_all_waiters),
        CASE(test_event_group_delete_wakes_its_waiters),
        CASE(test_event_group_sync_lets_all_go_together),
        CASE(test_timer_one_shot_expires_once),
        CASE(test_timer_auto_reload_goes_on_until_stopped),
        CASE(test_timer_change_of_period_starts_it),
        CASE(test_timer_may_delete_itself),
        CASE(test_timer_service_calls_pended_functions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
