/*
 * control.h - talk to a running device.
 *
 * A running device listens on a Unix socket of its own, in $XDG_RUNTIME_DIR/airlift
 * or, where that is not set, in /tmp/airlift-UID (mode 0700), named after the flash
 * file's device and inode number. A connection carries one request, a line of at
 * most DEV_CONTROL_LINE_MAX bytes, and its answer, a line "ok TEXT" or "error TEXT":
 *
 *   status         TEXT is a JSON object (docs/device.md)
 *   gpio PIN LEVEL drive an input; LEVEL is 0, 1 or z (not driven)
 *   reset          press the reset button
 *   power-cycle    off and on again
 *   off            pull the plug
 *   erase-flash    erase everything, then reset
 *   erase-otadata  erase OTA data, then reset
 *   monitor [BYTES] "ok input" or "ok no-input" and then, for as long as the
 *                  connection lasts, the console: first the last BYTES of output,
 *                  then what is printed; what is sent is typed to the app
 *
 * What changes the device's state is answered when it is done: for a reset, when
 * the next app starts; TEXT then says what came of it.
 */
#ifndef DEVICE_CONTROL_H
#define DEVICE_CONTROL_H

#include <stddef.h>

#include "airlift/err.h"

#define DEV_CONTROL_LINE_MAX 128u /* bytes of a request, its newline included */

/*
 * Connect to the device that runs on this flash file. The descriptor (>= 0,
 * close-on-exec), or with one line in err: AL_ERR_NOT_FOUND (no such file),
 * AL_ERR_STATE (the device is off), AL_ERR_IO.
 */
AL_CHECK_RESULT int dev_control_connect(const char *flash_path, char *err, size_t err_size);

/*
 * Send one request (without newline) over a connection and read the answer's
 * line, byte by byte, so that what follows stays to be read. 0 with *text, to be
 * freed; AL_ERR_STATE if the answer is an error, AL_ERR_IO: both with one line in err.
 */
AL_CHECK_RESULT int dev_control_ask_fd(int fd, const char *request, char **text, char *err, size_t err_size);

/* Both in one, and hang up. */
AL_CHECK_RESULT int dev_control_ask(const char *flash_path, const char *request, char **text, char *err,
                                    size_t err_size);

#endif
