/*
 * esp_rom_md5.h - MD5, as the ROM has it. For partition tables and old servers,
 * not for security.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ROM_MD5_DIGEST_LEN 16

/* Contents are private. */
typedef struct MD5Context {
    uint64_t opaque[48];
} md5_context_t;

/* Init once, update any number of times, final once: it writes the digest and releases the context. */
void esp_rom_md5_init(md5_context_t *context);
void esp_rom_md5_update(md5_context_t *context, const void *buf, uint32_t len);
void esp_rom_md5_final(uint8_t *digest, md5_context_t *context);

#ifdef __cplusplus
}
#endif
