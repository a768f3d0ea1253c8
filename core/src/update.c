#include "airlift/update.h"

#include "airlift/bytes.h"

static uint32_t round_up(uint32_t n)
{
    return (n + AL_SECTOR_SIZE - 1) & ~(AL_SECTOR_SIZE - 1);
}

/* Erase up to `end` (a sector boundary), from where that was done last. */
static int erase_to(struct al_update *u, uint32_t end)
{
    int err;

    if (end <= u->erased) {
        return 0;
    }
    if (end > u->part.size) {
        return AL_ERR_SIZE;
    }
    err = al_flash_erase(u->flash, u->part.off + u->erased, end - u->erased);
    if (err == 0) {
        u->erased = end;
    }
    return err;
}

static int check_target(const struct al_part *part)
{
    return (part->flags & AL_PART_READONLY) != 0 ? AL_ERR_READONLY : 0;
}

int al_update_begin(struct al_update *u, const struct al_flash *flash, const struct al_part *part,
                    uint32_t size, void *buf)
{
    int err = check_target(part);

    if (err != 0) {
        return err;
    }
    *u = (struct al_update){
        .flash = flash, .part = *part, .sequential = size == AL_UPDATE_SEQUENTIAL, .buf = buf};
    if (u->sequential) {
        return 0;
    }
    if (size == 0 || size == AL_UPDATE_SIZE_UNKNOWN) {
        size = part->size;
    }
    return size > part->size ? AL_ERR_SIZE : erase_to(u, round_up(size));
}

int al_update_resume(struct al_update *u, const struct al_flash *flash, const struct al_part *part,
                     bool sequential, uint32_t pos, void *buf)
{
    int err = check_target(part);

    if (err != 0) {
        return err;
    }
    if (pos > part->size) {
        return AL_ERR_SIZE;
    }
    if (buf != NULL && pos % AL_SECTOR_SIZE != 0) {
        return AL_ERR_ARG;
    }
    *u = (struct al_update){.flash = flash,
                            .part = *part,
                            .sequential = sequential,
                            .pos = pos,
                            .erased = round_up(pos),
                            .buf = buf};
    return 0;
}

int al_update_prepare(struct al_update *u, uint32_t len)
{
    if (len > u->part.size - u->pos) {
        return AL_ERR_SIZE;
    }
    return u->sequential ? erase_to(u, round_up(u->pos + len)) : 0;
}

/* Program bytes that were held or just came, at the place they belong. */
static int program(struct al_update *u, uint32_t off, const void *data, uint32_t len)
{
    return al_flash_write(u->flash, u->part.off + off, data, len);
}

int al_update_flush(struct al_update *u)
{
    uint32_t start = u->pos - u->held;
    int err;

    if (u->held == 0) {
        return 0;
    }
    if (u->sequential) {
        err = erase_to(u, round_up(u->pos));
        if (err != 0) {
            return err;
        }
    }
    err = program(u, start, u->buf, u->held);
    if (err == 0) {
        u->held = 0;
    }
    return err;
}

/* Gather whole sectors, so that each is erased once and programmed once. */
static int write_buffered(struct al_update *u, const uint8_t *data, uint32_t len)
{
    while (len > 0) {
        uint32_t room = AL_SECTOR_SIZE - u->held;
        uint32_t part = len < room ? len : room;

        memcpy(u->buf + u->held, data, part);
        u->held += part;
        u->pos += part;
        data += part;
        len -= part;
        if (u->held == AL_SECTOR_SIZE) {
            int err = al_update_flush(u);

            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

int al_update_write(struct al_update *u, const void *data, uint32_t len)
{
    int err;

    if (len > u->part.size - u->pos) {
        return AL_ERR_SIZE;
    }
    if (u->buf != NULL) {
        return write_buffered(u, data, len);
    }
    err = al_update_prepare(u, len);
    if (err != 0) {
        return err;
    }
    err = program(u, u->pos, data, len);
    if (err == 0) {
        u->pos += len;
    }
    return err;
}

uint32_t al_update_durable(const struct al_update *u)
{
    return u->pos - u->held;
}

int al_update_end(struct al_update *u, const struct al_image_rules *rules, struct al_image_check *c,
                  void *read_buf, uint32_t read_len)
{
    struct al_image_rules here = *rules;
    int err = al_update_flush(u);

    if (err != 0) {
        return err;
    }
    if (u->pos == 0) {
        return AL_ERR_STATE;
    }
    here.flash_off = u->part.off;
    here.part_size = u->part.size;
    return al_image_verify(u->flash, &here, c, read_buf, read_len);
}

void al_update_abort(struct al_update *u)
{
    u->held = 0;
    u->flash = NULL;
}

int al_update_commit(const struct al_flash *flash, const struct al_ptable *table, const struct al_part *part,
                     bool rollback)
{
    const struct al_part *otadata = al_ptable_find(table, AL_TYPE_DATA, AL_SUB_DATA_OTA);

    if (part->type != AL_TYPE_APP || part->subtype < AL_SUB_APP_OTA_0 || part->subtype > AL_SUB_APP_OTA_15) {
        return AL_ERR_ARG;
    }
    if (otadata == NULL) {
        return AL_ERR_NOT_FOUND;
    }
    return al_otadata_select(flash, otadata, part->subtype - AL_SUB_APP_OTA_0, al_ptable_count_slots(table),
                             rollback ? AL_OTA_NEW : AL_OTA_UNDEFINED);
}
