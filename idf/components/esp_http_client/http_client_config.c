/* http_client_config.c - clients: made, changed and asked. No traffic here. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../esp-tls/tls_trust.h"
#include "../esp_netif/netif_link.h"
#include "esp_log.h"
#include "http_client_priv.h"

#define USER_AGENT           "ESP32 HTTP Client/1.0"
#define DEFAULT_TIMEOUT_MS   5000
#define DEFAULT_REDIRECTS    10
#define DEFAULT_AUTH_RETRIES 10
#define DEFAULT_PROBE_S      5 /* idle time and interval */
#define DEFAULT_PROBES       3
#define SMALLEST_CURL_BUFFER 1024

static const char *const TAG = "HTTP_CLIENT";

static const char *const method_names[HTTP_METHOD_MAX] = {
    "GET",     "POST", "PUT",  "PATCH", "DELETE", "HEAD",     "NOTIFY",    "SUBSCRIBE", "UNSUBSCRIBE",
    "OPTIONS", "COPY", "MOVE", "LOCK",  "UNLOCK", "PROPFIND", "PROPPATCH", "MKCOL",     "REPORT",
};

static int or_default(int value, int fallback)
{
    return value != 0 ? value : fallback;
}

/* Replace an owned string; NULL clears it. Secrets are wiped before they are freed. */
static bool assign(char **slot, const char *text)
{
    char *copy = NULL;

    if (text != NULL && (copy = strdup(text)) == NULL) {
        return false;
    }
    if (*slot != NULL) {
        explicit_bzero(*slot, strlen(*slot));
        free(*slot);
    }
    *slot = copy;
    return true;
}

/* ---- from a configuration ------------------------------------------------ */

static bool set_trust(struct esp_http_client *client, const esp_http_client_config_t *config)
{
    if (config->crt_bundle_attach != NULL) {
        struct tls_trust trust = {0};
        client->trusted = config->crt_bundle_attach(&trust) == ESP_OK && trust.bundle;
        if (client->trusted && !tls_bundle_pem(&client->ca_pem)) {
            return false;
        }
        client->transport.ca_pem = client->ca_pem;
        client->transport.system_ca = client->trusted && client->ca_pem == NULL;
        return true;
    }
    if (config->use_global_ca_store) {
        client->ca_pem = tls_global_ca_pem();
    } else if (config->cert_pem != NULL) {
        client->ca_pem = tls_cert_to_pem(config->cert_pem, config->cert_len);
        if (client->ca_pem == NULL) {
            return false;
        }
    }
    client->transport.ca_pem = client->ca_pem;
    client->trusted = client->ca_pem != NULL;
    return true;
}

static bool set_transport(struct esp_http_client *client, const esp_http_client_config_t *config)
{
    struct http_transport *transport = &client->transport;

    transport->skip_name_check = config->skip_cert_common_name_check;
    transport->client_cert = config->client_cert_pem;
    transport->client_cert_len = config->client_cert_len;
    transport->client_key = config->client_key_pem;
    transport->client_key_len = config->client_key_len;
    if (config->client_key_password != NULL && config->client_key_password_len > 0) {
        client->client_key_password = strndup(config->client_key_password, config->client_key_password_len);
        transport->client_key_password = client->client_key_password;
        if (client->client_key_password == NULL) {
            return false;
        }
    }
    if (config->tls_version == ESP_HTTP_CLIENT_TLS_VER_TLS_1_2) {
        transport->tls_min = CURL_SSLVERSION_TLSv1_2;
        transport->tls_max = CURL_SSLVERSION_MAX_TLSv1_2;
    } else {
        /* Nothing below 1.2: ESP-IDF's TLS has no older one either. */
        transport->tls_min = config->tls_version == ESP_HTTP_CLIENT_TLS_VER_TLS_1_3 ? CURL_SSLVERSION_TLSv1_3
                                                                                    : CURL_SSLVERSION_TLSv1_2;
        transport->tls_max = CURL_SSLVERSION_MAX_DEFAULT;
    }
    transport->keep_alive = config->keep_alive_enable;
    transport->keep_alive_idle = or_default(config->keep_alive_idle, DEFAULT_PROBE_S);
    transport->keep_alive_interval = or_default(config->keep_alive_interval, DEFAULT_PROBE_S);
    transport->keep_alive_count = or_default(config->keep_alive_count, DEFAULT_PROBES);
    transport->address_family = (int)config->addr_type;
    transport->piece_size =
        client->buffer_size < SMALLEST_CURL_BUFFER ? SMALLEST_CURL_BUFFER : (size_t)client->buffer_size;
    if (transport->piece_size > CURL_MAX_WRITE_SIZE) {
        transport->piece_size = CURL_MAX_WRITE_SIZE;
    }
    /* The device's own interfaces are all the host's network: there is nothing to choose among. */
    if (config->if_name != NULL && !netif_is_device_name(config->if_name->ifr_name)) {
        if (asprintf(&client->interface_name, "if!%.*s", IFNAMSIZ, config->if_name->ifr_name) < 0) {
            client->interface_name = NULL;
            return false;
        }
        transport->interface_name = client->interface_name;
    }
    return set_trust(client, config);
}

static esp_err_t set_target(struct esp_http_client *client, const esp_http_client_config_t *config)
{
    if (config->url != NULL) {
        return esp_http_client_set_url(client, config->url);
    }
    if (config->host == NULL || config->path == NULL) {
        ESP_LOGE(TAG, "neither url nor host and path are configured");
        return ESP_ERR_INVALID_ARG;
    }
    return http_url_from_parts(config->transport_type == HTTP_TRANSPORT_OVER_SSL, config->host, config->port,
                               config->path, config->query, &client->url);
}

esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config)
{
    if (config == NULL) {
        return NULL;
    }
    struct esp_http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    client->method = config->method;
    client->auth_type = config->auth_type;
    client->timeout_ms = or_default(config->timeout_ms, DEFAULT_TIMEOUT_MS);
    client->buffer_size = or_default(config->buffer_size, DEFAULT_HTTP_BUF_SIZE);
    client->buffer_size_tx = or_default(config->buffer_size_tx, DEFAULT_HTTP_BUF_SIZE);
    client->disable_auto_redirect = config->disable_auto_redirect;
    client->is_async = config->is_async;
    client->max_redirects = or_default(config->max_redirection_count, DEFAULT_REDIRECTS);
    client->max_auth_retries = config->max_authorization_retries == -1
                                   ? 0
                                   : or_default(config->max_authorization_retries, DEFAULT_AUTH_RETRIES);
    client->event_handler = config->event_handler;
    client->user_data = config->user_data;
    if (!set_transport(client, config) || !http_exchange_init(&client->ex, &client->transport) ||
        !assign(&client->username, config->username) || !assign(&client->password, config->password) ||
        !assign(&client->common_name, config->common_name) ||
        esp_http_client_set_header(client, "User-Agent",
                                   config->user_agent != NULL ? config->user_agent : USER_AGENT) != ESP_OK ||
        set_target(client, config) != ESP_OK || http_client_host_header(client) != ESP_OK) {
        ESP_LOGE(TAG, "could not make a client");
        (void)esp_http_client_cleanup(client);
        return NULL;
    }
    client->state = HTTP_STATE_INIT;
    return client;
}

esp_err_t esp_http_client_cleanup(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_FAIL;
    }
    (void)esp_http_client_close(client);
    http_exchange_free(&client->ex);
    http_url_free(&client->url);
    http_headers_clear(&client->headers);
    http_challenge_free(&client->challenge);
    (void)assign(&client->username, NULL);
    (void)assign(&client->password, NULL);
    (void)assign(&client->client_key_password, NULL);
    free(client->auth_data);
    free(client->common_name);
    free(client->interface_name);
    free(client->ca_pem);
    free(client);
    return ESP_OK;
}

/* ---- the URL ------------------------------------------------------------- */

esp_err_t http_client_host_header(struct esp_http_client *client)
{
    char *value = http_url_host_header(&client->url);
    if (value == NULL) {
        return ESP_ERR_NO_MEM;
    }
    esp_err_t err = http_headers_set(&client->headers, "Host", value);
    free(value);
    return err;
}

/* Make `next` (taken over) the current URL. */
static esp_err_t go_to(struct esp_http_client *client, struct http_url *next)
{
    bool first = client->url.host == NULL;
    bool elsewhere =
        !first && (strcasecmp(client->url.host, next->host) != 0 || client->url.port != next->port ||
                   strcmp(client->url.scheme, next->scheme) != 0);
    bool ok =
        next->username == NULL || (assign(&client->username, next->username) &&
                                   assign(&client->password, next->password != NULL ? next->password : ""));

    http_url_free(&client->url);
    client->url = *next;
    if (elsewhere) {
        (void)esp_http_client_close(client);
    }
    return ok && (first || http_client_host_header(client) == ESP_OK) ? ESP_OK : ESP_ERR_NO_MEM;
}

esp_err_t esp_http_client_set_url(esp_http_client_handle_t client, const char *url)
{
    struct http_url next = {0};

    if (client == NULL || url == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    esp_err_t err = http_url_parse(client->url.host != NULL ? &client->url : NULL, url, false, &next);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "not a URL: %.64s", url);
        return err;
    }
    return go_to(client, &next);
}

esp_err_t esp_http_client_set_redirection(esp_http_client_handle_t client)
{
    struct http_url next = {0};

    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    const char *location = http_headers_get(&client->ex.headers, "Location");
    if (location == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (client->redirects >= client->max_redirects) {
        ESP_LOGE(TAG, "%d redirects followed, no more", client->redirects);
        return ESP_ERR_HTTP_MAX_REDIRECT;
    }
    esp_err_t err = http_url_parse(&client->url, location, true, &next);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "redirected to what is no URL: %.64s", location);
        return err;
    }
    if (http_url_is_tls(&client->url) && !http_url_is_tls(&next)) {
        ESP_LOGE(TAG, "refused a redirect from https to %s", next.scheme);
        http_url_free(&next);
        return ESP_ERR_HTTP_REDIRECT_DOWNGRADE;
    }
    if (strcasecmp(client->url.host, next.host) != 0) {
        /* Credentials were meant for the first host. */
        http_headers_delete(&client->headers, "Authorization");
        (void)assign(&client->username, NULL);
        (void)assign(&client->password, NULL);
        http_challenge_free(&client->challenge);
    }
    client->redirects++;
    client->again = true;
    return go_to(client, &next);
}

esp_err_t esp_http_client_reset_redirect_counter(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    client->redirects = 0;
    return ESP_OK;
}

esp_err_t esp_http_client_get_url(esp_http_client_handle_t client, char *url, const int len)
{
    if (client == NULL || url == NULL || len <= 0) {
        return ESP_ERR_INVALID_ARG;
    }
    (void)snprintf(url, (size_t)len, "%s://%s%s", client->url.scheme, client->url.host, client->url.path);
    return ESP_OK;
}

esp_http_client_transport_t esp_http_client_get_transport_type(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return HTTP_TRANSPORT_UNKNOWN;
    }
    if (http_url_is_tls(&client->url)) {
        return HTTP_TRANSPORT_OVER_SSL;
    }
    return strcasecmp(client->url.scheme, "http") == 0 ? HTTP_TRANSPORT_OVER_TCP : HTTP_TRANSPORT_UNKNOWN;
}

/* ---- headers, method, body ----------------------------------------------- */

const char *http_client_method_name(esp_http_client_method_t method)
{
    return method_names[method];
}

esp_err_t esp_http_client_set_method(esp_http_client_handle_t client, esp_http_client_method_t method)
{
    if (client == NULL || (unsigned)method >= HTTP_METHOD_MAX) {
        return ESP_ERR_INVALID_ARG;
    }
    client->method = method;
    return ESP_OK;
}

esp_err_t esp_http_client_set_header(esp_http_client_handle_t client, const char *key, const char *value)
{
    if (client == NULL || key == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (value == NULL) {
        http_headers_delete(&client->headers, key);
        return ESP_OK;
    }
    return http_headers_set(&client->headers, key, value);
}

esp_err_t esp_http_client_get_header(esp_http_client_handle_t client, const char *key, char **value)
{
    if (client == NULL || key == NULL || value == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *value = http_headers_get(&client->headers, key);
    return ESP_OK;
}

esp_err_t esp_http_client_delete_header(esp_http_client_handle_t client, const char *key)
{
    return esp_http_client_set_header(client, key, NULL);
}

esp_err_t esp_http_client_delete_all_headers(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    http_headers_clear(&client->headers);
    return ESP_OK;
}

esp_err_t esp_http_client_set_post_field(esp_http_client_handle_t client, const char *data, int len)
{
    if (client == NULL || len < 0) {
        return ESP_ERR_INVALID_ARG;
    }
    client->post_data = (char *)(uintptr_t)data;
    client->post_len = data != NULL ? len : 0;
    if (data == NULL) {
        return esp_http_client_delete_header(client, "Content-Type");
    }
    if (http_headers_get(&client->headers, "Content-Type") != NULL) {
        return ESP_OK;
    }
    return esp_http_client_set_header(client, "Content-Type", "application/x-www-form-urlencoded");
}

int esp_http_client_get_post_field(esp_http_client_handle_t client, char **data)
{
    if (client == NULL || client->post_data == NULL) {
        return 0;
    }
    *data = client->post_data;
    return client->post_len;
}

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t client, int timeout_ms)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    client->timeout_ms = timeout_ms;
    return ESP_OK;
}

esp_err_t esp_http_client_set_user_data(esp_http_client_handle_t client, void *data)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    client->user_data = data;
    return ESP_OK;
}

esp_err_t esp_http_client_get_user_data(esp_http_client_handle_t client, void **data)
{
    if (client == NULL || data == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *data = client->user_data;
    return ESP_OK;
}

/* ---- credentials --------------------------------------------------------- */

esp_err_t esp_http_client_set_username(esp_http_client_handle_t client, const char *username)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return assign(&client->username, username) ? ESP_OK : ESP_ERR_NO_MEM;
}

esp_err_t esp_http_client_get_username(esp_http_client_handle_t client, char **value)
{
    if (client == NULL || value == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *value = client->username;
    return ESP_OK;
}

esp_err_t esp_http_client_set_password(esp_http_client_handle_t client, const char *password)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return assign(&client->password, password) ? ESP_OK : ESP_ERR_NO_MEM;
}

esp_err_t esp_http_client_get_password(esp_http_client_handle_t client, char **value)
{
    if (client == NULL || value == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *value = client->password;
    return ESP_OK;
}

esp_err_t esp_http_client_set_authtype(esp_http_client_handle_t client, esp_http_client_auth_type_t auth_type)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    client->auth_type = auth_type;
    return ESP_OK;
}

esp_err_t esp_http_client_set_auth_data(esp_http_client_handle_t client, const char *auth_data, int len)
{
    if (client == NULL || auth_data == NULL || len <= 0) {
        return ESP_ERR_INVALID_ARG;
    }
    char *copy = strndup(auth_data, (size_t)len);
    if (copy == NULL) {
        return ESP_ERR_NO_MEM;
    }
    free(client->auth_data);
    client->auth_data = copy;
    return ESP_OK;
}

esp_err_t esp_http_client_add_auth(esp_http_client_handle_t client)
{
    if (client == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!client->ex.has_headers) {
        return ESP_ERR_INVALID_STATE;
    }
    if (client->auth_retries >= client->max_auth_retries) {
        ESP_LOGE(TAG, "the server refused %d answers to its 401", client->auth_retries);
        return ESP_FAIL;
    }
    const char *challenge = client->auth_data != NULL
                                ? client->auth_data
                                : http_headers_get(&client->ex.headers, "WWW-Authenticate");
    if (challenge == NULL || client->username == NULL) {
        ESP_LOGE(TAG, "401: %s",
                 challenge == NULL ? "the server doesn't say what it wants"
                                   : "no credentials are configured");
        return ESP_FAIL;
    }
    esp_err_t err = http_challenge_parse(&client->challenge, challenge);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "unsupported authentication: %.64s", challenge);
        client->auth_type = HTTP_AUTH_TYPE_NONE;
        return err;
    }
    client->auth_type = client->challenge.type;
    client->auth_retries++;
    client->again = true;
    return ESP_OK;
}

/* ---- the response -------------------------------------------------------- */

int esp_http_client_get_status_code(esp_http_client_handle_t client)
{
    return client != NULL ? client->ex.status : -1;
}

int64_t esp_http_client_get_content_length(esp_http_client_handle_t client)
{
    return client != NULL ? client->ex.content_length : -1;
}

int64_t esp_http_client_get_content_range(esp_http_client_handle_t client)
{
    const char *range = client != NULL ? http_headers_get(&client->ex.headers, "Content-Range") : NULL;
    const char *slash = range != NULL ? strchr(range, '/') : NULL;

    if (slash == NULL || strncasecmp(range, "bytes", 5) != 0) {
        return -1;
    }
    char *end;
    long long total = strtoll(slash + 1, &end, 10);
    return end != slash + 1 && total >= 0 ? total : -1;
}

esp_err_t esp_http_client_get_response_header(esp_http_client_handle_t client, const char *key, char **value)
{
    if (client == NULL || key == NULL || value == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *value = http_headers_get(&client->ex.headers, key);
    return ESP_OK;
}

bool esp_http_client_is_chunked_response(esp_http_client_handle_t client)
{
    return client != NULL && client->ex.has_headers && client->ex.content_length <= 0;
}

esp_err_t esp_http_client_get_chunk_length(esp_http_client_handle_t client, int *len)
{
    if (client == NULL || len == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (!esp_http_client_is_chunked_response(client)) {
        return ESP_FAIL;
    }
    *len = (int)client->ex.piece_len;
    return ESP_OK;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t client)
{
    return client != NULL && http_exchange_complete(&client->ex);
}

bool esp_http_client_is_persistent_connection(esp_http_client_handle_t client)
{
    return client != NULL && http_exchange_persistent(&client->ex);
}

esp_http_state_t esp_http_client_get_state(esp_http_client_handle_t client)
{
    return client != NULL ? client->state : HTTP_STATE_UNINIT;
}

int esp_http_client_get_errno(esp_http_client_handle_t client)
{
    return client != NULL ? client->last_errno : -1;
}

esp_err_t esp_http_client_get_and_clear_last_tls_error(esp_http_client_handle_t client,
                                                       int *esp_tls_error_code, int *esp_tls_flags)
{
    return client != NULL
               ? esp_tls_get_and_clear_last_error(&client->tls_error, esp_tls_error_code, esp_tls_flags)
               : ESP_ERR_INVALID_ARG;
}
