#include "driver/rtc_io.h"

bool rtc_gpio_is_valid_gpio(gpio_num_t gpio_num)
{
    return GPIO_IS_VALID_GPIO(gpio_num);
}

int rtc_io_number_get(gpio_num_t gpio_num)
{
    return GPIO_IS_VALID_GPIO(gpio_num) ? (int)gpio_num : -1;
}

esp_err_t rtc_gpio_init(gpio_num_t gpio_num)
{
    return GPIO_IS_VALID_GPIO(gpio_num) ? ESP_OK : ESP_ERR_INVALID_ARG;
}

esp_err_t rtc_gpio_deinit(gpio_num_t gpio_num)
{
    return rtc_gpio_init(gpio_num);
}

esp_err_t rtc_gpio_set_direction(gpio_num_t gpio_num, rtc_gpio_mode_t mode)
{
    static const gpio_mode_t modes[] = {
        [RTC_GPIO_MODE_INPUT_ONLY] = GPIO_MODE_INPUT,
        [RTC_GPIO_MODE_OUTPUT_ONLY] = GPIO_MODE_OUTPUT,
        [RTC_GPIO_MODE_INPUT_OUTPUT] = GPIO_MODE_INPUT_OUTPUT,
        [RTC_GPIO_MODE_DISABLED] = GPIO_MODE_DISABLE,
        [RTC_GPIO_MODE_OUTPUT_OD] = GPIO_MODE_OUTPUT_OD,
        [RTC_GPIO_MODE_INPUT_OUTPUT_OD] = GPIO_MODE_INPUT_OUTPUT_OD,
    };

    return (unsigned)mode < sizeof(modes) / sizeof(modes[0]) ? gpio_set_direction(gpio_num, modes[mode])
                                                             : ESP_ERR_INVALID_ARG;
}

esp_err_t rtc_gpio_set_level(gpio_num_t gpio_num, uint32_t level)
{
    return gpio_set_level(gpio_num, level);
}

uint32_t rtc_gpio_get_level(gpio_num_t gpio_num)
{
    return (uint32_t)gpio_get_level(gpio_num);
}

esp_err_t rtc_gpio_pullup_en(gpio_num_t gpio_num)
{
    return gpio_pullup_en(gpio_num);
}

esp_err_t rtc_gpio_pullup_dis(gpio_num_t gpio_num)
{
    return gpio_pullup_dis(gpio_num);
}

esp_err_t rtc_gpio_pulldown_en(gpio_num_t gpio_num)
{
    return gpio_pulldown_en(gpio_num);
}

esp_err_t rtc_gpio_pulldown_dis(gpio_num_t gpio_num)
{
    return gpio_pulldown_dis(gpio_num);
}

esp_err_t rtc_gpio_hold_en(gpio_num_t gpio_num)
{
    return gpio_hold_en(gpio_num);
}

esp_err_t rtc_gpio_hold_dis(gpio_num_t gpio_num)
{
    return gpio_hold_dis(gpio_num);
}

esp_err_t rtc_gpio_isolate(gpio_num_t gpio_num)
{
    esp_err_t err = gpio_set_pull_mode(gpio_num, GPIO_FLOATING);

    if (err == ESP_OK) {
        err = gpio_set_direction(gpio_num, GPIO_MODE_DISABLE);
    }
    return err == ESP_OK ? gpio_hold_en(gpio_num) : err;
}
