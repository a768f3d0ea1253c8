/*
 * Right after power-up the supply may break down again: until the stabilisation
 * wait is over the agent touches neither flash nor network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent_world.h"
#include "device/shared.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "nvs_flash.h"

#define STABILISATION_US 30000000 /* the default */
#define N_CUTS           20u

struct agent;

/* What the agent finds when it begins to wait. */
static enum { PASS, SAY_READY, CRASH } in_wait;

static _Atomic int64_t passed_us; /* virtual time: waits return at once */
static uint64_t ops_before;       /* flash operations before airlift_start() */
static unsigned n_waits;          /* that were looked at */

/* --- Time (by the linker) --------------------------------------------------------- */

int64_t __wrap_esp_timer_get_time(void);
EventBits_t __real_xEventGroupWaitBits(EventGroupHandle_t group, const EventBits_t bits,
                                       const BaseType_t clear, const BaseType_t all, TickType_t ticks);
EventBits_t __wrap_xEventGroupWaitBits(EventGroupHandle_t group, const EventBits_t bits,
                                       const BaseType_t clear, const BaseType_t all, TickType_t ticks);
void __real_agent_settle(struct agent *a);
void __wrap_agent_settle(struct agent *a);

int64_t __wrap_esp_timer_get_time(void)
{
    return passed_us; /* nothing but waiting takes time, and timeouts never pass */
}

static void assert_untouched(void)
{
    if (atomic_load(&dev_shared_get()->flash_ops) != ops_before) {
        world_give_up("flash was written before the wait was over", 0);
    }
    if (world_told != 0) {
        world_give_up("something was begun before the wait was over", (int)world_told);
    }
    n_waits++;
}

EventBits_t __wrap_xEventGroupWaitBits(EventGroupHandle_t group, const EventBits_t bits,
                                       const BaseType_t clear, const BaseType_t all, TickType_t ticks)
{
    if (ticks == 0 || ticks == portMAX_DELAY || passed_us >= STABILISATION_US) {
        return __real_xEventGroupWaitBits(group, bits, clear, all, ticks);
    }
    assert_untouched();
    if (in_wait == SAY_READY) {
        world_say_ready();
        (void)pause();
    }
    if (in_wait == CRASH) {
        abort();
    }
    passed_us += (int64_t)ticks * portTICK_PERIOD_MS * 1000;
    return 0;
}

void __wrap_agent_settle(struct agent *a)
{
    if (passed_us < STABILISATION_US || n_waits == 0) {
        world_give_up("the wait was too short", (int)passed_us);
    }
    __real_agent_settle(a);
}

/* --- The app ----------------------------------------------------------------------- */

static void app_without_agent(void)
{
    if (nvs_flash_init() != ESP_OK) {
        world_give_up("NVS", 0);
    }
}

static void app(void)
{
    airlift_config_t config = world_config();

    app_without_agent();
    config.stabilisation_s = 0;
    ops_before = atomic_load(&dev_shared_get()->flash_ops);
    if (airlift_start(&config) != ESP_OK || !world_wait(1u << AIRLIFT_EVENT_REBOOTING) ||
        airlift_stop() != ESP_OK) {
        world_give_up("no update", (int)world_failed);
    }
}

/* --- Cases --------------------------------------------------------------------------- */

static void test_startup_touches_nothing_before_the_wait_is_over(void **state)
{
    (void)state;
    in_wait = PASS;
    world_new_device();
    assert_int_equal(world_run(WORLD_OTA_0, app_without_agent), 0);
    assert_int_equal(world_run(WORLD_OTA_0, app), 0);
    assert_true(world_has_new_image());
}

static void boot_again_and_again(uint32_t slot, bool crash)
{
    static uint8_t before[sizeof(world_flash)];

    for (unsigned i = 0; i < N_CUTS; i++) {
        const uint32_t booted = world_boot();

        assert_int_equal(booted, i == 0 ? slot : WORLD_OTA_0); /* a trial that restarts is over */
        memcpy(before, world_flash, sizeof(before));
        if (crash) {
            in_wait = CRASH;
            assert_true(world_run(booted, app) > 256);
        } else {
            in_wait = SAY_READY;
            assert_int_equal(world_run_until_ready(booted, app), 256 + 9);
        }
        assert_memory_equal(world_flash, before, sizeof(before));
    }
}

static void test_startup_cut_short_leaves_flash_as_the_bootloader_left_it(void **state)
{
    (void)state;
    world_new_device();
    assert_int_equal(world_run(WORLD_OTA_0, app_without_agent), 0);
    boot_again_and_again(WORLD_OTA_0, false);
    boot_again_and_again(WORLD_OTA_0, true);
}

static void test_startup_of_a_trial_cut_short_goes_back_and_leaves_the_rest(void **state)
{
    (void)state;
    for (unsigned crash = 0; crash < 2; crash++) {
        in_wait = PASS;
        world_new_device();
        assert_int_equal(world_run(WORLD_OTA_0, app), 0);
        boot_again_and_again(WORLD_OTA_1, crash != 0);
        assert_true(world_has_new_image());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_startup_touches_nothing_before_the_wait_is_over),
        cmocka_unit_test(test_startup_cut_short_leaves_flash_as_the_bootloader_left_it),
        cmocka_unit_test(test_startup_of_a_trial_cut_short_goes_back_and_leaves_the_rest),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
