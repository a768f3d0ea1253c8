#include "esp_wifi.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../esp_netif/netif_link.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_mac.h"

#define RSSI_DBM        (-50)
#define SHORTEST_SECRET 8 /* characters of a WPA password */

static const char *TAG = "wifi";

ESP_EVENT_DEFINE_BASE(WIFI_EVENT);

/* Nothing is posted while the lock is held: a handler may call anything here. */
static struct {
    pthread_mutex_t lock;
    bool init;
    bool started;
    bool connected;
    wifi_mode_t mode;
    wifi_config_t sta, ap;
    wifi_ps_type_t ps;
    uint8_t protocol[2];
    uint8_t channel; /* of the station's network */
    int8_t tx_power;
    wifi_country_t country;
    uint16_t n_scanned;
    esp_netif_t *netif[2]; /* of station and access point; NULL: none */
} wifi = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const uint8_t bssid[6] = {0x02, 0x00, 0x5e, 0x00, 0x00, 0x01}; /* locally administered */

static void post(int32_t id, const void *data, size_t size)
{
    (void)esp_event_post(WIFI_EVENT, id, data, size, portMAX_DELAY);
}

/* Takes the lock if the driver is there. */
static bool enter(void)
{
    pthread_mutex_lock(&wifi.lock);
    if (!wifi.init) {
        pthread_mutex_unlock(&wifi.lock);
    }
    return wifi.init;
}

static void leave(void)
{
    pthread_mutex_unlock(&wifi.lock);
}

static bool is_sta(wifi_mode_t mode)
{
    return mode == WIFI_MODE_STA || mode == WIFI_MODE_APSTA;
}

static bool is_ap(wifi_mode_t mode)
{
    return mode == WIFI_MODE_AP || mode == WIFI_MODE_APSTA;
}

static void set_defaults(void)
{
    wifi.mode = WIFI_MODE_STA;
    memset(&wifi.sta, 0, sizeof(wifi.sta));
    memset(&wifi.ap, 0, sizeof(wifi.ap));
    wifi.ps = WIFI_PS_MIN_MODEM;
    wifi.protocol[0] = wifi.protocol[1] = WIFI_PROTOCOL_11B | WIFI_PROTOCOL_11G | WIFI_PROTOCOL_11N;
    wifi.channel = 1;
    wifi.tx_power = 80;
    wifi.country = (wifi_country_t){.cc = "01", .schan = 1, .nchan = 11, .max_tx_power = 20};
    wifi.n_scanned = 0;
}

/* --- Starting and stopping -------------------------------------------------- */

esp_err_t esp_wifi_init(const wifi_init_config_t *config)
{
    if (config == NULL || config->magic != WIFI_INIT_CONFIG_MAGIC) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&wifi.lock);
    if (!wifi.init) {
        set_defaults();
        wifi.init = true;
    }
    pthread_mutex_unlock(&wifi.lock);
    return ESP_OK;
}

esp_err_t esp_wifi_deinit(void)
{
    esp_err_t err = ESP_OK;

    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    if (wifi.started) {
        err = ESP_ERR_WIFI_NOT_STOPPED;
    } else {
        wifi.init = false;
    }
    leave();
    return err;
}

static esp_err_t start_modes(bool sta, bool ap)
{
    esp_netif_t *netif[2];
    uint8_t mac[6];

    pthread_mutex_lock(&wifi.lock);
    memcpy(netif, wifi.netif, sizeof(netif));
    pthread_mutex_unlock(&wifi.lock);
    if (sta) {
        if (netif[WIFI_IF_STA] != NULL && esp_read_mac(mac, ESP_MAC_WIFI_STA) == ESP_OK) {
            (void)esp_netif_set_mac(netif[WIFI_IF_STA], mac);
        }
        post(WIFI_EVENT_STA_START, NULL, 0);
    }
    if (ap) {
        if (netif[WIFI_IF_AP] != NULL && esp_read_mac(mac, ESP_MAC_WIFI_SOFTAP) == ESP_OK) {
            (void)esp_netif_set_mac(netif[WIFI_IF_AP], mac);
        }
        post(WIFI_EVENT_AP_START, NULL, 0);
        netif_link_up(netif[WIFI_IF_AP]);
    }
    return ESP_OK;
}

esp_err_t esp_wifi_start(void)
{
    bool was;
    wifi_mode_t mode;

    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    was = wifi.started;
    mode = wifi.mode;
    wifi.started = true;
    leave();
    return was ? ESP_OK : start_modes(is_sta(mode), is_ap(mode));
}

/* Tell that the station left its network, if it was in one. */
static void leave_network(uint8_t reason)
{
    wifi_event_sta_disconnected_t event = {.reason = reason, .rssi = RSSI_DBM};
    esp_netif_t *netif;
    bool was;

    pthread_mutex_lock(&wifi.lock);
    was = wifi.connected;
    wifi.connected = false;
    netif = wifi.netif[WIFI_IF_STA];
    memcpy(event.ssid, wifi.sta.sta.ssid, sizeof(event.ssid));
    pthread_mutex_unlock(&wifi.lock);
    if (was) {
        event.ssid_len = (uint8_t)strnlen((const char *)event.ssid, sizeof(event.ssid));
        memcpy(event.bssid, bssid, sizeof(bssid));
        netif_link_down(netif);
        post(WIFI_EVENT_STA_DISCONNECTED, &event, sizeof(event));
    }
}

esp_err_t esp_wifi_stop(void)
{
    esp_netif_t *ap_netif;
    wifi_mode_t mode;
    bool was;

    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    was = wifi.started;
    mode = wifi.mode;
    ap_netif = wifi.netif[WIFI_IF_AP];
    wifi.started = false;
    leave();
    leave_network(WIFI_REASON_ASSOC_LEAVE);
    if (was && is_sta(mode)) {
        post(WIFI_EVENT_STA_STOP, NULL, 0);
    }
    if (was && is_ap(mode)) {
        netif_link_down(ap_netif);
        post(WIFI_EVENT_AP_STOP, NULL, 0);
    }
    return ESP_OK;
}

esp_err_t esp_wifi_restore(void)
{
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    set_defaults();
    leave();
    return ESP_OK;
}

/* --- Connecting ----------------------------------------------------------------- */

esp_err_t esp_wifi_connect(void)
{
    wifi_event_sta_connected_t event = {.aid = 1};
    esp_netif_t *netif;
    esp_err_t err = ESP_OK;
    bool was = false;

    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    if (!wifi.started) {
        err = ESP_ERR_WIFI_NOT_STARTED;
    } else if (!is_sta(wifi.mode)) {
        err = ESP_ERR_WIFI_MODE;
    } else if (wifi.sta.sta.ssid[0] == '\0') {
        err = ESP_ERR_WIFI_SSID;
    } else {
        was = wifi.connected;
        wifi.connected = true;
        memcpy(event.ssid, wifi.sta.sta.ssid, sizeof(event.ssid));
        event.authmode = wifi.sta.sta.password[0] != '\0' ? WIFI_AUTH_WPA2_PSK : WIFI_AUTH_OPEN;
        wifi.channel = wifi.sta.sta.channel != 0 ? wifi.sta.sta.channel : 1;
        event.channel = wifi.channel;
    }
    netif = wifi.netif[WIFI_IF_STA];
    leave();
    if (err != ESP_OK || was) {
        return err;
    }
    event.ssid_len = (uint8_t)strnlen((const char *)event.ssid, sizeof(event.ssid));
    memcpy(event.bssid, bssid, sizeof(bssid));
    ESP_LOGI(TAG, "connected with %.32s, channel %u (the host's network)", (const char *)event.ssid,
             (unsigned)event.channel);
    post(WIFI_EVENT_STA_CONNECTED, &event, sizeof(event));
    netif_link_up(netif);
    return ESP_OK;
}

esp_err_t esp_wifi_disconnect(void)
{
    bool started;

    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    started = wifi.started;
    leave();
    if (!started) {
        return ESP_ERR_WIFI_NOT_STARTED;
    }
    leave_network(WIFI_REASON_ASSOC_LEAVE);
    return ESP_OK;
}

/* --- Configuration ----------------------------------------------------------------- */

esp_err_t esp_wifi_set_mode(wifi_mode_t mode)
{
    wifi_mode_t before;
    bool started;

    if (mode < WIFI_MODE_NULL || mode > WIFI_MODE_APSTA) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    before = wifi.mode;
    wifi.mode = mode;
    started = wifi.started;
    leave();
    return started ? start_modes(is_sta(mode) && !is_sta(before), is_ap(mode) && !is_ap(before)) : ESP_OK;
}

esp_err_t esp_wifi_get_mode(wifi_mode_t *mode)
{
    if (mode == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    *mode = wifi.mode;
    leave();
    return ESP_OK;
}

static esp_err_t check_config(wifi_interface_t interface, const wifi_config_t *conf)
{
    const uint8_t *secret = interface == WIFI_IF_STA ? conf->sta.password : conf->ap.password;
    size_t len = strnlen((const char *)secret, MAX_PASSPHRASE_LEN);
    bool protected = interface == WIFI_IF_AP ? conf->ap.authmode > WIFI_AUTH_WEP
                                             : conf->sta.threshold.authmode > WIFI_AUTH_WEP;

    if (interface == WIFI_IF_STA ? !is_sta(wifi.mode) : !is_ap(wifi.mode)) {
        return ESP_ERR_WIFI_MODE;
    }
    return protected && len < SHORTEST_SECRET ? ESP_ERR_WIFI_PASSWORD : ESP_OK;
}

esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *conf)
{
    esp_err_t err;

    if (conf == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (interface != WIFI_IF_STA && interface != WIFI_IF_AP) {
        return ESP_ERR_WIFI_IF;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    err = check_config(interface, conf);
    if (err == ESP_OK) {
        *(interface == WIFI_IF_STA ? &wifi.sta : &wifi.ap) = *conf;
    }
    leave();
    return err;
}

esp_err_t esp_wifi_get_config(wifi_interface_t interface, wifi_config_t *conf)
{
    if (conf == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (interface != WIFI_IF_STA && interface != WIFI_IF_AP) {
        return ESP_ERR_WIFI_IF;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    *conf = interface == WIFI_IF_STA ? wifi.sta : wifi.ap;
    leave();
    return ESP_OK;
}

/* --- What is on the air -------------------------------------------------------------- */

/* With the lock. */
static wifi_ap_record_t network(void)
{
    wifi_ap_record_t ap = {.primary = wifi.channel, .rssi = RSSI_DBM, .country = wifi.country};

    memcpy(ap.bssid, bssid, sizeof(bssid));
    memcpy(ap.ssid, wifi.sta.sta.ssid, sizeof(wifi.sta.sta.ssid));
    if (wifi.sta.sta.password[0] != '\0') {
        ap.authmode = WIFI_AUTH_WPA2_PSK;
        ap.pairwise_cipher = ap.group_cipher = WIFI_CIPHER_TYPE_CCMP;
    }
    return ap;
}

esp_err_t esp_wifi_scan_start(const wifi_scan_config_t *config, bool block)
{
    wifi_event_sta_scan_done_t event = {0};
    bool started;

    (void)config;
    (void)block;
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    started = wifi.started;
    wifi.n_scanned = started && wifi.sta.sta.ssid[0] != '\0' ? 1 : 0;
    event.number = (uint8_t)wifi.n_scanned;
    leave();
    if (!started) {
        return ESP_ERR_WIFI_NOT_STARTED;
    }
    post(WIFI_EVENT_SCAN_DONE, &event, sizeof(event));
    return ESP_OK;
}

esp_err_t esp_wifi_scan_stop(void)
{
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    leave();
    return ESP_OK;
}

esp_err_t esp_wifi_scan_get_ap_num(uint16_t *number)
{
    if (number == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    *number = wifi.n_scanned;
    leave();
    return ESP_OK;
}

esp_err_t esp_wifi_scan_get_ap_records(uint16_t *number, wifi_ap_record_t *ap_records)
{
    if (number == NULL || ap_records == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    if (*number > wifi.n_scanned) {
        *number = wifi.n_scanned;
    }
    if (*number > 0) {
        *ap_records = network();
    }
    wifi.n_scanned = 0; /* a list is handed out once */
    leave();
    return ESP_OK;
}

esp_err_t esp_wifi_sta_get_ap_info(wifi_ap_record_t *ap_info)
{
    esp_err_t err = ESP_OK;

    if (ap_info == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    if (wifi.connected) {
        *ap_info = network();
    } else {
        err = ESP_ERR_WIFI_NOT_CONNECT;
    }
    leave();
    return err;
}

esp_err_t esp_wifi_sta_get_rssi(int *rssi)
{
    wifi_ap_record_t ap;
    esp_err_t err = rssi == NULL ? ESP_ERR_INVALID_ARG : esp_wifi_sta_get_ap_info(&ap);

    if (err == ESP_OK) {
        *rssi = ap.rssi;
    }
    return err;
}

esp_err_t esp_wifi_sta_get_aid(uint16_t *aid)
{
    if (aid == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    *aid = wifi.connected ? 1 : 0;
    leave();
    return ESP_OK;
}

/* --- MAC addresses and the radio ------------------------------------------------------ */

static bool mac_type(wifi_interface_t ifx, esp_mac_type_t *type)
{
    *type = ifx == WIFI_IF_STA ? ESP_MAC_WIFI_STA : ESP_MAC_WIFI_SOFTAP;
    return ifx == WIFI_IF_STA || ifx == WIFI_IF_AP;
}

esp_err_t esp_wifi_get_mac(wifi_interface_t ifx, uint8_t mac[6])
{
    esp_mac_type_t type;

    if (mac == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return mac_type(ifx, &type) ? esp_read_mac(mac, type) : ESP_ERR_WIFI_IF;
}

esp_err_t esp_wifi_set_mac(wifi_interface_t ifx, const uint8_t mac[6])
{
    esp_mac_type_t type;

    if (mac == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return mac_type(ifx, &type) ? esp_iface_mac_addr_set(mac, type) : ESP_ERR_WIFI_IF;
}

/* Is there an access point? */
static esp_err_t check_ap(void)
{
    wifi_mode_t mode;

    if (!enter()) {
        return ESP_ERR_WIFI_NOT_INIT;
    }
    mode = wifi.mode;
    leave();
    return mode == WIFI_MODE_AP || mode == WIFI_MODE_APSTA ? ESP_OK : ESP_ERR_WIFI_MODE;
}

esp_err_t esp_wifi_ap_get_sta_list(wifi_sta_list_t *sta)
{
    esp_err_t err = check_ap();

    if (err == ESP_OK && sta == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (err == ESP_OK) {
        *sta = (wifi_sta_list_t){.num = 0};
    }
    return err;
}

esp_err_t esp_wifi_deauth_sta(uint16_t aid)
{
    esp_err_t err = check_ap();

    return err == ESP_OK && aid > ESP_WIFI_MAX_CONN_NUM ? ESP_ERR_INVALID_ARG : err;
}

/* One setting: with the lock, or NOT_INIT. */
#define SETTING(statement)                \
    do {                                  \
        if (!enter()) {                   \
            return ESP_ERR_WIFI_NOT_INIT; \
        }                                 \
        statement;                        \
        leave();                          \
        return ESP_OK;                    \
    } while (0)

esp_err_t esp_wifi_set_ps(wifi_ps_type_t type)
{
    if (type < WIFI_PS_NONE || type > WIFI_PS_MAX_MODEM) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(wifi.ps = type);
}

esp_err_t esp_wifi_get_ps(wifi_ps_type_t *type)
{
    if (type == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(*type = wifi.ps);
}

esp_err_t esp_wifi_set_storage(wifi_storage_t storage)
{
    if (storage != WIFI_STORAGE_FLASH && storage != WIFI_STORAGE_RAM) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING((void)storage);
}

esp_err_t esp_wifi_set_protocol(wifi_interface_t ifx, uint8_t protocol_bitmap)
{
    if (ifx != WIFI_IF_STA && ifx != WIFI_IF_AP) {
        return ESP_ERR_WIFI_IF;
    }
    SETTING(wifi.protocol[ifx] = protocol_bitmap);
}

esp_err_t esp_wifi_get_protocol(wifi_interface_t ifx, uint8_t *protocol_bitmap)
{
    if (protocol_bitmap == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (ifx != WIFI_IF_STA && ifx != WIFI_IF_AP) {
        return ESP_ERR_WIFI_IF;
    }
    SETTING(*protocol_bitmap = wifi.protocol[ifx]);
}

esp_err_t esp_wifi_set_bandwidth(wifi_interface_t ifx, wifi_bandwidth_t bw)
{
    if (bw != WIFI_BW20 && bw != WIFI_BW40) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING((void)ifx);
}

esp_err_t esp_wifi_set_channel(uint8_t primary, wifi_second_chan_t second)
{
    (void)second;
    if (primary == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(wifi.channel = primary);
}

esp_err_t esp_wifi_get_channel(uint8_t *primary, wifi_second_chan_t *second)
{
    if (primary == NULL || second == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING((*primary = wifi.channel, *second = WIFI_SECOND_CHAN_NONE));
}

esp_err_t esp_wifi_set_max_tx_power(int8_t power)
{
    if (power < 8 || power > 84) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(wifi.tx_power = power);
}

esp_err_t esp_wifi_get_max_tx_power(int8_t *power)
{
    if (power == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(*power = wifi.tx_power);
}

esp_err_t esp_wifi_set_country(const wifi_country_t *country)
{
    if (country == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(wifi.country = *country);
}

esp_err_t esp_wifi_get_country(wifi_country_t *country)
{
    if (country == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(*country = wifi.country);
}

esp_err_t esp_wifi_set_country_code(const char *country, bool ieee80211d_enabled)
{
    (void)ieee80211d_enabled;
    if (country == NULL || strlen(country) < 2) {
        return ESP_ERR_INVALID_ARG;
    }
    SETTING(memcpy(wifi.country.cc, country, 2));
}

esp_err_t esp_wifi_set_inactive_time(wifi_interface_t ifx, uint16_t sec)
{
    (void)sec;
    SETTING((void)ifx);
}

/* --- Interfaces (esp_wifi_default.h) ----------------------------------------------------- */

static esp_err_t attach(esp_netif_t *netif, wifi_interface_t which)
{
    if (netif == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&wifi.lock);
    wifi.netif[which] = netif;
    pthread_mutex_unlock(&wifi.lock);
    return ESP_OK;
}

esp_err_t esp_netif_attach_wifi_station(esp_netif_t *esp_netif)
{
    return attach(esp_netif, WIFI_IF_STA);
}

esp_err_t esp_netif_attach_wifi_ap(esp_netif_t *esp_netif)
{
    return attach(esp_netif, WIFI_IF_AP);
}

esp_netif_t *esp_netif_create_wifi(wifi_interface_t wifi_if, const esp_netif_inherent_config_t *config)
{
    esp_netif_config_t with = {
        .base = config,
        .stack =
            wifi_if == WIFI_IF_AP ? ESP_NETIF_NETSTACK_DEFAULT_WIFI_AP : ESP_NETIF_NETSTACK_DEFAULT_WIFI_STA,
    };
    esp_netif_t *netif;

    if (wifi_if != WIFI_IF_STA && wifi_if != WIFI_IF_AP) {
        return NULL;
    }
    netif = esp_netif_new(&with);
    if (netif != NULL) {
        (void)attach(netif, wifi_if);
    }
    return netif;
}

static esp_netif_t *create_or_panic(wifi_interface_t which, const esp_netif_inherent_config_t *config)
{
    esp_netif_t *netif = esp_netif_create_wifi(which, config);

    if (netif == NULL) {
        ESP_LOGE(TAG, "no interface %s", config->if_key);
        abort();
    }
    return netif;
}

esp_netif_t *esp_netif_create_default_wifi_sta(void)
{
    return create_or_panic(WIFI_IF_STA, ESP_NETIF_BASE_DEFAULT_WIFI_STA);
}

esp_netif_t *esp_netif_create_default_wifi_ap(void)
{
    return create_or_panic(WIFI_IF_AP, ESP_NETIF_BASE_DEFAULT_WIFI_AP);
}

esp_err_t esp_wifi_clear_default_wifi_driver_and_handlers(void *esp_netif)
{
    if (esp_netif == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&wifi.lock);
    for (int i = 0; i < 2; i++) {
        if (wifi.netif[i] == esp_netif) {
            wifi.netif[i] = NULL;
        }
    }
    pthread_mutex_unlock(&wifi.lock);
    return ESP_OK;
}

void esp_netif_destroy_default_wifi(void *esp_netif)
{
    if (esp_netif != NULL) {
        (void)esp_wifi_clear_default_wifi_driver_and_handlers(esp_netif);
        esp_netif_destroy(esp_netif);
    }
}

esp_err_t esp_wifi_set_default_wifi_sta_handlers(void)
{
    return ESP_OK;
}

esp_err_t esp_wifi_set_default_wifi_ap_handlers(void)
{
    return ESP_OK;
}
