#!/usr/bin/env python3
"""A project with Unity test cases, as ESP-IDF's own test apps are made: driven over the console of a virtual device.

    unity.py STAGE [TEST ...]

The driver does what a test bench does: it picks a case from the menu, then its stages one after the other, each after
the reset that the one before it made.
"""

import os
import queue
import re
import subprocess
import sys
import threading
import unittest

import projects
import sdk

CMAKE = """
idf_component_register(SRC_DIRS "." PRIV_INCLUDE_DIRS "."
                       PRIV_REQUIRES unity test_utils app_update bootloader_support nvs_flash esp_driver_gpio
                       WHOLE_ARCHIVE)
"""

TOP = """
cmake_minimum_required(VERSION 3.16)
set(EXTRA_COMPONENT_DIRS "$ENV{IDF_PATH}/tools/unit-test-app/components")
set(COMPONENTS main)
include($ENV{IDF_PATH}/tools/cmake/project.cmake)
project(bench)
"""

MAIN = r"""
#include "nvs_flash.h"
#include "unity.h"
void app_main(void)
{
    ESP_ERROR_CHECK(nvs_flash_init());
    unity_run_menu();
}
"""

# An update and what may become of it; each stage ends in a reset but the last.
UPDATES = r"""
#include <stdlib.h>
#include "bootloader_common.h"
#include "../bootloader_flash/include/bootloader_flash_priv.h"
#include "driver/gpio.h"
#include "esp_ota_ops.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "nvs.h"
#include "test_utils.h"

static RTC_DATA_ATTR int naps = 100;
static RTC_NOINIT_ATTR int lives;

static void take_a_nap(void)
{
    naps++;
    esp_deep_sleep(10000);
}

static void erase_ota_data(void)
{
    const esp_partition_t *p = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    TEST_ASSERT_NOT_NULL(p);
    TEST_ESP_OK(esp_partition_erase_range(p, 0, p->size));
}

static void install(void)
{
    const esp_partition_t *from = esp_ota_get_running_partition(), *to = esp_ota_get_next_update_partition(NULL);
    const void *bytes;
    esp_partition_mmap_handle_t map;
    esp_ota_handle_t ota;
    TEST_ESP_OK(esp_ota_begin(to, OTA_SIZE_UNKNOWN, &ota));
    TEST_ESP_OK(esp_partition_mmap(from, 0, from->size, ESP_PARTITION_MMAP_DATA, &bytes, &map));
    TEST_ESP_OK(esp_ota_write(ota, bytes, from->size));
    esp_partition_munmap(map);
    TEST_ESP_OK(esp_ota_end(ota));
    TEST_ESP_OK(esp_ota_set_boot_partition(to));
}

static void expect(esp_partition_subtype_t subtype, esp_reset_reason_t reason)
{
    TEST_ASSERT_EQUAL_HEX8(subtype, esp_ota_get_running_partition()->subtype);
    TEST_ASSERT_EQUAL(reason, esp_reset_reason());
    TEST_ASSERT_EQUAL(reason == ESP_RST_DEEPSLEEP ? ESP_SLEEP_WAKEUP_TIMER : ESP_SLEEP_WAKEUP_UNDEFINED,
                      esp_sleep_get_wakeup_cause());
}

static void from_scratch(void)
{
    erase_ota_data();
    lives = 0;
    TEST_ASSERT_EQUAL(100, naps);
    take_a_nap();
}

static void install_in_factory(void)
{
    expect(ESP_PARTITION_SUBTYPE_APP_FACTORY, ESP_RST_DEEPSLEEP);
    TEST_ASSERT_EQUAL(101, naps);
    lives++;
    install();
    take_a_nap();
}

static void confirm(void)
{
    esp_ota_img_states_t state;
    expect(ESP_PARTITION_SUBTYPE_APP_OTA_0, ESP_RST_DEEPSLEEP);
    TEST_ASSERT_EQUAL_MESSAGE(102, naps, "RTC_DATA_ATTR lives through deep sleep, and through the update");
    TEST_ESP_OK(esp_ota_get_state_partition(esp_ota_get_running_partition(), &state));
    TEST_ASSERT_EQUAL(ESP_OTA_IMG_PENDING_VERIFY, state);
    TEST_ESP_OK(esp_ota_mark_app_valid_cancel_rollback());
    esp_restart();
}

static void stays(void)
{
    expect(ESP_PARTITION_SUBTYPE_APP_OTA_0, ESP_RST_SW);
    TEST_ASSERT_EQUAL_MESSAGE(100, naps, "a restart sets RTC_DATA_ATTR anew");
    TEST_ASSERT_EQUAL(1, lives);
    erase_ota_data();
    esp_restart();
}

static void factory_again(void)
{
    expect(ESP_PARTITION_SUBTYPE_APP_FACTORY, ESP_RST_SW);
}

TEST_CASE_MULTIPLE_STAGES("a confirmed update stays", "[update][reset=DEEPSLEEP_RESET, DEEPSLEEP_RESET, SW_CPU_RESET]",
                          from_scratch, install_in_factory, confirm, stays, factory_again);

static void crash(void)
{
    expect(ESP_PARTITION_SUBTYPE_APP_OTA_0, ESP_RST_DEEPSLEEP);
    abort();
}

static void rolled_back(void)
{
    expect(ESP_PARTITION_SUBTYPE_APP_FACTORY, ESP_RST_PANIC);
    TEST_ASSERT_EQUAL_PTR(esp_ota_get_next_update_partition(NULL), esp_ota_get_last_invalid_partition());
    erase_ota_data();
}

TEST_CASE_MULTIPLE_STAGES("a crash on trial is rolled back", "[update][reset=DEEPSLEEP_RESET, abort()]",
                          from_scratch, install_in_factory, crash, rolled_back);

/* Held low, also over the reset. */
static void hold_pin(gpio_num_t pin)
{
    gpio_config_t config = {.pin_bit_mask = 1ull << pin, .mode = GPIO_MODE_OUTPUT};
    TEST_ESP_OK(gpio_hold_dis(pin));
    TEST_ESP_OK(gpio_config(&config));
    TEST_ESP_OK(gpio_set_level(pin, 0));
    TEST_ESP_OK(gpio_hold_en(pin));
    TEST_ESP_OK(gpio_set_level(pin, 1)); /* changes nothing */
}

static void let_pin_go(gpio_num_t pin)
{
    TEST_ESP_OK(gpio_hold_dis(pin));
    TEST_ESP_OK(gpio_reset_pin(pin));
}

static void remember(uint8_t value)
{
    nvs_handle_t nvs;
    TEST_ESP_OK(nvs_open("bench", NVS_READWRITE, &nvs));
    TEST_ESP_OK(nvs_set_u8(nvs, "value", value));
    TEST_ESP_OK(nvs_commit(nvs));
    nvs_close(nvs);
}

static void hold_reset_pin(void)
{
    expect(ESP_PARTITION_SUBTYPE_APP_OTA_0, ESP_RST_DEEPSLEEP);
    TEST_ESP_OK(esp_ota_mark_app_valid_cancel_rollback());
    TEST_ASSERT_FALSE(bootloader_common_get_rtc_retain_mem_factory_reset_state());
    remember(7);
    hold_pin(CONFIG_BOOTLOADER_NUM_PIN_FACTORY_RESET);
    esp_restart();
}

static void is_reset(void)
{
    nvs_handle_t nvs;
    let_pin_go(CONFIG_BOOTLOADER_NUM_PIN_FACTORY_RESET);
    expect(ESP_PARTITION_SUBTYPE_APP_FACTORY, ESP_RST_SW);
    TEST_ASSERT_TRUE(bootloader_common_get_rtc_retain_mem_factory_reset_state());
    TEST_ASSERT_FALSE(bootloader_common_get_rtc_retain_mem_factory_reset_state());
    TEST_ESP_ERR(ESP_ERR_NVS_NOT_FOUND, nvs_open("bench", NVS_READONLY, &nvs));
}

TEST_CASE_MULTIPLE_STAGES("the factory-reset pin erases", "[pin][reset=DEEPSLEEP_RESET, DEEPSLEEP_RESET, SW_CPU_RESET]",
                          from_scratch, install_in_factory, hold_reset_pin, is_reset);

static void hold_test_pin(void)
{
    const esp_partition_t *from = esp_ota_get_running_partition();
    const esp_partition_t *to = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_TEST, NULL);
    erase_ota_data();
    TEST_ESP_OK(esp_partition_copy(to, 0, from, 0, from->size));
    hold_pin(CONFIG_BOOTLOADER_NUM_PIN_APP_TEST);
    esp_restart();
}

static void in_test_app(void)
{
    let_pin_go(CONFIG_BOOTLOADER_NUM_PIN_APP_TEST);
    expect(ESP_PARTITION_SUBTYPE_APP_TEST, ESP_RST_SW);
    esp_restart();
}

TEST_CASE_MULTIPLE_STAGES("the test pin starts the test app", "[pin][reset=SW_CPU_RESET, SW_CPU_RESET]",
                          hold_test_pin, in_test_app, factory_again);

TEST_CASE("a damaged image has no digest", "[image]")
{
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    uint8_t digest[32], unchanged[32] = {7};
    uint32_t zeros = 0;
    install();
    TEST_ESP_OK(bootloader_common_get_sha256_of_partition(slot->address, slot->size, slot->type, digest));
    TEST_ESP_OK(bootloader_flash_write(slot->address + 0x50, &zeros, sizeof zeros, false));
    TEST_ESP_ERR(ESP_ERR_IMAGE_INVALID,
                 bootloader_common_get_sha256_of_partition(slot->address, slot->size, slot->type, unchanged));
    TEST_ASSERT_EQUAL(7, unchanged[0]);
    erase_ota_data();
}

TEST_CASE("OTA data is read by address", "[image]")
{
    const esp_partition_t *p = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    const esp_ota_select_entry_t *first, blank = {.ota_seq = 0xFFFFFFFF};
    install();
    first = bootloader_mmap(p->address, p->size);
    TEST_ASSERT_NOT_NULL(first);
    TEST_ASSERT_EQUAL_HEX32(bootloader_common_ota_select_crc(first), first->crc);
    TEST_ASSERT_TRUE(bootloader_common_ota_select_valid(first));
    TEST_ASSERT_TRUE(bootloader_common_ota_select_invalid(&blank));
    bootloader_munmap(first);
    erase_ota_data();
}
"""

FAILURES = r"""
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "unity.h"

TEST_CASE("two is three", "[wrong]")
{
    TEST_ASSERT_EQUAL_MESSAGE(3, 2, "it is not");
}

static void elsewhere(void *arg)
{
    TEST_FAIL_MESSAGE("in a task of its own");
}

TEST_CASE("a task fails", "[task]")
{
    xTaskCreate(elsewhere, "elsewhere", 4096, NULL, 5, NULL);
    vTaskDelay(portMAX_DELAY);
}
"""

READY = "Press ENTER to see the list of tests"
SUM = r"(\d+) Tests (\d+) Failures (\d+) Ignored"


class Bench:
    """The console of a running device, as a test bench sees it."""

    def __init__(self, flash):
        self.device = subprocess.Popen([os.path.join(sdk.STAGE, "bin/airlift"), "device", "run", flash],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pieces = queue.Queue()
        self.seen = self.passed = ""  # what was not waited for yet, and what was last
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for piece in iter(lambda: self.device.stdout.read1(4096), b""):
            self.pieces.put(piece.decode("utf-8", "replace"))
        self.pieces.put(None)

    def expect(self, pattern):
        while True:
            match = re.search(pattern, self.seen, re.DOTALL)
            if match:
                self.passed = self.seen[:match.end()]
                self.seen = self.seen[match.end():]
                return match
            piece = self.pieces.get(timeout=sdk.PATIENCE_S)
            if piece is None:
                raise AssertionError("the device went off before %r in\n%s" % (pattern, self.seen))
            self.seen += piece

    def send(self, text):
        self.device.stdin.write(text.encode() + b"\n")
        self.device.stdin.flush()

    def menu(self):
        self.expect(READY)
        self.send("")
        text = self.expect("pick your combo:(.*)Enter test for running").group(1)
        return re.findall(r'\((\d+)\)\t"([^"]*)" (\[.*\])', text), re.findall(r'\n\t\((\d+)\)\t"(\w+)"', text)

    def run(self, name, stages=1):
        """A case from its first stage to its last; (tests, failures)."""
        for stage in range(1, stages + 1):
            if stage > 1 and self.expect(READY + "|" + SUM).group(0) != READY:
                raise AssertionError("stage %d of %r made no reset:\n%s" % (stage - 1, name, self.passed))
            self.send('"%s"' % name)
            if stages > 1:
                self.expect(r"\t\(%d\)\t" % stages)
                self.send(str(stage))
        found = self.expect(SUM)
        return int(found.group(1)), int(found.group(2))

    def off(self):
        self.device.terminate()
        self.device.wait()
        self.device.stdin.close()
        self.device.stdout.close()


class UnityApp(projects.ProjectTest):
    def test_cases_run_from_the_menu_over_resets(self):
        p = sdk.Project(os.path.join(self.tmp, "test bench"), name="bench")
        p.write("CMakeLists.txt", TOP)
        p.write("main/CMakeLists.txt", CMAKE)
        p.write("main/app_main.c", MAIN)
        p.write("main/test_updates.c", UPDATES)
        p.write("main/test_wrong.c", FAILURES)
        p.write("sdkconfig.defaults", projects.ROOMY + """
CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y
CONFIG_BOOTLOADER_FACTORY_RESET=y
CONFIG_BOOTLOADER_OTA_DATA_ERASE=y
CONFIG_BOOTLOADER_APP_TEST=y
CONFIG_BOOTLOADER_HOLD_TIME_GPIO=1
""")
        # Smaller slots than elsewhere, for the fourth.
        p.write("roomy.csv", projects.ROOMY_CSV.replace("8M", "7M") + "test, app, test, , 7M,\n")
        self.assertNotIn("Warning", p.configure())
        p.ninja()

        bench = Bench(p.path("build/flash.bin"))
        self.addCleanup(bench.off)
        cases, stages = bench.menu()
        self.assertEqual([c[1] for c in cases], ["a confirmed update stays", "a crash on trial is rolled back",
                                                 "the factory-reset pin erases", "the test pin starts the test app",
                                                 "a damaged image has no digest", "OTA data is read by address",
                                                 "two is three", "a task fails"])
        self.assertEqual(cases[0][2][-13:], "[multi_stage]")
        self.assertEqual(stages[0], ("1", "from_scratch"))
        self.assertEqual(bench.run("a confirmed update stays", 5), (1, 0))
        bench.send("[image]")
        self.assertEqual(bench.expect(SUM).group(0), "2 Tests 0 Failures 0 Ignored")
        self.assertEqual(bench.run("a crash on trial is rolled back", 4), (1, 0))
        self.assertEqual(bench.run("the factory-reset pin erases", 4), (1, 0))
        self.assertEqual(bench.run("the test pin starts the test app", 3), (1, 0))
        bench.send("7")
        bench.expect(r"main/test_wrong\.c:\d+:two is three:FAIL: Expected 3 Was 2\. it is not\n")
        bench.expect("1 Tests 1 Failures 0 Ignored \nFAIL\n.*Enter next test")
        bench.send('"a task fails"')
        bench.expect(r"a task fails:FAIL: in a task of its own\n.*outside the test's own task.*SIGABRT.*" + READY)


if __name__ == "__main__":
    sdk.STAGE = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2, warnings="ignore")
