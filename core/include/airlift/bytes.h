/*
 * bytes.h - little-endian integers at byte addresses, and the four memory
 * functions that a freestanding compiler expects anyway.
 *
 * Foreign bytes are never read by casting a struct over them.
 */
#ifndef AIRLIFT_BYTES_H
#define AIRLIFT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* GCC emits calls to these even with -ffreestanding; the platform supplies them. */
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

static inline uint16_t al_get_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t al_get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void al_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void al_put_le32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

/* True if all `len` bytes at `p` are 0xFF, as erased flash reads. */
bool al_is_blank(const void *p, size_t len);

#ifdef __cplusplus
}
#endif

#endif
