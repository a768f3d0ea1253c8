/*
 * esp_netif.h - network interfaces.
 *
 * The virtual device uses the host's network, which is up before the firmware
 * starts. An interface here is a name for it, with the address under which the
 * host is reached from outside: that of its default route, else of any
 * interface, else 127.0.0.1. Configuring one is remembered and told back; it
 * never changes the host.
 *
 * The Wi-Fi and Ethernet drivers bring interfaces up and down. Every call may be
 * made from any task.
 */
#pragma once

#include <net/if.h> /* struct ifreq, for esp_http_client_config_t.if_name */
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_event_base.h"
#include "esp_netif_defaults.h"
#include "esp_netif_ip_addr.h"
#include "esp_netif_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Both return ESP_OK, as often as they are called; deinit is ESP_ERR_NOT_SUPPORTED, as in ESP-IDF. */
esp_err_t esp_netif_init(void);
esp_err_t esp_netif_deinit(void);

/* --- Making and finding --------------------------------------------------- */

/* NULL: no base configuration, key in use, out of memory, or more than 8 of them. */
esp_netif_t *esp_netif_new(const esp_netif_config_t *esp_netif_config);

/* NULL is ignored. The handle is dead afterwards. */
void esp_netif_destroy(esp_netif_t *esp_netif);

/* Give it its driver: what the driver's glue is, e.g. esp_eth_new_netif_glue(). ESP_ERR_INVALID_ARG if NULL. */
esp_err_t esp_netif_attach(esp_netif_t *esp_netif, esp_netif_iodriver_handle driver_handle);

esp_netif_t *esp_netif_get_handle_from_ifkey(const char *if_key);

/* In the order they were made, from NULL on. The _unsafe name is today's. */
esp_netif_t *esp_netif_next(esp_netif_t *esp_netif);
esp_netif_t *esp_netif_next_unsafe(esp_netif_t *esp_netif);
esp_netif_t *esp_netif_find_if(esp_netif_find_predicate_t fn, void *ctx);
size_t esp_netif_get_nr_of_ifs(void);

/* Run fn(ctx) now. */
esp_err_t esp_netif_tcpip_exec(esp_netif_callback_fn fn, void *ctx);

/* --- Asking ---------------------------------------------------------------- */

/* Strings live as long as the interface. NULL if it is none. */
const char *esp_netif_get_desc(esp_netif_t *esp_netif);
const char *esp_netif_get_ifkey(esp_netif_t *esp_netif);
int esp_netif_get_route_prio(esp_netif_t *esp_netif);
int esp_netif_set_route_prio(esp_netif_t *esp_netif, int route_prio);

/* A name of the device, such as "st1", of at most 5 characters; the HTTP client takes it in if_name. */
esp_err_t esp_netif_get_netif_impl_name(esp_netif_t *esp_netif, char *name);

/* From 1; -1 if it is none. */
int esp_netif_get_netif_impl_index(esp_netif_t *esp_netif);

bool esp_netif_is_netif_up(esp_netif_t *esp_netif);
esp_netif_t *esp_netif_get_default_netif(void);
esp_err_t esp_netif_set_default_netif(esp_netif_t *esp_netif);

esp_err_t esp_netif_get_mac(esp_netif_t *esp_netif, uint8_t mac[]);
esp_err_t esp_netif_set_mac(esp_netif_t *esp_netif, uint8_t mac[]);

/* Zeros while it is down. ESP_ERR_ESP_NETIF_INVALID_PARAMS. */
esp_err_t esp_netif_get_ip_info(esp_netif_t *esp_netif, esp_netif_ip_info_t *ip_info);

/* ESP_ERR_ESP_NETIF_DHCP_NOT_STOPPED unless the DHCP client was stopped first. Told back, never given to the host. */
esp_err_t esp_netif_set_ip_info(esp_netif_t *esp_netif, const esp_netif_ip_info_t *ip_info);

esp_err_t esp_netif_dhcpc_start(esp_netif_t *esp_netif);
esp_err_t esp_netif_dhcpc_stop(esp_netif_t *esp_netif); /* ESP_ERR_ESP_NETIF_DHCP_ALREADY_STOPPED */
esp_err_t esp_netif_dhcpc_get_status(esp_netif_t *esp_netif, esp_netif_dhcp_status_t *status);

/*
 * The access point's: nobody asks it for an address. ESP_ERR_ESP_NETIF_INVALID_PARAMS if it is no access point's,
 * ESP_ERR_ESP_NETIF_DHCP_ALREADY_STARTED, ESP_ERR_ESP_NETIF_DHCP_ALREADY_STOPPED.
 */
esp_err_t esp_netif_dhcps_start(esp_netif_t *esp_netif);
esp_err_t esp_netif_dhcps_stop(esp_netif_t *esp_netif);
esp_err_t esp_netif_dhcps_get_status(esp_netif_t *esp_netif, esp_netif_dhcp_status_t *status);

/* Told back; names are resolved by the host's resolver. */
esp_err_t esp_netif_set_dns_info(esp_netif_t *esp_netif, esp_netif_dns_type_t type,
                                 esp_netif_dns_info_t *dns);
esp_err_t esp_netif_get_dns_info(esp_netif_t *esp_netif, esp_netif_dns_type_t type,
                                 esp_netif_dns_info_t *dns);

/* A link-local address from the MAC, announced by IP_EVENT_GOT_IP6. ESP_FAIL while the interface is down. */
esp_err_t esp_netif_create_ip6_linklocal(esp_netif_t *esp_netif);
esp_err_t esp_netif_get_ip6_linklocal(esp_netif_t *esp_netif, esp_ip6_addr_t *if_ip6); /* ESP_FAIL: none */
int esp_netif_get_all_ip6(esp_netif_t *esp_netif, esp_ip6_addr_t if_ip6[]);            /* how many */

/* The host's name, or one set for this device (copied, at most 32 characters). */
esp_err_t esp_netif_set_hostname(esp_netif_t *esp_netif, const char *hostname);
esp_err_t esp_netif_get_hostname(esp_netif_t *esp_netif, const char **hostname);

#ifdef __cplusplus
}
#endif

/* Programs rely on ESP-IDF's including these here; they need what stands above. */
#include "esp_eth_netif_glue.h"
#include "esp_wifi_default.h"
