/*
 * test_utils.h - what ESP-IDF's test apps share beside Unity.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "esp_partition.h"
#include "sdkconfig.h"
#include "soc/soc_caps.h"
#include "unity.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IDF_LOG_PERFORMANCE(item, value_fmt, value, ...) \
    printf("[Performance][%s]: " value_fmt "\n", item, value, ##__VA_ARGS__)

/* The data partition 'flash_test' of the project's table. */
const esp_partition_t *get_test_data_partition(void);

/* Microseconds since ref_clock_init(). */
void ref_clock_init(void);
void ref_clock_deinit(void);
uint64_t ref_clock_get(void);

/* Run the menu (unity_run_menu()) in a task of its own. */
void test_main(void);

/* The leak check, where a test uses one, counts from now. */
void unity_reset_leak_checks(void);

/* The test will open sockets. Nothing needs to be set up for it here. */
void test_case_uses_tcpip(void);

/*
 * Between the devices of a TEST_CASE_MULTIPLE_DEVICES, through whoever drives the
 * consoles: one says that it sends a signal, the other waits for a line.
 */
void unity_wait_for_signal_param(const char *signal_name, char *parameter_buf, uint8_t buf_len);
void unity_send_signal_param(const char *signal_name, const char *parameter);

static inline void unity_wait_for_signal(const char *signal_name)
{
    unity_wait_for_signal_param(signal_name, NULL, 0);
}

static inline void unity_send_signal(const char *signal_name)
{
    unity_send_signal_param(signal_name, NULL);
}

/* "24:0a:c4:00:00:01" to six bytes; false if it is not one. */
bool unity_util_convert_mac_from_string(const char *mac_str, uint8_t *mac_addr);

#ifdef __cplusplus
}
#endif
