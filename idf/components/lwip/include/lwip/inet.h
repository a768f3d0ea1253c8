/* inet.h - addresses as text: the system's. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
