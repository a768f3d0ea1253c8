/*
 * range.h - conditional and partial requests (RFC 9110, sections 13 and 14). Pure functions.
 */
#ifndef SERVER_API_RANGE_H
#define SERVER_API_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum srv_range {
    SRV_RANGE_ALL,  /* no range, or one that is to be ignored: send everything */
    SRV_RANGE_PART, /* 206 with *off and *len */
    SRV_RANGE_BAD,  /* 416: well formed, but behind the end */
};

/*
 * Read a Range header's value for a body of `size` bytes. Other units, several
 * ranges and nonsense are ignored, as the RFC allows.
 */
enum srv_range srv_range_parse(const char *header, uint64_t size, uint64_t *off, uint64_t *len);

/* Does an If-None-Match value name `etag` (with its quotes)? Weak comparison; "*" names all. */
bool srv_etag_listed(const char *header, const char *etag);

/* Does an If-Range value allow the range? Strong comparison; dates never match. */
bool srv_if_range_holds(const char *header, const char *etag);

#endif
