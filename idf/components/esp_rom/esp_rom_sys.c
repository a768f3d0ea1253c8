#include "esp_rom_sys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "idf_runtime.h"

int esp_rom_printf(const char *fmt, ...)
{
    va_list args;
    int n;

    idf_alive();
    va_start(args, fmt);
    n = vprintf(fmt, args);
    va_end(args);
    fflush(stdout);
    return n;
}

void esp_rom_delay_us(uint32_t us)
{
    struct timespec left = {us / 1000000u, us % 1000000u * 1000};

    idf_alive();
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
