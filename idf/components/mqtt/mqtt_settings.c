/* mqtt_settings.c - from a configuration to what a client works with. No traffic here. */
#include "mqtt_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "esp_log.h"
#include "esp_mac.h"

#define DEFAULT_PORT         1883
#define DEFAULT_TLS_PORT     8883
#define DEFAULT_KEEPALIVE_S  120
#define SMALLEST_KEEPALIVE_S 5 /* libmosquitto's */
#define DEFAULT_TIMEOUT_MS   10000
#define DEFAULT_BUFFER_SIZE  1024
#define SMALLEST_BUFFER_SIZE 16
#define DEFAULT_PRIORITY     5
#define DEFAULT_STACK_SIZE   6144

static const char *const TAG = "mqtt_client";

static int or_default(int value, int fallback)
{
    return value != 0 ? value : fallback;
}

/* Replace an owned string; NULL clears it. Secrets are wiped before they are freed. */
static bool assign(char **slot, const char *text, size_t len)
{
    char *copy = NULL;

    if (text != NULL && (copy = strndup(text, len)) == NULL) {
        return false;
    }
    if (*slot != NULL) {
        explicit_bzero(*slot, strlen(*slot));
        free(*slot);
    }
    *slot = copy;
    return true;
}

static bool assign_all(char **slot, const char *text)
{
    return assign(slot, text, text != NULL ? strlen(text) : 0);
}

/* --- Where the broker is -------------------------------------------------- */

static bool set_transport(struct mqtt_settings *s, esp_mqtt_transport_t transport)
{
    if (transport == MQTT_TRANSPORT_OVER_WS || transport == MQTT_TRANSPORT_OVER_WSS) {
        ESP_LOGE(TAG, "MQTT over websockets is not supported on the virtual device");
        return false;
    }
    s->tls = transport == MQTT_TRANSPORT_OVER_SSL;
    return true;
}

static esp_mqtt_transport_t scheme_transport(const char *scheme, size_t len)
{
    static const struct {
        const char *name;
        esp_mqtt_transport_t transport;
    } schemes[] = {
        {MQTT_OVER_TCP_SCHEME, MQTT_TRANSPORT_OVER_TCP},
        {MQTT_OVER_SSL_SCHEME, MQTT_TRANSPORT_OVER_SSL},
        {MQTT_OVER_WS_SCHEME, MQTT_TRANSPORT_OVER_WS},
        {MQTT_OVER_WSS_SCHEME, MQTT_TRANSPORT_OVER_WSS},
    };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strlen(schemes[i].name) == len && strncasecmp(schemes[i].name, scheme, len) == 0) {
            return schemes[i].transport;
        }
    }
    return MQTT_TRANSPORT_UNKNOWN;
}

/* "host", "host:port", "[v6]:port" */
static bool set_host(struct mqtt_settings *s, const char *text, size_t len)
{
    const char *end = text + len, *host = text, *host_end, *port = NULL;

    if (len > 0 && text[0] == '[') {
        host = text + 1;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (host_end == NULL || (host_end + 1 < end && host_end[1] != ':')) {
            return false;
        }
        port = host_end + 1 < end ? host_end + 2 : NULL;
    } else {
        const char *colon = memchr(text, ':', len);

        host_end = colon != NULL ? colon : end;
        port = colon != NULL ? colon + 1 : NULL;
    }
    if (host_end == host) {
        return false;
    }
    if (port != NULL) {
        char *stop;
        const unsigned long number = strtoul(port, &stop, 10);

        if (stop != end || *port < '0' || *port > '9' || number == 0 || number > 65535) {
            return false;
        }
        s->port = (int)number;
    }
    return assign(&s->host, host, (size_t)(host_end - host));
}

/* "user", "user:password" */
static bool set_user(struct mqtt_settings *s, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    const size_t user_len = colon != NULL ? (size_t)(colon - text) : len;

    return assign(&s->username, text, user_len) &&
           (colon == NULL || assign(&s->password, colon + 1, len - user_len - 1));
}

esp_err_t mqtt_settings_set_uri(struct mqtt_settings *s, const char *uri)
{
    const char *rest = strstr(uri, "://");
    const esp_mqtt_transport_t transport =
        rest != NULL ? scheme_transport(uri, (size_t)(rest - uri)) : MQTT_TRANSPORT_UNKNOWN;

    if (transport == MQTT_TRANSPORT_UNKNOWN) {
        ESP_LOGE(TAG, "not the URI of a broker, such as mqtts://host:8883: %s", uri);
        return ESP_FAIL;
    }
    if (!set_transport(s, transport)) {
        return ESP_FAIL;
    }
    rest += 3;
    const size_t len = strcspn(rest, "/?#");
    const char *host = memrchr(rest, '@', len);

    s->port = s->tls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
    if ((host != NULL && !set_user(s, rest, (size_t)(host - rest))) ||
        !set_host(s, host != NULL ? host + 1 : rest, len - (size_t)(host != NULL ? host + 1 - rest : 0))) {
        ESP_LOGE(TAG, "a broker's URI without host, or with a senseless port");
        return ESP_FAIL;
    }
    return ESP_OK;
}

static esp_err_t set_address(struct mqtt_settings *s, const struct address_t *address)
{
    if (address->uri != NULL) {
        return mqtt_settings_set_uri(s, address->uri) == ESP_OK ? ESP_OK : ESP_ERR_INVALID_ARG;
    }
    if (address->hostname == NULL || address->transport == MQTT_TRANSPORT_UNKNOWN || address->port > 65535) {
        ESP_LOGE(TAG, "no broker: neither a URI nor hostname, transport and port");
        return ESP_ERR_INVALID_ARG;
    }
    if (!set_transport(s, address->transport)) {
        return ESP_ERR_INVALID_ARG;
    }
    s->port = or_default((int)address->port, s->tls ? DEFAULT_TLS_PORT : DEFAULT_PORT);
    return assign_all(&s->host, address->hostname) ? ESP_OK : ESP_ERR_NO_MEM;
}

/* --- The rest ------------------------------------------------------------- */

static bool set_client_id(struct mqtt_settings *s, const struct credentials_t *credentials)
{
    char id[sizeof "ESP32_000000"];
    uint8_t mac[6];

    if (credentials->set_null_client_id) {
        return assign_all(&s->client_id, NULL);
    }
    if (credentials->client_id != NULL) {
        return assign_all(&s->client_id, credentials->client_id);
    }
    if (esp_read_mac(mac, ESP_MAC_WIFI_STA) != ESP_OK) {
        return false;
    }
    snprintf(id, sizeof id, "ESP32_%02x%02X%02X", mac[3], mac[4], mac[5]);
    return assign_all(&s->client_id, id);
}

static bool set_will(struct mqtt_settings *s, const struct last_will_t *will)
{
    if (will->topic == NULL) {
        return true;
    }
    s->will_len = will->msg == NULL ? 0 : will->msg_len != 0 ? will->msg_len : (int)strlen(will->msg);
    s->will_qos = will->qos;
    s->will_retain = will->retain != 0;
    s->will_msg = malloc((size_t)s->will_len + 1);
    if (s->will_msg == NULL) {
        return false;
    }
    if (s->will_len > 0) {
        memcpy(s->will_msg, will->msg, (size_t)s->will_len);
    }
    return assign_all(&s->will_topic, will->topic);
}

static void set_numbers(struct mqtt_settings *s, const esp_mqtt_client_config_t *c)
{
    s->clean_session = !c->session.disable_clean_session;
    s->keepalive_s = c->session.disable_keepalive ? 0 : or_default(c->session.keepalive, DEFAULT_KEEPALIVE_S);
    if (s->keepalive_s > 0 && s->keepalive_s < SMALLEST_KEEPALIVE_S) {
        ESP_LOGW(TAG, "keepalive %d s is taken for %d s on the virtual device", s->keepalive_s,
                 SMALLEST_KEEPALIVE_S);
        s->keepalive_s = SMALLEST_KEEPALIVE_S;
    }
    s->protocol =
        c->session.protocol_ver != MQTT_PROTOCOL_UNDEFINED ? c->session.protocol_ver : MQTT_PROTOCOL_V_3_1_1;
    s->reconnect_ms = or_default(c->network.reconnect_timeout_ms, DEFAULT_TIMEOUT_MS);
    s->timeout_ms = or_default(c->network.timeout_ms, DEFAULT_TIMEOUT_MS);
    s->refresh_ms = c->network.refresh_connection_after_ms;
    s->auto_reconnect = !c->network.disable_auto_reconnect;
    s->priority = or_default(c->task.priority, DEFAULT_PRIORITY);
    s->stack_size = or_default(c->task.stack_size, DEFAULT_STACK_SIZE);
    s->buffer_size = or_default(c->buffer.size, DEFAULT_BUFFER_SIZE);
    if (s->buffer_size < SMALLEST_BUFFER_SIZE) {
        s->buffer_size = SMALLEST_BUFFER_SIZE;
    }
    s->outbox_limit = c->outbox.limit;
    s->verification = c->broker.verification;
    s->authentication = c->credentials.authentication;
}

static bool makes_sense(const esp_mqtt_client_config_t *c)
{
    const struct authentication_t *a = &c->credentials.authentication;

    if (c->session.protocol_ver == MQTT_PROTOCOL_V_5) {
        ESP_LOGE(TAG, "MQTT 5 is not supported on the virtual device");
        return false;
    }
    if ((a->certificate != NULL) != (a->key != NULL)) {
        ESP_LOGE(TAG, "a client's certificate and its key only make sense together");
        return false;
    }
    if (c->session.last_will.qos < 0 || c->session.last_will.qos > 2) {
        ESP_LOGE(TAG, "QoS %d of the last will", c->session.last_will.qos);
        return false;
    }
    return true;
}

esp_err_t mqtt_settings_make(struct mqtt_settings *out, const esp_mqtt_client_config_t *config)
{
    memset(out, 0, sizeof *out);
    if (!makes_sense(config)) {
        return ESP_ERR_INVALID_ARG;
    }
    set_numbers(out, config);
    esp_err_t err = ESP_ERR_NO_MEM;

    if (assign_all(&out->username, config->credentials.username) &&
        assign_all(&out->password, config->credentials.authentication.password) &&
        set_client_id(out, &config->credentials) && set_will(out, &config->session.last_will)) {
        err = set_address(out, &config->broker.address);
    }
    if (err != ESP_OK) {
        mqtt_settings_free(out);
    }
    return err;
}

void mqtt_settings_free(struct mqtt_settings *s)
{
    char **const owned[] = {&s->host, &s->client_id, &s->username, &s->password, &s->will_topic};

    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        (void)assign(owned[i], NULL, 0);
    }
    free(s->will_msg);
    memset(s, 0, sizeof *s);
}
