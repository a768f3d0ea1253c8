/*
 * A firmware with several behaviours, one for each word in IDF_BASE_APP; run by
 * esp_base_test. It has app_main(), so main() comes from the SDK.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_log.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

static const char *const TAG = "app";

static RTC_NOINIT_ATTR uint32_t boots;
static RTC_NOINIT_ATTR char note[32];
static RTC_DATA_ATTR int naps = 5;
static int ordinary = 7; /* near the RTC variables, but not one */
static int zeroed;

/* Another version of the firmware: its RTC variables are linked to another place. */
#ifdef IDF_BASE_MOVED
static volatile char moved[1000] = {1};
#else
static volatile char moved[1] = {1};
#endif

static void say_first(void)
{
    printf("handler: first registered\n");
}

static void say_second(void)
{
    printf("handler: second registered\n");
}

static void talk_later(void *unused)
{
    (void)unused;
    vTaskDelay(pdMS_TO_TICKS(50));
    printf("task done\n");
    vTaskDelete(NULL);
}

static void expire(void *unused)
{
    (void)unused;
    printf("timer expired\n");
}

static void hog(void *unused)
{
    static volatile unsigned turns;

    (void)unused;
    for (;;) {
        turns++;
    }
}

static void return_at_once(void *unused)
{
    (void)unused;
}

/* Counts its boots in RTC memory, and leaves in the way that the reset after next is to be tested with. */
static void count_boots(void)
{
    printf("boots %u, note \"%s\", naps %d, ordinary %d, zeroed %d\n", (unsigned)boots, note, naps, ordinary,
           zeroed);
    moved[sizeof moved - 1] = 2;
    ordinary = zeroed = 99; /* must not outlive the process */
    boots++;
    naps++;
    strcpy(note, "kept");
    raise(SIGKILL);
}

void app_main(void);

void app_main(void)
{
    const char *what = getenv("IDF_BASE_APP");
    esp_task_wdt_config_t wdt = {.timeout_ms = 300};
    const esp_timer_create_args_t timer = {.callback = expire};
    static esp_timer_handle_t handle;

    if (strcmp(what, "hello") == 0) {
        ESP_LOGI(TAG, "hello %d", 1);
    } else if (strcmp(what, "delete") == 0) {
        vTaskDelete(NULL);
    } else if (strcmp(what, "task") == 0) {
        xTaskCreate(talk_later, "later", 2048, NULL, 5, NULL);
    } else if (strcmp(what, "timer") == 0) {
        ESP_ERROR_CHECK(esp_timer_create(&timer, &handle));
        ESP_ERROR_CHECK(esp_timer_start_once(handle, 50000));
    } else if (strcmp(what, "restart") == 0) {
        ESP_ERROR_CHECK(esp_register_shutdown_handler(say_first));
        ESP_ERROR_CHECK(esp_register_shutdown_handler(say_second));
        printf("restarting");
        esp_restart();
    } else if (strcmp(what, "check") == 0) {
        ESP_ERROR_CHECK(ESP_ERR_NO_MEM);
    } else if (strcmp(what, "rtc") == 0) {
        count_boots();
    } else if (strcmp(what, "hog") == 0) {
        xTaskCreate(hog, "hog", 2048, NULL, 5, NULL);
    } else if (strcmp(what, "fall_through") == 0) {
        xTaskCreate(return_at_once, "short", 2048, NULL, 5, NULL);
        vTaskDelay(portMAX_DELAY);
    } else if (strcmp(what, "read") == 0) {
        char byte;

        (void)!read(STDIN_FILENO, &byte, 1); /* asleep outside the API, for as long as it takes */
    } else if (strcmp(what, "silent") == 0 || strcmp(what, "panic") == 0) {
        wdt.trigger_panic = what[0] == 'p';
        ESP_ERROR_CHECK(esp_task_wdt_reconfigure(&wdt));
        ESP_ERROR_CHECK(esp_task_wdt_add(NULL));
        vTaskDelay(portMAX_DELAY);
    }
}
