/*
 * esp_tls.h - errors of TLS connections, and the certificates all of them may share.
 *
 * Connections are made through esp_http_client.h; there is no bare
 * esp_tls_conn_*() on Linux, so code that calls it does not compile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_tls_errors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A key that both sides know, for TLS without certificates. */
typedef struct psk_key_hint {
    const uint8_t *key;
    const size_t key_size; /* bytes */
    const char *hint;      /* the identity it goes by */
} psk_hint_key_t;

/*
 * Read the last error of the connection that `handle` came from (the data of
 * HTTP_EVENT_ERROR and HTTP_EVENT_DISCONNECTED) and forget it.
 *
 * esp_tls_code, esp_tls_flags  may be NULL
 *
 * Returns that error, ESP_OK if there is none, ESP_ERR_INVALID_STATE if handle is NULL.
 */
esp_err_t esp_tls_get_and_clear_last_error(esp_tls_error_handle_t handle, int *esp_tls_code,
                                           int *esp_tls_flags);

/*
 * The store of trusted certificates that a client with use_global_ca_store
 * verifies against. One per process; set it before the first connection.
 *
 * init  makes an empty one, which trusts nobody
 * set   replaces its contents: PEM with its terminating NUL counted in cacert_pem_bytes, or DER; copied
 * free  forgets it; later connections that ask for it are refused
 *
 * set returns ESP_OK, ESP_ERR_INVALID_ARG (NULL), ESP_ERR_NO_MEM, ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED.
 */
esp_err_t esp_tls_init_global_ca_store(void);
esp_err_t esp_tls_set_global_ca_store(const unsigned char *cacert_pem_buf,
                                      const unsigned int cacert_pem_bytes);
void esp_tls_free_global_ca_store(void);

#ifdef __cplusplus
}
#endif
