#include "esp_random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "idf_runtime.h"

void esp_fill_random(void *buf, size_t len)
{
    unsigned char *p = buf;
    ssize_t n;

    idf_alive();
    while (len > 0) {
        n = getrandom(p, len, 0);
        if (n < 0 && errno != EINTR) {
            abort(); /* keys must never be made of anything else */
        }
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

uint32_t esp_random(void)
{
    uint32_t value;

    esp_fill_random(&value, sizeof value);
    return value;
}
