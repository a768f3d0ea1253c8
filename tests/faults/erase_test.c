/*
 * Erasing a whole slot takes longer than the watchdog waits. It is done sector by
 * sector, and between two of them other tasks get at the flash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent_world.h"
#include "device/nor_flash.h"
#include "esp_partition.h"
#include "esp_task_wdt.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#define N_SECTORS   16u
#define SECTOR_MS   150u  /* a slow chip */
#define WATCHDOG_MS 1200u /* half of what the slot takes */

static _Atomic unsigned n_erased, n_reads;
static unsigned reads_at_first, reads_at_last; /* when those sectors' erase began */
static _Atomic bool over;
static SemaphoreHandle_t done;

/* --- A slow flash (by the linker) -------------------------------------------- */

const struct al_flash *__real_dev_flash_port(const struct dev_flash *flash);
const struct al_flash *__wrap_dev_flash_port(const struct dev_flash *flash);

static const struct al_flash *chip;
static struct al_flash slow;

static int slow_erase(void *ctx, uint32_t off, uint32_t len)
{
    const struct timespec pause = {0, SECTOR_MS * 1000000};
    int err = 0;

    for (uint32_t at = 0; err == 0 && at < len; at += AL_SECTOR_SIZE) {
        if (n_erased++ == 0) {
            reads_at_first = n_reads;
        }
        reads_at_last = n_reads;
        (void)nanosleep(&pause, NULL);
        err = chip->erase(ctx, off + at, AL_SECTOR_SIZE);
    }
    return err;
}

const struct al_flash *__wrap_dev_flash_port(const struct dev_flash *flash)
{
    chip = __real_dev_flash_port(flash);
    slow = *chip;
    slow.erase = slow_erase;
    return &slow;
}

/* --- The app -------------------------------------------------------------------- */

/* A task that needs the flash, and that the watchdog watches. */
static void reader(void *part)
{
    uint8_t byte;

    if (esp_task_wdt_add(NULL) != ESP_OK) {
        world_give_up("watchdog", 0);
    }
    while (!over) {
        if (esp_partition_read(part, 0, &byte, 1) != ESP_OK) {
            world_give_up("read", 0);
        }
        n_reads++;
        (void)esp_task_wdt_reset();
        vTaskDelay(1);
    }
    (void)esp_task_wdt_delete(NULL);
    (void)xSemaphoreGive(done);
    vTaskDelete(NULL);
}

static void app(void)
{
    const esp_task_wdt_config_t watchdog = {.timeout_ms = WATCHDOG_MS, .trigger_panic = true};
    const esp_partition_t *slot =
        esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_OTA_1, NULL);

    done = xSemaphoreCreateBinary();
    if (slot == NULL || done == NULL || esp_task_wdt_reconfigure(&watchdog) != ESP_OK ||
        xTaskCreate(reader, "reader", 4096, (void *)(uintptr_t)slot, 5, NULL) != pdPASS) {
        world_give_up("set up", 0);
    }
    while (n_reads == 0) {
        vTaskDelay(1);
    }
    if (esp_partition_erase_range(slot, 0, N_SECTORS * AL_SECTOR_SIZE) != ESP_OK || n_erased != N_SECTORS) {
        world_give_up("erase", (int)n_erased);
    }
    if (reads_at_last == reads_at_first) {
        world_give_up("nobody could read in between", (int)n_reads);
    }
    over = true;
    (void)xSemaphoreTake(done, portMAX_DELAY);
}

static void test_erase_of_a_slot_lets_others_run_and_the_watchdog_rest(void **state)
{
    (void)state;
    world_new_device();
    memset(world_flash + WORLD_OTA_1, 0, N_SECTORS * AL_SECTOR_SIZE);
    assert_int_equal(world_run(WORLD_OTA_0, app), 0);
    for (unsigned i = 0; i < N_SECTORS * AL_SECTOR_SIZE; i++) {
        assert_int_equal(world_flash[WORLD_OTA_1 + i], 0xFF);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_erase_of_a_slot_lets_others_run_and_the_watchdog_rest),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
