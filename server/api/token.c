/*
 * token.c - bearer tokens.
 */
#include "token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <strings.h>

#include "airlift/crypto.h"
#include "host/hex.h"

#define TOKEN_PREFIX "airlift_" /* lets people and secret scanners recognise one */

static bool hash_hex(const char *text, char out[65])
{
    uint8_t digest[AL_SHA256_SIZE];
    if (al_sha256(text, strlen(text), digest) != 0) {
        return false;
    }
    host_hex_print(digest, sizeof digest, out);
    return true;
}

enum srv_status srv_token_make(struct srv_store *store, const char *role, char token[SRV_TOKEN_SIZE])
{
    unsigned char random[32];
    char hash[65];
    if (RAND_bytes(random, sizeof random) != 1) {
        return SRV_FAILED;
    }
    strcpy(token, TOKEN_PREFIX);
    host_hex_print(random, sizeof random, token + strlen(TOKEN_PREFIX));
    OPENSSL_cleanse(random, sizeof random);
    return hash_hex(token, hash) ? srv_store_set_token(store, role, hash) : SRV_FAILED;
}

enum srv_status srv_token_check(struct srv_store *store, const char *role, const char *authorization)
{
    char given[65], stored[65];
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0) {
        return SRV_NOT_FOUND;
    }
    enum srv_status status = srv_store_get_token(store, role, stored);
    if (status != SRV_OK) {
        return status;
    }
    if (!hash_hex(authorization + 7, given)) {
        return SRV_FAILED;
    }
    return CRYPTO_memcmp(given, stored, 64) == 0 ? SRV_OK : SRV_NOT_FOUND;
}
