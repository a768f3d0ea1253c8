/*
 * esp_mac.h - the device's MAC addresses.
 *
 * The base address comes from the device's eFuses (key "mac" of FLASH.bin.json;
 * 24:0a:c4:00:00:01 if there is none). Others count up from it in the last byte.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For printf: printf(MACSTR, MAC2STR(mac)). */
#define MACSTR     "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC2STR(a) (a)[0], (a)[1], (a)[2], (a)[3], (a)[4], (a)[5]

typedef enum {
    ESP_MAC_WIFI_STA,      /* base */
    ESP_MAC_WIFI_SOFTAP,   /* base + 1 */
    ESP_MAC_BT,            /* base + 2 */
    ESP_MAC_ETH,           /* base + 3 */
    ESP_MAC_IEEE802154,    /* 8 bytes: the base with ff:fe in its middle */
    ESP_MAC_BASE,          /* base, as set or from eFuse */
    ESP_MAC_EFUSE_FACTORY, /* from eFuse, whatever was set */
    ESP_MAC_EFUSE_CUSTOM,  /* none: ESP_ERR_INVALID_MAC */
    ESP_MAC_EFUSE_EXT,     /* 2 bytes, ff:fe */
} esp_mac_type_t;

/* 6 bytes, until the next restart. ESP_ERR_INVALID_ARG if NULL or a group address. */
esp_err_t esp_base_mac_addr_set(const uint8_t *mac);
esp_err_t esp_base_mac_addr_get(uint8_t *mac);

/* ESP_ERR_INVALID_ARG; ESP_ERR_INVALID_MAC: there is no custom address. */
esp_err_t esp_efuse_mac_get_custom(uint8_t *mac);
esp_err_t esp_efuse_mac_get_default(uint8_t *mac);

/* Write the address of that interface. ESP_ERR_INVALID_ARG. */
esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type);

/* Make a locally administered address out of a universal one. */
esp_err_t esp_derive_local_mac(uint8_t *local_mac, const uint8_t *universal_mac);

/* Bytes of an address of that type; 0 if there is no such type. */
size_t esp_mac_addr_len_get(esp_mac_type_t type);

/* Give one interface an address of its own, until the next restart. */
esp_err_t esp_iface_mac_addr_set(const uint8_t *mac, esp_mac_type_t type);

#ifdef __cplusplus
}
#endif
