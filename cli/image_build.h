/*
 * image_build.h - `airlift image build`: an app image from a program.
 */
#ifndef CLI_IMAGE_BUILD_H
#define CLI_IMAGE_BUILD_H

extern const char cmd_image_build_help[];

/* argv[0] is the first word behind `image build`. Returns the exit code. */
int cmd_image_build(int argc, char **argv);

#endif
