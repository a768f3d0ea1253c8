#include "esp_sntp.h"

#include <pthread.h>
#include <stddef.h>

static struct {
    pthread_mutex_t lock; /* not held while the callback runs */
    bool running;
    sntp_sync_status_t status;
    sntp_sync_time_cb_t callback;
    sntp_sync_mode_t mode;
    uint32_t interval_ms;
    const char *server[SNTP_MAX_SERVERS];
} sntp = {.lock = PTHREAD_MUTEX_INITIALIZER, .interval_ms = 3600000};

void esp_sntp_init(void)
{
    sntp_sync_time_cb_t callback;
    struct timeval now;
    bool was;

    pthread_mutex_lock(&sntp.lock);
    was = sntp.running;
    sntp.running = true;
    sntp.status = was ? sntp.status : SNTP_SYNC_STATUS_COMPLETED;
    callback = sntp.callback;
    pthread_mutex_unlock(&sntp.lock);
    if (!was && callback != NULL && gettimeofday(&now, NULL) == 0) {
        callback(&now);
    }
}

void esp_sntp_stop(void)
{
    pthread_mutex_lock(&sntp.lock);
    sntp.running = false;
    pthread_mutex_unlock(&sntp.lock);
}

bool esp_sntp_enabled(void)
{
    pthread_mutex_lock(&sntp.lock);
    bool running = sntp.running;
    pthread_mutex_unlock(&sntp.lock);
    return running;
}

bool esp_sntp_restart(void)
{
    if (!esp_sntp_enabled()) {
        return false;
    }
    esp_sntp_stop();
    esp_sntp_init();
    return true;
}

sntp_sync_status_t sntp_get_sync_status(void)
{
    pthread_mutex_lock(&sntp.lock);
    sntp_sync_status_t status = sntp.status;
    if (status == SNTP_SYNC_STATUS_COMPLETED) {
        sntp.status = SNTP_SYNC_STATUS_RESET;
    }
    pthread_mutex_unlock(&sntp.lock);
    return status;
}

void sntp_set_sync_status(sntp_sync_status_t sync_status)
{
    pthread_mutex_lock(&sntp.lock);
    sntp.status = sync_status;
    pthread_mutex_unlock(&sntp.lock);
}

void sntp_set_time_sync_notification_cb(sntp_sync_time_cb_t callback)
{
    pthread_mutex_lock(&sntp.lock);
    sntp.callback = callback;
    pthread_mutex_unlock(&sntp.lock);
}

void sntp_set_sync_mode(sntp_sync_mode_t sync_mode)
{
    pthread_mutex_lock(&sntp.lock);
    sntp.mode = sync_mode;
    pthread_mutex_unlock(&sntp.lock);
}

sntp_sync_mode_t sntp_get_sync_mode(void)
{
    pthread_mutex_lock(&sntp.lock);
    sntp_sync_mode_t mode = sntp.mode;
    pthread_mutex_unlock(&sntp.lock);
    return mode;
}

void sntp_set_sync_interval(uint32_t interval_ms)
{
    pthread_mutex_lock(&sntp.lock);
    sntp.interval_ms = interval_ms < 15000 ? 15000 : interval_ms; /* RFC 4330 allows no less */
    pthread_mutex_unlock(&sntp.lock);
}

uint32_t sntp_get_sync_interval(void)
{
    pthread_mutex_lock(&sntp.lock);
    uint32_t interval_ms = sntp.interval_ms;
    pthread_mutex_unlock(&sntp.lock);
    return interval_ms;
}

void esp_sntp_setoperatingmode(esp_sntp_operatingmode_t operating_mode)
{
    (void)operating_mode; /* either way there is nothing to wait for */
}

void esp_sntp_setservername(uint8_t idx, const char *server)
{
    if (idx < SNTP_MAX_SERVERS) {
        pthread_mutex_lock(&sntp.lock);
        sntp.server[idx] = server;
        pthread_mutex_unlock(&sntp.lock);
    }
}

const char *esp_sntp_getservername(uint8_t idx)
{
    const char *server = NULL;

    if (idx < SNTP_MAX_SERVERS) {
        pthread_mutex_lock(&sntp.lock);
        server = sntp.server[idx];
        pthread_mutex_unlock(&sntp.lock);
    }
    return server;
}
