/*
 * sign_token.c - keys in PKCS #11 tokens, by URI (RFC 7512).
 *
 * Two ways lead to a token: a provider that openssl.cnf loads, which makes the URI
 * known to OSSL_STORE; and, where there is none (Debian 12 has no package of one), the
 * engine of libengine-pkcs11-openssl. Which PKCS #11 module is used is p11-kit's
 * configuration, openssl.cnf, or PKCS11_MODULE_PATH.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines: no other way on Debian 12 */

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <string.h>

#include "sign_key.h"

/* --- Through a provider ---------------------------------------------------- */

static int give_pin(char *buf, int size, int writing, void *pin)
{
    (void)writing;
    int len = pin ? (int)strlen(pin) : 0;
    if (len == 0 || len > size) {
        return -1;
    }
    memcpy(buf, pin, (size_t)len);
    return len;
}

static EVP_PKEY *from_store(const char *uri, bool private_half, const char *pin)
{
    UI_METHOD *given = pin ? UI_UTIL_wrap_read_pem_callback(give_pin, 0) : NULL;
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, given ? given : UI_get_default_method(),
                                            given ? (void *)(uintptr_t)pin : NULL, NULL, NULL);
    EVP_PKEY *key = NULL;
    while (store && !key && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        int kind = info ? OSSL_STORE_INFO_get_type(info) : 0;
        if (kind == OSSL_STORE_INFO_PKEY) {
            key = OSSL_STORE_INFO_get1_PKEY(info);
        } else if (kind == OSSL_STORE_INFO_PUBKEY && !private_half) {
            key = OSSL_STORE_INFO_get1_PUBKEY(info);
        }
        OSSL_STORE_INFO_free(info);
        if (!info) {
            break;
        }
    }
    OSSL_STORE_close(store);
    UI_destroy_method(given);
    return key;
}

/* --- Through the engine ---------------------------------------------------- */

static EVP_PKEY *from_engine(ENGINE *engine, const char *uri, bool private_half, const char *pin)
{
    (void)ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 1); /* it would print lines of its own */
    if (pin && ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) != 1) {
        return NULL;
    }
    EVP_PKEY *key = ENGINE_load_private_key(engine, uri, UI_OpenSSL(), NULL);
    if (!key && !private_half) {
        key = ENGINE_load_public_key(engine, uri, UI_OpenSSL(), NULL);
    }
    return key;
}

EVP_PKEY *sign_token_key(const char *uri, bool private_half, const char *pin, char *err, size_t err_size)
{
    EVP_PKEY *key = from_store(uri, private_half, pin);
    if (key) {
        ERR_clear_error();
        return key;
    }
    ENGINE_load_builtin_engines();
    ENGINE *engine = ENGINE_by_id("pkcs11");
    if (!engine || ENGINE_init(engine) != 1) {
        snprintf(
            err, err_size,
            "%s: OpenSSL has no way to PKCS #11 tokens; install libengine-pkcs11-openssl, or name a pkcs11 "
            "provider in openssl.cnf",
            uri);
        ENGINE_free(engine);
        ERR_clear_error();
        return NULL;
    }
    key = from_engine(engine, uri, private_half, pin);
    if (!key) {
        snprintf(err, err_size,
                 "%s: no such %skey in any token, or its PIN is wrong (PKCS11_MODULE_PATH names the token's "
                 "module)",
                 uri, private_half ? "private " : "");
    }
    ENGINE_finish(engine); /* the key holds on to it by itself */
    ENGINE_free(engine);
    ERR_clear_error();
    return key;
}
