#include "chip.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "device/shared.h"
#include "esp_chip_info.h"
#include "esp_log.h"
#include "idf_runtime.h"

static const uint8_t default_mac[6] = {0x24, 0x0A, 0xC4, 0x00, 0x00, 0x01};
static const uint8_t no_mac[6];

static struct dev_desc desc;

static void load(void)
{
    const char *flash = getenv(DEV_ENV_FLASH);
    char why[256] = "";

    if (flash != NULL && dev_desc_load(flash, &desc, why, sizeof why) != 0) {
        ESP_LOGE("chip", "%s", why);
        memset(&desc, 0, sizeof desc);
    }
    if (desc.chip == NULL) {
        desc.chip = al_chip_by_id(AL_CHIP_LINUX);
    }
    if (memcmp(desc.mac, no_mac, sizeof no_mac) == 0) {
        memcpy(desc.mac, default_mac, sizeof default_mac);
    }
}

const struct dev_desc *chip_desc(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    return &desc;
}

void esp_chip_info(esp_chip_info_t *out_info)
{
    const struct dev_desc *chip = chip_desc();

    idf_alive();
    memset(out_info, 0, sizeof *out_info);
    /* A model's number is its image chip id, except for the first chip and for the one that is none. */
    switch (chip->chip->id) {
    case 0:
        out_info->model = CHIP_ESP32;
        break;
    case AL_CHIP_LINUX:
        out_info->model = CHIP_POSIX_LINUX;
        break;
    default:
        out_info->model = (esp_chip_model_t)chip->chip->id;
        break;
    }
    out_info->features = CHIP_FEATURE_WIFI_BGN;
    out_info->revision = chip->chip_revision;
    out_info->cores = 1;
}
