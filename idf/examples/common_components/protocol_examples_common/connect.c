#include <stdio.h>
#include <string.h>

#include "esp_event.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "protocol_examples_common.h"

#if CONFIG_EXAMPLE_CONNECT_WIFI
#include "esp_wifi.h"
#endif

static const char *TAG = "example_connect";

/* Given at each address that arrives. */
static SemaphoreHandle_t got_address;

static void on_got_ip(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    const ip_event_got_ip_t *event = data;

    (void)base;
    (void)id;
    if (event->esp_netif == arg) {
        ESP_LOGI(TAG, "Got IPv4 event: Interface \"%s\" address: " IPSTR,
                 esp_netif_get_desc(event->esp_netif), IP2STR(&event->ip_info.ip));
        (void)xSemaphoreGive(got_address);
    }
}

static void tell(const char *desc)
{
    esp_netif_ip_info_t ip;
    esp_netif_t *netif = get_example_netif_from_desc(desc);

    if (netif != NULL && esp_netif_get_ip_info(netif, &ip) == ESP_OK) {
        ESP_LOGI(TAG, "Connected to %s", desc);
        ESP_LOGI(TAG, "- IPv4 address: " IPSTR ",", IP2STR(&ip.ip));
    }
}

/* --- Wi-Fi ----------------------------------------------------------------------- */

#if CONFIG_EXAMPLE_CONNECT_WIFI

/* At most `size` characters; the rest of the field is zeros. */
static void put(uint8_t *field, size_t size, const char *text)
{
    for (size_t i = 0; text != NULL && i < size && text[i] != '\0'; i++) {
        field[i] = (uint8_t)text[i];
    }
}

/* As configured, or "SSID PASSWORD" from the console. */
static void choose_network(wifi_config_t *config)
{
#if CONFIG_EXAMPLE_WIFI_SSID_PWD_FROM_STDIN
    char line[MAX_SSID_LEN + MAX_PASSPHRASE_LEN + 4] = "";
    char *rest = NULL;

    (void)example_configure_stdin_stdout();
    ESP_LOGI(TAG, "Please input ssid password:");
    if (fgets(line, sizeof(line), stdin) == NULL) {
        return;
    }
    put(config->sta.ssid, sizeof(config->sta.ssid), strtok_r(line, " \r\n", &rest));
    put(config->sta.password, sizeof(config->sta.password), strtok_r(NULL, " \r\n", &rest));
#else
    put(config->sta.ssid, sizeof(config->sta.ssid), CONFIG_EXAMPLE_WIFI_SSID);
    put(config->sta.password, sizeof(config->sta.password), CONFIG_EXAMPLE_WIFI_PASSWORD);
#endif
}

static esp_err_t connect_wifi(void)
{
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    esp_netif_inherent_config_t inherent = ESP_NETIF_INHERENT_DEFAULT_WIFI_STA();
    wifi_config_t config = {0};
    esp_err_t err = esp_wifi_init(&init);

    inherent.if_desc = EXAMPLE_NETIF_DESC_STA;
    inherent.route_prio = 128;
    esp_netif_t *netif = err == ESP_OK ? esp_netif_create_wifi(WIFI_IF_STA, &inherent) : NULL;
    if (netif == NULL) {
        return err != ESP_OK ? err : ESP_FAIL;
    }
    choose_network(&config);
    err = esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_got_ip, netif);
    err = err == ESP_OK ? esp_wifi_set_mode(WIFI_MODE_STA) : err;
    err = err == ESP_OK ? esp_wifi_set_config(WIFI_IF_STA, &config) : err;
    err = err == ESP_OK ? esp_wifi_start() : err;
    ESP_LOGI(TAG, "Connecting to %.32s...", (const char *)config.sta.ssid);
    err = err == ESP_OK ? esp_wifi_connect() : err;
    if (err == ESP_OK) {
        (void)xSemaphoreTake(got_address, portMAX_DELAY);
        tell(EXAMPLE_NETIF_DESC_STA);
    }
    return err;
}

static void disconnect_wifi(void)
{
    esp_netif_t *netif = get_example_netif_from_desc(EXAMPLE_NETIF_DESC_STA);

    if (netif != NULL) {
        (void)esp_event_handler_unregister(IP_EVENT, IP_EVENT_STA_GOT_IP, on_got_ip);
        (void)esp_wifi_stop();
        (void)esp_wifi_deinit();
        esp_netif_destroy_default_wifi(netif);
    }
}

#endif

/* --- Ethernet ---------------------------------------------------------------------- */

#if CONFIG_EXAMPLE_CONNECT_ETHERNET

static esp_eth_handle_t eth;
static esp_eth_netif_glue_handle_t eth_glue;
static esp_eth_mac_t *eth_mac;
static esp_eth_phy_t *eth_phy;

static esp_err_t install_ethernet(void)
{
    const eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    const eth_esp32_emac_config_t pins = ETH_ESP32_EMAC_DEFAULT_CONFIG();
    const eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();

    eth_mac = esp_eth_mac_new_esp32(&pins, &mac_config);
    eth_phy = esp_eth_phy_new_generic(&phy_config);
    esp_eth_config_t config = ETH_DEFAULT_CONFIG(eth_mac, eth_phy);
    return esp_eth_driver_install(&config, &eth);
}

static esp_err_t connect_ethernet(void)
{
    esp_netif_inherent_config_t inherent = ESP_NETIF_INHERENT_DEFAULT_ETH();

    inherent.if_desc = EXAMPLE_NETIF_DESC_ETH;
    inherent.route_prio = 64;
    esp_netif_config_t config = {.base = &inherent, .stack = ESP_NETIF_NETSTACK_DEFAULT_ETH};
    esp_netif_t *netif = esp_netif_new(&config);
    if (netif == NULL) {
        return ESP_FAIL;
    }
    esp_err_t err = install_ethernet();
    if (err == ESP_OK) {
        eth_glue = esp_eth_new_netif_glue(eth);
        err = esp_netif_attach(netif, eth_glue);
    }
    err = err == ESP_OK ? esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_got_ip, netif) : err;
    err = err == ESP_OK ? esp_eth_start(eth) : err;
    if (err == ESP_OK) {
        (void)xSemaphoreTake(got_address, portMAX_DELAY);
        tell(EXAMPLE_NETIF_DESC_ETH);
    }
    return err;
}

static void disconnect_ethernet(void)
{
    esp_netif_t *netif = get_example_netif_from_desc(EXAMPLE_NETIF_DESC_ETH);

    if (netif != NULL) {
        (void)esp_event_handler_unregister(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_got_ip);
        (void)esp_eth_stop(eth);
        (void)esp_eth_del_netif_glue(eth_glue);
        (void)esp_eth_driver_uninstall(eth);
        (void)eth_phy->del(eth_phy);
        (void)eth_mac->del(eth_mac);
        eth = NULL;
        esp_netif_destroy(netif);
    }
}

esp_eth_handle_t get_example_eth_handle(void)
{
    return eth;
}

#endif

/* --- Public ------------------------------------------------------------------------- */

static bool has_desc(esp_netif_t *netif, void *desc)
{
    const char *text = esp_netif_get_desc(netif);

    return text != NULL && strcmp(text, desc) == 0;
}

esp_netif_t *get_example_netif_from_desc(const char *desc)
{
    return esp_netif_find_if(has_desc, (void *)desc);
}

esp_err_t example_connect(void)
{
    esp_err_t err = ESP_OK;

    if (got_address == NULL) {
        got_address = xSemaphoreCreateCounting(8, 0);
    }
    if (got_address == NULL) {
        return ESP_ERR_NO_MEM;
    }
#if CONFIG_EXAMPLE_CONNECT_ETHERNET
    err = connect_ethernet();
#endif
#if CONFIG_EXAMPLE_CONNECT_WIFI
    err = err == ESP_OK ? connect_wifi() : err;
#endif
    return err;
}

esp_err_t example_disconnect(void)
{
#if CONFIG_EXAMPLE_CONNECT_WIFI
    disconnect_wifi();
#endif
#if CONFIG_EXAMPLE_CONNECT_ETHERNET
    disconnect_ethernet();
#endif
    return ESP_OK;
}
