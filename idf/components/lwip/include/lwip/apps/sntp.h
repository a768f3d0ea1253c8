/* sntp.h - time from the network, under lwIP's names. */
#pragma once

#include "esp_sntp.h"
