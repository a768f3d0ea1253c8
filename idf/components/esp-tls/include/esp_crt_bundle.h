/*
 * esp_crt_bundle.h - trust the certificate authorities everybody trusts.
 *
 * On a chip that is a bundle compiled into the firmware; here it is what the
 * system's ca-certificates package installed, or the file SSL_CERT_FILE names,
 * and the certificates of CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Value for esp_http_client_config_t.crt_bundle_attach. The client calls it
 * with the connection it is about to make; nobody else can.
 *
 * Returns ESP_OK; ESP_ERR_INVALID_ARG if conf is NULL.
 */
esp_err_t esp_crt_bundle_attach(void *conf);

#ifdef __cplusplus
}
#endif
