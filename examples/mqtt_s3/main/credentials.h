/*
 * credentials.h - who this device is to the broker.
 */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include <stdbool.h>

struct credentials {
    const char *device_id;
    const char *certificate; /* PEM */
    const char *key;         /* PEM */
};

/*
 * From NVS (namespace "mqtt_s3": device_id, cert, key; text, as `airlift provision` or
 * ESP-IDF's generator puts it there) or from what is built in, as Kconfig says. The
 * texts stay. False: something is missing, the log says what.
 */
bool credentials_load(struct credentials *out);

#endif
