/*
 * print_hex.h - digests as text, and back.
 */
#ifndef CLI_PRINT_HEX_H
#define CLI_PRINT_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out: 2 * len + 1 bytes. */
void print_hex(const uint8_t *data, size_t len, char *out);

/* Exactly 2 * len hexadecimal digits. */
bool parse_hex(const char *text, uint8_t *out, size_t len);

#endif
