#include "airlift/flash.h"

#include "airlift/bytes.h"

static bool inside(const struct al_flash *f, uint32_t off, uint32_t len)
{
    return off <= f->size && len <= f->size - off;
}

bool al_is_blank(const void *p, size_t len)
{
    const uint8_t *byte = p;

    for (size_t i = 0; i < len; i++) {
        if (byte[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

int al_flash_read(const struct al_flash *f, uint32_t off, void *buf, uint32_t len)
{
    return inside(f, off, len) ? f->read(f->ctx, off, buf, len) : AL_ERR_SIZE;
}

int al_flash_write(const struct al_flash *f, uint32_t off, const void *buf, uint32_t len)
{
    return inside(f, off, len) ? f->write(f->ctx, off, buf, len) : AL_ERR_SIZE;
}

int al_flash_erase(const struct al_flash *f, uint32_t off, uint32_t len)
{
    if (!inside(f, off, len)) {
        return AL_ERR_SIZE;
    }
    if (off % AL_SECTOR_SIZE != 0 || len % AL_SECTOR_SIZE != 0) {
        return AL_ERR_ARG;
    }
    return f->erase(f->ctx, off, len);
}
