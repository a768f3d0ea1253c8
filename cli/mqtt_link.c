/* mqtt_link.c - libmosquitto, one step at a time. */
#include "mqtt_link.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT        1883
#define TLS_PORT    8883
#define KEEPALIVE_S 60
#define MAX_TOPICS  4

struct cli_mqtt {
    struct mosquitto *mosq;
    struct cli_mqtt_config config;
    char *host;
    int port;
    char *topics[MAX_TOPICS]; /* subscribed */
    unsigned n_topics;
    cli_mqtt_message_fn on_message;
    void *ctx;
    int refused; /* the broker's answer to our connecting, -1: not yet */
    int acked;   /* message id of the last acknowledgement, 0: none */
    bool denied; /* it was a refusal */
};

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int failed(char *err, size_t err_size, const struct cli_mqtt *link, const char *what)
{
    snprintf(err, err_size, "broker %s: %s", link->config.broker, what);
    return -1;
}

/* --- Callbacks, while the loop runs ---------------------------------------- */

static void on_connect(struct mosquitto *mosq, void *ctx, int rc)
{
    struct cli_mqtt *link = ctx;
    (void)mosq;
    link->refused = rc;
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid)
{
    struct cli_mqtt *link = ctx;
    (void)mosq;
    link->acked = mid;
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int n, const int *granted)
{
    struct cli_mqtt *link = ctx;
    (void)mosq;
    link->acked = mid;
    link->denied = n > 0 && granted[0] == 0x80;
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m)
{
    struct cli_mqtt *link = ctx;
    (void)mosq;
    char *text = malloc((size_t)m->payloadlen + 1);
    if (text) {
        if (m->payloadlen > 0) {
            memcpy(text, m->payload, (size_t)m->payloadlen);
        }
        text[m->payloadlen] = '\0';
        link->on_message(link->ctx, m->topic, text, (size_t)m->payloadlen);
        free(text);
    }
}

/* --- Connecting ------------------------------------------------------------- */

static int parse_broker(struct cli_mqtt *link, bool *tls, char *err, size_t err_size)
{
    const char *url = link->config.broker;
    *tls = strncmp(url, "mqtts://", 8) == 0;
    if (!*tls && strncmp(url, "mqtt://", 7) != 0) {
        return failed(err, err_size, link, "not mqtt://HOST[:PORT] or mqtts://HOST[:PORT]");
    }
    const char *host = url + (*tls ? 8 : 7);
    size_t len = strcspn(host, "/?#");
    const char *host_end = host + len, *port = NULL;
    if (*host == '[') {
        host++;
        host_end = memchr(host, ']', len - 1);
        port = host_end && host_end[1] == ':' ? host_end + 2 : NULL;
    } else if (memchr(host, ':', len)) {
        host_end = memchr(host, ':', len);
        port = host_end + 1;
    }
    link->port = *tls ? TLS_PORT : PORT;
    if (port) {
        char *end;
        unsigned long number = strtoul(port, &end, 10);
        if (*port < '0' || *port > '9' || strchr("/?#", *end) == NULL || number < 1 || number > 65535) {
            return failed(err, err_size, link, "the port makes no sense");
        }
        link->port = (int)number;
    }
    if (!host_end || host_end == host) {
        return failed(err, err_size, link, "there is no host in it");
    }
    link->host = strndup(host, (size_t)(host_end - host));
    return link->host ? 0 : failed(err, err_size, link, "out of memory");
}

static int set_tls(struct cli_mqtt *link, char *err, size_t err_size)
{
    const struct cli_mqtt_config *c = &link->config;
    int rc = MOSQ_ERR_SUCCESS;
    if (!c->cafile) {
        rc = mosquitto_int_option(link->mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_tls_set(link->mosq, c->cafile, c->cafile ? NULL : "/etc/ssl/certs", c->cert, c->key,
                               NULL);
    }
    return rc == MOSQ_ERR_SUCCESS
               ? 0
               : failed(err, err_size, link, "--cafile, --cert or --key cannot be read, or are no pair");
}

/* Run the loop once; what it says is the connection's end. */
static int step(struct cli_mqtt *link, int timeout_ms, char *err, size_t err_size)
{
    int rc = mosquitto_loop(link->mosq, timeout_ms, 1);
    if (link->refused > 0) {
        return failed(err, err_size, link, mosquitto_connack_string(link->refused));
    }
    return rc == MOSQ_ERR_SUCCESS
               ? 0
               : failed(err, err_size, link, rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
}

static int connect_broker(struct cli_mqtt *link, char *err, size_t err_size)
{
    double deadline = now_s() + link->config.timeout_s;
    link->refused = -1;
    int rc = mosquitto_connect(link->mosq, link->host, link->port, KEEPALIVE_S);
    if (rc != MOSQ_ERR_SUCCESS) {
        return failed(err, err_size, link,
                      rc == MOSQ_ERR_ERRNO ? strerror(errno)
                      : rc == MOSQ_ERR_EAI ? "its name is not known"
                                           : mosquitto_strerror(rc));
    }
    while (link->refused != 0) {
        if (step(link, 100, err, err_size) != 0) {
            return -1;
        }
        if (now_s() >= deadline) {
            return failed(err, err_size, link, "it does not answer");
        }
    }
    return 0;
}

/* Wait for the answer to message `mid`. */
static int await(struct cli_mqtt *link, int mid, const char *what, char *err, size_t err_size)
{
    double deadline = now_s() + link->config.timeout_s;
    while (link->acked != mid) {
        if (step(link, 100, err, err_size) != 0) {
            return -1;
        }
        if (now_s() >= deadline) {
            return failed(err, err_size, link, what);
        }
    }
    return 0;
}

static int subscribe(struct cli_mqtt *link, const char *topic, char *err, size_t err_size)
{
    int mid;
    link->acked = 0;
    link->denied = false;
    int rc = mosquitto_subscribe(link->mosq, &mid, topic, 1);
    if (rc != MOSQ_ERR_SUCCESS) {
        return failed(err, err_size, link, mosquitto_strerror(rc));
    }
    if (await(link, mid, "it does not answer to the subscription", err, err_size) != 0) {
        return -1;
    }
    return link->denied ? failed(err, err_size, link, "it does not let us listen to the status topic") : 0;
}

/* --- Public ------------------------------------------------------------------ */

struct cli_mqtt *cli_mqtt_open(const struct cli_mqtt_config *config, cli_mqtt_message_fn message, void *ctx,
                               char *err, size_t err_size)
{
    struct cli_mqtt *link = calloc(1, sizeof *link);
    bool tls;
    (void)mosquitto_lib_init();
    if (link) {
        link->config = *config;
        link->on_message = message;
        link->ctx = ctx;
        link->mosq = mosquitto_new(NULL, true, link); /* a name that the broker makes */
    }
    if (!link || !link->mosq) {
        snprintf(err, err_size, "out of memory");
        free(link);
        return NULL;
    }
    mosquitto_connect_callback_set(link->mosq, on_connect);
    mosquitto_publish_callback_set(link->mosq, on_publish);
    mosquitto_subscribe_callback_set(link->mosq, on_subscribe);
    mosquitto_message_callback_set(link->mosq, on_message);
    bool ok = parse_broker(link, &tls, err, err_size) == 0 && (!tls || set_tls(link, err, err_size) == 0);
    if (ok && config->username &&
        mosquitto_username_pw_set(link->mosq, config->username, config->password) != MOSQ_ERR_SUCCESS) {
        ok = failed(err, err_size, link, "the user name or password makes no sense") == 0;
    }
    if (!ok || connect_broker(link, err, err_size) != 0) {
        cli_mqtt_close(link);
        return NULL;
    }
    return link;
}

int cli_mqtt_subscribe(struct cli_mqtt *link, const char *topic, char *err, size_t err_size)
{
    if (link->n_topics == MAX_TOPICS || !(link->topics[link->n_topics] = strdup(topic))) {
        return failed(err, err_size, link, "out of memory");
    }
    link->n_topics++;
    return subscribe(link, topic, err, err_size);
}

int cli_mqtt_publish(struct cli_mqtt *link, const char *topic, const void *payload, size_t len, bool retain,
                     char *err, size_t err_size)
{
    int mid;
    link->acked = 0;
    int rc = mosquitto_publish(link->mosq, &mid, topic, (int)len, payload, 1, retain);
    if (rc != MOSQ_ERR_SUCCESS) {
        return failed(err, err_size, link, mosquitto_strerror(rc));
    }
    return await(link, mid, "it does not acknowledge the message", err, err_size);
}

int cli_mqtt_receive(struct cli_mqtt *link, int timeout_ms, char *err, size_t err_size)
{
    if (mosquitto_loop(link->mosq, timeout_ms, 1) == MOSQ_ERR_SUCCESS &&
        mosquitto_loop_misc(link->mosq) == MOSQ_ERR_SUCCESS) {
        return 0;
    }
    double deadline = now_s() + link->config.timeout_s;
    while (connect_broker(link, err, err_size) != 0) {
        if (now_s() >= deadline) {
            return -1;
        }
        usleep(500000);
    }
    for (unsigned i = 0; i < link->n_topics; i++) {
        if (subscribe(link, link->topics[i], err, err_size) != 0) {
            return -1;
        }
    }
    return 0;
}

void cli_mqtt_close(struct cli_mqtt *link)
{
    if (link) {
        if (mosquitto_disconnect(link->mosq) == MOSQ_ERR_SUCCESS) {
            (void)mosquitto_loop(link->mosq, 100, 1); /* the goodbye leaves */
        }
        mosquitto_destroy(link->mosq);
        for (unsigned i = 0; i < link->n_topics; i++) {
            free(link->topics[i]);
        }
        free(link->host);
        free(link);
        (void)mosquitto_lib_cleanup();
    }
}
