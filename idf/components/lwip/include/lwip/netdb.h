/* netdb.h - names to addresses: the system's resolver. */
#pragma once

#include <netdb.h>
