/*
 * image_file.h - an app image that is about to leave this machine.
 */
#ifndef CLI_IMAGE_FILE_H
#define CLI_IMAGE_FILE_H

#include "airlift/image.h"
#include "host/file.h"

/*
 * Is it whole and intact? 0, or 1 with the fault on stderr. Whoever receives it checks again.
 * info: what it is, on success; may be NULL.
 * signature: its policy is set by the caller; who signed. NULL: not looked at. Unsigned is no error.
 */
int image_file_check(const char *path, const struct host_buf *image, struct al_image_info *info,
                     struct al_sig_check *signature);

#endif
