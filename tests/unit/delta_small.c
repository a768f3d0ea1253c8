/*
 * delta_small.c - the decoder as it is built for 12 KiB, beside the one that the library has.
 */
#define AL_DELTA_SMALL
#define al_delta_parse_header small_parse_header
#define al_delta_read         small_read
#define al_delta_begin        small_begin
#define al_delta_feed         small_feed
#define al_delta_end          small_end
#include "../../core/src/delta.c"

#include "delta_small.h"

size_t small_decoder_size(void)
{
    return sizeof(struct al_delta);
}

int small_decoder_apply(const struct al_delta_io *io, const uint8_t *patch, size_t len)
{
    static struct al_delta d;

    al_delta_begin(&d, io);
    const int result = al_delta_feed(&d, patch, len);

    return result != 0 ? result : al_delta_end(&d);
}
