/*
 * rtc_io.h - pins as the RTC controller has them in deep sleep. Here every pin is one, and it is the same pin.
 *
 * As their namesakes in driver/gpio.h.
 */
#pragma once

#include "driver/gpio.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    RTC_GPIO_MODE_INPUT_ONLY,
    RTC_GPIO_MODE_OUTPUT_ONLY,
    RTC_GPIO_MODE_INPUT_OUTPUT,
    RTC_GPIO_MODE_DISABLED,
    RTC_GPIO_MODE_OUTPUT_OD,
    RTC_GPIO_MODE_INPUT_OUTPUT_OD,
} rtc_gpio_mode_t;

bool rtc_gpio_is_valid_gpio(gpio_num_t gpio_num);
int rtc_io_number_get(gpio_num_t gpio_num); /* -1 if there is no such pin */
esp_err_t rtc_gpio_init(gpio_num_t gpio_num);
esp_err_t rtc_gpio_deinit(gpio_num_t gpio_num);
esp_err_t rtc_gpio_set_direction(gpio_num_t gpio_num, rtc_gpio_mode_t mode);
esp_err_t rtc_gpio_set_level(gpio_num_t gpio_num, uint32_t level);
uint32_t rtc_gpio_get_level(gpio_num_t gpio_num);
esp_err_t rtc_gpio_pullup_en(gpio_num_t gpio_num);
esp_err_t rtc_gpio_pullup_dis(gpio_num_t gpio_num);
esp_err_t rtc_gpio_pulldown_en(gpio_num_t gpio_num);
esp_err_t rtc_gpio_pulldown_dis(gpio_num_t gpio_num);
esp_err_t rtc_gpio_hold_en(gpio_num_t gpio_num);
esp_err_t rtc_gpio_hold_dis(gpio_num_t gpio_num);

/* Neither input nor output, no pulls, held so. */
esp_err_t rtc_gpio_isolate(gpio_num_t gpio_num);

#ifdef __cplusplus
}
#endif
