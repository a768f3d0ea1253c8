/* esp_crt_bundle.c - trust the system's certificates, and the project's. */
#include "esp_crt_bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift_sdkconfig.h"
#include "tls_trust.h"

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt" /* where Debian's ca-certificates puts it */
#define LARGEST       (4u << 20)                           /* bytes; Debian's has 220 KB */

const char *tls_system_ca_file(void)
{
    return getenv("SSL_CERT_FILE");
}

/* The project's certificates, then those of `file` as far as it can be read. NULL: no memory. */
static char *join(const char *own, const char *file)
{
    size_t own_len = strlen(own), got = 0;
    FILE *f = file != NULL ? fopen(file, "re") : NULL;
    char *pem = malloc(own_len + 1 + (f != NULL ? LARGEST : 0) + 1);
    char *fitted;

    if (pem != NULL) {
        memcpy(pem, own, own_len);
        pem[own_len] = '\n';
        got = f != NULL ? fread(pem + own_len + 1, 1, LARGEST, f) : 0;
        pem[own_len + 1 + got] = '\0';
        fitted = realloc(pem, own_len + 1 + got + 1);
        pem = fitted != NULL ? fitted : pem;
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return pem;
}

bool tls_bundle_pem(char **out)
{
    const char *own = airlift_sdkconfig.crt_bundle_custom;
    const char *file = tls_system_ca_file();

    *out = NULL;
    if (own == NULL && !airlift_sdkconfig.crt_bundle_without_system) {
        return true;
    }
    if (airlift_sdkconfig.crt_bundle_without_system) {
        file = NULL;
    } else if (file == NULL) {
        file = SYSTEM_BUNDLE;
    }
    *out = join(own != NULL ? own : "", file);
    return *out != NULL;
}

esp_err_t esp_crt_bundle_attach(void *conf)
{
    struct tls_trust *trust = conf;

    if (trust == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    trust->bundle = true;
    return ESP_OK;
}
