/*
 * heatshrink.h - LZSS in a bit stream, as the heatshrink library writes it with a window of 8 and a lookahead of 7
 * bits: most significant bit first, 1 + literal, or 0 + distance - 1 (8 bits) + length - 1 (7 bits); zeros fill the
 * last byte.
 */
#ifndef DELTA_HEATSHRINK_H
#define DELTA_HEATSHRINK_H

#include <stddef.h>
#include <stdint.h>

#define DELTA_HEATSHRINK_PARAMETERS 0x44u /* (window - 4) << 4 | (lookahead - 3) */

/*
 * The shortest encoding of `in`, of 1 byte or more, into malloc'd *out. Needs 6 bytes of memory for each byte.
 * Returns 0, or -1 if memory ran out.
 */
int delta_heatshrink_encode(const uint8_t *in, size_t len, uint8_t **out, size_t *out_len);

#endif
