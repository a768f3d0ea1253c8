/*
 * pipeline.c - what does an update cost beyond hashing?
 *
 * Writes a 4 MiB image to the emulated flash sector by sector, hashing it as it
 * comes, then verifies it from flash: the whole device side of an update, network
 * excluded. The yardstick is hashing the same bytes twice with the same SHA-256.
 * Rounds of both alternate, so that a busy machine slows both down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "airlift/image.h"
#include "airlift/update.h"
#include "device/nor_flash.h"

#define IMAGE_SIZE (4u << 20)
#define ROUNDS     31

static uint8_t *image;
static uint32_t image_len;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static _Noreturn void die(const char *what, int err)
{
    fprintf(stderr, "pipeline: %s: %s\n", what, al_strerror(err));
    exit(1);
}

static void check(const char *what, int err)
{
    if (err < 0) {
        die(what, err);
    }
}

static void make_image(void)
{
    struct al_image_new what = {.header = {.n_segments = 1, .chip_id = AL_CHIP_LINUX, .hash_appended = true},
                                .desc = {.version = "1.0.0", .project = "bench"}};
    uint32_t seg_len = IMAGE_SIZE - 4096;
    struct al_hash hash;
    uint32_t random = 1;
    int tail;

    image = malloc(IMAGE_SIZE);
    if (image == NULL) {
        die("image", AL_ERR_SIZE);
    }
    al_image_build_prefix(&what, 0, seg_len, image);
    for (uint32_t i = AL_IMAGE_PREFIX_SIZE; i < AL_IMAGE_DESC_OFF + seg_len; i++) {
        random = random * 1664525u + 1013904223u;
        image[i] = (uint8_t)(random >> 24);
    }
    image_len = AL_IMAGE_DESC_OFF + seg_len;
    check("hash", al_sha256_init(&hash));
    check("hash", al_hash_update(&hash, image, image_len));
    tail = al_image_build_tail(&hash, image_len, al_image_checksum(0xEF, image + AL_IMAGE_DESC_OFF, seg_len),
                               image + image_len);
    check("tail", tail);
    image_len += (uint32_t)tail;
}

static double hash_twice(void)
{
    double start = now_ms();

    for (int i = 0; i < 2; i++) {
        uint8_t digest[AL_SHA256_SIZE];
        struct al_hash hash;

        check("hash", al_sha256_init(&hash));
        check("hash", al_hash_update(&hash, image, image_len));
        check("hash", al_hash_final(&hash, digest));
    }
    return now_ms() - start;
}

static double update_once(const struct al_flash *flash)
{
    static const struct al_part slot = {.off = 0x10000, .size = IMAGE_SIZE, .subtype = AL_SUB_APP_OTA_0};
    static uint8_t sector[AL_SECTOR_SIZE], read_buf[AL_SECTOR_SIZE];
    static struct al_image_check verify;
    const struct al_image_rules rules = {0};
    double start = now_ms();
    uint8_t digest[AL_SHA256_SIZE];
    struct al_update u;
    struct al_hash hash;

    check("begin", al_update_begin(&u, flash, &slot, AL_UPDATE_SEQUENTIAL, sector));
    check("hash", al_sha256_init(&hash));
    for (uint32_t at = 0; at < image_len; at += AL_SECTOR_SIZE) {
        uint32_t part = image_len - at < AL_SECTOR_SIZE ? image_len - at : AL_SECTOR_SIZE;

        check("hash", al_hash_update(&hash, image + at, part));
        check("write", al_update_write(&u, image + at, part));
    }
    check("hash", al_hash_final(&hash, digest));
    check("end", al_update_end(&u, &rules, &verify, read_buf, sizeof(read_buf)));
    return now_ms() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(void)
{
    double update[ROUNDS], twice[ROUNDS], ratio[ROUNDS];
    char dir[] = "/tmp/airlift-bench-XXXXXX", path[64], err[256];
    struct dev_flash *flash;
    int result;

    make_image();
    if (mkdtemp(dir) == NULL) {
        die(dir, AL_ERR_IO);
    }
    snprintf(path, sizeof(path), "%s/flash.bin", dir);
    result = dev_flash_create(path, 8u << 20, err, sizeof(err));
    if (result == 0) {
        result = dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof(err));
    }
    if (result != 0) {
        die(err, result);
    }
    (void)update_once(dev_flash_port(flash)); /* the file's pages are touched once before */
    for (int i = 0; i < ROUNDS; i++) {
        twice[i] = hash_twice();
        update[i] = update_once(dev_flash_port(flash));
        ratio[i] = update[i] / twice[i];
    }
    qsort(update, ROUNDS, sizeof(update[0]), by_value);
    qsort(twice, ROUNDS, sizeof(twice[0]), by_value);
    qsort(ratio, ROUNDS, sizeof(ratio[0]), by_value);
    printf(
        "update pipeline, 4 MiB, SHA-256 by %-7s: %.2f ms; hashing twice %.2f ms; ratio %.2f (goal: 1.30)\n",
        PORT, update[ROUNDS / 2], twice[ROUNDS / 2], ratio[ROUNDS / 2]);
    dev_flash_close(flash);
    unlink(path);
    rmdir(dir);
    free(image);
    return 0;
}
