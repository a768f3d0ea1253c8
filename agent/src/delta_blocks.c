/*
 * The manifest's hashes of the image's blocks, compared while the image is made: what a patch makes that is
 * wrong is noticed within a block, not when all of the slot has been written.
 */
#include <inttypes.h>
#include <string.h>

#include "delta.h"

/* Do the manifest's blocks make up its image? */
static bool have_blocks(const struct agent_decoding *d)
{
    const struct agent_blocks *b = &d->a->patch.blocks;

    return b->n != 0 && b->n == (d->a->manifest.size + b->size - 1) / b->size;
}

static airlift_fail_t broken(struct agent *a)
{
    return agent_fail(a, AIRLIFT_FAIL_FLASH, "hashing failed");
}

/* Hash what the slot holds of the block that byte `d->durable` lies in. */
static bool take_over(struct agent_decoding *d)
{
    uint8_t piece[256];

    for (uint32_t off = d->durable / d->a->patch.blocks.size * d->a->patch.blocks.size; off < d->durable;
         off += sizeof(piece)) {
        if (esp_partition_read(d->slot, off, piece, sizeof(piece)) != ESP_OK ||
            al_hash_update(&d->block, piece, sizeof(piece)) != 0) {
            return false;
        }
    }
    return true;
}

airlift_fail_t agent_blocks_begin(struct agent_decoding *d, bool go_on)
{
    agent_blocks_end(d);
    if (!have_blocks(d)) {
        return AIRLIFT_FAIL_NONE;
    }
    if (al_sha256_init(&d->block) != 0) {
        return broken(d->a);
    }
    d->hashing = true;
    return !go_on || take_over(d) ? AIRLIFT_FAIL_NONE : broken(d->a);
}

airlift_fail_t agent_blocks_take(struct agent_decoding *d)
{
    struct agent *a = d->a;
    const struct agent_blocks *b = &a->patch.blocks;
    uint8_t sha256[AL_SHA256_SIZE];

    if (!d->hashing) {
        return AIRLIFT_FAIL_NONE;
    }
    if (al_hash_update(&d->block, a->buf.sector, d->held) != 0) {
        return broken(a);
    }
    if (d->made % b->size != 0 && d->made != a->manifest.size) {
        return AIRLIFT_FAIL_NONE;
    }
    d->hashing = false;
    if (al_hash_final(&d->block, sha256) != 0) {
        return broken(a);
    }
    const uint32_t i = (d->made - 1) / b->size;

    if (memcmp(sha256, b->sha256[i], sizeof(b->sha256[i])) != 0) {
        return agent_fail(a, AIRLIFT_FAIL_HASH,
                          "block %" PRIu32 " of what the patch gives is not the manifest's", i);
    }
    return d->made == a->manifest.size ? AIRLIFT_FAIL_NONE : agent_blocks_begin(d, false);
}

void agent_blocks_end(struct agent_decoding *d)
{
    if (d->hashing) {
        al_hash_abort(&d->block);
        d->hashing = false;
    }
}
