#include "describe.h"

#include "airlift/esp_delta.h"
#include <string.h>

bool srv_patch_describe(const uint8_t *data, size_t len, struct srv_patch *p)
{
    if (!al_esp_delta_recognise(data, len)) {
        return false;
    }
    strcpy(p->format, "esp_delta_ota");
    p->ram = AL_ESP_DELTA_RAM;
    return true;
}
