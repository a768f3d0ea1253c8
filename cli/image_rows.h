/*
 * image_rows.h - places of the rows of `airlift image` in cmd_image[].
 */
#ifndef CLI_IMAGE_ROWS_H
#define CLI_IMAGE_ROWS_H

enum {
    CMD_IMAGE_INFO,
    CMD_IMAGE_VERIFY,
    CMD_IMAGE_BUILD,
    CMD_IMAGE_SIGN,
    CMD_IMAGE_DIGEST,
    CMD_IMAGE_ATTACH,
    CMD_IMAGE_STRIP,
};

#endif
