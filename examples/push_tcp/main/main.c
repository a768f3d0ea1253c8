/*
 * push_tcp - firmware that takes newer versions of itself over plain TCP.
 *
 * The light at GPIO 5 flashes what is going on: once started, twice connected,
 * four times updating.
 */
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "sdkconfig.h"

#include "airlift.h"
#include "airlift_push.h"

static const char *TAG = "push_tcp";

/*
 * Is this version fit to stay? Asked once, after an update: a version that can't
 * be reached any more could not be replaced, so a real product looks at its
 * network here, too.
 */
static bool self_test(void *ctx)
{
    (void)ctx;
#ifdef CONFIG_PUSH_TCP_SELF_TEST_FAILS
    ESP_LOGE(TAG, "self-test: the pump does not turn");
    return false;
#else
    ESP_LOGI(TAG, "self-test: all is well");
    return true;
#endif
}

static void prepare(void)
{
    esp_err_t err = nvs_flash_init();

    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
}

void app_main(void)
{
    const airlift_config_t agent = {
        .stabilisation_s = CONFIG_PUSH_TCP_STABILISATION_S,
        .health_check = self_test,
    };
    const airlift_push_tcp_config_t push = {
        .port = CONFIG_PUSH_TCP_PORT,
        .key = CONFIG_PUSH_TCP_KEY,
#ifdef CONFIG_PUSH_TCP_ALLOW_KEYLESS
        .allow_keyless = true,
#endif
        .led = CONFIG_PUSH_TCP_LED_GPIO >= 0,
        .led_gpio = (uint32_t)CONFIG_PUSH_TCP_LED_GPIO,
    };

    prepare();
    ESP_ERROR_CHECK(airlift_start(&agent));
    ESP_ERROR_CHECK(airlift_push_tcp_start(&push)); /* the light shows that the network is not there yet */
    ESP_ERROR_CHECK(example_connect());
}
