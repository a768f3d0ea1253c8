/*
 * describe.h - what a patch's own header says. Pure.
 */
#ifndef SERVER_PATCH_DESCRIBE_H
#define SERVER_PATCH_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../store/patches.h"

/* Fill in p->format and p->ram. False if these bytes are no patch to p's image. */
bool srv_patch_describe(const uint8_t *data, size_t len, struct srv_patch *p);

#endif
