#include "agent.h"

#include <inttypes.h>
#include <string.h>

#include "esp_app_desc.h"
#include "esp_app_format.h"
#include "esp_efuse.h"

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

airlift_fail_t agent_check_prefix(struct agent *a, const uint8_t *data, uint32_t len)
{
    esp_image_header_t header;
    esp_app_desc_t desc;
    char described[sizeof(desc.version) + 1] = "";

    if (len < AGENT_PREFIX_SIZE) {
        return agent_fail(a, AIRLIFT_FAIL_IMAGE, "%u bytes are no app image", (unsigned)len);
    }
    memcpy(&header, data, sizeof(header));
    memcpy(&desc, data + DESC_OFF, sizeof(desc));
    memcpy(described, desc.version, sizeof(desc.version));

    if (header.magic != ESP_IMAGE_HEADER_MAGIC) {
        return agent_fail(a, AIRLIFT_FAIL_IMAGE, "not an app image: it starts with 0x%02x%s", data[0],
                          data[0] == '<' ? ", as a web page does" : "");
    }
    if ((uint16_t)header.chip_id != a->chip_id) {
        return agent_fail(a, AIRLIFT_FAIL_CHIP, "the image is for chip id 0x%04x, this is 0x%04x",
                          (unsigned)(uint16_t)header.chip_id, (unsigned)a->chip_id);
    }
    if (desc.magic_word != ESP_APP_DESC_MAGIC_WORD) {
        return agent_fail(a, AIRLIFT_FAIL_IMAGE, "the image has no app description");
    }
    if (al_semver_valid(described) && al_semver_compare(described, a->manifest.version) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_VERSION, "the image says it is %s, the manifest says %s", described,
                          a->manifest.version);
    }
    if (!esp_efuse_check_secure_version(desc.secure_version)) {
        return agent_fail(a, AIRLIFT_FAIL_SECURE_VERSION,
                          "the image's secure version is %" PRIu32 ", below this device's %" PRIu32,
                          desc.secure_version, esp_efuse_read_secure_version());
    }
    return AIRLIFT_FAIL_NONE;
}
