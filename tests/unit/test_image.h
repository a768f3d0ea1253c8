/*
 * test_image.h - small valid app images for unit tests, made with core's own builder.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdio.h>
#include <string.h>

#include "airlift/image.h"

/*
 * An ESP32-C3 image of version `version` whose second segment holds `payload`
 * bytes (a multiple of 4) of a pattern seeded by it. `out` needs payload + 512
 * bytes. Returns its length.
 */
static inline uint32_t test_image(uint8_t *out, const char *version, uint32_t secure_version,
                                  uint32_t payload)
{
    struct al_image_new what = {.header = {.n_segments = 2,
                                           .spi_mode = 2,
                                           .spi_size = 2,
                                           .spi_speed = 15,
                                           .entry = 0x40380000,
                                           .chip_id = 5,
                                           .max_rev = 0xFFFF,
                                           .hash_appended = true},
                                .desc = {.secure_version = secure_version}};
    uint32_t len = AL_IMAGE_PREFIX_SIZE;
    uint32_t random = 2166136261u;
    struct al_hash hash;
    int tail;

    snprintf(what.desc.version, sizeof(what.desc.version), "%s", version);
    snprintf(what.desc.project, sizeof(what.desc.project), "test");
    al_image_build_prefix(&what, 0x3C000020, AL_IMAGE_DESC_SIZE, out);
    memcpy(out + len, (const uint8_t[]){0x00, 0x00, 0xC9, 0x3F}, 4);
    memcpy(out + len + 4, &payload, 4);
    len += AL_IMAGE_SEGMENT_SIZE;
    for (const char *p = version; *p != '\0'; p++) {
        random = (random ^ (uint8_t)*p) * 16777619u;
    }
    for (uint32_t i = 0; i < payload; i++) {
        random = random * 1664525u + 1013904223u;
        out[len + i] = (uint8_t)(random >> 24);
    }
    len += payload;
    if (al_sha256_init(&hash) != 0 || al_hash_update(&hash, out, len) != 0) {
        return 0;
    }
    tail = al_image_build_tail(
        &hash, len,
        al_image_checksum(al_image_checksum(0xEF, out + AL_IMAGE_DESC_OFF, AL_IMAGE_DESC_SIZE),
                          out + AL_IMAGE_PREFIX_SIZE + AL_IMAGE_SEGMENT_SIZE, payload),
        out + len);
    return tail < 0 ? 0 : len + (uint32_t)tail;
}

#endif
