/*
 * tear.h - what a flash operation leaves when the power goes in the middle of it.
 *
 * Pure functions of their arguments: the same seed tears the same way, so a
 * failure can be replayed. Only the bits that the operation was about to change
 * are touched, and only in the direction it changes them.
 */
#ifndef DEVICE_TEAR_H
#define DEVICE_TEAR_H

#include <stddef.h>
#include <stdint.h>

/* `data` was being programmed to `at` (which it may be: checked before). */
void dev_tear_program(uint8_t *at, const uint8_t *data, size_t len, uint64_t seed);

/* The sector at `at` was being erased. */
void dev_tear_erase(uint8_t *at, size_t len, uint64_t seed);

#endif
