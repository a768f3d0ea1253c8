#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "protocol_examples_utils.h"

static int is_unreserved(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("-_.~", c) != NULL);
}

uint32_t example_uri_encode(char *dest, const char *src, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    uint32_t n = 0;

    if (dest == NULL || src == NULL) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)src[i];

        if (is_unreserved(c)) {
            dest[n++] = (char)c;
        } else {
            dest[n++] = '%';
            dest[n++] = digits[c >> 4];
            dest[n++] = digits[c & 0xF];
        }
    }
    dest[n] = '\0';
    return n;
}

void example_uri_decode(char *dest, const char *src, size_t len)
{
    if (dest == NULL || src == NULL) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (src[i] == '%' && len - i > 2 && isxdigit((unsigned char)src[i + 1]) &&
            isxdigit((unsigned char)src[i + 2])) {
            const char hex[] = {src[i + 1], src[i + 2], '\0'};

            *dest++ = (char)strtol(hex, NULL, 16);
            i += 2;
        } else {
            *dest++ = src[i];
        }
    }
    *dest = '\0';
}
