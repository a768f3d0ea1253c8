#include "addr_from_stdin.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "esp_log.h"
#include "protocol_examples_common.h"

static const char *TAG = "example_addr";

esp_err_t get_addr_from_stdin(int port, int sock_type, int *ip_protocol, int *addr_family,
                              struct sockaddr_storage *dest_addr)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = sock_type};
    struct addrinfo *found = NULL;
    char line[128] = "";
    char service[8];

    (void)example_configure_stdin_stdout();
    if (fgets(line, sizeof(line), stdin) == NULL) {
        return ESP_FAIL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port & 0xFFFFu);
    int err = getaddrinfo(line, service, &hints, &found);
    if (err != 0) {
        ESP_LOGE(TAG, "%s: %s", line, gai_strerror(err));
        return ESP_FAIL;
    }
    memcpy(dest_addr, found->ai_addr, found->ai_addrlen);
    *addr_family = found->ai_family;
    *ip_protocol = found->ai_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    freeaddrinfo(found);
    return ESP_OK;
}
