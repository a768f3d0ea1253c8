#include "host/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t host_utf8_len(const unsigned char *p, size_t len)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80             ? 1
               : (p[0] & 0xE0) == 0xC0 ? 2
               : (p[0] & 0xF0) == 0xE0 ? 3
               : (p[0] & 0xF8) == 0xF0 ? 4
                                       : 0;
    if (n < 2 || n > len) {
        return n == 1 ? 1 : 0;
    }
    uint32_t code = p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= smallest[n] && code <= 0x10FFFF && !surrogate ? n : 0;
}

/* Control characters too, if asked for. */
static void clean(char *text, bool controls)
{
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        unsigned char c = (unsigned char)*text;
        bool control = c < 0x20 || c == 0x7F;

        n = host_utf8_len((const unsigned char *)text, left);
        if (n == 0 || (control && controls)) {
            *text = '?';
            n = 1;
        }
    }
}

void host_text_utf8(char *text)
{
    clean(text, false);
}

void host_text_printable(char *text)
{
    clean(text, true);
}
