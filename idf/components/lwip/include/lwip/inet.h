/* inet.h - addresses as text: the system's. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

/* As lwIP has them: reentrant. NULL if it does not fit. */
#define inet_ntoa_r(addr, buf, buflen)  ((char *)inet_ntop(AF_INET, &(addr), (buf), (socklen_t)(buflen)))
#define inet6_ntoa_r(addr, buf, buflen) ((char *)inet_ntop(AF_INET6, &(addr), (buf), (socklen_t)(buflen)))
