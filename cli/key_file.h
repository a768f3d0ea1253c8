/*
 * key_file.h - private keys as files.
 */
#ifndef CLI_KEY_FILE_H
#define CLI_KEY_FILE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Write `key` as PKCS #8 in PEM, mode 0600, under a name that must be free.
 *
 * Power cut: the file is linked to its name when it is whole and synced; before,
 * there is none of that name. An existing file is never written to.
 *
 * passphrase  encrypts it (AES-256); NULL: as it is
 *
 * Returns 0, or -1 with one line in err.
 */
int key_file_store(const char *path, EVP_PKEY *key, const char *passphrase, char *err, size_t err_size);

#endif
