#!/usr/bin/env python3
"""ESP-IDF projects of the usual shapes: built with the staged SDK, run on virtual devices, updated over TLS.

    projects.py STAGE [TEST ...]

Each test writes a project as a firmware engineer would, builds two versions of it, lets a server offer the
newer one, and reads the device's console.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import sdk
from sdk import ROOMY, ROOMY_CSV  # noqa: F401, others take them from here
from faulty_server import FaultyServer, Route

MANIFEST = """
dependencies:
  protocol_examples_common:
    path: ${IDF_PATH}/examples/common_components/protocol_examples_common
"""

CMAKE = """
idf_build_get_property(project_dir PROJECT_DIR)
idf_component_register(SRCS "main.c" INCLUDE_DIRS "."
                       PRIV_REQUIRES app_update esp_event esp_https_ota esp_netif esp_wifi esp_eth nvs_flash
                       EMBED_TXTFILES ${project_dir}/server_certs/ca_cert.pem)
"""

KCONFIG = """
menu "App"
    config APP_URL
        string "URL of the firmware"
        default "https://192.168.0.3:8070/app.bin"
    config APP_URL_FROM_STDIN
        bool
        default y if APP_URL = "FROM_STDIN"
    config APP_USE_BUNDLE
        bool "Trust the certificate bundle"
        default n
        depends on MBEDTLS_CERTIFICATE_BUNDLE
endmenu
"""

# What every program here begins with.
PRELUDE = r"""
#include <stdio.h>
#include <string.h>
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "protocol_examples_utils.h"
#include "sdkconfig.h"
static const char *TAG = "app";
static void prepare(void)
{
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_LOGI(TAG, "version %s in %s", esp_app_get_description()->version, esp_ota_get_running_partition()->label);
}
"""

UPDATE_AT_ONCE = PRELUDE + r"""
#include <sys/socket.h>
#include "esp_crt_bundle.h"
#include "esp_https_ota.h"
#include "esp_wifi.h"
extern const char ca_cert_pem[] asm("_binary_ca_cert_pem_start");
static void task(void *arg)
{
    struct ifreq interface;
    esp_http_client_config_t http = {
        .url = CONFIG_APP_URL,
#ifdef CONFIG_APP_USE_BUNDLE
        .crt_bundle_attach = esp_crt_bundle_attach,
#else
        .cert_pem = ca_cert_pem,
#endif
        .if_name = &interface,
    };
    esp_https_ota_config_t config = {.http_config = &http};
    ESP_ERROR_CHECK(esp_netif_get_netif_impl_name(EXAMPLE_INTERFACE, interface.ifr_name));
#ifdef CONFIG_APP_URL_FROM_STDIN
    char line[128];
    example_configure_stdin_stdout();
    ESP_LOGI(TAG, "waiting for a URL");
    fgets(line, sizeof line, stdin);
    line[strlen(line) - 1] = '\0';
    http.url = line;
#endif
    ESP_LOGI(TAG, "from %s", http.url);
    esp_err_t err = esp_https_ota(&config);
    if (err == ESP_OK) {
        esp_restart();
    }
    ESP_LOGI(TAG, "stays as it is: %s", esp_err_to_name(err));
    vTaskDelete(NULL);
}
void app_main(void)
{
    prepare();
    ESP_ERROR_CHECK(example_connect());
    ESP_ERROR_CHECK(esp_wifi_set_ps(WIFI_PS_NONE));
    xTaskCreate(task, "ota", 8192, NULL, 5, NULL);
}
"""

# In ranges, with what is written so far kept in NVS; a failed attempt ends in a restart.
UPDATE_IN_STEPS = PRELUDE + r"""
#include "esp_https_ota.h"
#include "nvs.h"
extern const char ca_cert_pem[] asm("_binary_ca_cert_pem_start");
static const char *const names[] = {"START", "CONNECTED", "GET_IMG_DESC", "VERIFY_CHIP_ID", "VERIFY_CHIP_REVISION",
                                    "DECRYPT_CB", "WRITE_FLASH", "UPDATE_BOOT_PARTITION", "FINISH", "ABORT"};
static volatile bool told;
static void on_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    told = told || id == ESP_HTTPS_OTA_FINISH;
    if (id != ESP_HTTPS_OTA_WRITE_FLASH) {
        ESP_LOGI(TAG, "event %s", names[id]);
    }
}
void app_main(void)
{
    prepare();
    ESP_ERROR_CHECK(esp_event_handler_register(ESP_HTTPS_OTA_EVENT, ESP_EVENT_ANY_ID, on_event, NULL));
    ESP_ERROR_CHECK(example_connect());
    nvs_handle_t nvs;
    uint32_t done = 0;
    ESP_ERROR_CHECK(nvs_open("download", NVS_READWRITE, &nvs));
    (void)nvs_get_u32(nvs, "done", &done);
    ESP_LOGI(TAG, "%u bytes from before", (unsigned)done);

    esp_http_client_config_t http = {.url = CONFIG_APP_URL, .cert_pem = ca_cert_pem, .timeout_ms = 5000,
                                     .keep_alive_enable = true, .save_client_session = true};
    esp_https_ota_config_t config = {.http_config = &http, .partial_http_download = true,
                                     .max_http_request_size = 65536, .ota_resumption = true,
                                     .ota_image_bytes_written = done};
    esp_https_ota_handle_t ota = NULL;
    esp_app_desc_t desc;
    esp_err_t err = esp_https_ota_begin(&config, &ota);
    if (err != ESP_OK || esp_https_ota_get_img_desc(ota, &desc) != ESP_OK ||
        strcmp(desc.version, esp_app_get_description()->version) == 0) {
        ESP_LOGI(TAG, "nothing new: %s", esp_err_to_name(err));
        if (ota != NULL) {
            esp_https_ota_abort(ota);
        }
        return;
    }
    while ((err = esp_https_ota_perform(ota)) == ESP_ERR_HTTPS_OTA_IN_PROGRESS) {
        done = (uint32_t)esp_https_ota_get_image_len_read(ota) & ~1023u;
        ESP_ERROR_CHECK(nvs_set_u32(nvs, "done", done));
        ESP_ERROR_CHECK(nvs_commit(nvs));
    }
    if (err != ESP_OK || !esp_https_ota_is_complete_data_received(ota)) {
        ESP_LOGI(TAG, "interrupted at %u", (unsigned)done);
        esp_https_ota_abort(ota);
        esp_restart();
    }
    ESP_ERROR_CHECK(nvs_erase_key(nvs, "done"));
    ESP_ERROR_CHECK(nvs_commit(nvs));
    ESP_ERROR_CHECK(esp_https_ota_finish(ota));
    while (!told) {
        vTaskDelay(1); /* events are told by another task */
    }
    esp_restart();
}
"""

# The station of countless programs: events, a bit to wait for, a retry.
STATION = PRELUDE + r"""
#include "esp_eth.h"
#include "esp_mac.h"
#include "esp_netif_sntp.h"
#include "esp_wifi.h"
#include "freertos/event_groups.h"
#include "lwip/err.h"
#include "lwip/sockets.h"
#include "lwip/sys.h"
static EventGroupHandle_t bits;
static int retries;
static void on_wifi(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    if (id == WIFI_EVENT_STA_START) {
        ESP_LOGI(TAG, "1 started");
        ESP_ERROR_CHECK(esp_wifi_connect());
    } else if (id == WIFI_EVENT_STA_CONNECTED) {
        const wifi_event_sta_connected_t *e = data;
        ESP_LOGI(TAG, "2 connected to %.*s", e->ssid_len, (const char *)e->ssid);
    } else if (id == WIFI_EVENT_STA_DISCONNECTED && retries++ == 0) {
        ESP_LOGI(TAG, "4 disconnected, reason %d", ((wifi_event_sta_disconnected_t *)data)->reason);
        ESP_ERROR_CHECK(esp_wifi_connect());
    }
}
static void on_ip(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    const ip_event_got_ip_t *e = data;
    ESP_LOGI(TAG, "3 got " IPSTR " on %s", IP2STR(&e->ip_info.ip), esp_netif_get_desc(e->esp_netif));
    xEventGroupSetBits(bits, BIT0);
}
static void on_eth(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    uint8_t mac[6];
    ESP_ERROR_CHECK(esp_eth_ioctl(*(esp_eth_handle_t *)data, ETH_CMD_G_MAC_ADDR, mac));
    ESP_LOGI(TAG, "ethernet %d " MACSTR, (int)id, MAC2STR(mac));
}
static void ethernet(void)
{
    eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_esp32_emac_config_t emac = ETH_ESP32_EMAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    esp_eth_config_t config = ETH_DEFAULT_CONFIG(esp_eth_mac_new_esp32(&emac, &mac_config),
                                                 esp_eth_phy_new_ip101(&phy_config));
    esp_netif_config_t netif_config = ESP_NETIF_DEFAULT_ETH();
    esp_netif_t *netif = esp_netif_new(&netif_config);
    esp_eth_handle_t eth;
    ESP_ERROR_CHECK(esp_eth_driver_install(&config, &eth));
    ESP_ERROR_CHECK(esp_netif_attach(netif, esp_eth_new_netif_glue(eth)));
    ESP_ERROR_CHECK(esp_event_handler_register(ETH_EVENT, ESP_EVENT_ANY_ID, on_eth, NULL));
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_ip, NULL));
    ESP_ERROR_CHECK(esp_eth_start(eth));
    xEventGroupWaitBits(bits, BIT0, pdTRUE, pdTRUE, portMAX_DELAY);
    ESP_LOGI(TAG, "default %s", esp_netif_get_desc(esp_netif_get_default_netif()));
}
void app_main(void)
{
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = {.sta = {.ssid = "workshop", .password = "only for us",
                                    .threshold.authmode = WIFI_AUTH_WPA2_PSK}};
    wifi_ap_record_t ap;
    esp_sntp_config_t sntp = ESP_NETIF_SNTP_DEFAULT_CONFIG("pool.ntp.org");

    prepare();
    bits = xEventGroupCreate();
    char query[32], plain[32];
    example_uri_encode(query, "a b/%\xe9~", 7);
    example_uri_decode(plain, "a%20b%2F%zz%4", 13);
    ESP_LOGI(TAG, "query %s, %s", query, plain);
    ESP_LOGI(TAG, "before init: %s", esp_wifi_start() == ESP_ERR_WIFI_NOT_INIT ? "refused" : "taken");
    esp_netif_create_default_wifi_sta();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL, NULL));
    ESP_ERROR_CHECK(esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_ip, NULL, NULL));
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_LOGI(TAG, "before start: %s", esp_wifi_connect() == ESP_ERR_WIFI_NOT_STARTED ? "refused" : "taken");
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &config));
    ESP_ERROR_CHECK(esp_wifi_start());
    xEventGroupWaitBits(bits, BIT0, pdTRUE, pdTRUE, portMAX_DELAY);
    ESP_ERROR_CHECK(esp_wifi_sta_get_ap_info(&ap));
    ESP_LOGI(TAG, "heard %s, %d dBm", (const char *)ap.ssid, ap.rssi);
    ESP_ERROR_CHECK(esp_wifi_disconnect());
    xEventGroupWaitBits(bits, BIT0, pdTRUE, pdTRUE, portMAX_DELAY);
    ESP_ERROR_CHECK(esp_netif_sntp_init(&sntp));
    ESP_ERROR_CHECK(esp_netif_sntp_sync_wait(pdMS_TO_TICKS(1000)));
    ESP_ERROR_CHECK(esp_wifi_stop());
    ethernet();
    ESP_LOGI(TAG, "the end");
}
"""

# The places that are in no table.
PLACES = PRELUDE + r"""
#include "esp_flash_partitions.h"
#include "esp_secure_boot.h"
#include "esp_wifi.h"
#include "soc/soc_caps.h"
static void show(const char *what, const esp_partition_t *p)
{
    uint8_t sha[32];
    char text[65];
    ESP_ERROR_CHECK(esp_partition_get_sha256(p, sha));
    for (int i = 0; i < 32; i++) {
        sprintf(text + 2 * i, "%02x", sha[i]);
    }
    ESP_LOGI(TAG, "%s %s", what, text);
}
void app_main(void)
{
    const esp_partition_t *boot, *copy, *none;
    const esp_partition_t table = {.address = ESP_PARTITION_TABLE_OFFSET, .size = ESP_PARTITION_TABLE_MAX_LEN,
                                   .type = ESP_PARTITION_TYPE_DATA};
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    esp_bootloader_desc_t desc;

    prepare();
    show("table", &table);
    ESP_ERROR_CHECK(esp_partition_register_external(NULL, ESP_PRIMARY_BOOTLOADER_OFFSET, ESP_BOOTLOADER_SIZE, "boot",
                                                    ESP_PARTITION_TYPE_BOOTLOADER,
                                                    ESP_PARTITION_SUBTYPE_BOOTLOADER_PRIMARY, &boot));
    show("bootloader", boot);
    ESP_ERROR_CHECK(esp_ota_get_bootloader_description(NULL, &desc));
    ESP_LOGI(TAG, "bootloader version %u", (unsigned)desc.version);
    ESP_LOGI(TAG, "overlap %s", esp_err_to_name(esp_partition_register_external(
                                    NULL, 0x7000, 0x1000, "x", ESP_PARTITION_TYPE_DATA,
                                    ESP_PARTITION_SUBTYPE_DATA_UNDEFINED, &none)));
    ESP_LOGI(TAG, "too far %s", esp_err_to_name(esp_partition_register_external(
                                    NULL, 0x1fff000, 0x2000, "x", ESP_PARTITION_TYPE_DATA,
                                    ESP_PARTITION_SUBTYPE_DATA_UNDEFINED, &none)));
    ESP_ERROR_CHECK(esp_partition_register_external(NULL, 0x1f00000, ESP_BOOTLOADER_SIZE, "copy",
                                                    ESP_PARTITION_TYPE_BOOTLOADER,
                                                    ESP_PARTITION_SUBTYPE_BOOTLOADER_OTA, &copy));
    ESP_ERROR_CHECK(esp_partition_copy(copy, 0, boot, 0, SIZE_MAX));
    ESP_LOGI(TAG, "identical %d", esp_partition_check_identity(copy, boot));
    ESP_LOGI(TAG, "found %d", esp_partition_find_first(ESP_PARTITION_TYPE_BOOTLOADER, ESP_PARTITION_SUBTYPE_ANY,
                                                        "copy") == copy);
    ESP_ERROR_CHECK(esp_partition_deregister_external(copy));
    ESP_LOGI(TAG, "again %s", esp_err_to_name(esp_partition_deregister_external(copy)));
    ESP_LOGI(TAG, "the table's %s", esp_err_to_name(esp_partition_deregister_external(slot)));
    ESP_LOGI(TAG, "found %d", esp_partition_find_first(ESP_PARTITION_TYPE_BOOTLOADER, ESP_PARTITION_SUBTYPE_ANY,
                                                        "copy") != NULL);
    ESP_LOGI(TAG, "the end");
}
"""

# Installs itself in the next slot, and says what its state is there.
COPIES_ITSELF = PRELUDE + r"""
void app_main(void)
{
    const esp_partition_t *from = esp_ota_get_running_partition(), *to = esp_ota_get_next_update_partition(NULL);
    esp_ota_img_states_t state;

    prepare();
    if (esp_ota_get_state_partition(from, &state) == ESP_OK) {
        ESP_LOGI(TAG, "state %d", (int)state);
        return;
    }
    ESP_ERROR_CHECK(esp_partition_copy(to, 0, from, 0, from->size));
    ESP_ERROR_CHECK(esp_ota_set_boot_partition(to));
    esp_restart();
}
"""


# Firmware that a browser updates, as so many do.
UPLOAD = PRELUDE + r"""
#include "esp_http_server.h"

extern const char page_start[] asm("_binary_page_html_start");
extern const char page_end[] asm("_binary_page_html_end");

static esp_err_t get_page(httpd_req_t *req)
{
    return httpd_resp_send(req, page_start, page_end - page_start);
}

static esp_err_t refuse(httpd_req_t *req, esp_err_t err)
{
    httpd_resp_send_err(req, HTTPD_500_INTERNAL_SERVER_ERROR, esp_err_to_name(err));
    return ESP_FAIL;
}

static esp_err_t post_update(httpd_req_t *req)
{
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    esp_ota_handle_t handle;
    static char buf[4096];
    size_t left = req->content_len;
    esp_app_desc_t desc;
    char note[16];
    esp_err_t err = esp_ota_begin(slot, OTA_SIZE_UNKNOWN, &handle);

    if (httpd_req_get_url_query_str(req, buf, sizeof buf) == ESP_OK &&
        httpd_query_key_value(buf, "note", note, sizeof note) == ESP_OK) {
        ESP_LOGI(TAG, "note: %s", note);
    }
    while (err == ESP_OK && left > 0) {
        int n = httpd_req_recv(req, buf, left < sizeof buf ? left : sizeof buf);

        if (n == HTTPD_SOCK_ERR_TIMEOUT) {
            continue;
        }
        err = n <= 0 ? ESP_FAIL : esp_ota_write(handle, buf, (size_t)n);
        left -= n > 0 ? (size_t)n : 0;
    }
    if (err != ESP_OK) {
        esp_ota_abort(handle);
        return refuse(req, err);
    }
    if ((err = esp_ota_end(handle)) != ESP_OK || (err = esp_ota_set_boot_partition(slot)) != ESP_OK) {
        return refuse(req, err);
    }
    ESP_ERROR_CHECK(esp_ota_get_partition_description(slot, &desc));
    ESP_LOGI(TAG, "%d bytes, %s starts next", (int)req->content_len, desc.version);
    httpd_resp_sendstr(req, "done");
    vTaskDelay(pdMS_TO_TICKS(200));
    esp_restart();
    return ESP_OK;
}

static esp_err_t post_stay(httpd_req_t *req)
{
    ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
    httpd_resp_send_chunk(req, esp_app_get_description()->version, HTTPD_RESP_USE_STRLEN);
    httpd_resp_sendstr_chunk(req, " stays");
    httpd_resp_sendstr_chunk(req, NULL);
    ESP_LOGI(TAG, "%s is told to stay", esp_app_get_description()->version);
    return ESP_OK;
}

void app_main(void)
{
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    httpd_handle_t server = NULL;
    const httpd_uri_t uris[] = {
        {.uri = "/", .method = HTTP_GET, .handler = get_page},
        {.uri = "/update", .method = HTTP_POST, .handler = post_update},
        {.uri = "/stay", .method = HTTP_POST, .handler = post_stay},
    };

    prepare();
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    for (int i = 0; i < 3; i++) {
        ESP_ERROR_CHECK(httpd_register_uri_handler(server, &uris[i]));
    }
    ESP_LOGI(TAG, "%s serves", esp_app_get_description()->version);
}
"""


class ProjectTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = FaultyServer()
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="airlift projects ")
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)
        self.server.requests.clear()

    def project(self, source, defaults=ROOMY):
        p = sdk.Project(os.path.join(self.tmp, "my project"))
        p.write("main/main.c", source)
        p.write("main/CMakeLists.txt", CMAKE)
        p.write("main/Kconfig.projbuild", KCONFIG)
        p.write("main/idf_component.yml", MANIFEST)
        p.write("sdkconfig.defaults", defaults)
        p.write("roomy.csv", ROOMY_CSV)
        os.makedirs(p.path("server_certs"))
        shutil.copy(self.server.ca, p.path("server_certs/ca_cert.pem"))
        return p

    def versions(self, p, defaults, *options):
        """Build 2.0, which is served, and 1.0, which is in flash.bin."""
        p.write("sdkconfig.defaults", defaults)
        p.write("version.txt", "2.0\n")
        p.build(*options)
        with open(p.bin(), "rb") as f:
            new = f.read()
        p.write("version.txt", "1.0\n")
        p.ninja()
        return new

    def run_device(self, p, last, *options, console=None, ok=True, on=None):
        """Power on until a line with `last`, then off. Returns the console. on: {words: what to call then, once}."""
        device = subprocess.Popen([os.path.join(sdk.STAGE, "bin/airlift"), "device", "run", p.path("build/flash.bin"),
                                   *options], encoding="utf-8", errors="replace", stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        guard = threading.Timer(sdk.PATIENCE_S, device.kill)
        guard.start()
        if console is not None:
            device.stdin.write(console)
        device.stdin.close()  # whoever waits for more waits in vain, and must not mind
        text, seen, on = "", False, dict(on or {})
        with device.stdout:
            for line in device.stdout:
                text += line
                for words in [w for w in on if w in line]:
                    on.pop(words)()
                if last in line and not seen:
                    seen = True
                    device.send_signal(signal.SIGINT)
        device.wait()
        guard.cancel()
        self.assertEqual(seen, ok, text)
        return text

    def assertInOrder(self, words, text):
        at = 0
        for word in words:
            found = text.find(word, at)
            self.assertGreaterEqual(found, 0, "%r is missing behind %r in\n%s" % (word, text[:at][-80:], text))
            at = found + len(word)


class NativeOta(ProjectTest):
    def test_example_is_confirmed_or_rolled_back_by_a_pin(self):
        p = sdk.Project(os.path.join(self.tmp, "native ota"), name="native_ota")
        shutil.copytree(os.path.join(sdk.STAGE, "share/airlift/examples/native_ota"), p.dir, dirs_exist_ok=True)
        os.makedirs(p.path("server_certs"), exist_ok=True)
        shutil.copy(self.server.ca, p.path("server_certs/ca_cert.pem"))
        p.write("roomy.csv", ROOMY_CSV)
        url = self.server.url("/native_ota.bin")
        new = self.versions(p, p.read("sdkconfig.defaults") + ROOMY + 'CONFIG_NATIVE_OTA_URL="%s"\n' % url +
                            "CONFIG_NATIVE_OTA_DIAGNOSTIC_MS=50\n")
        fresh = p.path("build/fresh.bin")
        shutil.copy(p.path("build/flash.bin"), fresh)

        self.server.routes["/native_ota.bin"] = Route(new)
        text = self.run_device(p, "no update", "--gpio", "4=1")
        self.assertInOrder(["version 1.0, in factory", "the server has 2.0, this is 1.0", "%d bytes written" % len(new),
                            "version 2.0, in ota_0", "watching GPIO 4", "this version stays",
                            "this is 2.0", "ESP_ERR_NOT_FOUND"], text)
        self.assertNotIn("first start", self.run_device(p, "no update"))  # confirmed for good

        shutil.copy(fresh, p.path("build/flash.bin"))
        text = self.run_device(p, "no update", "--gpio", "4=0")
        self.assertInOrder(["version 2.0, in ota_0", "GPIO 4 is low", "version 1.0, in factory", "2.0 was tried before",
                            "ESP_ERR_NOT_ALLOWED"], text)

        shutil.copy(fresh, p.path("build/flash.bin"))
        self.server.routes["/native_ota.bin"] = Route(new, close_after=len(new) // 2)
        text = self.run_device(p, "no update")
        self.assertInOrder(["the image ended after", "ESP_ERR_NOT_FINISHED"], text)
        broken = bytearray(new)
        broken[5000] ^= 1
        self.server.routes["/native_ota.bin"] = Route(bytes(broken))
        self.assertIn("ESP_ERR_OTA_VALIDATE_FAILED", self.run_device(p, "no update"))


class HttpsOta(ProjectTest):
    def test_one_call_with_certificate_bundle_and_neither(self):
        p = self.project(UPDATE_AT_ONCE)
        url = ROOMY + 'CONFIG_APP_URL="%s"\n' % self.server.url("/app.bin")
        new = self.versions(p, url)
        self.server.routes["/app.bin"] = Route(new)
        # 2.0 updates too: it fetches itself, for ever, so the second start is enough.
        self.run_device(p, "version 2.0 in ota_0")

        bundle = url + "CONFIG_APP_USE_BUNDLE=y\n"
        self.versions(p, bundle)
        text = self.run_device(p, "stays as it is")
        self.assertInOrder(["certificate", "ESP_ERR_HTTP_CONNECT"], text)

        self.versions(p, bundle + "CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE=y\n"
                      'CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH="server_certs"\n')
        self.run_device(p, "version 2.0 in ota_0")

    def test_url_and_network_come_from_the_console(self):
        p = self.project(UPDATE_AT_ONCE)
        new = self.versions(p, ROOMY + 'CONFIG_APP_URL="FROM_STDIN"\nCONFIG_EXAMPLE_WIFI_SSID_PWD_FROM_STDIN=y\n')
        self.server.routes["/app.bin"] = Route(new)
        self.server.routes["/none.bin"] = Route(status=404)
        url, none = self.server.url("/app.bin"), self.server.url("/none.bin")
        # What the first program leaves on the console is there for the second.
        text = self.run_device(p, "stays as it is", console="workshop secret123\n%s\nattic secret123\n%s\n" % (url, none))
        self.assertInOrder(["Connecting to workshop", "from %s" % url, "version 2.0 in ota_0", "Connecting to attic",
                            "from %s" % none, "stays as it is"], text)
        # A console has no end: at that of a file the program waits, as for a key.
        text = self.run_device(p, "waiting for a URL", console="workshop secret123\n")
        self.assertNotIn("from http", text)

    def test_steps_in_ranges_resume_after_an_interruption(self):
        p = self.project(UPDATE_IN_STEPS)
        new = self.versions(p, ROOMY + 'CONFIG_APP_URL="%s"\n' % self.server.url("/cut.bin") +
                            "CONFIG_ESP_HTTPS_OTA_ENABLE_PARTIAL_DOWNLOAD=y\n")
        self.assertGreater(len(new), 3 * 65536)
        self.server.routes["/cut.bin"] = Route(new, skip=2, times=1, close_after=30000)
        text = self.run_device(p, "nothing new")
        self.assertInOrder(["version 1.0 in factory", "0 bytes from before", "event CONNECTED", "event GET_IMG_DESC",
                            "event VERIFY_CHIP_ID", "event VERIFY_CHIP_REVISION", "interrupted at",
                            "version 1.0 in factory", "bytes from before", "event UPDATE_BOOT_PARTITION",
                            "event FINISH", "version 2.0 in ota_0"], text)
        starts = [int(r.headers["range"].split("=")[1].split("-")[0]) for r in self.server.requests
                  if "range" in r.headers]
        self.assertEqual(starts[:3], [0, 65536, 131072])
        self.assertEqual(starts.count(0), 2, starts)  # the first, and 2.0 asking for a newer one
        self.assertIn(starts[3], range(131072, 131072 + 30001), starts)  # where it was interrupted


class Upload(ProjectTest):
    def test_browser_uploads_the_next_version(self):
        p = self.project(UPLOAD)
        p.write("main/page.html", "<form method=post action=/update enctype=text/plain><input type=file></form>\n")
        p.write("main/CMakeLists.txt", CMAKE.replace("app_update", "app_update esp_http_server")
                .replace("EMBED_TXTFILES", "EMBED_FILES page.html EMBED_TXTFILES"))
        new = self.versions(p, ROOMY + "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y\n")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        answers = []

        def curl(path, *options, data=b""):
            done = subprocess.run(["curl", "-sS", "--max-time", "60", *options, "http://127.0.0.1:%d%s" % (port, path)],
                                  input=data, capture_output=True)
            answers.append(done.stdout + done.stderr)

        def upload(*more):
            curl("/update", "--data-binary", "@-", *more, data=new)

        def visit():
            curl("/", "-i")
            curl("/update?note=first", "--data-binary", "@-", data=b"not an image")
            upload("-H", "Expect:")

        text = self.run_device(p, "2.0 is told to stay", "--port", "80=%d" % port,
                               on={"1.0 serves": visit, "2.0 serves": lambda: curl("/stay", "-X", "POST")})
        self.assertInOrder(["port 80 is the host's port %d" % port, "note: first",
                            "%d bytes, 2.0 starts next" % len(new), "version 2.0 in ota_0"], text)
        self.assertIn(b"HTTP/1.1 200 OK\r\n", answers[0])
        self.assertIn(b"<form method=post", answers[0])
        self.assertIn(b"ESP_ERR_OTA_VALIDATE_FAILED", answers[1])
        self.assertEqual(answers[2:], [b"done", b"2.0 stays"])


class Network(ProjectTest):
    def test_station_and_ethernet_get_their_events(self):
        p = self.project(STATION)
        p.build()
        text = self.run_device(p, "the end")
        self.assertInOrder(["query a%20b%2F%25%E9~, a b/%zz%4", "before init: refused", "before start: refused", "1 started", "2 connected to workshop",
                            "3 got ", "on sta"], text)
        self.assertInOrder(["heard workshop, -50 dBm"], text)
        self.assertInOrder(["4 disconnected, reason 8", "2 connected to workshop", "3 got ", "on sta"], text)
        self.assertInOrder(["ethernet 0 ", "ethernet 2 ", "3 got ", "on eth", "default eth"], text)

    def test_ethernet_alone_as_examples_configure_it(self):
        p = self.project(UPDATE_AT_ONCE.replace("ESP_ERROR_CHECK(esp_wifi_set_ps(WIFI_PS_NONE));", ""))
        p.write("sdkconfig.defaults", ROOMY + """
CONFIG_APP_URL="%s"
CONFIG_EXAMPLE_CONNECT_ETHERNET=y
CONFIG_EXAMPLE_CONNECT_WIFI=n
CONFIG_EXAMPLE_USE_INTERNAL_ETHERNET=y
CONFIG_EXAMPLE_ETH_PHY_IP101=y
CONFIG_EXAMPLE_ETH_MDC_GPIO=23
CONFIG_EXAMPLE_CONNECT_IPV6=n
CONFIG_MBEDTLS_TLS_CLIENT_ONLY=y
""" % self.server.url("/none.bin"))
        self.server.routes["/none.bin"] = Route(status=404)
        self.assertNotIn("Warning", p.configure())
        p.ninja()
        self.assertIn("Connected to example_netif_eth", self.run_device(p, "stays as it is"))


class Places(ProjectTest):
    def test_bootloader_and_table_are_read_and_copied(self):
        p = self.project(PLACES)
        p.build()
        text = self.run_device(p, "the end")
        with open(p.path("build/bootloader/bootloader.bin"), "rb") as f:
            bootloader = f.read()
        with open(p.path("build/partition_table/partition-table.bin"), "rb") as f:
            table = hashlib.sha256(f.read()).hexdigest()
        with open(p.path("build/flash.bin"), "rb") as f:
            self.assertTrue(f.read(len(bootloader)) == bootloader)
        self.assertInOrder(["table %s" % table, "bootloader %s" % bootloader[-32:].hex(), "bootloader version 1",
                            "overlap ESP_ERR_INVALID_ARG", "too far ESP_ERR_INVALID_SIZE", "identical 1", "found 1",
                            "again ESP_ERR_NOT_FOUND", "the table's ESP_ERR_INVALID_ARG", "found 0"], text)
        self.assertEqual(struct.unpack_from("<BBH", bootloader, 0)[:2], (0xE9, 1))

    def test_what_would_leave_a_product_unprotected_is_refused(self):
        p = self.project(PLACES)
        for option in ("SECURE_BOOT_V1_ENABLED", "SECURE_FLASH_ENC_ENABLED", "NVS_ENCRYPTION"):
            p.write("sdkconfig.defaults", ROOMY + "CONFIG_%s=y\n" % option)
            self.assertIn("CONFIG_%s is not supported on the virtual device" % option, sdk.flat(p.configure(ok=False)))

    def test_app_is_confirmed_before_app_main_where_the_project_says_so(self):
        p = self.project(COPIES_ITSELF, ROOMY + "CONFIG_BOOTLOADER_APP_ROLLBACK=y\n")
        p.build()
        text = self.run_device(p, "state ")
        self.assertInOrder(["ota_auto_confirm: the app is confirmed", "version 1 in ota_0", "state 2"], text)
        p.write("sdkconfig.defaults", p.read("sdkconfig.defaults") + "CONFIG_BOOTLOADER_APP_ROLLBACK_CONFIRM_BY_APP=y\n")
        p.build()
        text = self.run_device(p, "state ")
        self.assertInOrder(["version 1 in ota_0", "state 1"], text)
        self.assertNotIn("confirmed", text)

    def test_device_is_fresh_and_burns_the_secure_version_itself(self):
        p = self.project(PLACES, ROOMY + "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y\n"
                         "CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK=y\nCONFIG_BOOTLOADER_APP_SECURE_VERSION=2\n")
        p.write("roomy.csv", ROOMY_CSV.replace("factory, app,  factory, ,  8M,\n", ""))  # not with anti-rollback
        p.build()
        self.assertEqual(json.loads(p.read("build/flash.bin.json")).get("secure_version", 0), 0)
        self.run_device(p, "the end")
        self.assertEqual(json.loads(p.read("build/flash.bin.json"))["secure_version"], 2)


if __name__ == "__main__":
    sdk.STAGE = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2, warnings="ignore")
