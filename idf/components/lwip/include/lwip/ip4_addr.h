/* ip4_addr.h - IPv4 addresses as lwIP has them: esp_ip4_addr_t by another name. */
#pragma once

#include <arpa/inet.h>
#include <stdint.h>

typedef struct ip4_addr {
    uint32_t addr; /* in network order */
} ip4_addr_t;

/* For an ip4_addr_t or an esp_ip4_addr_t. */
#define IP4_ADDR(ipaddr, a, b, c, d)                                                  \
    ((ipaddr)->addr = htonl((uint32_t)((a)&0xFF) << 24 | (uint32_t)((b)&0xFF) << 16 | \
                            (uint32_t)((c)&0xFF) << 8 | (uint32_t)((d)&0xFF)))
#define ip4_addr_get_u32(ipaddr)      ((ipaddr)->addr)
#define ip4_addr_set_u32(ipaddr, u32) ((ipaddr)->addr = (u32))
#define ip4_addr_isany_val(ipaddr)    ((ipaddr).addr == 0)
#define ip4_addr_cmp(a, b)            ((a)->addr == (b)->addr)

#define ipaddr_addr(text) inet_addr(text)

/* 1: it is one. */
static inline int ip4addr_aton(const char *text, ip4_addr_t *addr)
{
    struct in_addr in;

    if (inet_aton(text, &in) == 0) {
        return 0;
    }
    addr->addr = in.s_addr;
    return 1;
}

/* Static storage, the thread's. */
static inline char *ip4addr_ntoa(const ip4_addr_t *addr)
{
    return inet_ntoa((struct in_addr){addr->addr});
}

/* NULL if it does not fit. */
static inline char *ip4addr_ntoa_r(const ip4_addr_t *addr, char *buf, int buflen)
{
    return (char *)inet_ntop(AF_INET, &addr->addr, buf, (socklen_t)buflen);
}
