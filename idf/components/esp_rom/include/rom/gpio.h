/* gpio.h - the ROM's older name. */
#pragma once

#include "esp_rom_gpio.h"

#define gpio_pad_select_gpio(gpio_num) esp_rom_gpio_pad_select_gpio(gpio_num)
