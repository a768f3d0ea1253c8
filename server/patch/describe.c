#include "describe.h"

#include "airlift/delta.h"
#include "airlift/esp_delta.h"
#include <string.h>

bool srv_patch_describe(const uint8_t *data, size_t len, struct srv_patch *p)
{
    struct al_delta_header h;
    if (len >= AL_DELTA_HEADER_SIZE && al_delta_parse_header(data, &h) == 0 && h.patch_len == len) {
        strcpy(p->format, AL_DELTA_FORMAT);
        p->ram = al_delta_ram(&h);
        return true;
    }
    if (al_esp_delta_recognise(data, len)) {
        strcpy(p->format, AL_ESP_DELTA_FORMAT);
        p->ram = AL_ESP_DELTA_RAM;
        return true;
    }
    return false;
}
