#include "airlift/crypto.h"

int al_sha256(const void *data, size_t len, uint8_t digest[AL_SHA256_SIZE])
{
    struct al_hash h;
    int err = al_sha256_init(&h);

    if (err != 0) {
        return err;
    }
    err = al_hash_update(&h, data, len);
    if (err != 0) {
        al_hash_abort(&h);
        return err;
    }
    return al_hash_final(&h, digest);
}
