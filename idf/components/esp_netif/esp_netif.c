#include "esp_netif.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char name[33];

esp_err_t esp_netif_init(void)
{
    return ESP_OK;
}

esp_err_t esp_netif_deinit(void)
{
    return ESP_ERR_NOT_SUPPORTED;
}

esp_err_t esp_netif_set_hostname(esp_netif_t *esp_netif, const char *hostname)
{
    (void)esp_netif;
    if (hostname == NULL || strlen(hostname) >= sizeof name) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    pthread_mutex_lock(&lock);
    strcpy(name, hostname);
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t esp_netif_get_hostname(esp_netif_t *esp_netif, const char **hostname)
{
    esp_err_t err = ESP_OK;

    (void)esp_netif;
    if (hostname == NULL) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    pthread_mutex_lock(&lock);
    if (name[0] == '\0' && gethostname(name, sizeof name - 1) != 0) {
        err = ESP_FAIL;
    }
    pthread_mutex_unlock(&lock);
    *hostname = name;
    return err;
}
