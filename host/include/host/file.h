/*
 * file.h - whole files and growable buffers, each with a ceiling.
 */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_buf {
    uint8_t *data; /* owned; always followed by a NUL that len does not count */
    size_t len;
    size_t cap;
    size_t max; /* ceiling; appending past it fails */
};

/* Start empty. Free with host_buf_free(). */
void host_buf_init(struct host_buf *b, size_t max);
bool host_buf_append(struct host_buf *b, const void *data, size_t len); /* false: ceiling or memory */
bool host_buf_printf(struct host_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void host_buf_free(struct host_buf *b);

/*
 * Read a whole file of at most `max` bytes ("-" is stdin). 0, or -1 with one line in err that names
 * the file and the reason.
 */
int host_read_file(const char *path, size_t max, struct host_buf *out, char *err, size_t err_size);

/*
 * Write a whole file atomically: a temporary file beside it is written, synced and
 * renamed, so that a power cut leaves the old file or the new one ("-" is stdout).
 */
int host_write_file(const char *path, const void *data, size_t len, char *err, size_t err_size);

/* The same; a file that was not there before can be read by its owner only. */
int host_write_secret(const char *path, const void *data, size_t len, char *err, size_t err_size);

/* mkdir -p. 0, or -1 with errno. */
int host_mkdirs(const char *path, unsigned mode);

#endif
