/*
 * signed_file.h - an image file as a signer sees it: what is signed, and the sector behind it.
 */
#ifndef CLI_SIGNED_FILE_H
#define CLI_SIGNED_FILE_H

#include "airlift/signature.h"
#include "host/file.h"

#define SIGNED_FILE_MAX (32u << 20) /* bytes */

struct signed_file {
    struct host_buf content; /* what is signed: the image, padded with 0xFF to 4 KiB */
    size_t image_len;        /* of it, the image's own bytes */
    uint8_t sector[AL_SIG_SECTOR_SIZE];
    unsigned n_blocks; /* blocks in `sector`, all intact; the rest of it is 0xFF */
    bool v1;           /* 68 bytes of Secure Boot V1 follow the image */
};

/*
 * Read one. 0, or 1 with a line on stderr: not an intact app or bootloader image, something behind it
 * that is neither padding nor a signature, a damaged sector.
 *
 * any_data  it need be no image: then all of it is signed, and a sector is looked for at its end
 * out       free with signed_file_free(), on success only
 */
int signed_file_read(const char *path, bool any_data, struct signed_file *out);

/* Add a block; false if there are three. */
bool signed_file_add(struct signed_file *f, const uint8_t block[AL_SIG_BLOCK_SIZE]);

/* Write content and sector, atomically. 0, or 1 with a line on stderr. */
int signed_file_write(struct signed_file *f, const char *path);

void signed_file_free(struct signed_file *f);

#endif
