/* esp_assert.h - assertions at compile time. */
#pragma once

#include <assert.h>

#include "sdkconfig.h"

#define ESP_STATIC_ASSERT(condition, message) static_assert(condition, message)

/* For conditions that only some compilers see as constant: checked when run. */
#define TRY_STATIC_ASSERT(condition, message) assert(condition)
