/* ip_addr.h - addresses of either family as lwIP has them. */
#pragma once

#include "lwip/ip4_addr.h"

typedef struct ip6_addr {
    uint32_t addr[4]; /* in network order */
    uint8_t zone;
} ip6_addr_t;

enum lwip_ip_addr_type {
    IPADDR_TYPE_V4 = 0,
    IPADDR_TYPE_V6 = 6,
    IPADDR_TYPE_ANY = 46,
};

typedef struct ip_addr {
    union {
        ip6_addr_t ip6;
        ip4_addr_t ip4;
    } u_addr;
    uint8_t type;
} ip_addr_t;

#define ip_2_ip4(ipaddr)             (&(ipaddr)->u_addr.ip4)
#define ip_2_ip6(ipaddr)             (&(ipaddr)->u_addr.ip6)
#define IP_IS_V4(ipaddr)             ((ipaddr)->type == IPADDR_TYPE_V4)
#define IP_IS_V6(ipaddr)             ((ipaddr)->type == IPADDR_TYPE_V6)
#define IP_ADDR4(ipaddr, a, b, c, d) ((ipaddr)->type = IPADDR_TYPE_V4, IP4_ADDR(ip_2_ip4(ipaddr), a, b, c, d))

/* Static storage, the thread's. */
static inline char *ipaddr_ntoa(const ip_addr_t *addr)
{
    static __thread char text[INET6_ADDRSTRLEN];

    return (char *)(IP_IS_V6(addr) ? inet_ntop(AF_INET6, addr->u_addr.ip6.addr, text, sizeof text)
                                   : inet_ntop(AF_INET, &addr->u_addr.ip4.addr, text, sizeof text));
}

/* 1: it is one. */
static inline int ipaddr_aton(const char *text, ip_addr_t *addr)
{
    *addr = (ip_addr_t){0};
    if (ip4addr_aton(text, &addr->u_addr.ip4) != 0) {
        addr->type = IPADDR_TYPE_V4;
        return 1;
    }
    addr->type = IPADDR_TYPE_V6;
    return inet_pton(AF_INET6, text, addr->u_addr.ip6.addr) == 1;
}
