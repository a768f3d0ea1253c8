/* sockets.h - BSD sockets: the system's. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lwip/inet.h"

#define closesocket(s)               close(s)
#define ioctlsocket(s, cmd, arg)     ioctl(s, cmd, arg)
#define lwip_socket(domain, type, p) socket(domain, type, p)
#define lwip_close(s)                close(s)
