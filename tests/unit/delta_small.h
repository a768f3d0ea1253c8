/*
 * delta_small.h - a second decoder, built for 12 KiB.
 */
#ifndef TESTS_DELTA_SMALL_H
#define TESTS_DELTA_SMALL_H

#include "airlift/delta.h"

size_t small_decoder_size(void);

/* Returns what al_delta_feed() or al_delta_end() do there. */
int small_decoder_apply(const struct al_delta_io *io, const uint8_t *patch, size_t len);

#endif
