/* esp_crt_bundle.c - trust the system's certificates. */
#include "esp_crt_bundle.h"

#include <stdlib.h>

#include "tls_trust.h"

const char *tls_system_ca_file(void)
{
    return getenv("SSL_CERT_FILE");
}

esp_err_t esp_crt_bundle_attach(void *conf)
{
    struct tls_trust *trust = conf;

    if (trust == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    trust->system = true;
    return ESP_OK;
}
