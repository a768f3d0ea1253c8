/* esp_rom_gpio.h - pins are GPIOs here from the start. */
#pragma once

#include <stdint.h>

static inline void esp_rom_gpio_pad_select_gpio(uint32_t gpio_num)
{
    (void)gpio_num;
}
