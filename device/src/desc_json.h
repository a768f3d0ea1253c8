/*
 * desc_json.h - the description as JSON. desc.c has the file around it.
 */
#ifndef DEVICE_DESC_JSON_H
#define DEVICE_DESC_JSON_H

#include "device/desc.h"

/* Where a message goes, so that helpers need one argument for it. */
struct dev_complaint {
    const char *path; /* stands before it */
    char *text;
    size_t size;
};

/* Write "PATH: message"; returns `code`. */
int dev_complain(const struct dev_complaint *c, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Read the keys of `len` bytes that a NUL follows; what is missing stays as it is in *out. 0 or AL_ERR_FORMAT, with a complaint;
 * *out is to be dropped then.
 */
int dev_desc_read_json(const char *text, size_t len, struct dev_desc *out, const struct dev_complaint *c);

/*
 * The description as text, for free(); keys of `old` (NULL: there is none) that are not known are kept. 0,
 * AL_ERR_FORMAT for an old one that is no JSON object, or AL_ERR_IO when memory runs out, with a complaint.
 */
int dev_desc_write_json(const char *old, size_t old_len, const struct dev_desc *desc, char **text,
                        const struct dev_complaint *c);

#endif
