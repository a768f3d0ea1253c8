#include "failing_flash.h"

#include <stdbool.h>

#include "idf_flash.h"

static struct {
    bool hooked;
    struct al_flash real;
    unsigned ops_left, reads_left; /* until the first failure; 0: none is planned, or it failed */
    bool ops_fail, reads_fail;
} chip;

static bool fails(unsigned *left, bool *broken)
{
    if (*left > 0 && --*left == 0) {
        *broken = true;
    }
    return *broken;
}

static int hooked_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    return fails(&chip.reads_left, &chip.reads_fail) ? AL_ERR_IO
                                                     : chip.real.read(chip.real.ctx, off, buf, len);
}

static int hooked_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    (void)ctx;
    return fails(&chip.ops_left, &chip.ops_fail) ? AL_ERR_IO : chip.real.write(chip.real.ctx, off, buf, len);
}

static int hooked_erase(void *ctx, uint32_t off, uint32_t len)
{
    (void)ctx;
    return fails(&chip.ops_left, &chip.ops_fail) ? AL_ERR_IO : chip.real.erase(chip.real.ctx, off, len);
}

static void hook(void)
{
    struct al_flash *port = (struct al_flash *)idf_flash(); /* the SDK's own object, not constant */

    if (!chip.hooked) {
        chip.hooked = true;
        chip.real = *port;
        port->read = hooked_read;
        port->write = hooked_write;
        port->erase = hooked_erase;
    }
}

void fail_ops_from(unsigned n)
{
    hook();
    chip.ops_left = n;
    chip.ops_fail = false;
}

void fail_reads_from(unsigned n)
{
    hook();
    chip.reads_left = n;
    chip.reads_fail = false;
}
