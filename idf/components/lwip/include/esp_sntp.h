/*
 * esp_sntp.h - time from the network. The virtual device has the host's clock, which is right: starting is
 * enough to be synchronised. Servers are remembered and never asked; the host's clock is never set.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#include "esp_err.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CONFIG_LWIP_SNTP_MAX_SERVERS
#define CONFIG_LWIP_SNTP_MAX_SERVERS 1
#endif
#define SNTP_MAX_SERVERS       4
#define SNTP_OPMODE_POLL       0
#define SNTP_OPMODE_LISTENONLY 1

typedef enum { SNTP_SYNC_MODE_IMMED, SNTP_SYNC_MODE_SMOOTH } sntp_sync_mode_t;
typedef enum {
    SNTP_SYNC_STATUS_RESET,
    SNTP_SYNC_STATUS_COMPLETED,
    SNTP_SYNC_STATUS_IN_PROGRESS
} sntp_sync_status_t;
typedef enum { ESP_SNTP_OPMODE_POLL, ESP_SNTP_OPMODE_LISTENONLY } esp_sntp_operatingmode_t;
typedef void (*sntp_sync_time_cb_t)(struct timeval *tv);

/* The callback set before is called with the present time, and the status becomes COMPLETED. */
void esp_sntp_init(void);
void esp_sntp_stop(void);
bool esp_sntp_enabled(void);
bool esp_sntp_restart(void); /* false if it is not running */

/* COMPLETED is told once; then it is RESET until the next synchronisation, as in ESP-IDF. */
sntp_sync_status_t sntp_get_sync_status(void);
void sntp_set_sync_status(sntp_sync_status_t sync_status);
void sntp_set_time_sync_notification_cb(sntp_sync_time_cb_t callback);
void sntp_set_sync_mode(sntp_sync_mode_t sync_mode);
sntp_sync_mode_t sntp_get_sync_mode(void);
void sntp_set_sync_interval(uint32_t interval_ms);
uint32_t sntp_get_sync_interval(void);

void esp_sntp_setoperatingmode(esp_sntp_operatingmode_t operating_mode);

/* idx 0..3, others are ignored; borrowed. NULL: none. */
void esp_sntp_setservername(uint8_t idx, const char *server);
const char *esp_sntp_getservername(uint8_t idx);

#define sntp_init()                   esp_sntp_init()
#define sntp_stop()                   esp_sntp_stop()
#define sntp_enabled()                esp_sntp_enabled()
#define sntp_restart()                esp_sntp_restart()
#define sntp_setoperatingmode(mode)   esp_sntp_setoperatingmode((esp_sntp_operatingmode_t)(mode))
#define sntp_setservername(idx, name) esp_sntp_setservername(idx, name)
#define sntp_getservername(idx)       esp_sntp_getservername(idx)

#ifdef __cplusplus
}
#endif
