#include "test_utils.h"

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "unity_test_utils_memory.h"

static int64_t clock_start_us;

const esp_partition_t *get_test_data_partition(void)
{
    const esp_partition_t *found =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "flash_test");

    TEST_ASSERT_NOT_NULL_MESSAGE(found, "the partition table has no data partition 'flash_test'");
    return found;
}

void ref_clock_init(void)
{
    clock_start_us = esp_timer_get_time();
}

void ref_clock_deinit(void)
{
}

uint64_t ref_clock_get(void)
{
    return (uint64_t)(esp_timer_get_time() - clock_start_us);
}

static void menu_task(void *unused)
{
    (void)unused;
    vTaskDelay(2);
    unity_run_menu();
}

void test_main(void)
{
    (void)xTaskCreate(menu_task, "unityTask", 16384, NULL, 5, NULL);
}

void unity_reset_leak_checks(void)
{
    unity_utils_record_free_mem();
}

void test_case_uses_tcpip(void)
{
}

void unity_wait_for_signal_param(const char *signal_name, char *parameter_buf, uint8_t buf_len)
{
    char unused[8];

    printf("Waiting for signal: [%s]!\n", signal_name);
    printf(parameter_buf == NULL ? "Please press \"Enter\" key once any board send this signal.\n"
                                 : "Please input parameter value from any board send this signal and press "
                                   "\"Enter\" key.\n");
    if (parameter_buf != NULL) {
        unity_gets(parameter_buf, buf_len);
    } else {
        unity_gets(unused, sizeof unused);
    }
}

void unity_send_signal_param(const char *signal_name, const char *parameter)
{
    printf("Send signal: [%s]", signal_name);
    if (parameter != NULL) {
        printf("[%s]", parameter);
    }
    printf("!\n");
}

bool unity_util_convert_mac_from_string(const char *mac_str, uint8_t *mac_addr)
{
    unsigned byte[6];
    char end;

    if (sscanf(mac_str, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4],
               &byte[5], &end) != 6) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        mac_addr[i] = (uint8_t)byte[i];
    }
    return true;
}
