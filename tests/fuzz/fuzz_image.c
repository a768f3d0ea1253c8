/*
 * Any bytes as an app image: fed whole or in pieces of any size, the verdict is
 * the same, and so is what was found in it.
 *
 * The last two bytes choose the rules and seed the sizes of the pieces.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

struct verdict {
    int err;
    enum al_image_fault fault;
    struct al_image_info info;
};

/* Feed in pieces of 1..max_piece bytes, or whole if that is 0. */
static void verify(const uint8_t *data, size_t len, const struct al_image_rules *rules, size_t max_piece,
                   uint32_t seed, struct verdict *out)
{
    static struct al_image_check check;
    memset(out, 0, sizeof *out);
    require(al_image_check_begin(&check, rules) == AL_OK);
    for (size_t at = 0; at < len;) {
        seed = seed * 1664525u + 1013904223u;
        size_t piece = max_piece == 0 ? len : 1 + (seed >> 8) % max_piece;
        piece = piece < len - at ? piece : len - at;
        int err = al_image_check_feed(&check, data + at, piece);
        require(out->err == AL_OK || err == out->err); /* once bad, bad for good */
        out->err = err;
        at += piece;
    }
    int err = al_image_check_end(&check, &out->info);
    require(out->err == AL_OK || err == out->err);
    out->err = err;
    out->fault = check.fault;
    require((err == AL_OK) == (check.fault == AL_IMAGE_GOOD));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct verdict whole, pieces, bytes;
    if (len < 2) {
        return 0;
    }
    len -= 2;
    uint8_t choice = data[len];
    uint32_t seed = data[len + 1];
    struct al_image_rules rules = {
        .flash_off = (choice & 1) != 0 ? 0x10000 : 0,
        .part_size = (choice & 2) != 0 ? 0x10000 : 0,
        .chip = (choice & 4) != 0 ? al_chip_by_id(5) : NULL,
        .chip_rev = 4,
        .blk_rev = 103,
        .ignore_max_chip_rev = (choice & 8) != 0,
        .ignore_max_blk_rev = (choice & 16) != 0,
        .for_load = (choice & 32) != 0,
        .skip_integrity = (choice & 64) != 0,
    };

    verify(data, len, &rules, 0, seed, &whole);
    verify(data, len, &rules, 1 + seed * 4, seed, &pieces);
    require(whole.err == pieces.err && whole.fault == pieces.fault);
    if (whole.err == AL_OK) {
        require(memcmp(&whole.info, &pieces.info, sizeof whole.info) == 0);
        require(whole.info.len <= len);
    }
    if (len < 2048) {
        verify(data, len, &rules, 1, seed, &bytes);
        require(whole.err == bytes.err && whole.fault == bytes.fault);
    }
    return 0;
}
