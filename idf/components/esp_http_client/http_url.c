/* http_url.c - URLs in parts, taken apart by libcurl. */
#include "http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

/* S3 signs the path as it is written: it must reach the server unchanged, dots and all. */
#define SET_FLAGS (CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME)

/* One part as our own string; absent parts stay NULL. */
static bool take(CURLU *handle, CURLUPart part, unsigned flags, char **out)
{
    char *text = NULL;
    CURLUcode result = curl_url_get(handle, part, &text, flags);

    if (result == CURLUE_OK) {
        *out = strdup(text);
        curl_free(text);
        return *out != NULL;
    }
    return result == CURLUE_NO_USER || result == CURLUE_NO_PASSWORD || result == CURLUE_NO_QUERY;
}

static bool take_all(CURLU *handle, struct http_url *out)
{
    char *port = NULL;

    if (!take(handle, CURLUPART_SCHEME, 0, &out->scheme) || !take(handle, CURLUPART_HOST, 0, &out->host) ||
        !take(handle, CURLUPART_PATH, 0, &out->path) || !take(handle, CURLUPART_QUERY, 0, &out->query) ||
        !take(handle, CURLUPART_USER, CURLU_URLDECODE, &out->username) ||
        !take(handle, CURLUPART_PASSWORD, CURLU_URLDECODE, &out->password)) {
        return false;
    }
    if (curl_url_get(handle, CURLUPART_PORT, &port, 0) == CURLUE_OK) {
        out->port = atoi(port);
        curl_free(port);
    } else {
        out->port = http_url_default_port(out->scheme);
    }
    return true;
}

int http_url_default_port(const char *scheme)
{
    return scheme != NULL && strcasecmp(scheme, "https") == 0 ? 443 : 80;
}

bool http_url_is_tls(const struct http_url *url)
{
    return strcasecmp(url->scheme, "https") == 0;
}

void http_url_free(struct http_url *url)
{
    free(url->scheme);
    free(url->host);
    free(url->path);
    free(url->query);
    free(url->username);
    free(url->password);
    memset(url, 0, sizeof *url);
}

char *http_url_host_header(const struct http_url *url)
{
    char *text = NULL;
    int len = url->port == http_url_default_port(url->scheme)
                  ? asprintf(&text, "%s", url->host)
                  : asprintf(&text, "%s:%d", url->host, url->port);
    return len >= 0 ? text : NULL;
}

char *http_url_text(const struct http_url *url, const char *host)
{
    char *text = NULL;
    int len = asprintf(&text, "%s://%s:%d%s%s%s", url->scheme, host != NULL ? host : url->host, url->port,
                       url->path, url->query != NULL ? "?" : "", url->query != NULL ? url->query : "");
    return len >= 0 ? text : NULL;
}

esp_err_t http_url_parse(const struct http_url *base, const char *text, bool lenient, struct http_url *out)
{
    struct http_url parsed = {0};
    esp_err_t err = ESP_ERR_NO_MEM;
    char *base_text = NULL;
    CURLU *handle = curl_url();

    if (handle == NULL) {
        return ESP_ERR_NO_MEM;
    }
    if (base != NULL) {
        base_text = http_url_text(base, NULL);
        if (base_text == NULL || curl_url_set(handle, CURLUPART_URL, base_text, SET_FLAGS) != CURLUE_OK) {
            goto out;
        }
    }
    CURLUcode result = curl_url_set(handle, CURLUPART_URL, text, SET_FLAGS | (lenient ? CURLU_URLENCODE : 0));
    if (result != CURLUE_OK) {
        err = result == CURLUE_OUT_OF_MEMORY ? ESP_ERR_NO_MEM : ESP_ERR_INVALID_ARG;
        goto out;
    }
    if (!take_all(handle, &parsed)) {
        err = ESP_ERR_INVALID_ARG;
        goto out;
    }
    http_url_free(out);
    *out = parsed;
    memset(&parsed, 0, sizeof parsed);
    err = ESP_OK;
out:
    http_url_free(&parsed);
    free(base_text);
    curl_url_cleanup(handle);
    return err;
}

esp_err_t http_url_from_parts(bool tls, const char *host, int port, const char *path, const char *query,
                              struct http_url *out)
{
    struct http_url url = {
        .scheme = strdup(tls ? "https" : "http"),
        .host = strdup(host),
        .path = strdup(path != NULL ? path : "/"),
        .query = query != NULL ? strdup(query) : NULL,
        .port = port != 0 ? port
                : tls     ? 443
                          : 80,
    };

    if (url.scheme == NULL || url.host == NULL || url.path == NULL || (query != NULL && url.query == NULL)) {
        http_url_free(&url);
        return ESP_ERR_NO_MEM;
    }
    http_url_free(out);
    *out = url;
    return ESP_OK;
}
