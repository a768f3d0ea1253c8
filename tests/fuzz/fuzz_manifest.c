/*
 * Any bytes as a manifest: what is accepted can be acted upon, and a patch that is chosen serves.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct agent_manifest manifest;
    static struct agent_patch patch;
    struct agent_patch_needs needs = {
        .format = {{"airlift-delta-1", 20480, 65536}, {"esp_delta_ota", 496, 4096}},
        .from = {.size = 1504368}};
    char why[AGENT_TEXT_SIZE] = "";
    char *text = malloc(len + 1); /* its end is guarded */

    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    memset(needs.from.sha256, 0xAB, sizeof(needs.from.sha256));

    if (agent_manifest_parse(text, len, "https://host/fw/version.json", false, &manifest, why) ==
        AIRLIFT_FAIL_NONE) {
        require(manifest.version[0] == '\0' || agent_url_allowed(manifest.url, false));
        agent_manifest_find_patch(text, len, "https://host/fw/version.json", false, &needs, &patch);
        require(patch.format < AGENT_PATCH_FORMATS && patch.size <= needs.format[patch.format].room);
        require(patch.size == 0 || agent_url_allowed(patch.url, false));
        require(patch.blocks.n <= AGENT_BLOCKS_MAX &&
                (patch.blocks.n == 0 || patch.blocks.size >= AGENT_BLOCK_UNIT));
    } else {
        require(why[0] != '\0' && memchr(why, '\0', sizeof(why)) != NULL);
    }
    free(text);
    return 0;
}
