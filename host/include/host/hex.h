/*
 * hex.h - bytes as hexadecimal text, and back.
 */
#ifndef HOST_HEX_H
#define HOST_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower case, with a NUL. out: 2 * len + 1 bytes. */
void host_hex_print(const uint8_t *data, size_t len, char *out);

/* Exactly 2 * len digits of either case; false for anything else, and out is as it was. */
bool host_hex_parse(const char *text, uint8_t *out, size_t len);

#endif
