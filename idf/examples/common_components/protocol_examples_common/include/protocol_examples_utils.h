/*
 * protocol_examples_utils.h - text of URLs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Percent-encode len bytes of src but letters, digits and -_.~ (RFC 3986), or
 * undo it; what is no %XX stays as it is. dest gets a terminating 0 and needs
 * room for 3 * len + 1 (or len + 1) bytes.
 *
 * Encoding returns the length of the result; 0 if an argument is NULL or there is nothing to do.
 */
uint32_t example_uri_encode(char *dest, const char *src, size_t len);
void example_uri_decode(char *dest, const char *src, size_t len);

#ifdef __cplusplus
}
#endif
