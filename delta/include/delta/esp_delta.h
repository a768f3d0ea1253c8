/*
 * esp_delta.h - patches for devices that update with Espressif's esp_delta_ota.
 *
 * A file is a 64-byte header (magic, the base image's appended SHA-256, zeros) and a detools
 * "sequential" patch compressed with heatshrink, window 8 and lookahead 7 bits: what the
 * component's firmware is built to read. Format: docs/formats.md, "esp_delta_ota patch".
 *
 * Such a patch names its base but not its result: only the new image's own hash or signature
 * tells whether the result is right. The device can't resume one.
 */
#ifndef DELTA_ESP_DELTA_H
#define DELTA_ESP_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/crypto.h"
#include "airlift/err.h"

#define DELTA_ESP_MAGIC       0xFCCDDE10u
#define DELTA_ESP_HEADER_SIZE 64u /* bytes before the detools patch */
#define DELTA_ESP_MAX_SIZE \
    0x4000000u /* bytes of a patch's result: what its numbers can express, and more than flash has */

/* Do these bytes begin such a file? */
bool delta_esp_recognise(const void *data, size_t len);

/*
 * Make a patch. Deterministic.
 *
 * base     the image as it lies on the devices' flash: a signed file, if they hold signed images.
 *          Refused unless it is a whole image whose appended hash is right.
 * to       the new image; any bytes, 1 to DELTA_ESP_MAX_SIZE
 * out      the file, owned by the caller, free(); written on success only
 * err      on failure one line that says why
 *
 * Memory: about 5 times base_len plus 8 times to_len. Returns 0, AL_ERR_IMAGE for the base,
 * AL_ERR_SIZE, AL_ERR_CRYPTO, or AL_ERR_STATE if memory ran out.
 */
AL_CHECK_RESULT int delta_esp_make(const uint8_t *base, size_t base_len, const uint8_t *to, size_t to_len,
                                   uint8_t **out, size_t *out_len, char *err, size_t err_size);

/* --- Applying ---------------------------------------------------------------- */

/* Where the bytes come from and go to. Each function returns 0 or a negative AL_ERR_*, which is passed up. */
struct delta_esp_io {
    void *ctx;
    uint32_t base_len; /* nothing is read at or past it */
    uint32_t max_len;  /* a patch with a longer result is refused before its first byte */
    int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len);
    int (*write)(void *ctx, const void *buf, uint32_t len); /* in order, at most 128 bytes at a time */
};

#define DELTA_ESP_PIECE 128u

/* A patch being applied: caller's memory, below 700 bytes, no resources behind it. */
struct delta_esp_apply {
    struct delta_esp_io io;
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
    uint8_t piece[DELTA_ESP_PIECE];
};

void delta_esp_apply_begin(struct delta_esp_apply *a, const struct delta_esp_io *io);

/*
 * Take the next bytes of the file, header included, in pieces of any size.
 *
 * Returns 0; AL_ERR_FORMAT if the patch is damaged, has additional bytes, or would read outside of the base or
 * write more than it announces; AL_ERR_SIZE if its result is longer than io.max_len; or what io returned. After an
 * error every call returns it again.
 */
AL_CHECK_RESULT int delta_esp_apply_feed(struct delta_esp_apply *a, const void *data, size_t len);

/* All bytes are in: 0 if the result is complete, AL_ERR_FORMAT if the patch ended early. */
AL_CHECK_RESULT int delta_esp_apply_end(const struct delta_esp_apply *a);

#endif
