/*
 * mqtt_client.h - ESP-MQTT's API over libmosquitto.
 *
 * A client is a task of its own: it connects, keeps the connection, and calls the
 * registered handlers with the events below. MQTT 3.1.1 and 3.1, over TCP and TLS.
 *
 * Not here, so that code which sets it does not compile: custom transports, the
 * interface name, secure elements and other key hardware, retransmission within
 * a connection (TCP does that), MQTT 5's properties. Refused when the client is
 * made, with a line in the log: websockets, MQTT 5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "esp_err.h"
#include "esp_event.h"
#include "esp_tls.h"

#ifdef __cplusplus
extern "C" {
#endif

ESP_EVENT_DECLARE_BASE(MQTT_EVENTS);

typedef struct esp_mqtt_client *esp_mqtt_client_handle_t;

#define MQTT_OVER_TCP_SCHEME "mqtt"
#define MQTT_OVER_SSL_SCHEME "mqtts"
#define MQTT_OVER_WS_SCHEME  "ws"
#define MQTT_OVER_WSS_SCHEME "wss"

/* --- Events --------------------------------------------------------------- */

typedef enum esp_mqtt_event_id_t {
    MQTT_EVENT_ANY = -1,
    MQTT_EVENT_ERROR = 0,    /* error_handle says what; DISCONNECTED follows if the connection is affected */
    MQTT_EVENT_CONNECTED,    /* session_present */
    MQTT_EVENT_DISCONNECTED, /* also when connecting failed */
    MQTT_EVENT_SUBSCRIBED,   /* msg_id; data: a return code for each topic; error_handle if one is refused */
    MQTT_EVENT_UNSUBSCRIBED, /* msg_id */
    MQTT_EVENT_PUBLISHED,    /* msg_id: the broker has it (QoS 1 and 2) */
    MQTT_EVENT_DATA,         /* a message, or a piece of one; topic with the first piece only */
    MQTT_EVENT_BEFORE_CONNECT, /* the moment for esp_mqtt_set_config() */
    MQTT_EVENT_DELETED,        /* never: nothing expires in the outbox */
    MQTT_USER_EVENT,           /* of esp_mqtt_dispatch_custom_event() */
} esp_mqtt_event_id_t;

typedef enum esp_mqtt_connect_return_code_t {
    MQTT_CONNECTION_ACCEPTED = 0,
    MQTT_CONNECTION_REFUSE_PROTOCOL,
    MQTT_CONNECTION_REFUSE_ID_REJECTED,
    MQTT_CONNECTION_REFUSE_SERVER_UNAVAILABLE,
    MQTT_CONNECTION_REFUSE_BAD_USERNAME,
    MQTT_CONNECTION_REFUSE_NOT_AUTHORIZED,
} esp_mqtt_connect_return_code_t;

typedef enum esp_mqtt_error_type_t {
    MQTT_ERROR_TYPE_NONE = 0,
    MQTT_ERROR_TYPE_TCP_TRANSPORT, /* name, socket, TLS */
    MQTT_ERROR_TYPE_CONNECTION_REFUSED,
    MQTT_ERROR_TYPE_SUBSCRIBE_FAILED,
} esp_mqtt_error_type_t;

#define MQTT_ERROR_TYPE_ESP_TLS MQTT_ERROR_TYPE_TCP_TRANSPORT

typedef enum esp_mqtt_transport_t {
    MQTT_TRANSPORT_UNKNOWN = 0x0,
    MQTT_TRANSPORT_OVER_TCP,
    MQTT_TRANSPORT_OVER_SSL,
    MQTT_TRANSPORT_OVER_WS,  /* refused */
    MQTT_TRANSPORT_OVER_WSS, /* refused */
} esp_mqtt_transport_t;

typedef enum esp_mqtt_protocol_ver_t {
    MQTT_PROTOCOL_UNDEFINED = 0,
    MQTT_PROTOCOL_V_3_1,
    MQTT_PROTOCOL_V_3_1_1, /* the default */
    MQTT_PROTOCOL_V_5,     /* refused */
} esp_mqtt_protocol_ver_t;

typedef struct esp_mqtt_error_codes {
    esp_err_t esp_tls_last_esp_err; /* one of esp_tls_errors.h */
    int esp_tls_stack_err;          /* libmosquitto's number, for logs */
    int esp_tls_cert_verify_flags;  /* not 0: the broker's certificate was refused; OpenSSL's number */
    esp_mqtt_error_type_t error_type;
    esp_mqtt_connect_return_code_t connect_return_code;
    int esp_transport_sock_errno;
} esp_mqtt_error_codes_t;

/* Valid while the handler runs; texts are not terminated. */
typedef struct esp_mqtt_event_t {
    esp_mqtt_event_id_t event_id;
    esp_mqtt_client_handle_t client;
    char *data;
    int data_len;
    int total_data_len;      /* of the whole message: longer ones than the buffer come in several events */
    int current_data_offset; /* of this piece */
    char *topic;             /* NULL with the pieces behind the first */
    int topic_len;
    int msg_id;
    int session_present;
    esp_mqtt_error_codes_t *error_handle;
    bool retain;
    int qos;
    bool dup;
    esp_mqtt_protocol_ver_t protocol_ver;
} esp_mqtt_event_t;

typedef esp_mqtt_event_t *esp_mqtt_event_handle_t;

/* --- Configuration -------------------------------------------------------- */

/*
 * 0, NULL and false mean ESP-MQTT's defaults. Texts are copied, except
 * certificates and keys, the PSK and the ALPN list, which are borrowed until the
 * client is destroyed. PEM ends with its NUL and has length 0; DER needs its length.
 */
typedef struct esp_mqtt_client_config_t {
    struct broker_t {
        struct address_t {
            const char *uri; /* mqtt://[user[:password]@]host[:port] or mqtts://...; wins over the others */
            const char *hostname;
            esp_mqtt_transport_t transport;
            const char *path; /* of websockets */
            uint32_t port;    /* [1883, with TLS 8883] */
        } address;
        /* With TLS one way of verification is needed, or there is no connection. */
        struct verification_t {
            bool use_global_ca_store;
            esp_err_t (*crt_bundle_attach)(void *conf);
            const char *certificate;
            size_t certificate_len;
            const struct psk_key_hint *psk_hint_key; /* if there is no other way */
            bool skip_cert_common_name_check;
            const char **alpn_protos; /* ended by NULL */
            const char *common_name;  /* [the host] */
        } verification;
    } broker;
    struct credentials_t {
        const char *username;
        const char *client_id; /* [ESP32_ and the last 3 bytes of the MAC address in hex] */
        bool set_null_client_id;
        struct authentication_t {
            const char *password;
            const char *certificate;
            size_t certificate_len;
            const char *key;
            size_t key_len;
            const char *key_password;
            int key_password_len;
        } authentication;
    } credentials;
    struct session_t {
        struct last_will_t {
            const char *topic;
            const char *msg;
            int msg_len; /* [strlen(msg)] */
            int qos;
            int retain;
        } last_will;
        bool disable_clean_session;
        int keepalive; /* [120] seconds; libmosquitto knows none below 5: less is taken for 5 */
        bool disable_keepalive;
        esp_mqtt_protocol_ver_t protocol_ver;
    } session;
    struct network_t {
        int reconnect_timeout_ms; /* [10000] */
        int timeout_ms;           /* [10000] from connecting to the broker's answer */
        int refresh_connection_after_ms;
        bool disable_auto_reconnect;
    } network;
    struct task_t {
        int priority;   /* [5] */
        int stack_size; /* [6144] */
    } task;
    struct buffer_t {
        int size;     /* [1024] bytes of a message delivered at a time */
        int out_size; /* not needed */
    } buffer;
    struct outbox_config_t {
        uint64_t limit; /* [none] bytes of messages that the broker has not acknowledged */
    } outbox;
} esp_mqtt_client_config_t;

typedef struct topic_t {
    const char *filter;
    int qos;
} esp_mqtt_topic_t;

/* --- Calls ---------------------------------------------------------------- */

/* NULL: the configuration makes no sense or cannot be had here (the log says which), or no memory. */
esp_mqtt_client_handle_t esp_mqtt_client_init(const esp_mqtt_client_config_t *config);

/* From the next connection on. ESP_FAIL if it is no URI of a broker. */
esp_err_t esp_mqtt_client_set_uri(esp_mqtt_client_handle_t client, const char *uri);

/* ESP_ERR_INVALID_ARG (NULL), ESP_FAIL (running already, or no memory). */
esp_err_t esp_mqtt_client_start(esp_mqtt_client_handle_t client);

/* Do not wait any longer. ESP_FAIL if the client is not waiting to reconnect. */
esp_err_t esp_mqtt_client_reconnect(esp_mqtt_client_handle_t client);

/* Say goodbye to the broker. The client reconnects after its time-out, unless that is disabled. */
esp_err_t esp_mqtt_client_disconnect(esp_mqtt_client_handle_t client);

/* End the task; waits for it. Not from a handler. ESP_FAIL if it is not running. */
esp_err_t esp_mqtt_client_stop(esp_mqtt_client_handle_t client);

/* The same without waiting. */
esp_err_t esp_mqtt_client_initiate_stop(esp_mqtt_client_handle_t client);
bool esp_mqtt_client_is_stopped(esp_mqtt_client_handle_t client);

/*
 * Subscribe to one topic (const char *, QoS) or several (esp_mqtt_topic_t *, how
 * many). Returns the message id; -1 without connection, or if a filter is none.
 * Topics of different QoS are a message and an event each; the id is the last one's.
 */
int esp_mqtt_client_subscribe_single(esp_mqtt_client_handle_t client, const char *topic, int qos);
int esp_mqtt_client_subscribe_multiple(esp_mqtt_client_handle_t client, const esp_mqtt_topic_t *topic_list,
                                       int size);
#ifdef __cplusplus
#define esp_mqtt_client_subscribe esp_mqtt_client_subscribe_single
#else
#define esp_mqtt_client_subscribe(client_handle, topic_type, qos_or_size) \
    _Generic((topic_type), \
        char *: esp_mqtt_client_subscribe_single, \
        const char *: esp_mqtt_client_subscribe_single, \
        esp_mqtt_topic_t *: esp_mqtt_client_subscribe_multiple)(client_handle, topic_type, qos_or_size)
#endif

int esp_mqtt_client_unsubscribe(esp_mqtt_client_handle_t client, const char *topic);

/*
 * Send, or with QoS 1 and 2 keep until there is a connection. len 0: strlen(data).
 * Returns the message id, 0 with QoS 0; -1 on failure, also of QoS 0 without
 * connection; -2 if the outbox is full. Never waits for the network.
 */
int esp_mqtt_client_publish(esp_mqtt_client_handle_t client, const char *topic, const char *data, int len,
                            int qos, int retain);

/* The same; with `store` a QoS 0 message is kept for the connection as well. */
int esp_mqtt_client_enqueue(esp_mqtt_client_handle_t client, const char *topic, const char *data, int len,
                            int qos, int retain, bool store);

/* Stops it if need be. Not from a handler. */
esp_err_t esp_mqtt_client_destroy(esp_mqtt_client_handle_t client);

/* From the next connection on. ESP_ERR_INVALID_ARG, ESP_ERR_NO_MEM: the old one stays. */
esp_err_t esp_mqtt_set_config(esp_mqtt_client_handle_t client, const esp_mqtt_client_config_t *config);

/* Handlers run in the client's task, one at a time, with esp_mqtt_event_t as their data. */
esp_err_t esp_mqtt_client_register_event(esp_mqtt_client_handle_t client, esp_mqtt_event_id_t event,
                                         esp_event_handler_t event_handler, void *event_handler_arg);
esp_err_t esp_mqtt_client_unregister_event(esp_mqtt_client_handle_t client, esp_mqtt_event_id_t event,
                                           esp_event_handler_t event_handler);

/* Bytes that the broker has not acknowledged: topics and contents. */
int esp_mqtt_client_get_outbox_size(esp_mqtt_client_handle_t client);

/* Have the handlers called in the client's task. ESP_ERR_TIMEOUT if too many wait. */
esp_err_t esp_mqtt_dispatch_custom_event(esp_mqtt_client_handle_t client, esp_mqtt_event_t *event);

#ifdef __cplusplus
}
#endif
