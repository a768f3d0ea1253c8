/*
 * provision_key.h - a device's own P-256 key.
 */
#ifndef CLI_PROVISION_KEY_H
#define CLI_PROVISION_KEY_H

#include "host/file.h"

/*
 * Read the key in `path`, or make one there: PKCS #8, PEM, mode 0600.
 *
 * Power cut: the file is linked to its name when it is whole and synced; before,
 * there is none of that name. An existing file is never written to.
 *
 * pem          the private key
 * public_hex   SHA-256 of the public key (SubjectPublicKeyInfo, DER)
 *
 * Returns 0, or -1 with one line in err.
 */
int provision_key(const char *path, struct host_buf *pem, char public_hex[65], char *err, size_t err_size);

#endif
