/* esp_spi_flash.h - the older place of what is left of it: mapping and sector sizes. */
#pragma once

#include "spi_flash_mmap.h"
