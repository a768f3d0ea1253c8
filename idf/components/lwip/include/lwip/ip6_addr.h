/* ip6_addr.h - IPv6 addresses as lwIP has them. */
#pragma once

#include "lwip/ip_addr.h"
