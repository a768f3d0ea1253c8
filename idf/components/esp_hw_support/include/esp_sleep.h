/*
 * esp_sleep.h - deep sleep, and what ends it.
 *
 * The app's process ends, and the device starts the bootloader again when the
 * time is over or a pin has the level asked for (`airlift device gpio`). That
 * boot's reset reason is ESP_RST_DEEPSLEEP; RTC_DATA_ATTR and RTC_NOINIT_ATTR
 * variables keep their values. Without a wake-up source only a reset ends it.
 * There is no light sleep, and no touch pad, coprocessor or UART to wake up by:
 * calling for them is an error of the compiler. Thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "hal/gpio_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ESP_EXT1_WAKEUP_ANY_LOW = 0,
    ESP_EXT1_WAKEUP_ANY_HIGH = 1,
    ESP_EXT1_WAKEUP_ALL_LOW = 2,
} esp_sleep_ext1_wakeup_mode_t;

typedef enum {
    ESP_GPIO_WAKEUP_GPIO_LOW = 0,
    ESP_GPIO_WAKEUP_GPIO_HIGH = 1,
} esp_deepsleep_gpio_wake_up_mode_t;

typedef enum {
    ESP_PD_DOMAIN_RTC_PERIPH,
    ESP_PD_DOMAIN_RTC_SLOW_MEM,
    ESP_PD_DOMAIN_RTC_FAST_MEM,
    ESP_PD_DOMAIN_XTAL,
    ESP_PD_DOMAIN_VDDSDIO,
    ESP_PD_DOMAIN_MAX,
} esp_sleep_pd_domain_t;

typedef enum {
    ESP_PD_OPTION_OFF,
    ESP_PD_OPTION_ON,
    ESP_PD_OPTION_AUTO,
} esp_sleep_pd_option_t;

typedef enum {
    ESP_SLEEP_WAKEUP_UNDEFINED, /* the last reset was no wake-up */
    ESP_SLEEP_WAKEUP_ALL,       /* for esp_sleep_disable_wakeup_source() */
    ESP_SLEEP_WAKEUP_EXT0,
    ESP_SLEEP_WAKEUP_EXT1,
    ESP_SLEEP_WAKEUP_TIMER,
    ESP_SLEEP_WAKEUP_TOUCHPAD,
    ESP_SLEEP_WAKEUP_ULP,
    ESP_SLEEP_WAKEUP_GPIO,
    ESP_SLEEP_WAKEUP_UART,
} esp_sleep_source_t;

typedef esp_sleep_source_t esp_sleep_wakeup_cause_t;
typedef void (*esp_deep_sleep_cb_t)(void);

/* Sleep for so many microseconds. */
esp_err_t esp_sleep_enable_timer_wakeup(uint64_t time_in_us);

/*
 * Until this pin is 0 or 1, one of a set (bit N: pin N) is, or all are. These
 * levels come from outside, or from a held output; a pin nobody drives wakes
 * nothing. ESP_ERR_INVALID_ARG for pins and levels that do not exist.
 */
esp_err_t esp_sleep_enable_ext0_wakeup(gpio_num_t gpio_num, int level);
esp_err_t esp_sleep_enable_ext1_wakeup(uint64_t io_mask, esp_sleep_ext1_wakeup_mode_t level_mode);
esp_err_t esp_sleep_enable_ext1_wakeup_io(uint64_t io_mask, esp_sleep_ext1_wakeup_mode_t level_mode);
esp_err_t esp_deep_sleep_enable_gpio_wakeup(uint64_t gpio_pin_mask, esp_deepsleep_gpio_wake_up_mode_t mode);

/* ESP_ERR_INVALID_STATE if it is not enabled. */
esp_err_t esp_sleep_disable_wakeup_source(esp_sleep_source_t source);

/* Power domains mean nothing here: ESP_OK, or ESP_ERR_INVALID_ARG for one that does not exist. */
esp_err_t esp_sleep_pd_config(esp_sleep_pd_domain_t domain, esp_sleep_pd_option_t option);

/* Called before deep sleep, in the order of registration. ESP_ERR_NO_MEM beyond three. */
esp_err_t esp_deep_sleep_register_hook(esp_deep_sleep_cb_t new_dslp_cb);
void esp_deep_sleep_deregister_hook(esp_deep_sleep_cb_t old_dslp_cb);

/* Never return. Nothing of the app is told but the hooks; shutdown handlers are not called. */
void esp_deep_sleep_start(void) __attribute__((__noreturn__));
void esp_deep_sleep(uint64_t time_in_us) __attribute__((__noreturn__));
/* On a chip these may return, if sleep is refused. Here it never is. */
esp_err_t esp_deep_sleep_try_to_start(void);
esp_err_t esp_deep_sleep_try(uint64_t time_in_us);

/* Of the reset that started this app: one of the causes, or all as bits (1 << source). */
esp_sleep_wakeup_cause_t esp_sleep_get_wakeup_cause(void);
uint32_t esp_sleep_get_wakeup_causes(void);

/* The pins that woke it up. 0 if none did. */
uint64_t esp_sleep_get_ext1_wakeup_status(void);
uint64_t esp_sleep_get_gpio_wakeup_status(void);

#define AIRLIFT_NO_SLEEP(what) \
    __attribute__((error(      \
        what " is not supported on the virtual device; keep it out with #if !CONFIG_IDF_TARGET_LINUX")))

AIRLIFT_NO_SLEEP("light sleep") esp_err_t esp_light_sleep_start(void);
AIRLIFT_NO_SLEEP("light sleep") esp_err_t esp_sleep_enable_gpio_wakeup(void);
AIRLIFT_NO_SLEEP("waking up by a touch pad") esp_err_t esp_sleep_enable_touchpad_wakeup(void);
AIRLIFT_NO_SLEEP("waking up by the coprocessor") esp_err_t esp_sleep_enable_ulp_wakeup(void);
AIRLIFT_NO_SLEEP("waking up by a UART") esp_err_t esp_sleep_enable_uart_wakeup(int uart_num);

#ifdef __cplusplus
}
#endif
