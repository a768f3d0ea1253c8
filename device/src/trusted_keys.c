/*
 * trusted_keys.c - whose signature the eFuses make a device accept.
 */
#include "device/desc.h"

bool dev_desc_has_key(const struct dev_desc *desc, unsigned index)
{
    uint8_t any = 0;
    for (unsigned i = 0; index < desc->n_key_digests && i < AL_SIG_KEY_DIGEST_SIZE; i++) {
        any |= desc->key_digests[index][i];
    }
    return any != 0;
}

void dev_desc_trusted_keys(const struct dev_desc *desc, struct al_sig_policy *out)
{
    *out = (struct al_sig_policy){
        .key = desc->key_digests,
        .n_keys = (uint8_t)desc->n_key_digests,
        .revoked = desc->revoked_keys,
        .digest_len = desc->chip->key_digest_len,
        .first_block_only = desc->chip->one_signer,
    };
    /* Where nothing was burnt the eFuses read as zeros, and those are nobody's digest. */
    for (unsigned i = 0; i < desc->n_key_digests; i++) {
        if (!dev_desc_has_key(desc, i)) {
            out->revoked |= (uint8_t)(1u << i);
        }
    }
}
