/*
 * A BME280 on the I2C bus of a board.
 */
#include "sensor.h"

#include "bme280.h"
#include "driver/i2c_master.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#define TIMEOUT_MS 100

static const char *TAG = "sensor";

static i2c_master_dev_handle_t device;
static struct bme280 sensor;

static bool bus_read(void *ctx, uint8_t reg, uint8_t *out, uint8_t len)
{
    (void)ctx;
    return i2c_master_transmit_receive(device, &reg, 1, out, len, TIMEOUT_MS) == ESP_OK;
}

static bool bus_write(void *ctx, uint8_t reg, uint8_t value)
{
    const uint8_t bytes[] = {reg, value};

    (void)ctx;
    return i2c_master_transmit(device, bytes, sizeof(bytes), TIMEOUT_MS) == ESP_OK;
}

static void bus_wait(void *ctx, uint32_t ms)
{
    (void)ctx;
    vTaskDelay(pdMS_TO_TICKS(ms) + 1);
}

bool sensor_init(void)
{
    const i2c_master_bus_config_t bus_config = {
        .i2c_port = -1, /* any */
        .sda_io_num = CONFIG_MQTT_S3_I2C_SDA,
        .scl_io_num = CONFIG_MQTT_S3_I2C_SCL,
        .clk_source = I2C_CLK_SRC_DEFAULT,
        .glitch_ignore_cnt = 7,
        .flags.enable_internal_pullup = true,
    };
    const i2c_device_config_t device_config = {
        .dev_addr_length = I2C_ADDR_BIT_LEN_7,
        .device_address = BME280_ADDRESS,
        .scl_speed_hz = 100000,
    };
    const struct bme280_bus bus = {.read = bus_read, .write = bus_write, .wait_ms = bus_wait};
    i2c_master_bus_handle_t i2c;

    if (i2c_new_master_bus(&bus_config, &i2c) != ESP_OK ||
        i2c_master_bus_add_device(i2c, &device_config, &device) != ESP_OK || !bme280_init(&sensor, &bus)) {
        ESP_LOGE(TAG, "no BME280 at address 0x%02x (SDA %d, SCL %d)", BME280_ADDRESS, CONFIG_MQTT_S3_I2C_SDA,
                 CONFIG_MQTT_S3_I2C_SCL);
        return false;
    }
    return true;
}

bool sensor_read(struct reading *out)
{
    struct bme280_reading raw;

    if (!bme280_measure(&sensor, &raw)) {
        return false;
    }
    out->temperature_c = raw.temperature / 100.0;
    out->pressure_hpa = raw.pressure / 25600.0;
    out->humidity_percent = raw.humidity / 1024.0;
    return true;
}
