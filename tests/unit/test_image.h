/*
 * test_image.h - small valid app images for unit tests, made with core's own builder.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdio.h>
#include <string.h>

#include "airlift/image.h"

/*
 * An ESP32-C3 image of version `version` whose second segment holds these `len`
 * bytes (a multiple of 4). `out` needs len + 512 bytes. Returns its length.
 */
static inline uint32_t test_image_with(uint8_t *out, const char *version, uint32_t secure_version,
                                       const void *content, uint32_t content_len)
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
    struct al_hash hash;
    int tail;

    snprintf(what.desc.version, sizeof(what.desc.version), "%s", version);
    snprintf(what.desc.project, sizeof(what.desc.project), "test");
    al_image_build_prefix(&what, 0x3C000020, AL_IMAGE_DESC_SIZE, out);
    memcpy(out + len, (const uint8_t[]){0x00, 0x00, 0xC9, 0x3F}, 4);
    memcpy(out + len + 4, &content_len, 4);
    len += AL_IMAGE_SEGMENT_SIZE;
    memmove(out + len, content, content_len);
    len += content_len;
    if (al_sha256_init(&hash) != 0 || al_hash_update(&hash, out, len) != 0) {
        return 0;
    }
    tail = al_image_build_tail(
        &hash, len,
        al_image_checksum(al_image_checksum(0xEF, out + AL_IMAGE_DESC_OFF, AL_IMAGE_DESC_SIZE),
                          out + AL_IMAGE_PREFIX_SIZE + AL_IMAGE_SEGMENT_SIZE, content_len),
        out + len);
    return tail < 0 ? 0 : len + (uint32_t)tail;
}

/* The same with `payload` bytes of a pattern that the version seeds. */
static inline uint32_t test_image(uint8_t *out, const char *version, uint32_t secure_version,
                                  uint32_t payload)
{
    uint8_t *content = out + AL_IMAGE_PREFIX_SIZE + AL_IMAGE_SEGMENT_SIZE; /* in its place */
    uint32_t random = 2166136261u;

    for (const char *p = version; *p != '\0'; p++) {
        random = (random ^ (uint8_t)*p) * 16777619u;
    }
    for (uint32_t i = 0; i < payload; i++) {
        random = random * 1664525u + 1013904223u;
        content[i] = (uint8_t)(random >> 24);
    }
    return test_image_with(out, version, secure_version, content, payload);
}

#endif
