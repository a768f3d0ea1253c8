#include "protocol_examples_common.h"

esp_err_t example_connect(void)
{
    return ESP_OK;
}

esp_err_t example_disconnect(void)
{
    return ESP_OK;
}
