/*
 * sign_key.h - the keys that sign images: from PEM files and PKCS #11 tokens.
 */
#ifndef CLI_SIGN_KEY_H
#define CLI_SIGN_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/signature.h"

struct sign_key {
    EVP_PKEY *pkey; /* owned: sign_key_free() */
    enum al_sig_type type;
};

/*
 * Load a key that can sign (`private_half`), or any half of one.
 *
 * source           a PEM file: private key (PKCS #8 or the older forms, encrypted or not), public key,
 *                  certificate; or the "pkcs11:" URI of a key in a token
 * passphrase_file  first line: the passphrase, or the token's PIN; NULL: asked for on the terminal
 *
 * Returns 0, or -1 with one line in err: unreadable, wrong passphrase, or not RSA-3072, P-256, P-384.
 * sign_key_free() is due, or harmless, either way.
 */
int sign_key_load(const char *source, bool private_half, const char *passphrase_file, struct sign_key *out,
                  char *err, size_t err_size);

/* Make one: AL_SIG_RSA3072, AL_SIG_P256, AL_SIG_P384. Returns false if OpenSSL can't. */
bool sign_key_make(enum al_sig_type type, struct sign_key *out);

void sign_key_free(struct sign_key *key);

/* Read the first line of a file into memory that is wiped and freed by sign_passphrase_free(). NULL: see err. */
char *sign_passphrase_read(const char *path, char *err, size_t err_size);
void sign_passphrase_free(char *passphrase);

/* "rsa3072", "ecdsa256", "ecdsa384" as espsecure.py has them; AL_SIG_NO_BLOCK if it is another word. */
enum al_sig_type sign_type_parse(const char *word);

/*
 * For sign_token.c: the key behind a URI, or NULL with one line in err.
 * pin  NULL: from the URI, or asked for
 */
EVP_PKEY *sign_token_key(const char *uri, bool private_half, const char *pin, char *err, size_t err_size);

#endif
