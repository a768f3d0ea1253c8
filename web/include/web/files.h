/*
 * files.h - the dashboard's files, which lie within the program.
 *
 * Threads: constants; anyone may call.
 */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include <stddef.h>

/* All in static storage. */
struct web_file {
    const char *name; /* "main.js" */
    const char *type; /* for Content-Type */
    const char *etag; /* a strong validator, in its quotes */
    const unsigned char *data;
    size_t len; /* bytes */
};

/* NULL: there is none of this name. */
const struct web_file *web_file_find(const char *name);

#endif
