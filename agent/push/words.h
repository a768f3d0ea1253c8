/*
 * words.h - the words of a protocol's line.
 */
#ifndef PUSH_WORDS_H
#define PUSH_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* The next word of *at, which spaces end; it is cut off there, and *at goes on behind. NULL: no more. */
char *push_word(char **at);

/* A decimal number of 1 to 9 digits and nothing else. NULL is none. */
bool push_decimal(const char *word, uint32_t *out);

#endif
