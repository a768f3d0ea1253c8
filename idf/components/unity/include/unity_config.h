/*
 * unity_config.h - what ESP-IDF adds to Unity: output to the console, test cases that register
 * themselves, checks of esp_err_t. Included by unity.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "sdkconfig.h"
#include "unity_test_runner.h"

#ifdef __cplusplus
extern "C" {
#endif

void unity_putc(int c);
void unity_flush(void);

/* A line of the console without its end, at most len - 1 characters; waits for it. */
void unity_gets(char *dst, size_t len);

/* Milliseconds between start and stop. */
void unity_exec_time_start(void);
void unity_exec_time_stop(void);
uint32_t unity_exec_time_get_ms(void);

#define UNITY_OUTPUT_CHAR(c)    unity_putc(c)
#define UNITY_OUTPUT_FLUSH()    unity_flush()
#define UNITY_EXEC_TIME_START() unity_exec_time_start()
#define UNITY_EXEC_TIME_STOP()  unity_exec_time_stop()
#define UNITY_EXEC_TIME_MS()    unity_exec_time_get_ms()

#define TEST_ESP_OK(rc)       TEST_ASSERT_EQUAL_HEX32(ESP_OK, rc)
#define TEST_ESP_ERR(err, rc) TEST_ASSERT_EQUAL_HEX32(err, rc)

#ifdef __cplusplus
}
#endif
