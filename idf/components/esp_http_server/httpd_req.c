/*
 * What handlers ask of a request.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "httpd.h"

void httpd_aux_free(struct httpd_aux *aux)
{
    if (aux != NULL) {
        free(aux->head);
        free(aux->resp);
        free(aux);
    }
}

static struct httpd_aux *new_aux(struct httpd_sess *sess)
{
    struct httpd_aux *aux = calloc(1, sizeof *aux);

    if (aux == NULL) {
        return NULL;
    }
    aux->sess = sess;
    aux->status = HTTPD_200;
    aux->type = HTTPD_TYPE_TEXT;
    aux->resp = calloc(sess->server->config.max_resp_headers + 1u, sizeof *aux->resp);
    if (aux->resp == NULL) {
        httpd_aux_free(aux);
        return NULL;
    }
    return aux;
}

/* The handler may have left some of the body, which lies before the next request. */
static bool discard_body(httpd_req_t *r)
{
    struct httpd_aux *aux = r->aux;
    char waste[1024];

    while (aux->remaining > 0) {
        if (httpd_req_recv(r, waste, sizeof waste) <= 0) {
            return false;
        }
    }
    return true;
}

/* What the handler made of the connection's context. */
static void keep_sess_ctx(struct httpd_sess *sess, const httpd_req_t *r)
{
    if (r->ignore_sess_ctx_changes) {
        return;
    }
    httpd_sess_set_ctx(sess->server, sess->fd, r->sess_ctx, r->free_ctx);
}

static bool serve(httpd_req_t *r)
{
    struct httpd_aux *aux = r->aux;
    struct httpd_sess *sess = aux->sess;
    httpd_err_code_t error;
    esp_err_t err;

    switch (httpd_head_read(r, &error)) {
    case 0:
        return false;
    case 1:
        httpd_event(HTTP_SERVER_EVENT_ON_HEADER, &sess->fd, sizeof sess->fd);
        err = httpd_dispatch(r);
        break;
    default:
        httpd_event(HTTP_SERVER_EVENT_ERROR, &error, sizeof error);
        (void)httpd_answer_error(r, error);
        return false; /* where the next request would begin is not known */
    }
    keep_sess_ctx(sess, r);
    if (aux->handed_over) {
        return err == ESP_OK;
    }
    return err == ESP_OK && aux->keep_alive && discard_body(r);
}

bool httpd_serve(struct httpd_sess *sess)
{
    httpd_req_t *r = calloc(1, sizeof *r);
    bool keep = false;

    if (r != NULL && (r->aux = new_aux(sess)) != NULL) {
        r->handle = sess->server;
        pthread_mutex_lock(&sess->server->lock);
        r->sess_ctx = sess->ctx;
        r->free_ctx = sess->free_ctx;
        pthread_mutex_unlock(&sess->server->lock);
        keep = serve(r);
        httpd_aux_free(r->aux);
    }
    free(r);
    return keep;
}

int httpd_req_to_sockfd(httpd_req_t *r)
{
    return r == NULL || r->aux == NULL ? -1 : ((struct httpd_aux *)r->aux)->sess->fd;
}

int httpd_req_recv(httpd_req_t *r, char *buf, size_t buf_len)
{
    struct httpd_aux *aux = r != NULL ? r->aux : NULL;
    esp_http_server_event_data data;
    int n;

    if (aux == NULL || buf == NULL) {
        return HTTPD_SOCK_ERR_INVALID;
    }
    buf_len = buf_len < aux->remaining ? buf_len : (size_t)aux->remaining;
    if (buf_len == 0) {
        return 0;
    }
    n = httpd_sess_recv(aux->sess, buf, buf_len);
    if (n > 0) {
        aux->remaining -= (uint64_t)n;
        data = (esp_http_server_event_data){.fd = aux->sess->fd, .data_len = n};
        httpd_event(HTTP_SERVER_EVENT_ON_DATA, &data, sizeof data);
    }
    return n;
}

/* ---- Texts ------------------------------------------------------------------- */

/* ESP_ERR_HTTPD_RESULT_TRUNC if it does not fit with its NUL; *val is terminated then too. */
static esp_err_t copy_out(char *val, size_t room, const char *text, size_t len)
{
    size_t n = len < room ? len : room - 1;

    memcpy(val, text, n);
    val[n] = '\0';
    return n < len ? ESP_ERR_HTTPD_RESULT_TRUNC : ESP_OK;
}

static const struct httpd_header *find_header(const httpd_req_t *r, const char *field)
{
    const struct httpd_aux *aux = r->aux;
    size_t len = strlen(field);

    for (unsigned i = 0; i < aux->n_headers; i++) {
        const struct httpd_header *h = &aux->header[i];

        if (h->name_len == len && strncasecmp(h->name, field, len) == 0) {
            return h;
        }
    }
    return NULL;
}

size_t httpd_req_get_hdr_value_len(httpd_req_t *r, const char *field)
{
    const struct httpd_header *h =
        r == NULL || r->aux == NULL || field == NULL ? NULL : find_header(r, field);

    return h == NULL ? 0 : h->value_len;
}

esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *r, const char *field, char *val, size_t val_size)
{
    const struct httpd_header *h;

    if (r == NULL || field == NULL || val == NULL || val_size == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    if (r->aux == NULL) {
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    h = find_header(r, field);
    return h == NULL ? ESP_ERR_NOT_FOUND
                     : copy_out(val, val_size, h->value != NULL ? h->value : "", h->value_len);
}

/* The query of a URI, without the fragment. NULL: it has none. */
static const char *query(const httpd_req_t *r, size_t *len)
{
    const char *at = strchr(r->uri, '?');

    if (at != NULL) {
        *len = strcspn(++at, "#");
    }
    return at != NULL && *len > 0 ? at : NULL;
}

size_t httpd_req_get_url_query_len(httpd_req_t *r)
{
    size_t len;

    return r == NULL || query(r, &len) == NULL ? 0 : len;
}

esp_err_t httpd_req_get_url_query_str(httpd_req_t *r, char *buf, size_t buf_len)
{
    const char *at;
    size_t len;

    if (r == NULL || buf == NULL || buf_len == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    at = query(r, &len);
    return at == NULL ? ESP_ERR_NOT_FOUND : copy_out(buf, buf_len, at, len);
}

/* The value of `name=` in a list of such, parted by one of `separators`. */
static const char *find_value(const char *list, const char *name, const char *separators, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *at = list; *at != '\0'; at += strcspn(at, separators), at += strspn(at, separators)) {
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            at += name_len + 1;
            *len = strcspn(at, separators);
            return at;
        }
    }
    return NULL;
}

esp_err_t httpd_query_key_value(const char *qry, const char *key, char *val, size_t val_size)
{
    const char *at;
    size_t len;

    if (qry == NULL || key == NULL || val == NULL || val_size == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    at = find_value(qry, key, "&", &len);
    return at == NULL ? ESP_ERR_NOT_FOUND : copy_out(val, val_size, at, len);
}

esp_err_t httpd_req_get_cookie_val(httpd_req_t *req, const char *cookie_name, char *val, size_t *val_size)
{
    const struct httpd_header *h;
    esp_err_t err = ESP_ERR_NOT_FOUND;
    const char *at;
    char *list;
    size_t len;

    if (req == NULL || req->aux == NULL || cookie_name == NULL || val == NULL || val_size == NULL ||
        *val_size == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    h = find_header(req, "Cookie");
    if (h == NULL || h->value == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    list = strndup(h->value, h->value_len);
    if (list == NULL) {
        return ESP_ERR_NO_MEM;
    }
    at = find_value(list, cookie_name, "; ", &len);
    if (at != NULL) {
        err = copy_out(val, *val_size, at, len);
        *val_size = len + 1;
    }
    free(list);
    return err;
}

/* ---- In another task ----------------------------------------------------------- */

/* The head's texts point into it, and so do the copy's into the copy of it. */
static bool copy_head(struct httpd_aux *to, const struct httpd_aux *from)
{
    to->head = malloc(from->head_len + 1);
    if (to->head == NULL) {
        return false;
    }
    memcpy(to->head, from->head, from->head_len);
    for (unsigned i = 0; i < to->n_headers; i++) {
        struct httpd_header *h = &to->header[i];

        h->name = to->head + (h->name - from->head);
        h->value = h->value != NULL ? to->head + (h->value - from->head) : NULL;
    }
    return true;
}

esp_err_t httpd_req_async_handler_begin(httpd_req_t *r, httpd_req_t **out)
{
    struct httpd_aux *aux, *from;
    struct httpd_resp_header *resp;
    httpd_req_t *copy;

    if (r == NULL || r->aux == NULL || out == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    from = r->aux;
    copy = malloc(sizeof *copy);
    aux = new_aux(from->sess);
    if (copy == NULL || aux == NULL) {
        free(copy);
        httpd_aux_free(aux);
        return ESP_ERR_NO_MEM;
    }
    *copy = *r;
    copy->aux = aux;
    resp = aux->resp;
    memcpy(resp, from->resp, from->n_resp * sizeof resp[0]);
    *aux = *from;
    aux->resp = resp;
    if (!copy_head(aux, from)) {
        httpd_aux_free(aux);
        free(copy);
        return ESP_ERR_NO_MEM;
    }
    from->handed_over = true;
    from->sess->is_async = true;
    *out = copy;
    return ESP_OK;
}

esp_err_t httpd_req_async_handler_complete(httpd_req_t *r)
{
    struct httpd_server *s;
    struct httpd_aux *aux;
    bool keep;

    if (r == NULL || r->aux == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    s = r->handle;
    aux = r->aux;
    keep = aux->keep_alive && discard_body(r);
    if (!keep) {
        aux->sess->must_close = true;
    }
    aux->sess->is_async = false;
    httpd_wake(s);
    httpd_aux_free(aux);
    free(r);
    return ESP_OK;
}
