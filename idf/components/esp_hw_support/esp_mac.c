#include "esp_mac.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "chip.h"
#include "idf_runtime.h"

#define LEN 6u

/* Addresses set at run time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool is_set;
    uint8_t mac[LEN];
} base, own[ESP_MAC_ETH + 1];

static bool is_group_address(const uint8_t *mac)
{
    return (mac[0] & 1u) != 0;
}

/* With the lock. */
static void get_base(uint8_t *mac)
{
    memcpy(mac, base.is_set ? base.mac : chip_desc()->mac, LEN);
}

esp_err_t esp_base_mac_addr_set(const uint8_t *mac)
{
    idf_alive();
    if (mac == NULL || is_group_address(mac)) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    memcpy(base.mac, mac, LEN);
    base.is_set = true;
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

esp_err_t esp_base_mac_addr_get(uint8_t *mac)
{
    return esp_read_mac(mac, ESP_MAC_BASE);
}

esp_err_t esp_efuse_mac_get_custom(uint8_t *mac)
{
    idf_alive();
    return mac != NULL ? ESP_ERR_INVALID_MAC : ESP_ERR_INVALID_ARG;
}

esp_err_t esp_efuse_mac_get_default(uint8_t *mac)
{
    idf_alive();
    if (mac == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    memcpy(mac, chip_desc()->mac, LEN);
    return ESP_OK;
}

/* With the lock. The interfaces' addresses count up from the base in the order of their types. */
static void get_interface(uint8_t *mac, esp_mac_type_t type)
{
    if (own[type].is_set) {
        memcpy(mac, own[type].mac, LEN);
    } else {
        get_base(mac);
        mac[LEN - 1] = (uint8_t)(mac[LEN - 1] + type);
    }
}

static void get_eui64(uint8_t *mac)
{
    uint8_t six[LEN];

    get_base(six);
    memcpy(mac, six, 3);
    mac[3] = 0xFF;
    mac[4] = 0xFE;
    memcpy(mac + 5, six + 3, 3);
}

esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type)
{
    esp_err_t err = ESP_OK;

    idf_alive();
    if (mac == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    switch (type) {
    case ESP_MAC_WIFI_STA:
    case ESP_MAC_WIFI_SOFTAP:
    case ESP_MAC_BT:
    case ESP_MAC_ETH:
        get_interface(mac, type);
        break;
    case ESP_MAC_IEEE802154:
        get_eui64(mac);
        break;
    case ESP_MAC_BASE:
        get_base(mac);
        break;
    case ESP_MAC_EFUSE_FACTORY:
        memcpy(mac, chip_desc()->mac, LEN);
        break;
    case ESP_MAC_EFUSE_CUSTOM:
        err = ESP_ERR_INVALID_MAC;
        break;
    case ESP_MAC_EFUSE_EXT:
        mac[0] = 0xFF;
        mac[1] = 0xFE;
        break;
    default:
        err = ESP_ERR_INVALID_ARG;
        break;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

esp_err_t esp_derive_local_mac(uint8_t *local_mac, const uint8_t *universal_mac)
{
    if (local_mac == NULL || universal_mac == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    memcpy(local_mac, universal_mac, LEN);
    /* Bit 1 marks it as local. If it was that already, bit 2 makes it another one. */
    local_mac[0] = (uint8_t)((local_mac[0] & 2u) == 0 ? local_mac[0] | 2u : local_mac[0] ^ 4u);
    return ESP_OK;
}

size_t esp_mac_addr_len_get(esp_mac_type_t type)
{
    switch (type) {
    case ESP_MAC_IEEE802154:
        return 8;
    case ESP_MAC_EFUSE_EXT:
        return 2;
    default:
        return (unsigned)type <= ESP_MAC_EFUSE_EXT ? LEN : 0;
    }
}

esp_err_t esp_iface_mac_addr_set(const uint8_t *mac, esp_mac_type_t type)
{
    idf_alive();
    if (type == ESP_MAC_BASE) {
        return esp_base_mac_addr_set(mac);
    }
    if (mac == NULL || is_group_address(mac) || (unsigned)type > ESP_MAC_ETH) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    memcpy(own[type].mac, mac, LEN);
    own[type].is_set = true;
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}
