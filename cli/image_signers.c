#include "image_signers.h"

#include <stdio.h>
#include <string.h>

#include "host/hex.h"
#include "sign_block.h"

#define KEYS_MAX (sizeof((struct image_signers *)0)->key / sizeof((struct image_signers *)0)->key[0])

int image_signers_trust(const struct host_cmd *cmd, const struct host_list *keys,
                        const struct host_list *digests, struct image_signers *out)
{
    if (keys->n + digests->n > KEYS_MAX) {
        host_usage(cmd, "more than %zu keys", KEYS_MAX);
    }
    unsigned n = 0;
    for (unsigned i = 0; i < keys->n; i++) {
        struct sign_key key;
        char message[512];
        if (sign_key_load(keys->item[i], false, NULL, &key, message, sizeof message) != 0) {
            return host_fail("%s", message);
        }
        bool ok = sign_block_key_digest(&key, out->key[n++]);
        sign_key_free(&key);
        if (!ok) {
            return host_fail("%s: the key's digest can't be made", keys->item[i]);
        }
    }
    for (unsigned i = 0; i < digests->n; i++) {
        if (!host_hex_parse(digests->item[i], out->key[n++], AL_SIG_KEY_DIGEST_SIZE)) {
            host_usage(cmd, "--digest: '%s' is not 64 hexadecimal digits, as airlift keys digest prints them",
                       digests->item[i]);
        }
    }
    out->policy = (struct al_sig_policy){.key = (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])out->key,
                                         .n_keys = (uint8_t)n};
    return 0;
}

static bool has_key(const struct al_sig_signer *s)
{
    return al_sig_layout(s->type)->key_len != 0;
}

cJSON *image_signers_json(const struct al_sig_check *check)
{
    cJSON *out = cJSON_CreateArray();
    for (unsigned i = 0; i < check->n_signers; i++) {
        const struct al_sig_signer *s = &check->signer[i];
        char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "type", al_sig_type_text(s->type));
        if (has_key(s)) {
            host_hex_print(s->key_digest, sizeof s->key_digest, hex);
            cJSON_AddStringToObject(item, "key_digest", hex);
        } else {
            cJSON_AddNullToObject(item, "key_digest");
        }
        cJSON_AddBoolToObject(item, "valid", s->fault == AL_SIG_GOOD);
        cJSON_AddStringToObject(item, "reason", al_sig_fault_text(s->fault));
        cJSON_AddItemToArray(out, item);
    }
    return out;
}

void image_signers_print(const struct al_sig_check *check)
{
    if (check->n_signers == 0 || check->fault == AL_SIG_DAMAGED) {
        printf("signature    %s\n", al_sig_fault_text(check->fault));
    }
    for (unsigned i = 0; i < check->n_signers; i++) {
        const struct al_sig_signer *s = &check->signer[i];
        char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1] = "-";
        if (has_key(s)) {
            host_hex_print(s->key_digest, sizeof s->key_digest, hex);
        }
        printf("signature %u  %s, %s, key %s\n", i, al_sig_type_text(s->type),
               s->fault == AL_SIG_GOOD ? "right" : al_sig_fault_text(s->fault), hex);
    }
}
