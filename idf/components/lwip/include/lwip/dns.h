/* dns.h - names are resolved by the host: lwip/netdb.h. Programs include this and use addresses of it. */
#pragma once

#include "lwip/ip_addr.h"
