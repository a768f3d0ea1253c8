/*
 * text.h - text from outside (images, flash, file names) that need not be text.
 */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <stddef.h>

/* Length of the well-formed UTF-8 sequence at p (at most `len` bytes, 1 or more), 0 if there is none. */
size_t host_utf8_len(const unsigned char *p, size_t len);

/* In place: '?' for each byte that is in no well-formed sequence. What JSON documents must be. */
void host_text_utf8(char *text);

/* The same, and '?' for control characters: what may be printed on a terminal. */
void host_text_printable(char *text);

#endif
