/*
 * signing_world.h - tests/data/signing in memory: an image, its signature sectors, the keys' digests.
 * They were made by tests/tools/signing, which shares nothing with core.
 */
#ifndef SIGNING_WORLD_H
#define SIGNING_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/image.h"
#include "airlift/signature.h"

#define SIGNED_LEN  (3 * AL_SIG_SECTOR_SIZE) /* image 7344, padding to 8192, sector */
#define SECTOR_AT   (2 * AL_SIG_SECTOR_SIZE)
#define CONTENT_LEN SECTOR_AT

static inline uint32_t load(const char *name, uint8_t *to, uint32_t room)
{
    char path[512];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), AIRLIFT_TEST_DATA "/signing/%s", name);
    f = fopen(path, "rb");
    n = f != NULL ? fread(to, 1, room, f) : 0;
    if (n == 0) {
        fprintf(stderr, "%s: unreadable\n", path);
        abort();
    }
    fclose(f);
    return (uint32_t)n;
}

/* The image, padded, and the sector of this name ("rsa_a", "two", ...). */
static inline void load_signed(const char *name, uint8_t out[SIGNED_LEN])
{
    char file[64];

    memset(out, 0xFF, SIGNED_LEN);
    (void)load("app.bin", out, SIGNED_LEN);
    snprintf(file, sizeof(file), "%s.sector", name);
    (void)load(file, out + SECTOR_AT, AL_SIG_SECTOR_SIZE);
}

/* The digest of a key, from keys.json. */
static inline void load_key_digest(const char *name, uint8_t out[AL_SIG_KEY_DIGEST_SIZE])
{
    static char text[4096];
    char word[64];
    const char *at;

    text[load("keys.json", (uint8_t *)text, sizeof(text) - 1)] = '\0';
    snprintf(word, sizeof(word), "\"%s\": \"", name);
    at = strstr(text, word);
    if (at == NULL) {
        abort();
    }
    at += strlen(word);
    for (unsigned i = 0; i < AL_SIG_KEY_DIGEST_SIZE; i++) {
        unsigned byte;

        if (sscanf(at + (size_t)2 * i, "%2x", &byte) != 1) {
            abort();
        }
        out[i] = (uint8_t)byte;
    }
}

/* Verify `len` bytes as a stream, in pieces of `step`. s->policy is set. */
static inline int verify_bytes(const uint8_t *data, uint32_t len, uint32_t step, struct al_sig_check *s,
                               struct al_image_check *c)
{
    const struct al_image_rules rules = {.signature = s};
    int err = al_image_check_begin(c, &rules);

    for (uint32_t at = 0; err == 0 && at < len; at += step) {
        err = al_image_check_feed(c, data + at, step < len - at ? step : len - at);
    }
    return err != 0 ? err : al_image_check_end(c, NULL);
}

#endif
