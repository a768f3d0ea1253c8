/* esp_tls_crypto.h - two helpers that programs take from ESP-TLS. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0, or less: it failed. */
int esp_crypto_sha1(const unsigned char *input, size_t ilen, unsigned char output[20]);

/* As mbedtls_base64_encode(): *olen without the NUL, or what dst needs with it if that is larger than dlen; then not 0. */
int esp_crypto_base64_encode(unsigned char *dst, size_t dlen, size_t *olen, const unsigned char *src,
                             size_t slen);

#ifdef __cplusplus
}
#endif
