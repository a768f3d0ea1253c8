/*
 * image_sign.h - `airlift image sign`, `digest`, `attach-signature`, `strip-signature`.
 */
#ifndef CLI_IMAGE_SIGN_H
#define CLI_IMAGE_SIGN_H

/* argv[0] is the first word behind the verb. Each returns the exit code. */
int cmd_image_sign(int argc, char **argv);
int cmd_image_digest(int argc, char **argv);
int cmd_image_attach(int argc, char **argv);
int cmd_image_strip(int argc, char **argv);

extern const char cmd_image_sign_help[];
extern const char cmd_image_digest_help[];
extern const char cmd_image_attach_help[];
extern const char cmd_image_strip_help[];

#endif
