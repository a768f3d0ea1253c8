/*
 * delta_test.c - airlift's own patches: what they make, in pieces of any size, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/crypto.h"
#include "delta/delta.h"
#include "delta_small.h"

/* Two files and what a decoder makes of a patch. */
struct world {
    const uint8_t *old, *want;
    size_t old_len, want_len;
    uint8_t *made;
    size_t n_made, limit;
};

static int check(void *ctx, const struct al_delta_header *header)
{
    struct world *w = ctx;

    w->limit = header->new_len;
    w->made = malloc(header->new_len + 1);
    return w->made && header->old_len == w->old_len ? 0 : AL_ERR_STATE;
}

static int read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct world *w = ctx;

    assert_true(off <= w->old_len && len <= w->old_len - off);
    memcpy(buf, w->old + off, len);
    return 0;
}

static int read_new(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct world *w = ctx;

    assert_true(off <= w->n_made && len <= w->n_made - off);
    memcpy(buf, w->made + off, len);
    return 0;
}

static int write_new(void *ctx, const void *buf, uint32_t len)
{
    struct world *w = ctx;

    assert_true(len <= AL_DELTA_PIECE && len <= w->limit - w->n_made);
    memcpy(w->made + w->n_made, buf, len);
    w->n_made += len;
    return 0;
}

#define MOVING_STEP 47u

/* Result of applying; the bytes are in w->made then. With MOVING_STEP the state moves before each piece. */
static int apply(struct world *w, const uint8_t *patch, size_t len, size_t step)
{
    static struct al_delta place[2];
    struct al_delta *d = &place[0];
    const struct al_delta_io io = {w, check, read_old, read_new, write_new};
    int result = 0;

    free(w->made);
    w->made = NULL;
    w->n_made = 0;
    al_delta_begin(d, &io);
    for (size_t i = 0; i < len && result == 0; i += step) {
        if (step == MOVING_STEP) {
            struct al_delta *other = &place[d == &place[0]];

            al_delta_detach(d);
            *other = *d;
            memset(d, 0xA5, sizeof(*d));
            d = other;
            al_delta_attach(d, &io);
        }
        result = al_delta_feed(d, patch + i, len - i < step ? len - i : step);
    }
    return result ? result : al_delta_end(d);
}

static bool is_wanted(const struct world *w)
{
    return w->n_made == w->want_len && memcmp(w->made, w->want, w->want_len) == 0;
}

static uint8_t *make(const struct world *w, bool small, size_t *len)
{
    const struct delta_options options = {.n_map = small ? DELTA_SMALL_MAP : 0,
                                          .pool = small ? AL_DELTA_SMALL_POOL : 0};
    uint8_t *patch = NULL;

    assert_int_equal(delta_make(w->old, w->old_len, w->want, w->want_len, &options, &patch, len), 0);
    return patch;
}

static void round_trip(const uint8_t *old, size_t old_len, const uint8_t *new, size_t new_len)
{
    struct world w = {.old = old, .old_len = old_len, .want = new, .want_len = new_len};

    for (int small = 0; small < 2; small++) {
        size_t len;
        uint8_t *patch = make(&w, small, &len);
        static const size_t steps[] = {1, MOVING_STEP, 4096, 1u << 30};

        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            assert_int_equal(apply(&w, patch, len, steps[i]), 0);
            assert_true(is_wanted(&w));
        }
        const struct al_delta_io io = {&w, check, read_old, read_new, write_new};

        free(w.made);
        w.made = NULL;
        w.n_made = 0;
        assert_int_equal(small_decoder_apply(&io, patch, len), small ? 0 : AL_ERR_SIZE);
        assert_true(!small || is_wanted(&w));
        free(patch);
    }
    free(w.made);
}

static uint32_t seed = 1;

static uint8_t noise(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint8_t)(seed >> 24);
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = noise();
    }
}

/* --- Making ---------------------------------------------------------------- */

static void test_delta_makes_any_bytes(void **state)
{
    (void)state;
    static uint8_t a[200000], b[200000];

    fill(a, sizeof a);
    memcpy(b, a, sizeof b);
    round_trip(a, sizeof a, b, sizeof b); /* the same */
    round_trip(a, sizeof a, b, 0);
    round_trip(a, 0, b, 0);
    round_trip(a, 0, b, 1);
    round_trip(a, 1, b, sizeof b);
    round_trip(a, 0, b, 70000);
    memmove(b + 1000, b, sizeof b - 1000); /* an insertion, */
    for (size_t i = 0; i < sizeof b; i += 997) {
        b[i] ^= 0x55; /* and single changes */
    }
    round_trip(a, sizeof a, b, sizeof b);
    memset(b, 0, sizeof b); /* one match of its own making after the other */
    round_trip(a, sizeof a, b, sizeof b);
    memset(b + 100000, 0xFF, 100000);
    round_trip(b, sizeof b, a, sizeof a);
}

/* The one real pair that is kept here: WLED for the ESP32-C3. */
static uint8_t *load(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/firmware/%s", AIRLIFT_TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(*len);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *len, f), *len);
    fclose(f);
    return data;
}

static void test_delta_of_a_patch_release_is_small(void **state)
{
    (void)state;
    size_t old_len, new_len, len, again_len;
    uint8_t *old = load("wled-esp32c3-0.14.2.bin", &old_len),
            *new = load("wled-esp32c3-0.14.3.bin", &new_len);
    struct world w = {.old = old, .old_len = old_len, .want = new, .want_len = new_len};
    uint8_t *patch = make(&w, false, &len), *again = make(&w, false, &again_len);

    assert_int_equal(apply(&w, patch, len, 1000), 0);
    assert_true(is_wanted(&w));
    assert_true(len < 10154); /* delta-size of the prototype that this format grew from */
    assert_true(len == again_len && memcmp(patch, again, len) == 0);
    free(patch);
    patch = make(&w, true, &len);
    assert_int_equal(apply(&w, patch, len, 1000), 0);
    assert_true(is_wanted(&w));
    free(patch);
    free(again);
    free(old);
    free(new);
    free(w.made);
}

/* --- Addresses ------------------------------------------------------------- */

/* No number of the format says that an address moved by 2 GiB: such an image is told as any other bytes are. */
static void test_images_at_any_address(void **state)
{
    static uint8_t image[2][400];
    static const uint32_t addr[] = {0, 0x1C000000, 0x5BFFFFFF, 0x5C000000, 0x80000000, 0xFFFFFFFF};

    (void)state;
    for (size_t a = 0; a < 6; a++) {
        for (size_t b = 0; b < 6; b++) {
            for (unsigned i = 0; i < 2; i++) {
                fill(image[i], sizeof(image[i]));
                image[i][0] = 0xE9;
                image[i][1] = 1;
                image[i][12] = 5;
                al_put_le32(image[i] + 24, addr[i == 0 ? a : b]);
                al_put_le32(image[i] + 28, 300);
            }
            memcpy(image[1] + 100, image[0] + 90, 200);
            round_trip(image[0], sizeof(image[0]), image[1], sizeof(image[1]));
            round_trip(NULL, 0, image[1], sizeof(image[1]));
        }
    }
}

static void test_entry_holds_address_and_shift(void **state)
{
    (void)state;
    static const int32_t shifts[] = {0, 1, -1, AL_DELTA_SHIFT_MAX, -AL_DELTA_SHIFT_MAX, 31, 32, -32, -33};

    for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        for (uint32_t address = 0; address <= AL_DELTA_ADDRESS_MAX; address += address / 3 + 1) {
            struct al_delta_entry e;

            al_delta_entry_set(&e, address, shifts[i]);
            assert_int_equal(al_delta_entry_address(&e), address);
            assert_int_equal(al_delta_entry_shift(&e), shifts[i]);
        }
    }
}

/* --- Hostile patches ------------------------------------------------------- */

static void test_damaged_patches_are_refused_or_harmless(void **state)
{
    (void)state;
    static uint8_t a[3000], b[3000];
    size_t len;

    fill(a, sizeof a);
    memcpy(b, a + 10, sizeof b - 10);
    fill(b + 1500, 60);
    struct world w = {.old = a, .old_len = sizeof a, .want = b, .want_len = sizeof b};
    uint8_t *patch = make(&w, false, &len);

    for (size_t cut = 0; cut < len; cut++) { /* cut short anywhere */
        assert_int_not_equal(apply(&w, patch, cut, 4096), 0);
    }
    for (size_t i = 0; i < 8 * len; i++) { /* any bit */
        patch[i / 8] ^= (uint8_t)(1u << (i % 8));
        const int result = apply(&w, patch, len, 4096);

        assert_true(result != 0 || is_wanted(&w));
        patch[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    uint8_t *longer = malloc(len + 1);
    assert_non_null(longer);
    memcpy(longer, patch, len);
    longer[len] = 0;
    assert_int_equal(apply(&w, longer, len + 1, 4096), AL_ERR_FORMAT);
    free(longer);
    free(patch);
    free(w.made);
}

/* A header that is right, and nothing or nonsense behind it. */
static void test_headers_that_promise_too_much_are_refused(void **state)
{
    (void)state;
    uint8_t raw[AL_DELTA_HEADER_SIZE + 64] = {0};
    static const uint8_t old[16];
    struct world w = {.old = old};

    for (uint32_t patch_len = AL_DELTA_HEADER_SIZE - 2; patch_len < AL_DELTA_HEADER_SIZE + 64; patch_len++) {
        al_put_le32(raw, AL_DELTA_MAGIC);
        raw[4] = 1;
        raw[5] = 9;
        al_put_le16(raw + 6, 3);
        al_put_le32(raw + 8, 0);
        al_put_le32(raw + 12, AL_DELTA_MAX_LEN);
        al_put_le32(raw + 16, patch_len);
        al_put_le32(raw + 84, al_crc32_zlib(0, raw, 84));
        assert_int_not_equal(apply(&w, raw, patch_len, 4096), 0);
        fill(raw + AL_DELTA_HEADER_SIZE, 64);
        assert_int_not_equal(apply(&w, raw, patch_len, 1), 0);
    }
    struct al_delta_header h;
    al_put_le16(raw + 6, AL_DELTA_POOL / 3);
    al_put_le32(raw + 84, al_crc32_zlib(0, raw, 84));
    assert_int_equal(al_delta_parse_header(raw, &h), AL_ERR_SIZE);
    raw[84] ^= 1;
    assert_int_equal(al_delta_parse_header(raw, &h), AL_ERR_FORMAT);
    free(w.made);
}

static void test_decoder_fits_its_memory(void **state)
{
    (void)state;
    printf("struct al_delta: %zu bytes; built for 12 KiB: %zu\n", sizeof(struct al_delta),
           small_decoder_size());
    assert_true(sizeof(struct al_delta) <= 20480);
    assert_true(small_decoder_size() <= 12288);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delta_makes_any_bytes),
        cmocka_unit_test(test_delta_of_a_patch_release_is_small),
        cmocka_unit_test(test_images_at_any_address),
        cmocka_unit_test(test_entry_holds_address_and_shift),
        cmocka_unit_test(test_damaged_patches_are_refused_or_harmless),
        cmocka_unit_test(test_headers_that_promise_too_much_are_refused),
        cmocka_unit_test(test_decoder_fits_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
