/*
 * A heap that is exhausted, at each allocation of an update in turn: the agent's
 * and the SDK's own (by the linker), libcurl's and cJSON's (by their hooks).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "agent_world.h"
#include "cJSON.h"
#include "device/shared.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"

/* Shared with the app's process. */
static struct {
    _Atomic unsigned count;        /* allocations since the agent was to be started */
    _Atomic unsigned first, last;  /* of them fail */
    _Atomic unsigned reasons;      /* bit per airlift_fail_t that was reported */
    _Atomic unsigned start_failed; /* airlift_start() returned an error */
    _Atomic bool armed;
} * heap;

static bool in_full; /* --long */

/* --- The allocator ------------------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

static bool fails(void)
{
    if (heap == NULL || !heap->armed) {
        return false;
    }
    const unsigned n = ++heap->count;

    return n >= heap->first && n <= heap->last; /* last 0: none does */
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return fails() ? NULL : __real_strndup(text, n);
}

static void hook_libraries(void)
{
    cJSON_Hooks hooks = {.malloc_fn = malloc, .free_fn = free};

    cJSON_InitHooks(&hooks);
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, strdup, calloc) != CURLE_OK) {
        world_give_up("curl", 0);
    }
}

/* --- The app --------------------------------------------------------------------- */

static bool is_well(void *ctx)
{
    (void)ctx;
    return true;
}

/* Until one of `events`; a check that failed is repeated when memory is back. */
static void run_agent(const airlift_config_t *config, unsigned events)
{
    esp_err_t err = airlift_start(config);

    if (err != ESP_OK) {
        heap->start_failed++;
        heap->armed = false;
        err = airlift_start(config);
    }
    if (err != ESP_OK) {
        world_give_up("the agent does not start with memory", err);
    }
    while (!(world_told & events)) {
        if (!world_wait(events | 1u << AIRLIFT_EVENT_FAILED)) {
            world_give_up("the agent is stuck", (int)world_told);
        }
        if (!(world_told & events)) {
            world_told &= ~(1u << AIRLIFT_EVENT_FAILED);
            (void)airlift_check_now();
        }
    }
    heap->reasons = world_failed;
    heap->armed = false;
    if (airlift_stop() != ESP_OK) {
        world_give_up("the agent does not stop", 0);
    }
}

static void app(void)
{
    airlift_config_t config = world_config();

    esp_log_level_set("*", ESP_LOG_NONE);
    config.health_check = is_well;
    hook_libraries();
    if (nvs_flash_init() != ESP_OK) {
        world_give_up("NVS", 0);
    }
    (void)xTaskGetCurrentTaskHandle(); /* on a chip the main task is there from the start */
    heap->armed = true;
    run_agent(&config, 1u << AIRLIFT_EVENT_REBOOTING | 1u << AIRLIFT_EVENT_CONFIRMED);
    (void)nvs_flash_deinit();
    curl_global_cleanup();
}

static void arm(unsigned first, unsigned n)
{
    memset(heap, 0, sizeof(*heap));
    heap->first = first;
    heap->last = n > 0 ? first + n - 1 : 0;
}

/* --- Cases ------------------------------------------------------------------------ */

/* `burst` allocations in a row fail, from each one on. */
static void exhaust_update(unsigned burst)
{
    unsigned reported = 0, unheard = 0, n_allocations;

    world_new_device();
    arm(0, 0);
    assert_int_equal(world_run(WORLD_OTA_0, app), 0);
    n_allocations = heap->count;
    assert_true(n_allocations > 20);
    for (unsigned n = 1; n <= n_allocations; n += in_full || burst == 1 ? 1 : 5) {
        world_new_device();
        arm(n, burst);
        const int status = world_run(WORLD_OTA_0, app);

        if (status != 0 || !world_has_new_image() || world_boot() != WORLD_OTA_1) {
            fail_msg("allocation %u of %u, %u in a row: status %d, new image %d", n, n_allocations, burst,
                     status, world_has_new_image());
        }
        reported += heap->start_failed != 0 || heap->reasons != 0;
        unheard += heap->start_failed == 0 && heap->reasons == 0;
    }
    print_message("%u allocations: %u failures reported, %u made no difference\n", n_allocations, reported,
                  unheard);
}

static void test_heap_exhausted_at_each_allocation_costs_an_attempt_at_most(void **state)
{
    (void)state;
    exhaust_update(1);
}

static void test_heap_exhausted_for_a_while_leaves_the_old_firmware_until_memory_is_back(void **state)
{
    (void)state;
    exhaust_update(25);
}

/* During the trial: confirmed, or rolled back to the old version, nothing else. */
static void test_heap_exhausted_during_the_trial_confirms_or_rolls_back(void **state)
{
    static uint8_t trial[sizeof(world_flash)];
    unsigned confirmed = 0, rolled_back = 0, n_allocations;

    (void)state;
    world_new_device();
    arm(0, 0);
    assert_int_equal(world_run(WORLD_OTA_0, app), 0);
    assert_int_equal(world_boot(), WORLD_OTA_1);
    memcpy(trial, world_flash, sizeof(trial));
    arm(0, 0);
    assert_int_equal(world_run(WORLD_OTA_1, app), 0);
    n_allocations = heap->count;
    for (unsigned n = 1; n <= n_allocations; n++) {
        memcpy(world_flash, trial, sizeof(trial));
        arm(n, 1);
        const int status = world_run(WORLD_OTA_1, app);
        const uint32_t next = world_boot();

        if (status == 0 && next == WORLD_OTA_1) {
            confirmed++;
        } else if (status == DEV_EXIT_RESTART && next == WORLD_OTA_0) {
            rolled_back++; /* no memory for the task of the health check */
        } else {
            fail_msg("allocation %u of %u: status %d, next boot 0x%x", n, n_allocations, status, next);
        }
    }
    print_message("%u allocations: %u confirmed, %u rolled back\n", n_allocations, confirmed, rolled_back);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_exhausted_at_each_allocation_costs_an_attempt_at_most),
        cmocka_unit_test(test_heap_exhausted_for_a_while_leaves_the_old_firmware_until_memory_is_back),
        cmocka_unit_test(test_heap_exhausted_during_the_trial_confirms_or_rolls_back),
    };

    in_full = argc == 2 && strcmp(argv[1], "--long") == 0;
    heap = mmap(NULL, sizeof(*heap), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (heap == MAP_FAILED) {
        return 1;
    }
    return cmocka_run_group_tests(tests, world_start, world_stop);
}
