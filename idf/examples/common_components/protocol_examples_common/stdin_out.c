#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "protocol_examples_common.h"

/*
 * fgets() returns at the end of a file, and programs written for a serial line
 * do not expect it: there silence is all that follows.
 */
static ssize_t read_console(void *cookie, char *buf, size_t size)
{
    (void)cookie;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, buf, size);
        if (got > 0) {
            return got;
        }
        (void)sleep(1);
    }
}

esp_err_t example_configure_stdin_stdout(void)
{
    static bool done;
    FILE *console;

    if (done) {
        return ESP_OK;
    }
    console = fopencookie(NULL, "r", (cookie_io_functions_t){.read = read_console});
    if (console == NULL) {
        return ESP_ERR_NO_MEM;
    }
    /* Unbuffered, a byte at a time: what lies in a buffer would be lost in a reset. */
    if (setvbuf(console, NULL, _IONBF, 0) != 0) {
        (void)fclose(console);
        return ESP_FAIL;
    }
    stdin = console;
    done = true;
    return ESP_OK;
}
