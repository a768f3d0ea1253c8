#include "led.h"

#include <stdatomic.h>

#include "driver/gpio.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define ON_MS    200u
#define OFF_MS   200u
#define PAUSE_MS 1000u
#define STEP_MS  50u

static gpio_num_t pin;
static _Atomic bool updating, stop, ended = true;

unsigned push_led_flashes(bool connected, bool is_updating)
{
    return 1u + (connected ? 1u : 0u) + (is_updating ? 2u : 0u);
}

uint32_t push_led_cycle_ms(unsigned flashes)
{
    return flashes * (ON_MS + OFF_MS) + PAUSE_MS;
}

bool push_led_is_lit(unsigned flashes, uint32_t ms)
{
    return ms < flashes * (ON_MS + OFF_MS) && ms % (ON_MS + OFF_MS) < ON_MS;
}

static bool is_connected(void)
{
    esp_netif_t *netif = esp_netif_get_default_netif();

    return netif != NULL && esp_netif_is_netif_up(netif);
}

static void led_task(void *arg)
{
    (void)arg;
    while (!stop) {
        const unsigned flashes = push_led_flashes(is_connected(), updating);

        for (uint32_t ms = 0; ms < push_led_cycle_ms(flashes) && !stop; ms += STEP_MS) {
            (void)gpio_set_level(pin, push_led_is_lit(flashes, ms));
            vTaskDelay(pdMS_TO_TICKS(STEP_MS));
        }
    }
    (void)gpio_set_level(pin, 0);
    ended = true;
    vTaskDelete(NULL);
}

esp_err_t push_led_start(uint32_t gpio)
{
    pin = (gpio_num_t)gpio;
    esp_err_t err = gpio_reset_pin(pin);

    if (err == ESP_OK) {
        err = gpio_set_direction(pin, GPIO_MODE_OUTPUT);
    }
    if (err != ESP_OK) {
        return err;
    }
    stop = false;
    ended = false;
    updating = false;
    if (xTaskCreate(led_task, "push_led", 2048, NULL, 2, NULL) != pdPASS) {
        ended = true;
        return ESP_ERR_NO_MEM;
    }
    return ESP_OK;
}

void push_led_stop(void)
{
    stop = true;
    while (!ended) {
        vTaskDelay(pdMS_TO_TICKS(10));
    }
}

void push_led_set_updating(bool is_updating)
{
    updating = is_updating;
}
