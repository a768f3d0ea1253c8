/*
 * Handlers, which one a request is for, and what is answered where there is none.
 */
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "httpd.h"

static const char *const TAG = "httpd_uri";

static bool methods_meet(int registered, int method)
{
    return registered == HTTP_ANY || registered == method;
}

static bool is_equal(const char *registered, const char *uri, size_t len)
{
    return strlen(registered) == len && strncmp(registered, uri, len) == 0;
}

bool httpd_uri_match_wildcard(const char *uri_template, const char *uri_to_match, size_t match_upto)
{
    size_t len = strlen(uri_template);
    bool any = len > 0 && uri_template[len - 1] == '*';
    bool optional = false;

    len -= any;
    if (len > 1 && uri_template[len - 1] == '?') {
        optional = true;
        len--;
        if (!any && len > 1 && uri_template[len - 1] == '*') { /* `*?` is `?*` */
            any = true;
            len--;
        }
    }
    len -= optional; /* the character that may be missing */
    if (match_upto < len || strncmp(uri_template, uri_to_match, len) != 0) {
        return false;
    }
    if (!optional) {
        return any || match_upto == len;
    }
    if (match_upto == len) {
        return true;
    }
    return uri_to_match[len] == uri_template[len] && (any || match_upto == len + 1);
}

/* With the lock. The index of what is registered for exactly that, or -1. */
static int find_registered(const struct httpd_server *s, const char *uri, int method)
{
    for (unsigned i = 0; i < s->n_uris; i++) {
        if (strcmp(s->uri[i].uri, uri) == 0 && (method < 0 || (int)s->uri[i].method == method)) {
            return (int)i;
        }
    }
    return -1;
}

/* With the lock. Does a handler stand before it that would get all its requests? */
static bool is_shadowed(const struct httpd_server *s, const httpd_uri_t *new)
{
    httpd_uri_match_func_t match = s->config.uri_match_fn != NULL ? s->config.uri_match_fn : is_equal;

    for (unsigned i = 0; i < s->n_uris; i++) {
        if (methods_meet((int)s->uri[i].method, (int)new->method) &&
            match(s->uri[i].uri, new->uri, strlen(new->uri))) {
            return true;
        }
    }
    return false;
}

static esp_err_t add(struct httpd_server *s, const httpd_uri_t *new)
{
    char *uri;

    if (is_shadowed(s, new)) {
        return ESP_ERR_HTTPD_HANDLER_EXISTS;
    }
    if (s->n_uris == s->config.max_uri_handlers) {
        ESP_LOGW(TAG, "no room for %s: max_uri_handlers is %u", new->uri, s->config.max_uri_handlers);
        return ESP_ERR_HTTPD_HANDLERS_FULL;
    }
    uri = strdup(new->uri);
    if (uri == NULL) {
        return ESP_ERR_HTTPD_ALLOC_MEM;
    }
    s->uri[s->n_uris] = *new;
    s->uri[s->n_uris++].uri = uri;
    return ESP_OK;
}

esp_err_t httpd_register_uri_handler(httpd_handle_t handle, const httpd_uri_t *uri_handler)
{
    struct httpd_server *s = handle;
    esp_err_t err;

    if (s == NULL || uri_handler == NULL || uri_handler->uri == NULL || uri_handler->handler == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&s->lock);
    err = add(s, uri_handler);
    pthread_mutex_unlock(&s->lock);
    return err;
}

/* Those of one method, or of all (-1). */
static esp_err_t unregister(struct httpd_server *s, const char *uri, int method)
{
    esp_err_t err = ESP_ERR_NOT_FOUND;
    int at;

    if (s == NULL || uri == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&s->lock);
    while ((at = find_registered(s, uri, method)) >= 0) {
        free((char *)s->uri[at].uri);
        s->n_uris--;
        memmove(&s->uri[at], &s->uri[at + 1], (s->n_uris - (unsigned)at) * sizeof s->uri[0]);
        err = ESP_OK;
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

esp_err_t httpd_unregister_uri_handler(httpd_handle_t handle, const char *uri, httpd_method_t method)
{
    return unregister(handle, uri, (int)method);
}

esp_err_t httpd_unregister_uri(httpd_handle_t handle, const char *uri)
{
    return unregister(handle, uri, -1);
}

/* ---- Errors ------------------------------------------------------------------ */

esp_err_t httpd_register_err_handler(httpd_handle_t handle, httpd_err_code_t error,
                                     httpd_err_handler_func_t handler_fn)
{
    struct httpd_server *s = handle;

    if (s == NULL || (unsigned)error >= HTTPD_ERR_CODE_MAX) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&s->lock);
    s->on_error[error] = handler_fn;
    pthread_mutex_unlock(&s->lock);
    return ESP_OK;
}

esp_err_t httpd_answer_error(httpd_req_t *r, httpd_err_code_t error)
{
    struct httpd_server *s = r->handle;
    httpd_err_handler_func_t fn;

    pthread_mutex_lock(&s->lock);
    fn = s->on_error[error];
    pthread_mutex_unlock(&s->lock);
    if (fn != NULL) {
        return fn(r, error);
    }
    (void)httpd_resp_send_err(r, error, NULL);
    return ESP_FAIL;
}

/* ---- Dispatch ---------------------------------------------------------------- */

/* A copy of the handler's row in *found; else what is to be said. */
static bool find_handler(struct httpd_server *s, const httpd_req_t *r, httpd_uri_t *found,
                         httpd_err_code_t *error)
{
    httpd_uri_match_func_t match = s->config.uri_match_fn != NULL ? s->config.uri_match_fn : is_equal;
    size_t len = strcspn(r->uri, "?#");
    bool is_found = false;

    *error = HTTPD_404_NOT_FOUND;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_uris && !is_found; i++) {
        if (match(s->uri[i].uri, r->uri, len)) {
            is_found = methods_meet((int)s->uri[i].method, r->method);
            *found = s->uri[i];
            *error = HTTPD_405_METHOD_NOT_ALLOWED;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return is_found;
}

esp_err_t httpd_dispatch(httpd_req_t *r)
{
    httpd_uri_t row;
    httpd_err_code_t error;
    esp_err_t err;

    if (!find_handler(r->handle, r, &row, &error)) {
        ESP_LOGW(TAG, "%s: no handler%s", r->uri, error == HTTPD_404_NOT_FOUND ? "" : " for this method");
        return httpd_answer_error(r, error);
    }
    r->user_ctx = row.user_ctx;
    err = row.handler(r);
    if (err != ESP_OK) {
        ESP_LOGW(TAG, "%s: the handler failed: %s", r->uri, esp_err_to_name(err));
    }
    return err;
}
