/*
 * An access point, and addresses as lwIP's macros and functions have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esp_event.h"
#include "esp_interface.h"
#include "esp_netif.h"
#include "esp_wifi.h"
#include "lwip/dns.h"
#include "lwip/ip6_addr.h"
#include "lwip/sockets.h"

static void test_access_point_has_no_visitors(void **state)
{
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = {.ap = {.ssid = "setup", .ssid_len = 5, .max_connection = 4}};
    esp_netif_dhcp_status_t status;
    esp_netif_ip_info_t info = {0}, back;
    wifi_sta_list_t visitors = {.num = 99};
    esp_netif_t *ap, *sta;

    (void)state;
    assert_int_equal(esp_wifi_ap_get_sta_list(&visitors), ESP_ERR_WIFI_NOT_INIT);
    assert_int_equal(esp_netif_init(), ESP_OK);
    assert_int_equal(esp_event_loop_create_default(), ESP_OK);
    ap = esp_netif_create_default_wifi_ap();
    sta = esp_netif_create_default_wifi_sta();
    assert_int_equal(esp_wifi_init(&init), ESP_OK);
    assert_int_equal(esp_wifi_set_mode(WIFI_MODE_STA), ESP_OK);
    assert_int_equal(esp_wifi_ap_get_sta_list(&visitors), ESP_ERR_WIFI_MODE);
    assert_int_equal(esp_wifi_set_mode(WIFI_MODE_AP), ESP_OK);
    assert_int_equal(esp_wifi_set_config(WIFI_IF_AP, &config), ESP_OK);

    IP4_ADDR(&info.ip, 192, 168, 4, 1);
    IP4_ADDR(&info.gw, 192, 168, 4, 1);
    IP4_ADDR(&info.netmask, 255, 255, 255, 0);
    assert_int_equal(esp_netif_dhcps_stop(sta), ESP_ERR_ESP_NETIF_INVALID_PARAMS);
    assert_int_equal(esp_netif_dhcps_stop(ap), ESP_OK);
    assert_int_equal(esp_netif_dhcps_stop(ap), ESP_ERR_ESP_NETIF_DHCP_ALREADY_STOPPED);
    assert_int_equal(esp_netif_set_ip_info(ap, &info), ESP_OK);
    assert_int_equal(esp_netif_dhcps_start(ap), ESP_OK);
    assert_int_equal(esp_netif_dhcps_start(ap), ESP_ERR_ESP_NETIF_DHCP_ALREADY_STARTED);
    assert_int_equal(esp_netif_dhcps_get_status(ap, &status), ESP_OK);
    assert_int_equal(status, ESP_NETIF_DHCP_STARTED);
    assert_int_equal(esp_wifi_start(), ESP_OK);
    assert_int_equal(esp_netif_get_ip_info(ap, &back), ESP_OK);
    assert_int_equal(back.ip.addr, inet_addr("192.168.4.1"));
    assert_int_equal(esp_wifi_ap_get_sta_list(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_wifi_ap_get_sta_list(&visitors), ESP_OK);
    assert_int_equal(visitors.num, 0);
    assert_int_equal(esp_wifi_deauth_sta(0), ESP_OK);
    assert_int_equal(esp_wifi_deauth_sta(16), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_wifi_stop(), ESP_OK);
}

static void test_addresses_become_text_and_back(void **state)
{
    struct sockaddr_in in = {.sin_addr.s_addr = htonl(0x0A000001)};
    struct sockaddr_in6 in6 = {.sin6_addr.s6_addr = {[15] = 1}};
    ip4_addr_t v4;
    ip_addr_t any;
    char text[INET6_ADDRSTRLEN];

    (void)state;
    assert_string_equal(inet_ntoa_r(in.sin_addr, text, sizeof text - 1), "10.0.0.1");
    assert_null(inet_ntoa_r(in.sin_addr, text, 8));
    assert_string_equal(inet6_ntoa_r(in6.sin6_addr, text, sizeof text - 1), "::1");
    IP4_ADDR(&v4, 10, 200, 255, 4);
    assert_string_equal(ip4addr_ntoa(&v4), "10.200.255.4");
    assert_int_equal(ip4addr_aton("10.200.255.5", &v4), 1);
    assert_string_equal(ip4addr_ntoa_r(&v4, text, sizeof text), "10.200.255.5");
    assert_int_equal(ip4addr_aton("10.200.", &v4), 0);
    assert_int_equal(ipaddr_aton("fe80::1", &any), 1);
    assert_true(IP_IS_V6(&any));
    assert_string_equal(ipaddr_ntoa(&any), "fe80::1");
    IP_ADDR4(&any, 1, 2, 3, 4);
    assert_string_equal(ipaddr_ntoa(&any), "1.2.3.4");
    assert_int_equal(ip_2_ip4(&any)->addr, ipaddr_addr("1.2.3.4"));
    assert_int_equal(ipaddr_aton("nowhere", &any), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_point_has_no_visitors),
        cmocka_unit_test(test_addresses_become_text_and_back),
    };
    return cmocka_run_group_tests_name("esp_net", tests, NULL, NULL);
}
