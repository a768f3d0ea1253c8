/*
 * esp_delta.h - applies the patches of Espressif's esp_delta_ota, as a stream.
 *
 * A file is a 64-byte header (magic, the base image's appended SHA-256, zeros) and a detools
 * "sequential" patch compressed with heatshrink, window 8 and lookahead 7 bits. Format:
 * docs/formats.md, "esp_delta_ota patch". It takes less memory than any other, and names its base but
 * not its result: only the new image's own hash or signature tells whether the result is right.
 */
#ifndef AIRLIFT_ESP_DELTA_H
#define AIRLIFT_ESP_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/crypto.h"
#include "airlift/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_ESP_DELTA_MAGIC       0xFCCDDE10u
#define AL_ESP_DELTA_HEADER_SIZE 64u /* bytes before the detools patch */
#define AL_ESP_DELTA_MAX_SIZE \
    0x4000000u /* bytes of a result: what its numbers can express, and more than flash has */

/* Where the bytes come from and go to. Each function returns 0 or a negative AL_ERR_*, which is passed up. */
struct al_esp_delta_io {
    void *ctx;
    uint32_t base_len; /* nothing is read at or past it */
    uint32_t max_len;  /* a patch with a longer result is refused before its first byte */
    int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len);
    int (*write)(void *ctx, const void *buf, uint32_t len); /* in order, at most 128 bytes at a time */
};

#define AL_ESP_DELTA_PIECE 128u

/* What servers and devices call the format. */
#define AL_ESP_DELTA_FORMAT "esp_delta_ota"

/* What a server tells and a device offers as the decoder's memory: the struct takes no more on any chip. */
#define AL_ESP_DELTA_RAM 512u /* bytes */

/* A patch being applied: caller's memory, no resources behind it. */
struct al_esp_delta {
    struct al_esp_delta_io io;
    uint8_t base_sha256[AL_SHA256_SIZE]; /* valid once `to_len` is */
    uint32_t to_len;                     /* 0: not known yet */
    uint32_t written;
    uint32_t taken;   /* bytes of the file */
    int64_t base_pos; /* may be senseless between two blocks; checked when it is used */
    uint32_t left;    /* of the current run of bytes */
    uint32_t value;   /* number being read */
    uint8_t shift;
    bool negative;
    uint8_t state;
    uint8_t bit_state; /* heatshrink */
    uint16_t bits;
    uint8_t n_bits;
    uint8_t distance; /* less one */
    uint8_t head;
    uint8_t n_piece;
    int failed; /* the error that every later call repeats */
    uint8_t window[256];
    uint8_t piece[AL_ESP_DELTA_PIECE];
};

/* Do these bytes begin such a file? */
bool al_esp_delta_recognise(const void *data, size_t len);

void al_esp_delta_begin(struct al_esp_delta *a, const struct al_esp_delta_io *io);

/*
 * Take the next bytes of the file, header included, in pieces of any size.
 *
 * Returns 0; AL_ERR_FORMAT if the patch is damaged, has additional bytes, or would read outside of the base or
 * write more than it announces; AL_ERR_SIZE if its result is longer than io.max_len; or what io returned. After an
 * error every call returns it again.
 */
AL_CHECK_RESULT int al_esp_delta_feed(struct al_esp_delta *a, const void *data, size_t len);

/* All bytes are in: 0 if the result is complete, AL_ERR_FORMAT if the patch ended early. */
AL_CHECK_RESULT int al_esp_delta_end(const struct al_esp_delta *a);

#ifdef __cplusplus
}
#endif

#endif
