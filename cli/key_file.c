#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool write_key(FILE *f, EVP_PKEY *key, const char *passphrase)
{
    int len = passphrase ? (int)strlen(passphrase) : 0;
    errno = 0; /* what fails need not be a system call */
    return PEM_write_PKCS8PrivateKey(f, key, passphrase ? EVP_aes_256_cbc() : NULL, passphrase, len, NULL,
                                     NULL) == 1;
}

int key_file_store(const char *path, EVP_PKEY *key, const char *passphrase, char *err, size_t err_size)
{
    char *part = NULL;
    if (asprintf(&part, "%s.XXXXXX", path) < 0) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    int fd = mkostemp(part, O_CLOEXEC); /* mode 0600 */
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    int result = -1;
    if (!f) {
        snprintf(err, err_size, "%s: %s", part, strerror(errno));
    } else if (!write_key(f, key, passphrase)) {
        snprintf(err, err_size, "%s: %s", path, errno ? strerror(errno) : "the key can't be written as PEM");
        ERR_clear_error();
    } else if (fflush(f) != 0 || fsync(fd) != 0 || link(part, path) != 0) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
    } else {
        result = 0;
    }
    if (f) {
        fclose(f);
    } else if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0) {
        unlink(part);
    }
    free(part);
    return result;
}
