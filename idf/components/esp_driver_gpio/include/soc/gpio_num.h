/* gpio_num.h - the numbers of pins. */
#pragma once

#include "hal/gpio_types.h"
