#include "http_fields.h"

#include <string.h>
#include <strings.h>

/* A decimal number up to 2^32 - 1. Moves *p behind it. */
static bool parse_number(const char **p, uint32_t *out)
{
    uint64_t value = 0;
    const char *start = *p;

    while (**p >= '0' && **p <= '9') {
        value = value * 10 + (uint64_t)(**p - '0');
        if (value > UINT32_MAX) {
            return false;
        }
        (*p)++;
    }
    *out = (uint32_t)value;
    return *p != start;
}

static bool skip(const char **p, char c)
{
    if (**p != c) {
        return false;
    }
    (*p)++;
    return true;
}

/* --- Public --------------------------------------------------------------- */

bool agent_parse_content_range(const char *text, uint32_t *first, uint32_t *last, uint32_t *total)
{
    const char *p = text;

    if (strncasecmp(p, "bytes ", 6) != 0) {
        return false;
    }
    p += 6;
    return parse_number(&p, first) && skip(&p, '-') && parse_number(&p, last) && skip(&p, '/') &&
           parse_number(&p, total) && *p == '\0' && *first <= *last && *last < *total;
}

bool agent_etag_is_strong(const char *etag)
{
    const size_t len = strlen(etag);

    if (len < 3 || etag[0] != '"' || etag[len - 1] != '"') {
        return false;
    }
    /* It goes back out in a header: nothing but printable characters. */
    for (size_t i = 1; i < len - 1; i++) {
        if (etag[i] < ' ' || etag[i] > '~' || etag[i] == '"') {
            return false;
        }
    }
    return true;
}

enum agent_answer agent_judge_answer(int status, uint32_t pos, uint32_t total, const char *etag,
                                     const char *new_etag, const char *content_range)
{
    uint32_t first, last, size;

    if (status == 200) {
        return AGENT_ANSWER_WHOLE; /* Range ignored, or If-Range saw another image */
    }
    if (pos == 0) {
        return AGENT_ANSWER_REFUSED;
    }
    if (status == 416) {
        return AGENT_ANSWER_RESTART; /* shorter than what we hold */
    }
    if (status != 206) {
        return AGENT_ANSWER_REFUSED;
    }
    /* A server that ignores If-Range would hand over the rest of another image. */
    if (etag[0] != '\0' && new_etag[0] != '\0' && strcmp(etag, new_etag) != 0) {
        return AGENT_ANSWER_RESTART;
    }
    if (!agent_parse_content_range(content_range, &first, &last, &size) || first != pos || size != total) {
        return AGENT_ANSWER_RESTART;
    }
    return AGENT_ANSWER_PART;
}
