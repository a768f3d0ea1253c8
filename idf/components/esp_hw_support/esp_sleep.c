/*
 * Deep sleep: what ends it is kept here, handed to the device when the process
 * ends, and told to the next app (device/shared.h, struct dev_sleep).
 */
#include "esp_sleep.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "device/shared.h"
#include "esp_system.h"
#include "idf_runtime.h"

#define MAX_HOOKS   3
#define GROUP_EXT0  0u /* indices of dev_sleep.pins: the numbers of DEV_WAKE_*'s bits */
#define GROUP_EXT1  1u
#define GROUP_GPIO  2u
#define ALL_SOURCES (DEV_WAKE_EXT0 | DEV_WAKE_EXT1 | DEV_WAKE_GPIO | DEV_WAKE_TIMER)

struct pins {
    uint64_t mask;
    int level;
    bool all;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t sources; /* DEV_WAKE_* */
static uint64_t timer_us;
static struct pins groups[DEV_WAKE_PINS];
static esp_deep_sleep_cb_t hooks[MAX_HOOKS];

/* ---- What shall wake it ------------------------------------------------------------ */

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t time_in_us)
{
    idf_alive();
    pthread_mutex_lock(&lock);
    sources |= DEV_WAKE_TIMER;
    timer_us = time_in_us;
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

static esp_err_t enable_pins(unsigned group, struct pins pins)
{
    idf_alive();
    if (pins.mask == 0 || (unsigned)pins.level > 1) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    sources |= 1u << group;
    groups[group] = pins;
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t esp_sleep_enable_ext0_wakeup(gpio_num_t gpio_num, int level)
{
    if (gpio_num < 0 || gpio_num >= DEV_GPIO_COUNT) {
        return ESP_ERR_INVALID_ARG;
    }
    return enable_pins(GROUP_EXT0, (struct pins){.mask = UINT64_C(1) << gpio_num, .level = level});
}

esp_err_t esp_sleep_enable_ext1_wakeup(uint64_t io_mask, esp_sleep_ext1_wakeup_mode_t level_mode)
{
    if ((unsigned)level_mode > ESP_EXT1_WAKEUP_ALL_LOW) {
        return ESP_ERR_INVALID_ARG;
    }
    return enable_pins(GROUP_EXT1, (struct pins){.mask = io_mask,
                                                 .level = level_mode == ESP_EXT1_WAKEUP_ANY_HIGH,
                                                 .all = level_mode == ESP_EXT1_WAKEUP_ALL_LOW});
}

esp_err_t esp_sleep_enable_ext1_wakeup_io(uint64_t io_mask, esp_sleep_ext1_wakeup_mode_t level_mode)
{
    return esp_sleep_enable_ext1_wakeup(io_mask, level_mode);
}

esp_err_t esp_deep_sleep_enable_gpio_wakeup(uint64_t gpio_pin_mask, esp_deepsleep_gpio_wake_up_mode_t mode)
{
    return enable_pins(GROUP_GPIO, (struct pins){.mask = gpio_pin_mask, .level = (int)mode});
}

esp_err_t esp_sleep_disable_wakeup_source(esp_sleep_source_t source)
{
    uint32_t bits = source == ESP_SLEEP_WAKEUP_ALL     ? ALL_SOURCES
                    : source == ESP_SLEEP_WAKEUP_TIMER ? DEV_WAKE_TIMER
                    : source == ESP_SLEEP_WAKEUP_EXT0  ? DEV_WAKE_EXT0
                    : source == ESP_SLEEP_WAKEUP_EXT1  ? DEV_WAKE_EXT1
                    : source == ESP_SLEEP_WAKEUP_GPIO  ? DEV_WAKE_GPIO
                                                       : 0;
    bool enabled;

    idf_alive();
    pthread_mutex_lock(&lock);
    enabled = (sources & bits) != 0 || source == ESP_SLEEP_WAKEUP_ALL;
    sources &= ~bits;
    pthread_mutex_unlock(&lock);
    return enabled ? ESP_OK : ESP_ERR_INVALID_STATE;
}

esp_err_t esp_sleep_pd_config(esp_sleep_pd_domain_t domain, esp_sleep_pd_option_t option)
{
    return (unsigned)domain < ESP_PD_DOMAIN_MAX && (unsigned)option <= ESP_PD_OPTION_AUTO
               ? ESP_OK
               : ESP_ERR_INVALID_ARG;
}

/* ---- Going to sleep ------------------------------------------------------------------ */

/* Put `to` in the place of `from`. */
static esp_err_t replace_hook(esp_deep_sleep_cb_t from, esp_deep_sleep_cb_t to)
{
    esp_err_t err = ESP_ERR_NO_MEM;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < MAX_HOOKS && err != ESP_OK; i++) {
        if (hooks[i] == from) {
            hooks[i] = to;
            err = ESP_OK;
        }
    }
    pthread_mutex_unlock(&lock);
    return err;
}

esp_err_t esp_deep_sleep_register_hook(esp_deep_sleep_cb_t new_dslp_cb)
{
    return replace_hook(NULL, new_dslp_cb);
}

void esp_deep_sleep_deregister_hook(esp_deep_sleep_cb_t old_dslp_cb)
{
    (void)replace_hook(old_dslp_cb, NULL); /* not there: nothing to do */
}

/* With the lock. */
static void hand_over(struct dev_sleep *sleep)
{
    atomic_store(&sleep->sources, sources);
    atomic_store(&sleep->timer_us, timer_us);
    for (unsigned i = 0; i < DEV_WAKE_PINS; i++) {
        atomic_store(&sleep->pins[i].mask, groups[i].mask);
        atomic_store(&sleep->pins[i].level, groups[i].level);
        atomic_store(&sleep->pins[i].all, groups[i].all);
        atomic_store(&sleep->pins[i].found, 0);
    }
    atomic_store(&sleep->woken_by, 0);
}

void esp_deep_sleep_start(void)
{
    idf_alive();
    for (unsigned i = 0; i < MAX_HOOKS; i++) {
        if (hooks[i] != NULL) {
            hooks[i]();
        }
    }
    pthread_mutex_lock(&lock);
    hand_over(&dev_shared_get()->sleep);
    fflush(stdout);
    fflush(stderr);
    /* As with a restart, other tasks stop where they are. */
    _exit(DEV_EXIT_SLEEP);
}

void esp_deep_sleep(uint64_t time_in_us)
{
    (void)esp_sleep_enable_timer_wakeup(time_in_us); /* can't fail */
    esp_deep_sleep_start();
}

esp_err_t esp_deep_sleep_try_to_start(void)
{
    esp_deep_sleep_start();
}

esp_err_t esp_deep_sleep_try(uint64_t time_in_us)
{
    esp_deep_sleep(time_in_us);
}

/* ---- Awake again ------------------------------------------------------------------------ */

static uint32_t woken_by(void)
{
    return esp_reset_reason() == ESP_RST_DEEPSLEEP ? atomic_load(&dev_shared_get()->sleep.woken_by) : 0;
}

uint32_t esp_sleep_get_wakeup_causes(void)
{
    uint32_t by = woken_by(), causes = 0;

    idf_alive();
    causes |= (by & DEV_WAKE_EXT0) != 0 ? 1u << ESP_SLEEP_WAKEUP_EXT0 : 0;
    causes |= (by & DEV_WAKE_EXT1) != 0 ? 1u << ESP_SLEEP_WAKEUP_EXT1 : 0;
    causes |= (by & DEV_WAKE_TIMER) != 0 ? 1u << ESP_SLEEP_WAKEUP_TIMER : 0;
    causes |= (by & DEV_WAKE_GPIO) != 0 ? 1u << ESP_SLEEP_WAKEUP_GPIO : 0;
    return causes != 0 ? causes : 1u << ESP_SLEEP_WAKEUP_UNDEFINED;
}

esp_sleep_wakeup_cause_t esp_sleep_get_wakeup_cause(void)
{
    return (esp_sleep_wakeup_cause_t)__builtin_ctz(esp_sleep_get_wakeup_causes());
}

static uint64_t pins_found(unsigned group)
{
    return (woken_by() >> group & 1u) != 0 ? atomic_load(&dev_shared_get()->sleep.pins[group].found) : 0;
}

uint64_t esp_sleep_get_ext1_wakeup_status(void)
{
    return pins_found(GROUP_EXT1);
}

uint64_t esp_sleep_get_gpio_wakeup_status(void)
{
    return pins_found(GROUP_GPIO);
}
