/*
 * Pins, between the firmware and the device's shared block.
 *
 * What a pin is configured as is the firmware's alone; a level goes to the
 * block, or comes from it, at each call.
 */
#include "driver/gpio.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "device/shared.h"
#include "idf_runtime.h"

#define IS_INPUT(mode)  (((unsigned)(mode)&GPIO_MODE_INPUT) != 0)
#define IS_OUTPUT(mode) (((unsigned)(mode)&GPIO_MODE_OUTPUT) != 0)

struct pin {
    gpio_mode_t mode;
    bool pull_up, pull_down;
    int level; /* what it drives as an output */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pin pins[GPIO_PIN_COUNT];

_Static_assert(GPIO_PIN_COUNT == DEV_GPIO_COUNT, "the device has as many pins");

/* With the lock. A held pin stays as it is. */
static void drive(gpio_num_t n)
{
    if (atomic_load(&dev_shared_get()->gpio_held[n])) {
        return;
    }
    atomic_store(&dev_shared_get()->gpio_out[n], IS_OUTPUT(pins[n].mode) ? pins[n].level : -1);
}

/* With the lock. An open-drain pin that drives a 1 leaves the line to others. */
static int line_level(gpio_num_t n)
{
    const struct pin *pin = &pins[n];
    int outside = atomic_load(&dev_shared_get()->gpio_in[n]);
    bool open_drain = pin->mode == GPIO_MODE_OUTPUT_OD || pin->mode == GPIO_MODE_INPUT_OUTPUT_OD;
    int held =
        atomic_load(&dev_shared_get()->gpio_held[n]) ? atomic_load(&dev_shared_get()->gpio_out[n]) : -1;

    if (held >= 0) {
        return held;
    }
    if (IS_OUTPUT(pin->mode) && !(open_drain && pin->level == 1)) {
        return pin->level;
    }
    if (outside >= 0) {
        return outside != 0;
    }
    return pin->pull_up;
}

static void set_pull(gpio_num_t n, bool up, bool down)
{
    pins[n].pull_up = up;
    pins[n].pull_down = down;
}

esp_err_t gpio_config(const gpio_config_t *config)
{
    int n;

    idf_alive();
    if (config == NULL || config->pin_bit_mask == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    if (config->intr_type != GPIO_INTR_DISABLE) {
        return ESP_ERR_NOT_SUPPORTED;
    }
    pthread_mutex_lock(&lock);
    for (n = 0; n < GPIO_PIN_COUNT; n++) {
        if ((config->pin_bit_mask >> n & 1u) != 0) {
            set_pull((gpio_num_t)n, config->pull_up_en == GPIO_PULLUP_ENABLE,
                     config->pull_down_en == GPIO_PULLDOWN_ENABLE);
            pins[n].mode = config->mode;
            drive((gpio_num_t)n);
        }
    }
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t gpio_reset_pin(gpio_num_t gpio_num)
{
    gpio_config_t config = {.mode = GPIO_MODE_DISABLE, .pull_up_en = GPIO_PULLUP_ENABLE};

    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    config.pin_bit_mask = BIT64(gpio_num);
    return gpio_config(&config);
}

esp_err_t gpio_set_direction(gpio_num_t gpio_num, gpio_mode_t mode)
{
    idf_alive();
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    pins[gpio_num].mode = mode;
    drive(gpio_num);
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t gpio_set_pull_mode(gpio_num_t gpio_num, gpio_pull_mode_t pull)
{
    idf_alive();
    if (!GPIO_IS_VALID_GPIO(gpio_num) || (unsigned)pull > GPIO_FLOATING) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    set_pull(gpio_num, pull == GPIO_PULLUP_ONLY || pull == GPIO_PULLUP_PULLDOWN,
             pull == GPIO_PULLDOWN_ONLY || pull == GPIO_PULLUP_PULLDOWN);
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

/* One of the two pulls. */
static esp_err_t change_pull(gpio_num_t gpio_num, bool is_up, bool on)
{
    idf_alive();
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    if (is_up) {
        pins[gpio_num].pull_up = on;
    } else {
        pins[gpio_num].pull_down = on;
    }
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t gpio_pullup_en(gpio_num_t gpio_num)
{
    return change_pull(gpio_num, true, true);
}

esp_err_t gpio_pullup_dis(gpio_num_t gpio_num)
{
    return change_pull(gpio_num, true, false);
}

esp_err_t gpio_pulldown_en(gpio_num_t gpio_num)
{
    return change_pull(gpio_num, false, true);
}

esp_err_t gpio_pulldown_dis(gpio_num_t gpio_num)
{
    return change_pull(gpio_num, false, false);
}

esp_err_t gpio_set_level(gpio_num_t gpio_num, uint32_t level)
{
    idf_alive();
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    pins[gpio_num].level = level != 0;
    drive(gpio_num);
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

int gpio_get_level(gpio_num_t gpio_num)
{
    int level = 0;

    idf_alive();
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return 0;
    }
    pthread_mutex_lock(&lock);
    if (IS_INPUT(pins[gpio_num].mode)) {
        level = line_level(gpio_num);
    }
    pthread_mutex_unlock(&lock);
    return level;
}

esp_err_t gpio_set_intr_type(gpio_num_t gpio_num, gpio_int_type_t intr_type)
{
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    return intr_type == GPIO_INTR_DISABLE ? ESP_OK : ESP_ERR_NOT_SUPPORTED;
}

static esp_err_t hold(gpio_num_t gpio_num, bool on)
{
    idf_alive();
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    atomic_store(&dev_shared_get()->gpio_held[gpio_num], on);
    drive(gpio_num);
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t gpio_hold_en(gpio_num_t gpio_num)
{
    return hold(gpio_num, true);
}

esp_err_t gpio_hold_dis(gpio_num_t gpio_num)
{
    return hold(gpio_num, false);
}

void gpio_deep_sleep_hold_en(void)
{
}

void gpio_deep_sleep_hold_dis(void)
{
}
