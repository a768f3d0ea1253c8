/* esp_tls.c - last errors, the global store of certificates, PEM and DER. */
#include "esp_tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/pem.h>
#include <mbedtls/x509_crt.h>

#include "tls_trust.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_END   "-----END CERTIFICATE-----\n"

static pthread_mutex_t store_lock = PTHREAD_MUTEX_INITIALIZER;
static char *store_pem; /* NULL: no store; "": one that trusts nobody */

static void store_replace(char *pem)
{
    pthread_mutex_lock(&store_lock);
    free(store_pem);
    store_pem = pem;
    pthread_mutex_unlock(&store_lock);
}

bool tls_is_der(const char *cert, size_t len)
{
    return len > 2 && cert[0] == 0x30 && ((unsigned char)cert[1] & 0x80) != 0;
}

char *tls_cert_to_pem(const char *cert, size_t len)
{
    if (!tls_is_der(cert, len)) {
        return len == 0 ? strdup(cert) : strndup(cert, len);
    }
    /* Base64 with a line feed every 64 characters, the two marker lines, a NUL. */
    size_t size = sizeof PEM_BEGIN + sizeof PEM_END + (len + 2) / 3 * 4 + len / 48 + 2;
    char *pem = malloc(size);
    if (pem != NULL && mbedtls_pem_write_buffer(PEM_BEGIN, PEM_END, (const unsigned char *)cert, len,
                                                (unsigned char *)pem, size, &size) != 0) {
        free(pem);
        pem = NULL;
    }
    return pem;
}

char *tls_global_ca_pem(void)
{
    pthread_mutex_lock(&store_lock);
    char *pem = store_pem != NULL ? strdup(store_pem) : NULL;
    pthread_mutex_unlock(&store_lock);
    return pem;
}

/* ---- public -------------------------------------------------------------- */

esp_err_t esp_tls_get_and_clear_last_error(esp_tls_error_handle_t handle, int *esp_tls_code,
                                           int *esp_tls_flags)
{
    if (handle == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    esp_err_t last = handle->last_error;
    if (esp_tls_code != NULL) {
        *esp_tls_code = handle->esp_tls_error_code;
    }
    if (esp_tls_flags != NULL) {
        *esp_tls_flags = handle->esp_tls_flags;
    }
    memset(handle, 0, sizeof *handle);
    return last;
}

esp_err_t esp_tls_init_global_ca_store(void)
{
    char *empty = strdup("");

    if (empty == NULL) {
        return ESP_ERR_NO_MEM;
    }
    store_replace(empty);
    return ESP_OK;
}

esp_err_t esp_tls_set_global_ca_store(const unsigned char *cacert_pem_buf,
                                      const unsigned int cacert_pem_bytes)
{
    if (cacert_pem_buf == NULL || cacert_pem_bytes == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    char *pem = tls_cert_to_pem((const char *)cacert_pem_buf, cacert_pem_bytes);
    if (pem == NULL) {
        return ESP_ERR_NO_MEM;
    }
    /* Some unreadable certificates among good ones are tolerated (a positive result), as on a chip. */
    mbedtls_x509_crt parsed;
    mbedtls_x509_crt_init(&parsed);
    int result = mbedtls_x509_crt_parse(&parsed, (const unsigned char *)pem, strlen(pem) + 1);
    mbedtls_x509_crt_free(&parsed);
    if (result < 0) {
        free(pem);
        return ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED;
    }
    store_replace(pem);
    return ESP_OK;
}

void esp_tls_free_global_ca_store(void)
{
    store_replace(NULL);
}
