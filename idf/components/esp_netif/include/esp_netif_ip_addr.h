/*
 * esp_netif_ip_addr.h - IP addresses: in network byte order, as they go over the wire.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_ip4_addr {
    uint32_t addr;
} esp_ip4_addr_t;

typedef struct esp_ip6_addr {
    uint32_t addr[4];
    uint8_t zone; /* index of the interface a link-local address belongs to */
} esp_ip6_addr_t;

#define ESP_IPADDR_TYPE_V4  0U
#define ESP_IPADDR_TYPE_V6  6U
#define ESP_IPADDR_TYPE_ANY 46U

typedef struct {
    union {
        esp_ip6_addr_t ip6;
        esp_ip4_addr_t ip4;
    } u_addr;
    uint8_t type; /* ESP_IPADDR_TYPE_* */
} esp_ip_addr_t;

typedef enum {
    ESP_IP6_ADDR_IS_UNKNOWN,
    ESP_IP6_ADDR_IS_GLOBAL,
    ESP_IP6_ADDR_IS_LINK_LOCAL,
    ESP_IP6_ADDR_IS_SITE_LOCAL,
    ESP_IP6_ADDR_IS_UNIQUE_LOCAL,
    ESP_IP6_ADDR_IS_IPV4_MAPPED_IPV6,
} esp_ip6_addr_type_t;

#define esp_netif_htonl(x) __builtin_bswap32((uint32_t)(x))
#define ESP_IP4TOUINT32(a, b, c, d)                                                                 \
    (((uint32_t)((a)&0xFFU) << 24) | ((uint32_t)((b)&0xFFU) << 16) | ((uint32_t)((c)&0xFFU) << 8) | \
     (uint32_t)((d)&0xFFU))
#define ESP_IP4TOADDR(a, b, c, d) esp_netif_htonl(ESP_IP4TOUINT32(a, b, c, d))
#define ESP_IP4ADDR_INIT(a, b, c, d)                                                       \
    {                                                                                      \
        .u_addr = {.ip4 = {.addr = ESP_IP4TOADDR(a, b, c, d)}}, .type = ESP_IPADDR_TYPE_V4 \
    }

/* Byte 0..3 of an IPv4 address, the first being the one that is written first. */
#define esp_ip4_addr_get_byte(ipaddr, idx) (((const uint8_t *)(&(ipaddr)->addr))[idx])
#define esp_ip4_addr1(ipaddr)              esp_ip4_addr_get_byte(ipaddr, 0)
#define esp_ip4_addr2(ipaddr)              esp_ip4_addr_get_byte(ipaddr, 1)
#define esp_ip4_addr3(ipaddr)              esp_ip4_addr_get_byte(ipaddr, 2)
#define esp_ip4_addr4(ipaddr)              esp_ip4_addr_get_byte(ipaddr, 3)
#define esp_ip4_addr1_16(ipaddr)           ((uint16_t)esp_ip4_addr1(ipaddr))
#define esp_ip4_addr2_16(ipaddr)           ((uint16_t)esp_ip4_addr2(ipaddr))
#define esp_ip4_addr3_16(ipaddr)           ((uint16_t)esp_ip4_addr3(ipaddr))
#define esp_ip4_addr4_16(ipaddr)           ((uint16_t)esp_ip4_addr4(ipaddr))

/* For printf: printf(IPSTR, IP2STR(&info.ip)); IPV62STR takes the struct itself. */
#define IP2STR(ipaddr) \
    esp_ip4_addr1_16(ipaddr), esp_ip4_addr2_16(ipaddr), esp_ip4_addr3_16(ipaddr), esp_ip4_addr4_16(ipaddr)
#define IPSTR "%d.%d.%d.%d"

#define ESP_IP6_WORD(ipaddr, i)                                     \
    ((uint16_t)((((const uint8_t *)(ipaddr)->addr)[2 * (i)] << 8) | \
                ((const uint8_t *)(ipaddr)->addr)[2 * (i) + 1]))
#define ESP_IP6_ADDR_BLOCK1(ipaddr) ESP_IP6_WORD(ipaddr, 0)
#define ESP_IP6_ADDR_BLOCK2(ipaddr) ESP_IP6_WORD(ipaddr, 1)
#define ESP_IP6_ADDR_BLOCK3(ipaddr) ESP_IP6_WORD(ipaddr, 2)
#define ESP_IP6_ADDR_BLOCK4(ipaddr) ESP_IP6_WORD(ipaddr, 3)
#define ESP_IP6_ADDR_BLOCK5(ipaddr) ESP_IP6_WORD(ipaddr, 4)
#define ESP_IP6_ADDR_BLOCK6(ipaddr) ESP_IP6_WORD(ipaddr, 5)
#define ESP_IP6_ADDR_BLOCK7(ipaddr) ESP_IP6_WORD(ipaddr, 6)
#define ESP_IP6_ADDR_BLOCK8(ipaddr) ESP_IP6_WORD(ipaddr, 7)
#define IPV6STR                     "%04x:%04x:%04x:%04x:%04x:%04x:%04x:%04x"
#define IPV62STR(ipaddr)                                                                                \
    ESP_IP6_ADDR_BLOCK1(&(ipaddr)), ESP_IP6_ADDR_BLOCK2(&(ipaddr)), ESP_IP6_ADDR_BLOCK3(&(ipaddr)),     \
        ESP_IP6_ADDR_BLOCK4(&(ipaddr)), ESP_IP6_ADDR_BLOCK5(&(ipaddr)), ESP_IP6_ADDR_BLOCK6(&(ipaddr)), \
        ESP_IP6_ADDR_BLOCK7(&(ipaddr)), ESP_IP6_ADDR_BLOCK8(&(ipaddr))

esp_ip6_addr_type_t esp_netif_ip6_get_addr_type(esp_ip6_addr_t *ip6_addr);

/* Writes "192.168.0.1" and returns buf; NULL if buflen is too small for it. */
char *esp_ip4addr_ntoa(const esp_ip4_addr_t *addr, char *buf, int buflen);

/* 0xFFFFFFFF if it is not an address. */
uint32_t esp_ip4addr_aton(const char *addr);

/* ESP_ERR_INVALID_ARG if NULL; ESP_FAIL if it is not an address. */
esp_err_t esp_netif_str_to_ip4(const char *src, esp_ip4_addr_t *dst);
esp_err_t esp_netif_str_to_ip6(const char *src, esp_ip6_addr_t *dst);

#ifdef __cplusplus
}
#endif
