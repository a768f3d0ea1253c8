#include "url.h"

#include <string.h>
#include <strings.h>

#include "airlift.h"

/* Bytes of "scheme://", or 0 if the text doesn't start with one of HTTP's two. */
static size_t scheme_len(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0) {
        return 8;
    }
    return strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

/* Bytes of "scheme://host:port". */
static size_t origin_len(const char *url)
{
    const size_t scheme = scheme_len(url);

    return scheme + strcspn(url + scheme, "/?#");
}

/* --- Public --------------------------------------------------------------- */

bool agent_url_is_https(const char *url)
{
    return scheme_len(url) == 8;
}

bool agent_url_allowed(const char *url, bool allow_http)
{
    const size_t scheme = scheme_len(url);
    const size_t len = strlen(url);

    if (scheme == 0 || (scheme == 7 && !allow_http) || len > AIRLIFT_MAX_URL || origin_len(url) == scheme) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (url[i] <= ' ' || url[i] > '~') {
            return false;
        }
    }
    return true;
}

bool agent_url_same_origin(const char *a, const char *b)
{
    const size_t len = origin_len(a);

    return len == origin_len(b) && strncasecmp(a, b, len) == 0;
}

bool agent_url_resolve(const char *base, const char *ref, char *out, size_t out_size)
{
    size_t keep = 0; /* bytes of base that stay */

    if (strstr(ref, "://") == NULL || strcspn(ref, "/?#") < strcspn(ref, ":")) {
        keep = origin_len(base);
        if (ref[0] == '\0' || ref[0] == '?' || ref[0] == '#' || strncmp(ref, "//", 2) == 0 ||
            strncmp(ref, "..", 2) == 0) {
            return false;
        }
        if (ref[0] != '/') {
            const size_t path_end = keep + strcspn(base + keep, "?#");

            for (size_t i = keep; i < path_end; i++) {
                if (base[i] == '/') {
                    keep = i + 1;
                }
            }
        }
    }

    const size_t len = strlen(ref);
    const bool slash = keep > 0 && ref[0] != '/' && base[keep - 1] != '/'; /* https://host alone */

    if (keep + slash + len >= out_size) {
        return false;
    }
    memcpy(out, base, keep);
    if (slash) {
        out[keep] = '/';
    }
    memcpy(out + keep + slash, ref, len + 1);
    return true;
}
