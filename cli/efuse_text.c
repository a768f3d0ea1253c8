/*
 * efuse_text.c - a device's key eFuses, for people and as JSON.
 */
#include "efuse_text.h"
#include "host/hex.h"

#include <stdio.h>

static bool is_revoked(const struct dev_desc *desc, unsigned index)
{
    return desc->revoked_keys >> index & 1;
}

bool efuse_key_text(const struct dev_desc *desc, unsigned index, char out[EFUSE_KEY_TEXT])
{
    char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1] = "empty";
    bool burnt = dev_desc_has_key(desc, index);
    if (burnt) {
        host_hex_print(desc->key_digests[index], AL_SIG_KEY_DIGEST_SIZE, hex);
    }
    snprintf(out, EFUSE_KEY_TEXT, "%.12s%s%s", hex, burnt ? "..." : "",
             is_revoked(desc, index) ? " (revoked)" : "");
    return burnt || is_revoked(desc, index);
}

cJSON *efuse_keys_json(const struct dev_desc *desc)
{
    cJSON *keys = cJSON_CreateArray();
    unsigned n = desc->chip->one_signer ? 1 : DEV_MAX_KEYS;
    for (unsigned i = 0; i < n; i++) {
        char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1];
        cJSON *key = cJSON_CreateObject();
        if (dev_desc_has_key(desc, i)) {
            host_hex_print(desc->key_digests[i], AL_SIG_KEY_DIGEST_SIZE, hex);
            cJSON_AddStringToObject(key, "digest", hex);
        } else {
            cJSON_AddNullToObject(key, "digest");
        }
        cJSON_AddBoolToObject(key, "revoked", is_revoked(desc, i));
        cJSON_AddItemToArray(keys, key);
    }
    return keys;
}
