/*
 * Patches for esp_delta_ota: the format's worked example, round trips, and patches that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "delta/esp_delta.h"
#include "test_image.h"

#define MAX_LEN 400000u

/* --- A device --------------------------------------------------------------------- */

struct device {
    const uint8_t *base;
    uint32_t base_len;
    uint8_t out[MAX_LEN];
    uint32_t out_len;
    int fails; /* the write that fails, counted down */
};

static int device_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct device *d = ctx;

    assert_true(off <= d->base_len && len <= d->base_len - off);
    memcpy(buf, d->base + off, len);
    return 0;
}

static int device_write(void *ctx, const void *buf, uint32_t len)
{
    struct device *d = ctx;

    assert_true(len > 0 && len <= AL_ESP_DELTA_PIECE && len <= MAX_LEN - d->out_len);
    if (d->fails > 0 && --d->fails == 0) {
        return AL_ERR_IO;
    }
    memcpy(d->out + d->out_len, buf, len);
    d->out_len += len;
    return 0;
}

/* Apply in pieces of `step` bytes. Returns the first error. */
static int apply(struct device *d, struct al_esp_delta *a, const uint8_t *patch, size_t len, size_t step)
{
    const struct al_esp_delta_io io = {d, d->base_len, MAX_LEN, device_read, device_write};

    d->out_len = 0;
    al_esp_delta_begin(a, &io);
    for (size_t at = 0; at < len; at += step) {
        const int err = al_esp_delta_feed(a, patch + at, step < len - at ? step : len - at);

        if (err != 0) {
            assert_int_equal(al_esp_delta_end(a), err);
            return err;
        }
    }
    return al_esp_delta_end(a);
}

static struct device device;
static struct al_esp_delta applying;

/* --- The format's worked example ------------------------------------------------------ */

static const char example_base[] = "0123456789abcdef", example_new[] = "0123456789ABcdefXYZ456";

/* Literals only, from the format's description; detools' own C code applies it. */
static const uint8_t example[] = {0x04, 0x16, 0x44, 0x80, 0x44, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00,
                                  0x80, 0x40, 0x20, 0x10, 0x0F, 0x07, 0x82, 0x01, 0x00, 0x80, 0x40, 0x20,
                                  0x75, 0x8A, 0xCD, 0x6A, 0x99, 0x03, 0x80, 0x40, 0x20, 0x10, 0x08, 0x00};

static void make_example(uint8_t file[AL_ESP_DELTA_HEADER_SIZE + sizeof(example)])
{
    memset(file, 0, AL_ESP_DELTA_HEADER_SIZE);
    memcpy(file, "\x10\xDE\xCD\xFC", 4);
    memset(file + 4, 0x5A, 32);
    memcpy(file + AL_ESP_DELTA_HEADER_SIZE, example, sizeof(example));
    device = (struct device){.base = (const uint8_t *)example_base, .base_len = 16};
}

static void test_esp_delta_applies_the_formats_example(void **state)
{
    uint8_t file[AL_ESP_DELTA_HEADER_SIZE + sizeof(example)], hash[32];

    (void)state;
    make_example(file);
    memset(hash, 0x5A, sizeof(hash));
    assert_true(al_esp_delta_recognise(file, sizeof(file)));
    for (size_t step = 1; step <= sizeof(file); step++) {
        assert_int_equal(apply(&device, &applying, file, sizeof(file), step), 0);
        assert_int_equal(device.out_len, strlen(example_new));
        assert_memory_equal(device.out, example_new, device.out_len);
        assert_memory_equal(applying.base_sha256, hash, sizeof(hash));
        assert_int_equal(applying.to_len, strlen(example_new));
    }
}

static void test_esp_delta_takes_no_other_header(void **state)
{
    uint8_t file[AL_ESP_DELTA_HEADER_SIZE + sizeof(example)];
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {0, 0x11},         {3, 0xFD},  {64, 0x14}, /* in-place */
        {64, 0x01},                                /* LZMA */
        {66, 0x45},        {66, 0x54},             /* other windows */
        {65, 0x00},                                /* an empty result */
        {67, 0x80 | 0x01},                         /* data format patch: its size becomes 2 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        make_example(file);
        file[wrong[i].at] = wrong[i].value;
        assert_int_equal(apply(&device, &applying, file, sizeof(file), 7), AL_ERR_FORMAT);
    }
}

static void test_esp_delta_notices_missing_and_additional_bytes(void **state)
{
    uint8_t file[AL_ESP_DELTA_HEADER_SIZE + sizeof(example) + 1];

    (void)state;
    make_example(file);
    for (size_t len = 0; len < sizeof(file) - 1; len++) {
        assert_int_equal(apply(&device, &applying, file, len, 64), AL_ERR_FORMAT);
    }
    file[sizeof(file) - 1] = 0;
    assert_int_equal(apply(&device, &applying, file, sizeof(file), 64), AL_ERR_FORMAT);
    file[sizeof(file) - 2] |= 1; /* padding that is none */
    assert_int_equal(apply(&device, &applying, file, sizeof(file) - 1, 64), AL_ERR_FORMAT);
}

/* --- Back references, by hand -------------------------------------------------------------- */

/* Bits as text, "1" and "0"; others are skipped. */
static size_t pack(const char *bits, uint8_t *out)
{
    size_t n = 0;

    for (; *bits != '\0'; bits++) {
        if (*bits == '0' || *bits == '1') {
            out[n / 8] = (uint8_t)((n % 8 == 0 ? 0 : out[n / 8]) | (*bits - '0') << (7 - n % 8));
            n++;
        }
    }
    return (n + 7) / 8;
}

static void test_esp_delta_reads_back_references(void **state)
{
    uint8_t file[128] = {0x10, 0xDE, 0xCD, 0xFC};
    size_t len = AL_ESP_DELTA_HEADER_SIZE;

    (void)state;
    file[len++] = 0x04;
    file[len++] = 6;
    file[len++] = 0x44;
    /* 00 dfp, 00 diff, 06 extra, "ab", then distance 2, length 4 (overlapping): "abab"; 00 adjust */
    len +=
        pack("1.00000000 0.00000000.0000000 1.00000110 1.01100001 1.01100010 0.00000001.0000011 1.00000000",
             file + len);
    device = (struct device){.base = (const uint8_t *)"", .base_len = 0};
    assert_int_equal(apply(&device, &applying, file, len, 1), 0);
    assert_int_equal(device.out_len, 6);
    assert_memory_equal(device.out, "ababab", 6);
}

/* --- Round trips ------------------------------------------------------------------------------ */

static uint32_t rnd_state;

static uint32_t rnd(uint32_t below)
{
    rnd_state = rnd_state * 1664525u + 1013904223u;
    return (rnd_state >> 8) % below;
}

/* Bytes with some structure: runs, repeats, noise. */
static void scribble(uint8_t *p, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t n = 1 + rnd(300);
        const uint32_t how = rnd(3);

        n = n < len - at ? n : len - at;
        for (size_t i = 0; i < n; i++) {
            p[at + i] = how == 0 ? 0 : how == 1 && at > 1000 ? p[at + i - 1000] : (uint8_t)rnd(256);
        }
        at += n;
    }
}

/* Move, change, insert and drop pieces of `from`. */
static size_t edit(const uint8_t *from, size_t len, uint8_t *to)
{
    size_t n = 0;

    for (size_t at = 0; at < len;) {
        size_t piece = 1 + rnd(5000);
        const uint32_t how = rnd(5);

        piece = piece < len - at ? piece : len - at;
        if (how == 0) {
            scribble(to + n, piece / 4);
            n += piece / 4;
        } else if (how == 1) {
            const size_t other = rnd((uint32_t)(len - piece + 1));

            memcpy(to + n, from + other, piece);
            n += piece;
        } else {
            memcpy(to + n, from + at, piece);
            for (size_t i = 0; how == 2 && i < piece; i += 1 + rnd(60)) {
                to[n + i] = (uint8_t)(to[n + i] + 4);
            }
            n += piece;
        }
        at += piece;
    }
    return n;
}

static uint8_t base[MAX_LEN / 2], to[MAX_LEN];

static void test_esp_delta_round_trips(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++) {
        uint8_t *patch = NULL, *again = NULL;
        size_t patch_len, again_len;
        char err[128] = "";

        rnd_state = seed;
        uint8_t content[100000];
        const uint32_t content_len = 256 + rnd(25000) * 4;

        scribble(content, content_len);
        const uint32_t base_len = test_image_with(base, "1.0.0", 0, content, content_len);
        const size_t to_len = seed == 1 ? 1 : edit(base, base_len, to);

        assert_int_equal(delta_esp_make(base, base_len, to, to_len, &patch, &patch_len, err, sizeof(err)), 0);
        assert_int_equal(delta_esp_make(base, base_len, to, to_len, &again, &again_len, err, sizeof(err)), 0);
        assert_int_equal(patch_len, again_len);
        assert_memory_equal(patch, again, patch_len);
        assert_memory_equal(patch + 4, base + base_len - 32, 32); /* the digest at the image's end */

        device = (struct device){.base = base, .base_len = base_len};
        assert_int_equal(apply(&device, &applying, patch, patch_len, 1 + rnd(2000)), 0);
        assert_int_equal(device.out_len, to_len);
        assert_memory_equal(device.out, to, to_len);

        device.fails = 1;
        assert_int_equal(apply(&device, &applying, patch, patch_len, 512), AL_ERR_IO);
        free(patch);
        free(again);
    }
}

static void test_esp_delta_patch_is_small(void **state)
{
    uint8_t *patch = NULL, content[60000];
    size_t patch_len;
    char err[128];

    (void)state;
    rnd_state = 7;
    scribble(content, sizeof(content));
    const uint32_t base_len = test_image_with(base, "1.0.0", 0, content, sizeof(content));

    memcpy(to, base, base_len);
    to[30000] ^= 1;
    assert_int_equal(delta_esp_make(base, base_len, to, base_len, &patch, &patch_len, err, sizeof(err)), 0);
    /* 16 bits for each 128 equal bytes, and a little. */
    assert_true(patch_len < AL_ESP_DELTA_HEADER_SIZE + base_len / 64 + 40);
    free(patch);
}

static void test_esp_delta_refuses_a_base_that_devices_could_not_recognise(void **state)
{
    uint8_t *patch = NULL, content[2000] = {0};
    size_t patch_len;
    char err[128];
    const uint32_t base_len = test_image_with(base, "1.0.0", 0, content, sizeof(content));

    (void)state;
    base[base_len - 1] ^= 1;
    assert_int_equal(delta_esp_make(base, base_len, base, base_len, &patch, &patch_len, err, sizeof(err)),
                     AL_ERR_IMAGE);
    base[base_len - 1] ^= 1;
    base[23] = 0; /* no hash appended */
    assert_int_equal(delta_esp_make(base, base_len, base, base_len, &patch, &patch_len, err, sizeof(err)),
                     AL_ERR_IMAGE);
    assert_non_null(strstr(err, "no appended SHA-256"));
    assert_int_equal(delta_esp_make(base, 100, base, base_len, &patch, &patch_len, err, sizeof(err)),
                     AL_ERR_IMAGE);
    base[23] = 1;
    assert_int_equal(delta_esp_make(base, base_len, base, 0, &patch, &patch_len, err, sizeof(err)),
                     AL_ERR_SIZE);
    assert_null(patch);
}

/* --- Patches that lie ------------------------------------------------------------------------------ */

static void test_esp_delta_damage_stays_within_bounds(void **state)
{
    uint8_t *patch = NULL, content[3000];
    size_t patch_len;
    char err[128];
    unsigned refused = 0;

    (void)state;
    rnd_state = 3;
    scribble(content, sizeof(content));
    const uint32_t base_len = test_image_with(base, "1.0.0", 0, content, sizeof(content));
    const size_t to_len = edit(base, base_len, to);

    assert_int_equal(delta_esp_make(base, base_len, to, to_len, &patch, &patch_len, err, sizeof(err)), 0);
    device = (struct device){.base = base, .base_len = base_len};
    for (size_t i = AL_ESP_DELTA_HEADER_SIZE; i < patch_len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            patch[i] ^= (uint8_t)(1u << bit);
            refused += apply(&device, &applying, patch, patch_len, 300) != 0; /* device_* check the bounds */
            patch[i] ^= (uint8_t)(1u << bit);
        }
    }
    assert_true(refused >
                patch_len); /* many are noticed; that the others give a wrong image, its hash tells */
    free(patch);
}

static void test_esp_delta_refuses_a_result_too_long(void **state)
{
    uint8_t file[AL_ESP_DELTA_HEADER_SIZE + sizeof(example)];

    (void)state;
    make_example(file);
    const struct al_esp_delta_io io = {&device, device.base_len, 21, device_read, device_write};

    al_esp_delta_begin(&applying, &io);
    assert_int_equal(al_esp_delta_feed(&applying, file, sizeof(file)), AL_ERR_SIZE);
    assert_int_equal(device.out_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esp_delta_applies_the_formats_example),
        cmocka_unit_test(test_esp_delta_takes_no_other_header),
        cmocka_unit_test(test_esp_delta_notices_missing_and_additional_bytes),
        cmocka_unit_test(test_esp_delta_reads_back_references),
        cmocka_unit_test(test_esp_delta_round_trips),
        cmocka_unit_test(test_esp_delta_patch_is_small),
        cmocka_unit_test(test_esp_delta_refuses_a_base_that_devices_could_not_recognise),
        cmocka_unit_test(test_esp_delta_damage_stays_within_bounds),
        cmocka_unit_test(test_esp_delta_refuses_a_result_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
