/* unity_port.c - Unity's console and clock. */
#include <stdio.h>
#include <unistd.h>

#include "idf_runtime.h"
#include "unity.h"

static int64_t started_us, stopped_us;

void unity_putc(int c)
{
    (void)putchar(c);
}

void unity_flush(void)
{
    (void)fflush(stdout);
}

/*
 * A byte at a time, past stdio: what lies in a buffer would be lost in the reset
 * that a test case makes. At the end of a file there is silence, as on a console.
 */
static char next_char(void)
{
    char c;

    idf_block_enter();
    while (read(STDIN_FILENO, &c, 1) != 1) {
        (void)sleep(1);
    }
    idf_block_exit();
    return c;
}

void unity_gets(char *dst, size_t len)
{
    size_t n = 0;
    char c;

    unity_flush();
    while ((c = next_char()) != '\n') {
        if (c != '\r' && n + 1 < len) {
            dst[n++] = c;
        }
    }
    if (len > 0) {
        dst[n] = '\0';
    }
}

void unity_exec_time_start(void)
{
    started_us = idf_uptime_us();
}

void unity_exec_time_stop(void)
{
    stopped_us = idf_uptime_us();
}

uint32_t unity_exec_time_get_ms(void)
{
    return (uint32_t)((stopped_us - started_us) / 1000);
}
