/*
 * image_file.h - an app image that is about to leave this machine.
 */
#ifndef CLI_IMAGE_FILE_H
#define CLI_IMAGE_FILE_H

#include "host/file.h"

/* Is it whole and intact? 0, or 1 with the fault on stderr. Whoever receives it checks again. */
int image_file_check(const char *path, const struct host_buf *image);

#endif
