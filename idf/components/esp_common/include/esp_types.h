/* esp_types.h - the standard integer and boolean types under one name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
