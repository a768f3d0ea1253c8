/*
 * http_fields.h - what an answer to "the rest of the image, please" means. Pure.
 */
#ifndef AGENT_HTTP_FIELDS_H
#define AGENT_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parse "bytes 100-199/200". False if it is not of that form, or senseless. */
bool agent_parse_content_range(const char *text, uint32_t *first, uint32_t *last, uint32_t *total);

/*
 * True for a strong entity tag: "..." without W/. Only such a one promises that
 * the bytes are the same, so only it may stand in If-Range.
 */
bool agent_etag_is_strong(const char *etag);

enum agent_answer {
    AGENT_ANSWER_WHOLE,   /* the body is the image from its first byte */
    AGENT_ANSWER_PART,    /* the body goes on at the byte asked for */
    AGENT_ANSWER_RESTART, /* ask again, for all of it: what we hold is not what is published now */
    AGENT_ANSWER_REFUSED, /* an error status */
};

/*
 * pos    first byte asked for; 0: no Range was sent
 * total  size of the image, as known from the answer that gave the first bytes
 * etag   strong tag of that answer, or ""
 * new_etag, content_range  of this answer, "" if absent
 */
enum agent_answer agent_judge_answer(int status, uint32_t pos, uint32_t total, const char *etag,
                                     const char *new_etag, const char *content_range);

#endif
