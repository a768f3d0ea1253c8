/*
 * control.h - the socket that a running device listens on (device/control.h).
 *
 * Everything happens inside dev_control_serve(), called from the device's loop
 * whenever dev_control_fd() is readable or the console has printed something; no
 * call ever waits for a client. A client that sends no line or reads nothing
 * holds one of DEV_CONTROL_CLIENTS places, and loses it when the place is needed.
 */
#ifndef DEVICE_CONTROL_SERVER_H
#define DEVICE_CONTROL_SERVER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "airlift/err.h"
#include "console.h"
#include "device/shared.h"

#define DEV_CONTROL_CLIENTS 16

/* What the device's loop has to do itself, because the app must not run meanwhile. */
enum dev_order {
    DEV_ORDER_NONE,
    DEV_ORDER_RESET,
    DEV_ORDER_POWER_CYCLE,
    DEV_ORDER_OFF,
    DEV_ORDER_ERASE_FLASH,
    DEV_ORDER_ERASE_OTADATA,
};

/* All borrowed until close. */
struct dev_control_device {
    struct dev_shared *shared; /* its GPIO inputs */
    struct dev_console *console;
    char *(*status)(void *ctx); /* a JSON object in one line, to be freed; NULL: out of memory */
    void *ctx;
};

struct dev_control;

/*
 * Listen. The caller holds the flash file's lock, so a socket that is there
 * already belongs to a device that was killed, and is replaced.
 * 0, or AL_ERR_IO with errno.
 */
AL_CHECK_RESULT int dev_control_open(struct dev_control **out, const struct stat *flash,
                                     const struct dev_control_device *device);

/* Readable when there is something to serve. */
int dev_control_fd(const struct dev_control *c);

/* Never blocks. True: an order waits to be taken. */
bool dev_control_serve(struct dev_control *c);

/* Take it, to obey it. Until dev_control_done() no other one is let in. */
enum dev_order dev_control_take(struct dev_control *c);

/* The order was obeyed, or could not be; the client who gave it is told. Without one: nothing. */
void dev_control_done(struct dev_control *c, bool ok, const char *text);

/* Remove the socket; the flash file must still be locked, or it might be another device's by now. */
void dev_control_refuse_newcomers(struct dev_control *c);

/* Hang up on everybody, after what was printed, as far as they take it. NULL is fine. */
void dev_control_close(struct dev_control *c);

#endif
