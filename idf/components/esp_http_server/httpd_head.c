/*
 * A request's head: read until it is complete, taken apart by http_parser.
 */
#include <stdlib.h>
#include <string.h>

#include "httpd.h"

#define LINE_ROOM 64 /* method, version, separators */

/* ---- What the parser tells --------------------------------------------------- */

/* It tells of a text in pieces that lie one behind the other. */
static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct httpd_aux *aux = parser->data;

    aux->uri = aux->uri == NULL ? at : aux->uri;
    aux->uri_len += len;
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t len)
{
    struct httpd_aux *aux = parser->data;

    if (aux->n_headers == 0 || aux->is_value) {
        if (aux->n_headers == HTTPD_HEADERS_MAX) {
            aux->too_many = true;
            return 1;
        }
        aux->header[aux->n_headers++] = (struct httpd_header){.name = at};
        aux->is_value = false;
    }
    aux->header[aux->n_headers - 1].name_len += len;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t len)
{
    struct httpd_aux *aux = parser->data;
    struct httpd_header *header = &aux->header[aux->n_headers - 1];

    header->value = header->value == NULL ? at : header->value;
    header->value_len = (size_t)(at + len - header->value);
    aux->is_value = true;
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct httpd_aux *aux = parser->data;

    aux->is_complete = true;
    http_parser_pause(parser, 1); /* the body is the handler's */
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
};

/* ---- The whole --------------------------------------------------------------- */

static int refuse(httpd_err_code_t *error, httpd_err_code_t what)
{
    *error = what;
    return -1;
}

/* Why a head that grows beyond its room is too long. */
static httpd_err_code_t too_long(const struct httpd_aux *aux)
{
    return aux->n_headers == 0 ? HTTPD_414_URI_TOO_LONG : HTTPD_431_REQ_HDR_FIELDS_TOO_LARGE;
}

/* Read until the parser has seen the head's end. As httpd_head_read(). */
static int read_head(struct httpd_aux *aux, http_parser *parser, size_t room, httpd_err_code_t *error)
{
    size_t used = 0;

    while (!aux->is_complete) {
        int n;
        size_t parsed;

        if (aux->head_len == room) {
            return refuse(error, too_long(aux));
        }
        n = httpd_sess_recv(aux->sess, aux->head + aux->head_len, room - aux->head_len);
        if (n == HTTPD_SOCK_ERR_TIMEOUT) {
            return aux->head_len > 0 ? refuse(error, HTTPD_408_REQ_TIMEOUT) : 0;
        }
        if (n <= 0) {
            return 0;
        }
        aux->head_len += (size_t)n;
        parsed = http_parser_execute(parser, &settings, aux->head + used, (size_t)n);
        if (aux->is_complete) {
            used += parsed + 1; /* it stops before the last LF */
            break;
        }
        used += (size_t)n;
        if (aux->too_many) {
            return refuse(error, HTTPD_431_REQ_HDR_FIELDS_TOO_LARGE);
        }
        if (HTTP_PARSER_ERRNO(parser) != HPE_OK || parsed != (size_t)n) {
            switch (HTTP_PARSER_ERRNO(parser)) {
            case HPE_INVALID_METHOD:
                return refuse(error, HTTPD_501_METHOD_NOT_IMPLEMENTED);
            case HPE_HEADER_OVERFLOW:
                return refuse(error, too_long(aux));
            default:
                return refuse(error, HTTPD_400_BAD_REQUEST);
            }
        }
    }
    if (used < aux->head_len && !httpd_sess_put_back(aux->sess, aux->head + used, aux->head_len - used)) {
        return refuse(error, HTTPD_500_INTERNAL_SERVER_ERROR);
    }
    aux->head_len = used;
    return 1;
}

/* What the head says must be something that can be served. */
static int check(httpd_req_t *r, struct httpd_aux *aux, const http_parser *parser, httpd_err_code_t *error)
{
    const httpd_config_t *c = &aux->sess->server->config;

    if (aux->uri_len > c->max_uri_len) {
        return refuse(error, HTTPD_414_URI_TOO_LONG);
    }
    memcpy(r->uri, aux->uri, aux->uri_len);
    r->uri[aux->uri_len] = '\0';
    r->method = (int)parser->method;
    if (parser->http_major != 1) {
        return refuse(error, HTTPD_505_VERSION_NOT_SUPPORTED);
    }
    if ((parser->flags & F_CHUNKED) != 0) {
        return refuse(error, HTTPD_411_LENGTH_REQUIRED);
    }
    aux->keep_alive = http_should_keep_alive(parser) != 0;
    aux->remaining = (parser->flags & F_CONTENTLENGTH) != 0 ? parser->content_length : 0;
    r->content_len = (size_t)aux->remaining;
    return 1;
}

int httpd_head_read(httpd_req_t *r, httpd_err_code_t *error)
{
    struct httpd_aux *aux = r->aux;
    const httpd_config_t *c = &aux->sess->server->config;
    size_t room = LINE_ROOM + c->max_uri_len + c->max_req_hdr_len;
    http_parser parser;
    int result;

    aux->head = malloc(room);
    if (aux->head == NULL) {
        return refuse(error, HTTPD_500_INTERNAL_SERVER_ERROR);
    }
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = aux;
    result = read_head(aux, &parser, room, error);
    return result == 1 ? check(r, aux, &parser, error) : result;
}
