/* bootloader_flash_internal.h - bootloader_flash_priv.h under its newer name. */
#pragma once

#include "bootloader_flash_priv.h"
