/*
 * What handlers answer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpd.h"

static const struct {
    const char *status, *text;
} errors[HTTPD_ERR_CODE_MAX] = {
    [HTTPD_500_INTERNAL_SERVER_ERROR] = {HTTPD_500, "The server has met an error"},
    [HTTPD_501_METHOD_NOT_IMPLEMENTED] = {"501 Method Not Implemented", "The server has no such method"},
    [HTTPD_505_VERSION_NOT_SUPPORTED] = {"505 Version Not Supported", "The server speaks HTTP/1.1"},
    [HTTPD_400_BAD_REQUEST] = {HTTPD_400, "The request is not well-formed"},
    [HTTPD_401_UNAUTHORIZED] = {"401 Unauthorized", "Authorization is needed"},
    [HTTPD_403_FORBIDDEN] = {"403 Forbidden", "The request is refused"},
    [HTTPD_404_NOT_FOUND] = {HTTPD_404, "There is nothing at this URI"},
    [HTTPD_405_METHOD_NOT_ALLOWED] = {"405 Method Not Allowed", "Not with this method"},
    [HTTPD_408_REQ_TIMEOUT] = {HTTPD_408, "The request did not come in time"},
    [HTTPD_411_LENGTH_REQUIRED] = {"411 Length Required", "The request must have a Content-Length"},
    [HTTPD_413_CONTENT_TOO_LARGE] = {"413 Content Too Large", "The content is too large"},
    [HTTPD_414_URI_TOO_LONG] = {"414 URI Too Long", "The URI is too long"},
    [HTTPD_431_REQ_HDR_FIELDS_TOO_LARGE] = {"431 Request Header Fields Too Large",
                                            "The headers are too long"},
};

esp_err_t httpd_resp_set_status(httpd_req_t *r, const char *status)
{
    if (r == NULL || status == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (r->aux == NULL) {
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    ((struct httpd_aux *)r->aux)->status = status;
    return ESP_OK;
}

esp_err_t httpd_resp_set_type(httpd_req_t *r, const char *type)
{
    if (r == NULL || type == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (r->aux == NULL) {
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    ((struct httpd_aux *)r->aux)->type = type;
    return ESP_OK;
}

esp_err_t httpd_resp_set_hdr(httpd_req_t *r, const char *field, const char *value)
{
    struct httpd_aux *aux;

    if (r == NULL || field == NULL || value == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    aux = r->aux;
    if (aux == NULL) {
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    if (aux->n_resp == aux->sess->server->config.max_resp_headers) {
        return ESP_ERR_HTTPD_RESP_HDR;
    }
    aux->resp[aux->n_resp].name = field;
    aux->resp[aux->n_resp++].value = value;
    return ESP_OK;
}

/* Status, type, what tells the length, and the further headers. */
static esp_err_t send_head(struct httpd_aux *aux, const char *length)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool sent;

    if (out == NULL) {
        return ESP_ERR_HTTPD_ALLOC_MEM;
    }
    fprintf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\n%s\r\n", aux->status, aux->type, length);
    for (unsigned i = 0; i < aux->n_resp; i++) {
        fprintf(out, "%s: %s\r\n", aux->resp[i].name, aux->resp[i].value);
    }
    fputs("\r\n", out);
    if (fclose(out) != 0) {
        free(text);
        return ESP_ERR_HTTPD_ALLOC_MEM;
    }
    sent = httpd_sess_send(aux->sess, text, len) >= 0;
    free(text);
    if (!sent) {
        return ESP_ERR_HTTPD_RESP_SEND;
    }
    httpd_event(HTTP_SERVER_EVENT_HEADERS_SENT, &aux->sess->fd, sizeof aux->sess->fd);
    return ESP_OK;
}

static esp_err_t send_body(struct httpd_aux *aux, const char *buf, size_t len)
{
    esp_http_server_event_data data = {.fd = aux->sess->fd, .data_len = (int)len};

    if (httpd_sess_send(aux->sess, buf, len) < 0) {
        return ESP_ERR_HTTPD_RESP_SEND;
    }
    httpd_event(HTTP_SERVER_EVENT_SENT_DATA, &data, sizeof data);
    return ESP_OK;
}

/* The request's state and the length of buf; an error if something is missing. */
static esp_err_t look(httpd_req_t *r, const char *buf, ssize_t buf_len, struct httpd_aux **aux, size_t *len)
{
    if (r == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *aux = r->aux;
    if (*aux == NULL) {
        return ESP_ERR_HTTPD_INVALID_REQ;
    }
    if (buf == NULL) {
        *len = 0;
    } else {
        *len = buf_len == HTTPD_RESP_USE_STRLEN ? strlen(buf) : (size_t)buf_len;
    }
    return ESP_OK;
}

esp_err_t httpd_resp_send(httpd_req_t *r, const char *buf, ssize_t buf_len)
{
    struct httpd_aux *aux;
    char length[48];
    size_t len;
    esp_err_t err = look(r, buf, buf_len, &aux, &len);

    if (err != ESP_OK) {
        return err;
    }
    snprintf(length, sizeof length, "Content-Length: %zu", len);
    err = send_head(aux, length);
    return err == ESP_OK && len > 0 ? send_body(aux, buf, len) : err;
}

esp_err_t httpd_resp_send_chunk(httpd_req_t *r, const char *buf, ssize_t buf_len)
{
    struct httpd_aux *aux;
    char size[24];
    size_t len;
    esp_err_t err = look(r, buf, buf_len, &aux, &len);

    if (err == ESP_OK && !aux->chunked) {
        err = send_head(aux, "Transfer-Encoding: chunked");
        aux->chunked = err == ESP_OK;
    }
    if (err != ESP_OK) {
        return err;
    }
    snprintf(size, sizeof size, "%zx\r\n", len);
    if (httpd_sess_send(aux->sess, size, strlen(size)) < 0) {
        return ESP_ERR_HTTPD_RESP_SEND;
    }
    err = len > 0 ? send_body(aux, buf, len) : ESP_OK;
    if (err == ESP_OK && httpd_sess_send(aux->sess, "\r\n", 2) < 0) {
        err = ESP_ERR_HTTPD_RESP_SEND;
    }
    return err;
}

esp_err_t httpd_resp_send_custom_err(httpd_req_t *req, const char *status, const char *msg)
{
    esp_err_t err = httpd_resp_set_status(req, status);

    if (err == ESP_OK) {
        err = httpd_resp_set_type(req, HTTPD_TYPE_TEXT);
    }
    return err == ESP_OK ? httpd_resp_send(req, msg, HTTPD_RESP_USE_STRLEN) : err;
}

esp_err_t httpd_resp_send_err(httpd_req_t *req, httpd_err_code_t error, const char *msg)
{
    if ((unsigned)error >= HTTPD_ERR_CODE_MAX) {
        error = HTTPD_500_INTERNAL_SERVER_ERROR;
    }
    return httpd_resp_send_custom_err(req, errors[error].status, msg != NULL ? msg : errors[error].text);
}

int httpd_send(httpd_req_t *r, const char *buf, size_t buf_len)
{
    struct httpd_aux *aux = r != NULL ? r->aux : NULL;

    if (aux == NULL || buf == NULL) {
        return HTTPD_SOCK_ERR_INVALID;
    }
    return aux->sess->send(aux->sess->server, aux->sess->fd, buf, buf_len, 0);
}
