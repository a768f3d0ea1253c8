#include "esp_eth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../esp_netif/netif_link.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_mac.h"

static const char *TAG = "esp_eth";

ESP_EVENT_DEFINE_BASE(ETH_EVENT);

struct driver {
    pthread_mutex_t lock; /* not held while posting */
    esp_eth_mac_t *mac;
    esp_eth_phy_t *phy;
    struct esp_eth_netif_glue_t *glue; /* NULL: none yet */
    uint8_t address[ETH_ADDR_LEN];
    bool running;
};

struct esp_eth_netif_glue_t {
    esp_netif_driver_base_t base; /* what esp_netif_attach() fills */
    struct driver *driver;
};

/* --- Controllers and PHYs: nothing but names ------------------------------------ */

static esp_err_t del_mac(esp_eth_mac_t *mac)
{
    free(mac);
    return ESP_OK;
}

static esp_err_t del_phy(esp_eth_phy_t *phy)
{
    free(phy);
    return ESP_OK;
}

esp_eth_mac_t *esp_eth_mac_new_openeth(const eth_mac_config_t *config)
{
    esp_eth_mac_t *mac = config != NULL ? calloc(1, sizeof(*mac)) : NULL;

    if (mac != NULL) {
        mac->del = del_mac;
    }
    return mac;
}

esp_eth_mac_t *esp_eth_mac_new_esp32(const eth_esp32_emac_config_t *esp32_config,
                                     const eth_mac_config_t *config)
{
    return esp32_config != NULL ? esp_eth_mac_new_openeth(config) : NULL;
}

esp_eth_phy_t *esp_eth_phy_new_generic(const eth_phy_config_t *config)
{
    esp_eth_phy_t *phy = config != NULL ? calloc(1, sizeof(*phy)) : NULL;

    if (phy != NULL) {
        phy->del = del_phy;
        phy->addr = config->phy_addr == ESP_ETH_PHY_ADDR_AUTO ? 1 : config->phy_addr;
    }
    return phy;
}

esp_eth_phy_t *esp_eth_phy_new_ip101(const eth_phy_config_t *config)
{
    return esp_eth_phy_new_generic(config);
}

esp_eth_phy_t *esp_eth_phy_new_rtl8201(const eth_phy_config_t *config)
{
    return esp_eth_phy_new_generic(config);
}

esp_eth_phy_t *esp_eth_phy_new_lan87xx(const eth_phy_config_t *config)
{
    return esp_eth_phy_new_generic(config);
}

esp_eth_phy_t *esp_eth_phy_new_dp83848(const eth_phy_config_t *config)
{
    return esp_eth_phy_new_generic(config);
}

esp_eth_phy_t *esp_eth_phy_new_ksz80xx(const eth_phy_config_t *config)
{
    return esp_eth_phy_new_generic(config);
}

/* --- Driver -------------------------------------------------------------------------- */

static void post(struct driver *driver, int32_t id)
{
    (void)esp_event_post(ETH_EVENT, id, &driver, sizeof(driver), portMAX_DELAY);
}

esp_err_t esp_eth_driver_install(const esp_eth_config_t *config, esp_eth_handle_t *out_hdl)
{
    struct driver *driver;

    if (config == NULL || config->mac == NULL || config->phy == NULL || out_hdl == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    driver = calloc(1, sizeof(*driver));
    if (driver == NULL) {
        return ESP_ERR_NO_MEM;
    }
    if (pthread_mutex_init(&driver->lock, NULL) != 0) {
        free(driver);
        return ESP_ERR_NO_MEM;
    }
    driver->mac = config->mac;
    driver->phy = config->phy;
    (void)esp_read_mac(driver->address, ESP_MAC_ETH);
    *out_hdl = driver;
    return ESP_OK;
}

esp_err_t esp_eth_driver_uninstall(esp_eth_handle_t hdl)
{
    struct driver *driver = hdl;

    if (driver == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (driver->running) {
        return ESP_ERR_INVALID_STATE;
    }
    (void)pthread_mutex_destroy(&driver->lock);
    free(driver);
    return ESP_OK;
}

/* The interface that is attached, or NULL. With the lock. */
static esp_netif_t *interface_of(const struct driver *driver)
{
    return driver->glue != NULL ? driver->glue->base.netif : NULL;
}

/* False if it was so already. */
static bool set_running(struct driver *driver, bool running, esp_netif_t **netif)
{
    bool changed;

    pthread_mutex_lock(&driver->lock);
    changed = driver->running != running;
    driver->running = running;
    *netif = interface_of(driver);
    pthread_mutex_unlock(&driver->lock);
    return changed;
}

esp_err_t esp_eth_start(esp_eth_handle_t hdl)
{
    struct driver *driver = hdl;
    esp_netif_t *netif;

    if (driver == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!set_running(driver, true, &netif)) {
        return ESP_ERR_INVALID_STATE;
    }
    ESP_LOGI(TAG, "link up, 100 Mbit/s (the host's network)");
    post(driver, ETHERNET_EVENT_START);
    if (netif != NULL) {
        (void)esp_netif_set_mac(netif, driver->address);
    }
    post(driver, ETHERNET_EVENT_CONNECTED);
    netif_link_up(netif);
    return ESP_OK;
}

esp_err_t esp_eth_stop(esp_eth_handle_t hdl)
{
    struct driver *driver = hdl;
    esp_netif_t *netif;

    if (driver == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!set_running(driver, false, &netif)) {
        return ESP_ERR_INVALID_STATE;
    }
    netif_link_down(netif);
    post(driver, ETHERNET_EVENT_DISCONNECTED);
    post(driver, ETHERNET_EVENT_STOP);
    return ESP_OK;
}

esp_err_t esp_eth_ioctl(esp_eth_handle_t hdl, esp_eth_io_cmd_t cmd, void *data)
{
    struct driver *driver = hdl;

    if (driver == NULL || data == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    switch (cmd) {
    case ETH_CMD_G_MAC_ADDR:
        memcpy(data, driver->address, sizeof(driver->address));
        return ESP_OK;
    case ETH_CMD_S_MAC_ADDR:
        memcpy(driver->address, data, sizeof(driver->address));
        return ESP_OK;
    case ETH_CMD_G_PHY_ADDR:
        *(uint32_t *)data = (uint32_t)driver->phy->addr;
        return ESP_OK;
    case ETH_CMD_S_PHY_ADDR:
        driver->phy->addr = *(const int32_t *)data;
        return ESP_OK;
    case ETH_CMD_G_AUTONEGO:
        *(bool *)data = true;
        return ESP_OK;
    case ETH_CMD_G_SPEED:
        *(eth_speed_t *)data = ETH_SPEED_100M;
        return ESP_OK;
    case ETH_CMD_G_DUPLEX_MODE:
        *(eth_duplex_t *)data = ETH_DUPLEX_FULL;
        return ESP_OK;
    default:
        return ESP_ERR_NOT_SUPPORTED;
    }
}

/* --- Glue ------------------------------------------------------------------------------- */

esp_eth_netif_glue_handle_t esp_eth_new_netif_glue(esp_eth_handle_t eth_hdl)
{
    struct driver *driver = eth_hdl;
    struct esp_eth_netif_glue_t *glue = driver != NULL ? calloc(1, sizeof(*glue)) : NULL;

    if (glue != NULL) {
        glue->driver = driver;
        pthread_mutex_lock(&driver->lock);
        driver->glue = glue;
        pthread_mutex_unlock(&driver->lock);
    }
    return glue;
}

esp_err_t esp_eth_del_netif_glue(esp_eth_netif_glue_handle_t eth_netif_glue)
{
    if (eth_netif_glue == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&eth_netif_glue->driver->lock);
    if (eth_netif_glue->driver->glue == eth_netif_glue) {
        eth_netif_glue->driver->glue = NULL;
    }
    pthread_mutex_unlock(&eth_netif_glue->driver->lock);
    free(eth_netif_glue);
    return ESP_OK;
}
