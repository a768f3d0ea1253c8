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

#include "../freertos/kernel.h"
#include "device/shared.h"
#include "idf_runtime.h"

#define IS_INPUT(mode)  (((unsigned)(mode)&GPIO_MODE_INPUT) != 0)
#define IS_OUTPUT(mode) (((unsigned)(mode)&GPIO_MODE_OUTPUT) != 0)

struct pin {
    gpio_mode_t mode;
    bool pull_up, pull_down;
    int level; /* what it drives as an output */
    gpio_int_type_t intr_type;
    bool intr_enabled;
    int seen; /* the line's level when it was looked at last */
    gpio_isr_t handler;
    void *handler_arg;
};

#define LOOK_MS       5  /* between two looks at the lines */
#define LOOK_PRIORITY 24 /* above all tasks of the firmware: an interrupt */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pin pins[GPIO_PIN_COUNT];
static bool is_installed; /* the service of handlers */
static TaskHandle_t looker;

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

/* With the lock. What happened before is no edge. */
static void enable_interrupt(gpio_num_t n, bool on)
{
    pins[n].seen = line_level(n);
    pins[n].intr_enabled = on;
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
    if ((unsigned)config->intr_type >= GPIO_INTR_MAX) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    for (n = 0; n < GPIO_PIN_COUNT; n++) {
        if ((config->pin_bit_mask >> n & 1u) != 0) {
            set_pull((gpio_num_t)n, config->pull_up_en == GPIO_PULLUP_ENABLE,
                     config->pull_down_en == GPIO_PULLDOWN_ENABLE);
            pins[n].mode = config->mode;
            drive((gpio_num_t)n);
            pins[n].intr_type = config->intr_type;
            enable_interrupt((gpio_num_t)n, config->intr_type != GPIO_INTR_DISABLE);
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

/* ---- Interrupts ---------------------------------------------------------- */

/* With the lock. Does the pin interrupt now? */
static bool interrupts(struct pin *pin, int level)
{
    int before = pin->seen;

    pin->seen = level;
    if (!pin->intr_enabled || pin->handler == NULL) {
        return false;
    }
    switch (pin->intr_type) {
    case GPIO_INTR_POSEDGE:
        return before == 0 && level == 1;
    case GPIO_INTR_NEGEDGE:
        return before == 1 && level == 0;
    case GPIO_INTR_ANYEDGE:
        return before != level;
    case GPIO_INTR_LOW_LEVEL:
        return level == 0;
    case GPIO_INTR_HIGH_LEVEL:
        return level == 1;
    default:
        return false;
    }
}

/* Call the handlers of those that do; they may call anything here. */
static void look(void)
{
    for (int n = 0; n < GPIO_PIN_COUNT; n++) {
        gpio_isr_t handler = NULL;
        void *arg = NULL;

        pthread_mutex_lock(&lock);
        if (is_installed && interrupts(&pins[n], line_level((gpio_num_t)n))) {
            handler = pins[n].handler;
            arg = pins[n].handler_arg;
        }
        pthread_mutex_unlock(&lock);
        if (handler != NULL) {
            handler(arg);
        }
    }
}

static void look_for_ever(void *unused)
{
    (void)unused;
    for (;;) {
        look();
        kernel_lock();
        (void)kernel_wait(NULL, kernel_now_ns() + LOOK_MS * 1000000);
        kernel_unlock();
    }
}

esp_err_t gpio_install_isr_service(int intr_alloc_flags)
{
    esp_err_t err = ESP_OK;

    (void)intr_alloc_flags;
    pthread_mutex_lock(&lock);
    if (is_installed) {
        err = ESP_ERR_INVALID_STATE;
    } else if (looker == NULL) {
        looker = kernel_start_task(look_for_ever, "gpio_isr", 0, NULL, LOOK_PRIORITY, true, NULL);
        err = looker != NULL ? ESP_OK : ESP_ERR_NO_MEM;
    }
    is_installed = is_installed || err == ESP_OK;
    pthread_mutex_unlock(&lock);
    return err;
}

void gpio_uninstall_isr_service(void)
{
    pthread_mutex_lock(&lock);
    is_installed = false;
    for (int n = 0; n < GPIO_PIN_COUNT; n++) {
        pins[n].handler = NULL;
    }
    pthread_mutex_unlock(&lock);
}

/* The handler, and the interrupt with it. */
static esp_err_t set_handler(gpio_num_t gpio_num, gpio_isr_t handler, void *arg)
{
    esp_err_t err = ESP_ERR_INVALID_STATE;

    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    if (is_installed) {
        pins[gpio_num].handler = handler;
        pins[gpio_num].handler_arg = arg;
        enable_interrupt(gpio_num, handler != NULL);
        err = ESP_OK;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

esp_err_t gpio_isr_handler_add(gpio_num_t gpio_num, gpio_isr_t isr_handler, void *args)
{
    return set_handler(gpio_num, isr_handler, args);
}

esp_err_t gpio_isr_handler_remove(gpio_num_t gpio_num)
{
    return set_handler(gpio_num, NULL, NULL);
}

esp_err_t gpio_set_intr_type(gpio_num_t gpio_num, gpio_int_type_t intr_type)
{
    if (!GPIO_IS_VALID_GPIO(gpio_num) || (unsigned)intr_type >= GPIO_INTR_MAX) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    pins[gpio_num].intr_type = intr_type;
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

static esp_err_t change_interrupt(gpio_num_t gpio_num, bool on)
{
    if (!GPIO_IS_VALID_GPIO(gpio_num)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    enable_interrupt(gpio_num, on);
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t gpio_intr_enable(gpio_num_t gpio_num)
{
    return change_interrupt(gpio_num, true);
}

esp_err_t gpio_intr_disable(gpio_num_t gpio_num)
{
    return change_interrupt(gpio_num, false);
}

/* ---- Holding --------------------------------------------------------------- */

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
