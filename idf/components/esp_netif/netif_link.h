/*
 * netif_link.h - what drivers do to interfaces (inside idf/ only).
 */
#pragma once

#include <stdbool.h>

#include "esp_netif.h"

/*
 * The link is there: the interface is up and, unless it serves addresses itself,
 * its get_ip_event is posted to the default event loop. Without a loop nobody hears.
 */
void netif_link_up(esp_netif_t *netif);
void netif_link_down(esp_netif_t *netif);

/* The interface that a driver's glue was attached to; NULL if none. */
esp_netif_t *netif_of_driver(esp_netif_iodriver_handle driver);

/* True for names that esp_netif_get_netif_impl_name() gives out: they stand for the host's whole network. */
bool netif_is_device_name(const char *name);
