/*
 * cmd_flash.c - airlift flash new|write|read|erase: the flash file of a virtual device.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "flash_new.h"
#include "host/cmd.h"
#include "host/file.h"

/* --- new ------------------------------------------------------------------- */

/* An existing file is replaced only with --force, and not under a running device. */
static int check_target(const char *path, bool force)
{
    if (access(path, F_OK)) {
        return 0;
    }
    if (!force) {
        return host_fail("%s: exists already (--force replaces it)", path);
    }
    struct dev_flash *flash;
    char err[512];
    int result = dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err);
    if (result == AL_ERR_STATE) {
        return host_fail("%s", err);
    }
    if (result == 0) {
        dev_flash_close(flash);
    }
    return 0;
}

/* What was typed, as far as it does not go straight into the new flash. */
struct new_words {
    const char *table, *factory, *chip, *revision, *blk_revision;
    struct host_list apps;
    bool no_md5, no_rollback, anti_rollback, force;
    uint32_t secure_version;
};

static void parse_new(const struct host_cmd *cmd, int argc, char **argv, struct new_words *w,
                      struct flash_new *f)
{
    *w = (struct new_words){0};
    *f = (struct flash_new){.size = 4u << 20, .table_off = AL_PTABLE_OFFSET};
    const struct host_opt opts[] = {
        {"size", 0, HOST_OPT_SIZE, &f->size, "SIZE", "Size of the flash chip, such as 4MB (the default).",
         NULL},
        {"table", 0, HOST_OPT_TEXT, &w->table, "TABLE",
         "Partition table: a CSV or binary file, another flash file, or one of ESP-IDF's by name: two_ota, "
         "singleapp, ...",
         NULL},
        {"offset", 0, HOST_OPT_SIZE, &f->table_off, "OFFSET",
         "Where the table lies in flash; 0x8000 by default.", NULL},
        {"no-md5", 0, HOST_OPT_FLAG, &w->no_md5, NULL,
         "Leave the table's MD5 record out (for bootloaders before ESP-IDF 3.1).", NULL},
        {"factory", 0, HOST_OPT_TEXT, &w->factory, "IMG",
         "App image for the factory partition, or for ota_0 where the table has none.", NULL},
        {"app", 0, HOST_OPT_LIST, &w->apps, "LABEL=IMG",
         "App image for that partition; may be given several times.", NULL},
        {"chip", 0, HOST_OPT_TEXT, &w->chip, "CHIP",
         "What the chip is: linux, esp32, esp32c3, ... By default what the first image is built for, or "
         "linux.",
         NULL},
        {"chip-revision", 0, HOST_OPT_TEXT, &w->revision, "M.N",
         "Chip revision; by default the lowest that the images support.", NULL},
        {"efuse-block-revision", 0, HOST_OPT_TEXT, &w->blk_revision, "M.N",
         "eFuse block revision; by default the lowest that the images support.", NULL},
        {"no-rollback", 0, HOST_OPT_FLAG, &w->no_rollback, NULL,
         "A bootloader built without CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE.", NULL},
        {"anti-rollback", 0, HOST_OPT_FLAG, &w->anti_rollback, NULL,
         "A bootloader built with CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK.", NULL},
        {"secure-version", 0, HOST_OPT_NUMBER, &w->secure_version, "N",
         "Secure version burnt in the eFuses; 0 by default.", NULL},
        {"force", 0, HOST_OPT_FLAG, &w->force, NULL, "Replace an existing file.", NULL},
        {0},
    };
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    f->path = argv[0];
    if (!w->table) {
        host_usage(cmd, "--table is missing");
    }
    if (w->no_rollback && w->anti_rollback) {
        host_usage(cmd, "--anti-rollback needs rollback");
    }
    if (f->size < 0x10000 || f->size > DEV_MAX_SECTORS * AL_SECTOR_SIZE || f->size % AL_SECTOR_SIZE) {
        host_usage(cmd, "--size: a multiple of 4K from 64K to 128M");
    }
    if (f->table_off % AL_SECTOR_SIZE || f->table_off >= f->size) {
        host_usage(cmd, "--offset: a multiple of 4K within the flash");
    }
}

static void describe(const struct host_cmd *cmd, const struct new_words *w, struct flash_new *f)
{
    f->desc = (struct dev_desc){
        .chip = al_chip_by_id(AL_CHIP_LINUX),
        .partition_table_offset = f->table_off,
        .rollback = !w->no_rollback,
        .anti_rollback = w->anti_rollback,
        .secure_version = w->secure_version,
    };
    int n = snprintf(f->desc.path, sizeof f->desc.path, "%s.json", f->path);
    if (n < 0 || (size_t)n >= sizeof f->desc.path) {
        host_usage(cmd, "%.64s...: the name is too long", f->path);
    }
    if (w->revision && dev_revision_parse(w->revision, &f->desc.chip_revision)) {
        host_usage(cmd, "--chip-revision: '%s' is not a revision such as 0.4", w->revision);
    }
    if (w->blk_revision && dev_revision_parse(w->blk_revision, &f->desc.efuse_block_revision)) {
        host_usage(cmd, "--efuse-block-revision: '%s' is not a revision such as 1.3", w->blk_revision);
    }
}

static int add_app(struct flash_new *f, const char *label, const char *path)
{
    struct flash_new_app *app = &f->app[f->n_apps];
    char err[512];
    if (host_read_file(path, AL_IMAGE_MAX_LEN, &app->image, err, sizeof err)) {
        return host_fail("%s", err);
    }
    app->label = label;
    app->path = path;
    f->n_apps++;
    return 0;
}

static int add_apps(const struct host_cmd *cmd, struct new_words *w, struct flash_new *f)
{
    int result = w->factory ? add_app(f, NULL, w->factory) : 0;
    for (unsigned i = 0; i < w->apps.n && result == 0; i++) {
        /* The words are this process's own: cut "LABEL=IMG" in two where it lies. */
        char *label = (char *)w->apps.item[i];
        char *equals = strchr(label, '=');
        if (!equals || equals == label || !equals[1]) {
            host_usage(cmd, "--app %s: write LABEL=IMG", label);
        }
        *equals = '\0';
        result = add_app(f, label, equals + 1);
    }
    return result;
}

static int run_new(int argc, char **argv)
{
    static struct flash_new f; /* static: the table and the list of apps are large */
    const struct host_cmd *cmd = &cmd_flash[0];
    struct new_words w;
    parse_new(cmd, argc, argv, &w, &f);
    describe(cmd, &w, &f);
    int result = check_target(f.path, w.force);
    result = result ? result : flash_new_table(&f, w.table, w.no_md5);
    result = result ? result : add_apps(cmd, &w, &f);
    result = result ? result : flash_new_chip(&f, w.chip, w.revision != NULL, w.blk_revision != NULL);
    if (result == 0 && w.secure_version > f.desc.chip->secure_version_bits) {
        host_usage(cmd, "--secure-version: the %s's eFuse field has %u bits", f.desc.chip->name,
                   f.desc.chip->secure_version_bits);
    }
    result = result ? result : flash_new_write(&f);
    for (unsigned i = 0; i < f.n_apps; i++) {
        host_buf_free(&f.app[i].image);
    }
    return result;
}

/* --- write, read, erase ---------------------------------------------------- */

struct target {
    struct dev_flash *flash; /* owned */
    struct al_part part;
};

static int no_such_partition(const char *path, const struct al_ptable *table, const char *label)
{
    struct host_buf labels;
    host_buf_init(&labels, 4096);
    for (unsigned i = 0; i < table->n; i++) {
        host_buf_printf(&labels, "%s%s", i ? ", " : "", table->part[i].label);
    }
    int status = host_fail("%s: no partition '%s'; there are: %s", path, label,
                           labels.len ? (const char *)labels.data : "none");
    host_buf_free(&labels);
    return status;
}

static int open_partition(const char *path, const char *label, enum dev_flash_mode mode, bool ignore_readonly,
                          struct target *out)
{
    static struct dev_desc desc;
    static struct al_ptable table;
    char err[512];
    if (dev_flash_open(path, mode, NULL, &out->flash, err, sizeof err)) {
        return host_fail("%s", err);
    }
    int status;
    if (dev_desc_load(path, &desc, err, sizeof err)) {
        status = host_fail("%s", err);
    } else if (al_ptable_read(dev_flash_port(out->flash), desc.partition_table_offset, &table)) {
        status = host_fail("%s: no valid partition table at 0x%" PRIx32, path, desc.partition_table_offset);
    } else {
        const struct al_part *part = al_ptable_find_label(&table, label);
        if (!part) {
            status = no_such_partition(path, &table, label);
        } else if (mode == DEV_FLASH_WRITE && part->flags & AL_PART_READONLY && !ignore_readonly) {
            status =
                host_fail("%s: partition '%s' is read-only (--ignore-readonly overrides it)", path, label);
        } else {
            out->part = *part;
            return 0;
        }
    }
    dev_flash_close(out->flash);
    return status;
}

/* Options of all three, and where they go. */
struct words {
    const char *flash, *label, *file;
    bool ignore_readonly;
};

static void parse_words(const struct host_cmd *cmd, int argc, char **argv, bool writes, int max_words,
                        struct words *out)
{
    *out = (struct words){0};
    const struct host_opt opts[] = {
        {"partition", 'p', HOST_OPT_TEXT, &out->label, "LABEL", "The partition, by its label.", NULL},
        {writes ? "ignore-readonly" : NULL, 0, HOST_OPT_FLAG, &out->ignore_readonly, NULL,
         "Also if the partition table marks the partition read-only.", NULL},
        {0},
    };
    int n = host_parse(cmd, argc, argv, opts);
    if (n < 1) {
        host_usage(cmd, "name the flash file");
    }
    if (!out->label) {
        host_usage(cmd, "--partition is missing");
    }
    if (n > max_words) {
        host_usage(cmd, "one word too many: '%s'", argv[max_words]);
    }
    out->flash = argv[0];
    out->file = n > 1 ? argv[1] : NULL;
}

static int run_write(int argc, char **argv)
{
    struct words words;
    parse_words(&cmd_flash[1], argc, argv, true, 2, &words);
    if (!words.file) {
        host_usage(&cmd_flash[1], "name the file to write");
    }
    struct host_buf file;
    char err[512];
    if (host_read_file(words.file, (size_t)DEV_MAX_SECTORS * AL_SECTOR_SIZE, &file, err, sizeof err)) {
        return host_fail("%s", err);
    }
    struct target target;
    int status = open_partition(words.flash, words.label, DEV_FLASH_WRITE, words.ignore_readonly, &target);
    if (status == 0) {
        const struct al_part *part = &target.part;
        const struct al_flash *flash = dev_flash_port(target.flash);
        if (file.len > part->size) {
            status = host_fail("%s: %zu bytes do not fit partition '%s' of %" PRIu32, words.file, file.len,
                               part->label, part->size);
        } else if (al_flash_erase(flash, part->off, part->size) ||
                   al_flash_write(flash, part->off, file.data, (uint32_t)file.len)) {
            status = host_fail("%s: partition '%s' can't be written", words.flash, part->label);
        }
        dev_flash_close(target.flash);
    }
    host_buf_free(&file);
    return status;
}

static int run_read(int argc, char **argv)
{
    struct words words;
    parse_words(&cmd_flash[2], argc, argv, false, 2, &words);
    if (!words.file && isatty(STDOUT_FILENO)) {
        host_usage(&cmd_flash[2], "name a file, or redirect the output: it is not text");
    }
    struct target target;
    int status = open_partition(words.flash, words.label, DEV_FLASH_READ, false, &target);
    if (status) {
        return status;
    }
    char err[512];
    if (host_write_file(words.file ? words.file : "-", dev_flash_bytes(target.flash) + target.part.off,
                        target.part.size, err, sizeof err)) {
        status = host_fail("%s", err);
    }
    dev_flash_close(target.flash);
    return status;
}

static int run_erase(int argc, char **argv)
{
    struct words words;
    parse_words(&cmd_flash[3], argc, argv, true, 1, &words);
    struct target target;
    int status = open_partition(words.flash, words.label, DEV_FLASH_WRITE, words.ignore_readonly, &target);
    if (status) {
        return status;
    }
    if (al_flash_erase(dev_flash_port(target.flash), target.part.off, target.part.size)) {
        status = host_fail("%s: partition '%s' can't be erased", words.flash, target.part.label);
    }
    dev_flash_close(target.flash);
    return status;
}

/* --- Rows ------------------------------------------------------------------ */

const struct host_cmd cmd_flash[] = {
    {
        .noun = "flash",
        .verb = "new",
        .usage = "FLASH.bin --table TABLE [OPTIONS]",
        .summary = "make the flash of a new virtual device",
        .help =
            "Writes FLASH.bin: blank flash with a partition table and, if given, app images, and beside it "
            "FLASH.bin.json, which says what the chip is and what its eFuses hold. The two files are one "
            "device: airlift device run FLASH.bin switches it on.\n"
            "\n"
            "Each image is verified as the bootloader will do it; one that would not start is refused with "
            "the reason. A table that does not fit the flash is refused too. Nothing is written then.\n"
            "\n"
            "Examples:\n"
            "  airlift flash new dev.bin --size 4MB --table two_ota --factory app-1.4.2.bin\n"
            "  airlift flash new dev.bin --size 8MB --table partitions.csv --app ota_0=app.bin "
            "--anti-rollback",
        .run = run_new,
    },
    {
        .noun = "flash",
        .verb = "write",
        .usage = "FLASH.bin --partition LABEL FILE",
        .summary = "write a file into a partition",
        .help = "Erases the whole partition, then writes FILE at its start, as ESP-IDF's parttool.py "
                "write_partition does. FILE may be - for standard input. A file larger than the partition, "
                "and a device that is running, are refused.\n"
                "\n"
                "Examples:\n"
                "  airlift flash write dev.bin --partition nvs nvs.bin",
        .run = run_write,
    },
    {
        .noun = "flash",
        .verb = "read",
        .usage = "FLASH.bin --partition LABEL [FILE]",
        .summary = "copy a partition into a file",
        .help = "Writes all of the partition's bytes to FILE, or to standard output. This works while the "
                "device runs.\n"
                "\n"
                "Examples:\n"
                "  airlift flash read dev.bin --partition nvs nvs.bin\n"
                "  airlift flash read dev.bin --partition otadata | hexdump -C",
        .run = run_read,
    },
    {
        .noun = "flash",
        .verb = "erase",
        .usage = "FLASH.bin --partition LABEL",
        .summary = "erase a partition",
        .help = "Sets all of the partition's bytes to 0xFF.\n"
                "\n"
                "Examples:\n"
                "  airlift flash erase dev.bin --partition nvs",
        .run = run_erase,
    },
    {0},
};
