#include "server/signers.h"

#include <stdio.h>
#include <string.h>

#include "host/hex.h"

const struct al_sig_policy srv_anyone = {.any_key = true};

void srv_signers_of(const struct al_sig_check *check, struct srv_signers *out)
{
    memset(out, 0, sizeof *out);
    out->n = check->n_signers;
    for (unsigned i = 0; i < out->n; i++) {
        const struct al_sig_signer *from = &check->signer[i];
        struct srv_signer *to = &out->item[i];
        snprintf(to->type, sizeof to->type, "%s", al_sig_type_text(from->type));
        to->valid = from->fault == AL_SIG_GOOD;
        if (al_sig_layout(from->type)->key_len != 0) {
            host_hex_print(from->key_digest, sizeof from->key_digest, to->key_digest);
        }
    }
}

enum al_sig_fault srv_signers_fault(const struct al_sig_check *check)
{
    if (check->fault == AL_SIG_DAMAGED) {
        return AL_SIG_DAMAGED;
    }
    for (unsigned i = 0; i < check->n_signers; i++) {
        enum al_sig_fault fault = check->signer[i].fault;
        if (fault == AL_SIG_WRONG_DIGEST || fault == AL_SIG_BAD) {
            return fault;
        }
    }
    return AL_SIG_GOOD;
}

enum al_sig_fault srv_signers_require(const struct srv_signers *signers, const struct al_chip *chip,
                                      const uint8_t (*keys)[AL_SIG_KEY_DIGEST_SIZE], unsigned n_keys)
{
    unsigned n = chip && chip->one_signer && signers->n > 1 ? 1 : signers->n;
    enum al_sig_fault why = n ? AL_SIG_UNSUPPORTED : AL_SIG_UNSIGNED;
    for (unsigned i = 0; i < n; i++) {
        uint8_t key[AL_SIG_KEY_DIGEST_SIZE];
        if (!signers->item[i].valid || !host_hex_parse(signers->item[i].key_digest, key, sizeof key)) {
            continue;
        }
        why = AL_SIG_UNKNOWN_KEY;
        for (unsigned k = 0; k < n_keys; k++) {
            if (memcmp(key, keys[k], sizeof key) == 0) {
                return AL_SIG_GOOD;
            }
        }
    }
    return why;
}

void srv_signers_write(const struct srv_signers *signers, char out[SRV_SIGNERS_TEXT])
{
    out[0] = '\0';
    for (unsigned i = 0; i < signers->n; i++) {
        const struct srv_signer *s = &signers->item[i];
        strcat(out, i ? "," : "");
        strcat(out, s->valid ? s->key_digest : "-");
    }
}

bool srv_signers_read(const char *text, struct srv_signers *out)
{
    while (*text) {
        const size_t len = strcspn(text, ",");
        struct srv_signer *s = &out->item[out->n];
        uint8_t key[AL_SIG_KEY_DIGEST_SIZE];
        if (out->n == AL_SIG_MAX_BLOCKS || len >= sizeof s->key_digest) {
            return false;
        }
        char word[sizeof s->key_digest];
        memcpy(word, text, len);
        word[len] = '\0';
        s->valid = host_hex_parse(word, key, sizeof key);
        if (s->valid) {
            host_hex_print(key, sizeof key, s->key_digest); /* lower case, as they are compared */
        } else if (strcmp(word, "-") != 0) {
            return false;
        }
        out->n++;
        text += len;
        if (*text && !*++text) {
            return false; /* a comma at the end */
        }
    }
    return true;
}

static bool add_signer(cJSON *list, const struct srv_signer *s)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "type", s->type) &&
              (s->key_digest[0] ? cJSON_AddStringToObject(json, "key_digest", s->key_digest)
                                : cJSON_AddNullToObject(json, "key_digest")) &&
              cJSON_AddBoolToObject(json, "valid", s->valid) && cJSON_AddItemToArray(list, json);
    if (!ok) {
        cJSON_Delete(json);
    }
    return ok;
}

bool srv_signers_add(cJSON *to, const struct srv_signers *signers)
{
    cJSON *list = cJSON_AddArrayToObject(to, "signers");
    bool ok = list != NULL;
    for (unsigned i = 0; i < signers->n && ok; i++) {
        ok = add_signer(list, &signers->item[i]);
    }
    return ok;
}

void srv_signers_parse(const cJSON *from, struct srv_signers *out)
{
    const cJSON *item;
    memset(out, 0, sizeof *out);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(from, "signers"))
    {
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "type"));
        const char *digest = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "key_digest"));
        struct srv_signer *s = &out->item[out->n];
        if (!type || strlen(type) >= sizeof s->type || (digest && strlen(digest) >= sizeof s->key_digest) ||
            out->n == AL_SIG_MAX_BLOCKS) {
            out->n = 0;
            return;
        }
        strcpy(s->type, type);
        strcpy(s->key_digest, digest ? digest : "");
        s->valid = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "valid"));
        out->n++;
    }
}
