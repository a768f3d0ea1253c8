/* esp_wifi_types_generic.h - the part of esp_wifi_types.h that all chips share: here, all of it. */
#pragma once

#include "esp_wifi_types.h"
