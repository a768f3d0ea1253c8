/*
 * url.h - is a URL one that the agent may ask, and where does it lead? Pure.
 */
#ifndef AGENT_URL_H
#define AGENT_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True for https://HOST..., and with allow_http for http://HOST...: printable
 * ASCII without spaces, at most AIRLIFT_MAX_URL bytes. So it can't smuggle
 * anything into a request line.
 */
bool agent_url_allowed(const char *url, bool allow_http);

/* True if the URL starts with https:// in any case. */
bool agent_url_is_https(const char *url);

/* True if scheme, host and port are written alike. */
bool agent_url_same_origin(const char *a, const char *b);

/*
 * Write to out what `ref` means in a document at `base`: an absolute URL as it is,
 * "/path" on the same host, anything else beside the document. "..", "?query"
 * alone and "//host" are not supported (false), nor what does not fit.
 */
bool agent_url_resolve(const char *base, const char *ref, char *out, size_t out_size);

#endif
