/* addr_from_stdin.h - ask on the console for the address of a server. */
#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Read a line with a name or address, resolve it, and give what a socket to
 * `port` needs. ESP_FAIL if it can't be resolved.
 */
esp_err_t get_addr_from_stdin(int port, int sock_type, int *ip_protocol, int *addr_family,
                              struct sockaddr_storage *dest_addr);

#ifdef __cplusplus
}
#endif
