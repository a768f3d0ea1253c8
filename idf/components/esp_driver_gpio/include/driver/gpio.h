/*
 * gpio.h - digital pins.
 *
 * Inputs read what the outside drives (`airlift device run --gpio PIN=0|1`); a
 * pin nobody drives follows its pull: up is 1, down or none is 0. Outputs are
 * visible in the device's shared block. Interrupts come from a task that looks at
 * the lines every few milliseconds: a handler is called like a task's function, so
 * it may do more than on a chip, and pulses shorter than that are missed. Thread safe.
 *
 * All return ESP_ERR_INVALID_ARG for a pin that does not exist.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_intr_alloc.h"
#include "hal/gpio_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GPIO_PIN_COUNT                 64
#define GPIO_IS_VALID_GPIO(pin)        ((pin) >= 0 && (pin) < GPIO_PIN_COUNT)
#define GPIO_IS_VALID_OUTPUT_GPIO(pin) GPIO_IS_VALID_GPIO(pin)

typedef struct {
    uint64_t pin_bit_mask; /* pins this is for */
    gpio_mode_t mode;
    gpio_pullup_t pull_up_en;
    gpio_pulldown_t pull_down_en;
    gpio_int_type_t intr_type; /* also enables that interrupt, or disables it */
} gpio_config_t;

esp_err_t gpio_config(const gpio_config_t *config);

/* Pulled up, neither input nor output, as after a reset of the pin. */
esp_err_t gpio_reset_pin(gpio_num_t gpio_num);
esp_err_t gpio_set_direction(gpio_num_t gpio_num, gpio_mode_t mode);
esp_err_t gpio_set_pull_mode(gpio_num_t gpio_num, gpio_pull_mode_t pull);
esp_err_t gpio_pullup_en(gpio_num_t gpio_num);
esp_err_t gpio_pullup_dis(gpio_num_t gpio_num);
esp_err_t gpio_pulldown_en(gpio_num_t gpio_num);
esp_err_t gpio_pulldown_dis(gpio_num_t gpio_num);

/* Remembered, and driven while the pin is an output. */
esp_err_t gpio_set_level(gpio_num_t gpio_num, uint32_t level);

/* 0 or 1; 0 unless the pin is an input. */
int gpio_get_level(gpio_num_t gpio_num);

/*
 * Keep the pin as it is, whatever is asked of it, over resets and deep sleep,
 * until it is let go: it then follows its configuration. Power-off ends it too.
 * Where a chip has a switch of its own for deep sleep, it is on here.
 */
esp_err_t gpio_hold_en(gpio_num_t gpio_num);
esp_err_t gpio_hold_dis(gpio_num_t gpio_num);
void gpio_deep_sleep_hold_en(void);
void gpio_deep_sleep_hold_dis(void);

/* When the pin interrupts, and whether it does. */
esp_err_t gpio_set_intr_type(gpio_num_t gpio_num, gpio_int_type_t intr_type);
esp_err_t gpio_intr_enable(gpio_num_t gpio_num);
esp_err_t gpio_intr_disable(gpio_num_t gpio_num);

typedef void (*gpio_isr_t)(void *arg);

/*
 * Handlers, one for each pin: called at an edge, or again and again while the level is there. The flags
 * (esp_intr_alloc.h) make no difference. ESP_ERR_INVALID_STATE: installed already, or not yet. Adding enables
 * the pin's interrupt, removing disables it; a call that has begun may outlast the removal.
 */
esp_err_t gpio_install_isr_service(int intr_alloc_flags);
void gpio_uninstall_isr_service(void);
esp_err_t gpio_isr_handler_add(gpio_num_t gpio_num, gpio_isr_t isr_handler, void *args);
esp_err_t gpio_isr_handler_remove(gpio_num_t gpio_num);

#ifdef __cplusplus
}
#endif
