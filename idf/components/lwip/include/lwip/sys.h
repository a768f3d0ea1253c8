/* sys.h - what lwIP asks of the operating system: programs include it and use none of it. */
#pragma once

#include <stdint.h>

#include "lwip/err.h"
