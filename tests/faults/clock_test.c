/*
 * A wall clock that jumps: by years, there and back. Waits and schedules go by
 * the monotonic clock; only certificates are looked at with the wall clock.
 *
 * This program's own clock functions take the place of libc's, for libcurl and
 * its TLS library too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent_world.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "nvs_flash.h"

#define YEAR_S 31557600ll

static _Atomic int64_t jump_s;

/* --- Clocks --------------------------------------------------------------------- */

int clock_gettime(clockid_t id, struct timespec *out)
{
    const int result = (int)syscall(SYS_clock_gettime, id, out);

    if (result == 0 && id == CLOCK_REALTIME) {
        out->tv_sec += jump_s;
    }
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    const time_t seconds = clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec : -1;

    if (out != NULL) {
        *out = seconds;
    }
    return seconds;
}

/* --- Apps -------------------------------------------------------------------------- */

static void start(void)
{
    airlift_config_t config = world_config();

    config.manifest_url = world_https;
    config.cert_pem = world_ca;
    config.attempts = 1;
    if (nvs_flash_init() != ESP_OK || airlift_start(&config) != ESP_OK) {
        world_give_up("the agent does not start", 0);
    }
}

static void stop(void)
{
    if (airlift_stop() != ESP_OK) {
        world_give_up("the agent does not stop", 0);
    }
}

/* Certificates are not valid then: refused, and the firmware goes on. When the clock is right, all is well. */
static void app_with_wrong_clock(void)
{
    start();
    if (!world_wait(1u << AIRLIFT_EVENT_FAILED) || world_failed != 1u << AIRLIFT_FAIL_NETWORK) {
        world_give_up("the certificate was not refused", (int)world_failed);
    }
    jump_s = 0;
    if (airlift_check_now() != ESP_OK || !world_wait(1u << AIRLIFT_EVENT_REBOOTING)) {
        world_give_up("no update with the right clock", (int)world_failed);
    }
    stop();
}

static uint32_t next_check_s(void)
{
    airlift_status_t status = {0};

    /* The state is "idle" a moment after the event. */
    for (unsigned i = 0; i < 3000 && status.next_check_s == 0; i++) {
        vTaskDelay(pdMS_TO_TICKS(10));
        if (airlift_get_status(&status) != ESP_OK) {
            world_give_up("no status", 0);
        }
    }
    return status.next_check_s;
}

static void app_between_checks(void)
{
    static const int64_t jumps[] = {YEAR_S, -YEAR_S, 20 * YEAR_S, -20 * YEAR_S, 3600, -3600};

    jump_s = 30 * YEAR_S; /* a check that fails, so that there is a next one */
    start();
    if (!world_wait(1u << AIRLIFT_EVENT_FAILED)) {
        world_give_up("no check", 0);
    }
    uint32_t before = next_check_s();

    world_told = 0;
    for (unsigned i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        jump_s = jumps[i];
        const uint32_t after = next_check_s();

        if (after == 0 || after > before || world_told != 0) {
            world_give_up("a jump moved the next check", (int)after);
        }
        before = after;
    }
    if (before < 1000) { /* of an hour, more or less */
        world_give_up("a jump moved the next check", (int)before);
    }
    stop();
}

static void jump_about(void *done)
{
    for (int i = 0; i < 40; i++) {
        jump_s = (i % 2 == 0 ? i : -i) * YEAR_S;
        vTaskDelay(1);
    }
    (void)xSemaphoreGive(done);
    vTaskDelete(NULL);
}

/* Waits that end are neither cut short nor prolonged for ever. */
static void app_that_waits(void)
{
    SemaphoreHandle_t never = xSemaphoreCreateBinary(), done = xSemaphoreCreateBinary();
    const int64_t start_us = esp_timer_get_time();

    if (never == NULL || done == NULL || xTaskCreate(jump_about, "jump", 4096, done, 5, NULL) != pdPASS) {
        world_give_up("no memory", 0);
    }
    if (xSemaphoreTake(never, pdMS_TO_TICKS(200)) || esp_timer_get_time() - start_us < 190000) {
        world_give_up("a wait was cut short", 0);
    }
    if (!xSemaphoreTake(done, pdMS_TO_TICKS(60000))) {
        world_give_up("a wait does not end", 0);
    }
    vSemaphoreDelete(never);
    vSemaphoreDelete(done);
}

/* --- Cases ----------------------------------------------------------------------------- */

static void test_clock_decades_off_refuses_certificates_until_it_is_right(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        world_new_device();
        jump_s = sign * 30 * YEAR_S;
        assert_int_equal(world_run(WORLD_OTA_0, app_with_wrong_clock), 0);
        jump_s = 0;
        assert_true(world_has_new_image());
    }
}

static void test_clock_that_jumps_does_not_move_the_next_check(void **state)
{
    (void)state;
    world_new_device();
    assert_int_equal(world_run(WORLD_OTA_0, app_between_checks), 0);
}

static void test_clock_that_jumps_does_not_disturb_waits(void **state)
{
    (void)state;
    assert_int_equal(world_run(WORLD_OTA_0, app_that_waits), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_decades_off_refuses_certificates_until_it_is_right),
        cmocka_unit_test(test_clock_that_jumps_does_not_move_the_next_check),
        cmocka_unit_test(test_clock_that_jumps_does_not_disturb_waits),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
