/*
 * control_path.h - where the control socket of a flash file is.
 */
#ifndef DEVICE_CONTROL_PATH_H
#define DEVICE_CONTROL_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#define DEV_CONTROL_DIRS 2

/*
 * The address in the n-th of the places where it can be, n < DEV_CONTROL_DIRS.
 * False if there is no such place here.
 *
 * make  make the directory. One that others could write to is never used.
 */
bool dev_control_path(const struct stat *flash, unsigned n, bool make, struct sockaddr_un *out);

#endif
