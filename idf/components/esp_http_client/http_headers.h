/*
 * http_headers.h - the headers of a request or a response: names without case, in order.
 */
#pragma once

#include <stddef.h>

#include "esp_err.h"

struct http_header {
    char *name;
    char *value;
};

/* Zeroed is empty. */
struct http_headers {
    struct http_header *items;
    size_t n, capacity;
};

/* The first value of that name, borrowed, or NULL. */
char *http_headers_get(const struct http_headers *headers, const char *name);

/* Replace or append (copied). ESP_ERR_NO_MEM leaves it as it was. */
esp_err_t http_headers_set(struct http_headers *headers, const char *name, const char *value);

/* Append even if the name is there. ESP_ERR_NO_MEM. */
esp_err_t http_headers_add(struct http_headers *headers, const char *name, size_t name_len, const char *value,
                           size_t value_len);

void http_headers_delete(struct http_headers *headers, const char *name);
void http_headers_clear(struct http_headers *headers);
