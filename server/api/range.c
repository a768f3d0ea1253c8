/*
 * range.c - Range, If-Range and If-None-Match.
 */
#include "range.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    return p;
}

/* Digits at *p; a number too large for 64 bits counts as the largest. False if there are none. */
static bool take_number(const char **p, uint64_t *out)
{
    if (!isdigit((unsigned char)**p)) {
        return false;
    }
    uint64_t value = 0;
    for (; isdigit((unsigned char)**p); (*p)++) {
        uint64_t digit = (uint64_t)(**p - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *out = value;
    return true;
}

enum srv_range srv_range_parse(const char *header, uint64_t size, uint64_t *off, uint64_t *len)
{
    if (!header || strncasecmp(header, "bytes=", 6) != 0) {
        return SRV_RANGE_ALL;
    }
    const char *p = skip_blanks(header + 6);
    uint64_t first = 0, last = UINT64_MAX;
    bool has_first = take_number(&p, &first);
    if (*p++ != '-') {
        return SRV_RANGE_ALL;
    }
    bool has_last = take_number(&p, &last);
    if (*skip_blanks(p) || (!has_first && !has_last) || (has_first && has_last && last < first)) {
        return SRV_RANGE_ALL;
    }
    if (!has_first) { /* "-N": the last N bytes */
        if (last == 0 || size == 0) {
            return SRV_RANGE_BAD;
        }
        *len = last < size ? last : size;
        *off = size - *len;
        return SRV_RANGE_PART;
    }
    if (first >= size) {
        return SRV_RANGE_BAD;
    }
    *off = first;
    *len = last < size ? last - first + 1 : size - first;
    return SRV_RANGE_PART;
}

bool srv_etag_listed(const char *header, const char *etag)
{
    size_t len = strlen(etag);
    const char *p = skip_blanks(header);
    if (strcmp(p, "*") == 0) {
        return true;
    }
    while (*p) {
        p += strncmp(p, "W/", 2) == 0 ? 2 : 0;
        if (*p != '"') {
            return false;
        }
        const char *end = strchr(p + 1, '"');
        if (!end) {
            return false;
        }
        end++;
        if ((size_t)(end - p) == len && memcmp(p, etag, len) == 0) {
            return true;
        }
        p = skip_blanks(end);
        if (*p != ',') {
            return false;
        }
        p = skip_blanks(p + 1);
    }
    return false;
}

bool srv_if_range_holds(const char *header, const char *etag)
{
    return strcmp(header, etag) == 0;
}
