/* esp_interface.h - the older place of Wi-Fi's interfaces. */
#pragma once

#include "esp_wifi_types.h"
