#include "esp_rom_md5.h"

#include <stdlib.h>
#include <string.h>

#include "airlift/crypto.h"

_Static_assert(sizeof(struct al_hash) <= sizeof(md5_context_t), "md5_context_t is too small");

/* The ROM's functions have no way to fail. */
static void must(int result)
{
    if (result != 0) {
        abort();
    }
}

void esp_rom_md5_init(md5_context_t *context)
{
    must(al_md5_init((struct al_hash *)context));
}

void esp_rom_md5_update(md5_context_t *context, const void *buf, uint32_t len)
{
    must(al_hash_update((struct al_hash *)context, buf, len));
}

void esp_rom_md5_final(uint8_t *digest, md5_context_t *context)
{
    uint8_t longest[AL_SHA256_SIZE]; /* some ports use room for the longest digest */

    must(al_hash_final((struct al_hash *)context, longest));
    memcpy(digest, longest, AL_MD5_SIZE);
}
