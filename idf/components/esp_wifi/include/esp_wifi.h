/*
 * esp_wifi.h - Wi-Fi, as a station and an access point experience it on a good day.
 *
 * There is no radio. Every network that a program asks for by name is there,
 * lets it in whatever the password, and hands out the host's address: connecting
 * posts WIFI_EVENT_STA_CONNECTED and, if the station has an interface,
 * IP_EVENT_STA_GOT_IP. An access point starts, and nobody comes. What is
 * configured is told back; with WIFI_STORAGE_FLASH it is not kept over a reset.
 *
 * Unless said otherwise calls return ESP_OK, or ESP_ERR_WIFI_NOT_INIT before
 * esp_wifi_init(). Every call may be made from any task; events are posted to
 * the default loop, in order, before the call returns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_event.h"
#include "esp_wifi_default.h"
#include "esp_wifi_types.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ERR_WIFI_NOT_INIT    (ESP_ERR_WIFI_BASE + 1)
#define ESP_ERR_WIFI_NOT_STARTED (ESP_ERR_WIFI_BASE + 2)
#define ESP_ERR_WIFI_NOT_STOPPED (ESP_ERR_WIFI_BASE + 3)
#define ESP_ERR_WIFI_IF          (ESP_ERR_WIFI_BASE + 4)
#define ESP_ERR_WIFI_MODE        (ESP_ERR_WIFI_BASE + 5)
#define ESP_ERR_WIFI_STATE       (ESP_ERR_WIFI_BASE + 6)
#define ESP_ERR_WIFI_CONN        (ESP_ERR_WIFI_BASE + 7)
#define ESP_ERR_WIFI_NVS         (ESP_ERR_WIFI_BASE + 8)
#define ESP_ERR_WIFI_MAC         (ESP_ERR_WIFI_BASE + 9)
#define ESP_ERR_WIFI_SSID        (ESP_ERR_WIFI_BASE + 10)
#define ESP_ERR_WIFI_PASSWORD    (ESP_ERR_WIFI_BASE + 11)
#define ESP_ERR_WIFI_TIMEOUT     (ESP_ERR_WIFI_BASE + 12)
#define ESP_ERR_WIFI_WAKE_FAIL   (ESP_ERR_WIFI_BASE + 13)
#define ESP_ERR_WIFI_WOULD_BLOCK (ESP_ERR_WIFI_BASE + 14)
#define ESP_ERR_WIFI_NOT_CONNECT (ESP_ERR_WIFI_BASE + 15)

/* Buffer counts and the like: names that programs set, without a radio to use them. */
typedef struct {
    int static_rx_buf_num;
    int dynamic_rx_buf_num;
    int tx_buf_type;
    int static_tx_buf_num;
    int dynamic_tx_buf_num;
    int cache_tx_buf_num;
    int csi_enable;
    int ampdu_rx_enable;
    int ampdu_tx_enable;
    int amsdu_tx_enable;
    int nvs_enable;
    int nano_enable;
    int rx_ba_win;
    int wifi_task_core_id;
    int beacon_max_len;
    int mgmt_sbuf_num;
    uint64_t feature_caps;
    bool sta_disconnected_pm;
    int espnow_max_encrypt_num;
    int magic; /* WIFI_INIT_CONFIG_MAGIC */
} wifi_init_config_t;

#define WIFI_INIT_CONFIG_MAGIC 0x1F2F3F4F
#define WIFI_INIT_CONFIG_DEFAULT()                                                                          \
    {                                                                                                       \
        .static_rx_buf_num = 10, .dynamic_rx_buf_num = 32, .tx_buf_type = 1, .dynamic_tx_buf_num = 32,      \
        .ampdu_rx_enable = 1, .ampdu_tx_enable = 1, .nvs_enable = 1, .rx_ba_win = 6, .beacon_max_len = 752, \
        .mgmt_sbuf_num = 32, .magic = WIFI_INIT_CONFIG_MAGIC,                                               \
    }

/* ESP_ERR_INVALID_ARG: NULL, or not made with WIFI_INIT_CONFIG_DEFAULT(). */
esp_err_t esp_wifi_init(const wifi_init_config_t *config);
esp_err_t esp_wifi_deinit(void); /* ESP_ERR_WIFI_NOT_STOPPED */

esp_err_t esp_wifi_set_mode(wifi_mode_t mode); /* default: station. ESP_ERR_INVALID_ARG */
esp_err_t esp_wifi_get_mode(wifi_mode_t *mode);

/* Posts STA_START, AP_START. */
esp_err_t esp_wifi_start(void);

/* Posts STA_DISCONNECTED if connected, STA_STOP, AP_STOP. */
esp_err_t esp_wifi_stop(void);

/*
 * Posts STA_CONNECTED, then IP_EVENT_STA_GOT_IP. ESP_ERR_WIFI_NOT_STARTED;
 * ESP_ERR_WIFI_MODE if not a station; ESP_ERR_WIFI_SSID if none is configured.
 * When connected already: ESP_OK, and nothing happens.
 */
esp_err_t esp_wifi_connect(void);

/* Posts STA_DISCONNECTED, WIFI_REASON_ASSOC_LEAVE, if it was connected. ESP_ERR_WIFI_NOT_STARTED. */
esp_err_t esp_wifi_disconnect(void);

/* ESP_ERR_WIFI_IF: no such interface. ESP_ERR_WIFI_MODE: not in that mode. ESP_ERR_WIFI_PASSWORD: shorter than 8. */
esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *conf);
esp_err_t esp_wifi_get_config(wifi_interface_t interface, wifi_config_t *conf);

/* Back to the state after init: mode, configuration. */
esp_err_t esp_wifi_restore(void);

/*
 * One network is heard: the one the station is configured for, if any. Posts
 * SCAN_DONE. ESP_ERR_WIFI_NOT_STARTED.
 */
esp_err_t esp_wifi_scan_start(const wifi_scan_config_t *config, bool block);
esp_err_t esp_wifi_scan_stop(void);
esp_err_t esp_wifi_scan_get_ap_num(uint16_t *number);
esp_err_t esp_wifi_scan_get_ap_records(uint16_t *number, wifi_ap_record_t *ap_records);

/* The network it is connected to: -50 dBm, channel 1 unless configured. ESP_ERR_WIFI_NOT_CONNECT. */
esp_err_t esp_wifi_sta_get_ap_info(wifi_ap_record_t *ap_info);
esp_err_t esp_wifi_sta_get_rssi(int *rssi);
esp_err_t esp_wifi_sta_get_aid(uint16_t *aid);

/* The device's MAC addresses (esp_mac.h). ESP_ERR_WIFI_IF. */
esp_err_t esp_wifi_get_mac(wifi_interface_t ifx, uint8_t mac[6]);
esp_err_t esp_wifi_set_mac(wifi_interface_t ifx, const uint8_t mac[6]);

/* Visitors of the access point: none ever come. ESP_ERR_INVALID_ARG, ESP_ERR_WIFI_NOT_INIT, ESP_ERR_WIFI_MODE. */
esp_err_t esp_wifi_ap_get_sta_list(wifi_sta_list_t *sta);
esp_err_t esp_wifi_deauth_sta(uint16_t aid); /* 0: all of them */

/* Settings of the radio: remembered and told back. */
esp_err_t esp_wifi_set_ps(wifi_ps_type_t type);
esp_err_t esp_wifi_get_ps(wifi_ps_type_t *type);
esp_err_t esp_wifi_set_storage(wifi_storage_t storage);
esp_err_t esp_wifi_set_protocol(wifi_interface_t ifx, uint8_t protocol_bitmap);
esp_err_t esp_wifi_get_protocol(wifi_interface_t ifx, uint8_t *protocol_bitmap);
esp_err_t esp_wifi_set_bandwidth(wifi_interface_t ifx, wifi_bandwidth_t bw);
esp_err_t esp_wifi_set_channel(uint8_t primary, wifi_second_chan_t second);
esp_err_t esp_wifi_get_channel(uint8_t *primary, wifi_second_chan_t *second);
esp_err_t esp_wifi_set_max_tx_power(int8_t power); /* 0.25 dBm, 8..84 */
esp_err_t esp_wifi_get_max_tx_power(int8_t *power);
esp_err_t esp_wifi_set_country(const wifi_country_t *country);
esp_err_t esp_wifi_get_country(wifi_country_t *country);
esp_err_t esp_wifi_set_country_code(const char *country, bool ieee80211d_enabled);
esp_err_t esp_wifi_set_inactive_time(wifi_interface_t ifx, uint16_t sec);

#ifdef __cplusplus
}
#endif
