#include "host/hex.h"

#include <string.h>

void host_hex_print(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}

static uint8_t value_of(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

bool host_hex_parse(const char *text, uint8_t *out, size_t len)
{
    if (strlen(text) != 2 * len || strspn(text, "0123456789abcdefABCDEF") != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(value_of(text[2 * i]) << 4 | value_of(text[2 * i + 1]));
    }
    return true;
}
