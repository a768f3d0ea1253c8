/*
 * flash_new.c - put a new device's flash together.
 */
#include "flash_new.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "airlift/bytes.h"
#include "host/cmd.h"
#include "table_file.h"

/* Flash that lies in memory, for core's verifier. */
static int memory_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, (const uint8_t *)ctx + off, len);
    return 0;
}

static int memory_refuse_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    (void)ctx, (void)off, (void)buf, (void)len;
    return AL_ERR_IO;
}

static int memory_refuse_erase(void *ctx, uint32_t off, uint32_t len)
{
    (void)ctx, (void)off, (void)len;
    return AL_ERR_IO;
}

/* What the CSV parser checks; a binary table has not been through it. */
static int check_beside_table(const char *source, const struct flash_new *f)
{
    for (unsigned i = 0; i < f->table.n; i++) {
        const struct al_part *p = &f->table.part[i];
        bool beside = p->type == AL_TYPE_BOOTLOADER || p->type == AL_TYPE_PARTITION_TABLE;
        if (!beside && p->off < f->table_off + AL_SECTOR_SIZE && p->off + p->size > f->table_off) {
            return host_fail("%s: partition '%s' overlaps the partition table at 0x%" PRIx32, source,
                             p->label, f->table_off);
        }
    }
    return 0;
}

static const struct al_part *find_app_partition(const struct al_ptable *table, const char *label)
{
    if (label) {
        return al_ptable_find_label(table, label);
    }
    const struct al_part *p = al_ptable_find(table, AL_TYPE_APP, AL_SUB_APP_FACTORY);
    return p ? p : al_ptable_find(table, AL_TYPE_APP, AL_SUB_APP_OTA_0);
}

/* Put an image in its place and have it judged as the bootloader will. */
static int place_app(struct flash_new *f, const struct flash_new_app *app)
{
    const struct al_part *p = find_app_partition(&f->table, app->label);
    if (!p) {
        return host_fail("%s: the table has no partition %s", app->path,
                         app->label ? app->label : "'factory' and no first app slot");
    }
    if (p->type != AL_TYPE_APP) {
        return host_fail("%s: partition '%s' is not for apps", app->path, p->label);
    }
    if (app->image.len > p->size) {
        return host_fail("%s: %zu bytes do not fit partition '%s' of %" PRIu32, app->path, app->image.len,
                         p->label, p->size);
    }
    memcpy(f->bytes + p->off, app->image.data, app->image.len);

    struct al_flash memory = {.ctx = f->bytes,
                              .size = f->size,
                              .read = memory_read,
                              .write = memory_refuse_write,
                              .erase = memory_refuse_erase};
    struct al_boot_config config;
    dev_desc_boot_config(&f->desc, &config);
    struct al_image_rules rules = config.rules;
    rules.flash_off = p->off;
    rules.part_size = p->size;
    rules.for_load = true;
    struct al_image_check check;
    uint8_t buf[AL_SECTOR_SIZE];
    int result = al_image_verify(&memory, &rules, &check, buf, sizeof buf);
    if (result == AL_ERR_IMAGE || result == AL_ERR_CHIP) {
        return host_fail("%s: would not boot from '%s' of chip %s: %s", app->path, p->label,
                         f->desc.chip->name, al_image_fault_text(check.fault));
    }
    return result ? host_fail("%s: %s", app->path, al_strerror(result)) : 0;
}

static int compose(struct flash_new *f)
{
    f->bytes = malloc(f->size);
    if (!f->bytes) {
        return host_fail("%s: out of memory", f->path);
    }
    memset(f->bytes, 0xFF, f->size);
    uint8_t raw[AL_PTABLE_SIZE];
    int result = al_ptable_build(&f->table, f->table.has_md5, raw);
    if (result) {
        return host_fail("%s: the partition table can't be written: %s", f->path, al_strerror(result));
    }
    memcpy(f->bytes + f->table_off, raw, sizeof raw);
    for (unsigned i = 0; i < f->n_apps; i++) {
        result = place_app(f, &f->app[i]);
        if (result) {
            return result;
        }
    }
    return 0;
}

/* Two devices of one maker differ in the last three bytes. */
static int make_mac(uint8_t mac[6])
{
    memcpy(mac, (const uint8_t[]){0x24, 0x0A, 0xC4}, 3);
    return getrandom(mac + 3, 3, 0) == 3 ? 0 : host_fail("no random numbers for the MAC address");
}

/*
 * Flash first, description second. A power cut between them leaves new flash
 * with the old description, or none: the command, given again, repairs it.
 */
static int save(struct flash_new *f)
{
    char err[512];
    if (host_write_file(f->path, f->bytes, f->size, err, sizeof err)) {
        return host_fail("%s", err);
    }
    unlink(f->desc.path); /* an older device's; its other keys are not ours */
    return dev_desc_save(&f->desc, err, sizeof err) ? host_fail("%s", err) : 0;
}

/* --- Public ---------------------------------------------------------------- */

int flash_new_table(struct flash_new *f, const char *source, bool no_md5)
{
    const struct al_csv_options options = {
        .table_off = f->table_off,
        .flash_size = f->size,
        .no_md5 = no_md5,
    };
    static struct table_file file; /* static: it is large */
    int result = table_file_load(source, &options, false, &file);
    if (result) {
        return result;
    }
    f->table = file.table;
    return check_beside_table(source, f);
}

int flash_new_chip(struct flash_new *f, const char *chip, bool revision_given, bool blk_revision_given)
{
    if (chip) {
        f->desc.chip = al_chip_by_name(chip);
        if (!f->desc.chip) {
            return host_fail("--chip %s: not a known chip (esp32, esp32s3, esp32c3, linux, ...)", chip);
        }
    }
    for (unsigned i = 0; i < f->n_apps; i++) {
        struct al_image_header header;
        struct al_image_desc desc;
        const struct host_buf *image = &f->app[i].image;
        if (image->len < AL_IMAGE_PREFIX_SIZE || al_image_parse_header(image->data, &header)) {
            continue; /* verification will say it better */
        }
        if (i == 0 && !chip) {
            f->desc.chip = al_chip_by_id(header.chip_id);
            if (!f->desc.chip) {
                return host_fail("%s: built for a chip that is not known here (id 0x%x)", f->app[i].path,
                                 header.chip_id);
            }
        }
        if (!revision_given && header.min_rev > f->desc.chip_revision) {
            f->desc.chip_revision = header.min_rev;
        }
        if (!blk_revision_given && al_image_parse_desc(image->data + AL_IMAGE_DESC_OFF, &desc) == 0 &&
            desc.min_blk_rev > f->desc.efuse_block_revision) {
            f->desc.efuse_block_revision = desc.min_blk_rev;
        }
    }
    return 0;
}

int flash_new_write(struct flash_new *f)
{
    int result = make_mac(f->desc.mac);
    result = result ? result : compose(f);
    result = result ? result : save(f);
    free(f->bytes);
    f->bytes = NULL;
    return result;
}
