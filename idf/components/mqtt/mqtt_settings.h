/*
 * mqtt_settings.h - a client's configuration, checked and copied.
 */
#pragma once

#include "mqtt_client.h"

struct ssl_ctx_st;

struct mqtt_settings {
    char *host, *client_id, *username, *password;
    int port;
    bool tls;

    char *will_topic, *will_msg;
    int will_len, will_qos;
    bool will_retain;

    bool clean_session;
    int keepalive_s; /* 0: none */
    esp_mqtt_protocol_ver_t protocol;

    int reconnect_ms, timeout_ms, refresh_ms;
    bool auto_reconnect;
    int priority, stack_size, buffer_size;
    uint64_t outbox_limit;

    /* Borrowed contents. */
    struct verification_t verification;
    struct authentication_t authentication;
};

/* ESP_OK; ESP_ERR_INVALID_ARG, with a line in the log; ESP_ERR_NO_MEM. Nothing is left behind on failure. */
esp_err_t mqtt_settings_make(struct mqtt_settings *out, const esp_mqtt_client_config_t *config);

/* Replace broker and user by those of the URI. ESP_FAIL: it is none. */
esp_err_t mqtt_settings_set_uri(struct mqtt_settings *s, const char *uri);

void mqtt_settings_free(struct mqtt_settings *s);

/*
 * The TLS context of a connection, to be freed by the caller, or NULL with a line
 * in the log. *refused is set to OpenSSL's number when it refuses the broker's
 * certificate; it has to live as long as the context.
 */
struct ssl_ctx_st *mqtt_tls_context(const struct mqtt_settings *s, int *refused);
