/*
 * mqtt_link.h - a connection to an MQTT broker, for commands that publish and listen.
 */
#ifndef CLI_MQTT_LINK_H
#define CLI_MQTT_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct cli_mqtt_config {
    const char *broker; /* mqtt://HOST[:PORT] or mqtts://HOST[:PORT] */
    const char *cafile; /* NULL: the system's certificates */
    const char *cert, *key;
    const char *username, *password;
    unsigned timeout_s; /* to connect, and for each acknowledgement */
};

struct cli_mqtt;

/* Called with each message that comes; the payload is followed by a NUL. */
typedef void (*cli_mqtt_message_fn)(void *ctx, const char *topic, const char *payload, size_t len);

/* Connect. NULL with one line in err: which broker, what happened. */
struct cli_mqtt *cli_mqtt_open(const struct cli_mqtt_config *config, cli_mqtt_message_fn on_message,
                               void *ctx, char *err, size_t err_size);

/* Subscribe or publish with QoS 1, and wait for the broker's answer. 0, or -1 with one line in err. */
int cli_mqtt_subscribe(struct cli_mqtt *link, const char *topic, char *err, size_t err_size);
int cli_mqtt_publish(struct cli_mqtt *link, const char *topic, const void *payload, size_t len, bool retain,
                     char *err, size_t err_size);

/*
 * Receive for a while, at most timeout_ms. A lost connection is made again,
 * subscriptions included. 0, or -1 with one line in err.
 */
int cli_mqtt_receive(struct cli_mqtt *link, int timeout_ms, char *err, size_t err_size);

void cli_mqtt_close(struct cli_mqtt *link);

#endif
