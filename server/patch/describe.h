/*
 * describe.h - what a patch's own header says, and what its image is made of. Pure.
 */
#ifndef SERVER_PATCH_DESCRIBE_H
#define SERVER_PATCH_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../store/patches.h"

/* Fill in p->format and p->ram. False if these bytes are no patch to p's image. */
bool srv_patch_describe(const uint8_t *data, size_t len, struct srv_patch *p);

/* The hashes of an image's blocks, of 64 KiB each or, for a large one, the next power of two. False: hashing failed. */
bool srv_describe_blocks(const uint8_t *image, size_t len, struct srv_blocks *out);

#endif
