/*
 * mdns.h - announcing services on the local network, of the component espressif/mdns.
 *
 * On Linux the Avahi daemon announces them: it answers for the machine, so the
 * services point to the machine's own host name and addresses. A host name set here
 * becomes the services' instance name where none is given. Without a daemon the
 * calls succeed and nothing is announced, with a line in the log; a daemon that is
 * started later takes the services over.
 *
 * Threads: any, one call at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_netif.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MDNS_TYPE_A   0x0001
#define MDNS_TYPE_PTR 0x000C
#define MDNS_TYPE_TXT 0x0010
#define MDNS_TYPE_SRV 0x0021

typedef struct {
    const char *key;
    const char *value;
} mdns_txt_item_t;

/* ESP_ERR_NO_MEM; ESP_OK also if it runs already. mdns_free() ends all announcements. */
esp_err_t mdns_init(void);
void mdns_free(void);

/* ESP_ERR_INVALID_ARG: NULL or longer than 63 bytes; ESP_ERR_INVALID_STATE before mdns_init(). */
esp_err_t mdns_hostname_set(const char *hostname);
esp_err_t mdns_hostname_get(char *hostname); /* 64 bytes */
esp_err_t mdns_instance_name_set(const char *instance_name);

/*
 * Announce `service_type`.`proto`, such as "_arduino" and "_tcp", at `port`. Everything is copied.
 * instance_name NULL: as set before, else the host name.
 *
 * Also ESP_ERR_INVALID_ARG if the service is there already, ESP_ERR_NO_MEM if there are 10.
 */
esp_err_t mdns_service_add(const char *instance_name, const char *service_type, const char *proto,
                           uint16_t port, mdns_txt_item_t txt[], size_t num_items);

/* ESP_ERR_NOT_FOUND if it was not added. */
esp_err_t mdns_service_remove(const char *service_type, const char *proto);
esp_err_t mdns_service_remove_all(void);
esp_err_t mdns_service_port_set(const char *service_type, const char *proto, uint16_t port);
esp_err_t mdns_service_txt_set(const char *service_type, const char *proto, mdns_txt_item_t txt[],
                               uint8_t num_items);
esp_err_t mdns_service_txt_item_set(const char *service_type, const char *proto, const char *key,
                                    const char *value);

#ifdef __cplusplus
}
#endif
