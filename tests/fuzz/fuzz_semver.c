/*
 * Any three texts as versions: the order is one. Antisymmetric, transitive,
 * equal to itself, and invalid versions lie below all others.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* -1, 0 or 1 */
static int order(const char *a, const char *b)
{
    int forth = al_semver_compare(a, b);
    int back = al_semver_compare(b, a);
    require((forth > 0) == (back < 0) && (forth < 0) == (back > 0));
    return (forth > 0) - (forth < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* Three lines, most of them letters that versions are made of. */
    static const char letters[] = "0123456789.-+vabAZ01.-\n\n";
    char text[3 * 64 + 1], *v[3];
    if (len > sizeof text - 1) {
        len = sizeof text - 1;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = data[i] < 0x80 ? (char)data[i] : letters[data[i] % (sizeof letters - 1)];
        text[i] = text[i] == '\0' ? '0' : text[i];
    }
    text[len] = '\0';
    char *at = text;
    for (unsigned i = 0; i < 3; i++) {
        v[i] = at;
        at += strcspn(at, "\n");
        if (*at != '\0') {
            *at++ = '\0';
        }
    }

    for (unsigned i = 0; i < 3; i++) {
        require(order(v[i], v[i]) == 0);
        for (unsigned k = 0; k < 3; k++) {
            if (al_semver_valid(v[i]) != al_semver_valid(v[k])) {
                require((order(v[i], v[k]) > 0) == al_semver_valid(v[i]));
            }
            for (unsigned m = 0; m < 3; m++) {
                if (order(v[i], v[k]) <= 0 && order(v[k], v[m]) <= 0) {
                    require(order(v[i], v[m]) <= 0);
                }
            }
        }
    }
    return 0;
}
