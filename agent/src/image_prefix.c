#include "agent.h"

#include <stdio.h>
#include <string.h>

#include "esp_app_desc.h"
#include "esp_app_format.h"

#include "airlift/semver.h"

#define DESC_OFF (sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t))

_Static_assert(DESC_OFF + sizeof(esp_app_desc_t) == AGENT_PREFIX_SIZE, "layout of an app image");

/* False if these bytes carry no description. */
static bool read_description(const uint8_t *data, esp_app_desc_t *out)
{
    memcpy(out, data + DESC_OFF, sizeof(*out));
    return data[0] == ESP_IMAGE_HEADER_MAGIC && out->magic_word == ESP_APP_DESC_MAGIC_WORD;
}

void agent_prefix_version(const uint8_t *data, char out[AGENT_VERSION_SIZE])
{
    esp_app_desc_t desc;

    memset(out, 0, AGENT_VERSION_SIZE);
    if (read_description(data, &desc)) {
        memcpy(out, desc.version, sizeof(desc.version));
    }
}

bool agent_prefix_elf_sha256(const uint8_t *data, uint8_t out[AL_SHA256_SIZE])
{
    static const uint8_t none[AL_SHA256_SIZE];
    esp_app_desc_t desc;

    if (!read_description(data, &desc)) {
        return false;
    }
    memcpy(out, desc.app_elf_sha256, AL_SHA256_SIZE);
    return memcmp(out, none, sizeof(none)) != 0;
}

airlift_fail_t agent_check_prefix(const uint8_t *data, uint32_t len, uint16_t chip_id, const char *version,
                                  char why[AGENT_TEXT_SIZE])
{
    esp_image_header_t header;
    esp_app_desc_t desc;
    char described[sizeof(desc.version) + 1] = "";

    if (len < AGENT_PREFIX_SIZE) {
        snprintf(why, AGENT_TEXT_SIZE, "%u bytes are no app image", (unsigned)len);
        return AIRLIFT_FAIL_IMAGE;
    }
    memcpy(&header, data, sizeof(header));
    memcpy(&desc, data + DESC_OFF, sizeof(desc));
    memcpy(described, desc.version, sizeof(desc.version));

    if (header.magic != ESP_IMAGE_HEADER_MAGIC) {
        snprintf(why, AGENT_TEXT_SIZE, "not an app image: it starts with 0x%02x%s", data[0],
                 data[0] == '<' ? ", as a web page does" : "");
        return AIRLIFT_FAIL_IMAGE;
    }
    if ((uint16_t)header.chip_id != chip_id) {
        snprintf(why, AGENT_TEXT_SIZE, "the image is for chip id 0x%04x, this is 0x%04x",
                 (unsigned)(uint16_t)header.chip_id, (unsigned)chip_id);
        return AIRLIFT_FAIL_CHIP;
    }
    if (desc.magic_word != ESP_APP_DESC_MAGIC_WORD) {
        snprintf(why, AGENT_TEXT_SIZE, "the image has no app description");
        return AIRLIFT_FAIL_IMAGE;
    }
    if (al_semver_valid(described) && al_semver_compare(described, version) != 0) {
        snprintf(why, AGENT_TEXT_SIZE, "the image says it is %s, the manifest says %s", described, version);
        return AIRLIFT_FAIL_VERSION;
    }
    return AIRLIFT_FAIL_NONE;
}
