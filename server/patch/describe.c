#include "describe.h"

#include <string.h>

#include "airlift/crypto.h"
#include "airlift/delta.h"
#include "airlift/esp_delta.h"
#include "host/hex.h"

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

bool srv_describe_blocks(const uint8_t *image, size_t len, struct srv_blocks *out)
{
    uint8_t sha256[AL_SHA256_SIZE];
    char *text = out->sha256;
    *text = '\0';
    for (out->size = 65536; len > (size_t)out->size * SRV_BLOCKS_MAX; out->size *= 2) {
    }
    for (size_t at = 0; at < len; at += out->size) {
        if (al_sha256(image + at, len - at < out->size ? len - at : out->size, sha256) != 0) {
            return false;
        }
        host_hex_print(sha256, 8, text);
        text += 16;
    }
    return true;
}
