/* http_headers.c - a list of headers. */
#include "http_headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct http_header *find(const struct http_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->n; i++) {
        if (strcasecmp(headers->items[i].name, name) == 0) {
            return &headers->items[i];
        }
    }
    return NULL;
}

char *http_headers_get(const struct http_headers *headers, const char *name)
{
    const struct http_header *header = find(headers, name);
    return header != NULL ? header->value : NULL;
}

esp_err_t http_headers_add(struct http_headers *headers, const char *name, size_t name_len, const char *value,
                           size_t value_len)
{
    if (headers->n == headers->capacity) {
        size_t capacity = headers->capacity == 0 ? 8 : headers->capacity * 2;
        struct http_header *items = realloc(headers->items, capacity * sizeof *items);
        if (items == NULL) {
            return ESP_ERR_NO_MEM;
        }
        headers->items = items;
        headers->capacity = capacity;
    }
    struct http_header header = {strndup(name, name_len), strndup(value, value_len)};
    if (header.name == NULL || header.value == NULL) {
        free(header.name);
        free(header.value);
        return ESP_ERR_NO_MEM;
    }
    headers->items[headers->n++] = header;
    return ESP_OK;
}

esp_err_t http_headers_set(struct http_headers *headers, const char *name, const char *value)
{
    struct http_header *header = find(headers, name);

    if (header == NULL) {
        return http_headers_add(headers, name, strlen(name), value, strlen(value));
    }
    char *copy = strdup(value);
    if (copy == NULL) {
        return ESP_ERR_NO_MEM;
    }
    free(header->value);
    header->value = copy;
    return ESP_OK;
}

void http_headers_delete(struct http_headers *headers, const char *name)
{
    struct http_header *header = find(headers, name);

    if (header == NULL) {
        return;
    }
    free(header->name);
    free(header->value);
    size_t after = (size_t)(&headers->items[headers->n] - (header + 1));
    memmove(header, header + 1, after * sizeof *header);
    headers->n--;
}

void http_headers_clear(struct http_headers *headers)
{
    for (size_t i = 0; i < headers->n; i++) {
        free(headers->items[i].name);
        free(headers->items[i].value);
    }
    free(headers->items);
    memset(headers, 0, sizeof *headers);
}
