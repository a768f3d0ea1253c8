/*
 * table_file.c - one loader for all forms of a partition table.
 */
#include "table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/desc.h"
#include "host/cmd.h"
#include "host/file.h"

#define FILE_MAX (128u << 20) /* bytes: the largest flash chip */
#define CSV_MAX  (AL_PTABLE_MAX_ENTRIES * 64u)

static const char *csv_getenv(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* --- The forms --------------------------------------------------------------- */

static int parse_csv(const char *source, const struct host_buf *file, const struct al_csv_options *options,
                     struct table_file *out)
{
    struct al_csv_options with_env = *options;
    with_env.getenv = csv_getenv;
    const struct al_csv_report *report = &out->report;
    if (al_csv_parse((const char *)file->data, file->len, &with_env, &out->table, &out->report) == AL_OK) {
        return 0;
    }
    char line[16] = "";
    if (report->line > 0) {
        snprintf(line, sizeof line, ":%u", report->line);
    }
    bool named = report->what[0] != '\0';
    return host_fail("%s%s: %s%s%s%s", table_file_name(source), line, named ? "'" : "", report->what,
                     named ? "': " : "", al_csv_error_text(report->error));
}

/* Through CSV without offsets, so that the options mean the same as for a file. */
static int place_named(const char *source, const struct al_csv_options *options, struct table_file *out)
{
    struct host_buf csv;
    struct al_csv_options any_size = *options;
    any_size.flash_size = 0; /* check_fit() says more */
    host_buf_init(&csv, CSV_MAX);
    bool ok = true;
    for (unsigned i = 0; i < out->table.n && ok; i++) {
        const struct al_part *part = &out->table.part[i];
        ok = host_buf_printf(&csv, "%s,%u,%u,,%" PRIu32 ",%s\n", part->label, part->type, part->subtype,
                             part->size, (part->flags & AL_PART_ENCRYPTED) != 0 ? "encrypted" : "");
    }
    int status = ok ? parse_csv(source, &csv, &any_size, out) : host_fail("%s: out of memory", source);
    host_buf_free(&csv);
    return status;
}

/* A table by itself: what a shorter file leaves out reads as erased flash. */
static int parse_binary(const char *source, const struct host_buf *file, struct al_ptable *out)
{
    uint8_t raw[AL_PTABLE_SIZE];
    memset(raw, 0xFF, sizeof raw);
    memcpy(raw, file->data, file->len < sizeof raw ? file->len : sizeof raw);
    int result = al_ptable_parse(raw, UINT32_MAX, out);
    return result == AL_OK ? 0 : host_fail("%s: %s", table_file_name(source), al_strerror(result));
}

static int parse_flash(const char *path, const struct host_buf *file, const uint32_t *given_off,
                       struct al_ptable *out)
{
    struct dev_desc desc;
    char err[512];
    if (given_off == NULL && dev_desc_load(path, &desc, err, sizeof err) != AL_OK) {
        return host_fail("%s", err);
    }
    uint32_t off = given_off != NULL ? *given_off : desc.partition_table_offset;
    if (off > file->len || file->len - off < AL_PTABLE_SIZE) {
        return host_fail("%s: the flash ends before a table at 0x%" PRIx32, path, off);
    }
    if (al_ptable_parse(file->data + off, (uint32_t)file->len, out) != AL_OK) {
        return host_fail("%s: no valid table at 0x%" PRIx32
                         " for a flash of 0x%zx bytes (--offset, if it is elsewhere)",
                         path, off, file->len);
    }
    return 0;
}

/* As Espressif's tool does it: no CSV starts with these bytes. */
static bool is_binary(const struct host_buf *file)
{
    return file->len >= 2 && file->data[0] == 0xAA && file->data[1] == 0x50;
}

/* Whole sectors, with bytes that no text has. */
static bool is_flash(const struct host_buf *file)
{
    return file->len >= AL_PTABLE_OFFSET && file->len % AL_SECTOR_SIZE == 0 &&
           memchr(file->data, 0xFF, file->len) != NULL;
}

static int parse_file(const char *source, const struct host_buf *file, const struct al_csv_options *options,
                      bool off_given, struct table_file *out)
{
    out->form = is_binary(file) ? TABLE_BINARY : is_flash(file) ? TABLE_FLASH : TABLE_CSV;
    if (out->form == TABLE_CSV) {
        return parse_csv(source, file, options, out);
    }
    int status = out->form == TABLE_BINARY
                     ? parse_binary(source, file, &out->table)
                     : parse_flash(source, file, off_given ? &options->table_off : NULL, &out->table);
    out->table.has_md5 = out->table.has_md5 && !options->no_md5;
    return status;
}

/* What the CSV parser has checked already where it was told the size. */
static int check_fit(const char *source, const struct al_ptable *table, uint32_t flash_size)
{
    for (unsigned i = 0; i < table->n && flash_size > 0; i++) {
        const struct al_part *part = &table->part[i];
        uint64_t end = (uint64_t)part->off + part->size;
        if (end > flash_size) {
            char have[24], need[24];
            host_print_size(flash_size, have);
            host_print_size(end, need);
            return host_fail("%s: partition '%s' ends at %s, the flash at %s", table_file_name(source),
                             part->label, need, have);
        }
    }
    return 0;
}

static int read_failed(const char *source, const char *err)
{
    if (access(source, F_OK) != 0 && strpbrk(source, "/.") == NULL) {
        return host_fail("%s: neither a file nor one of ESP-IDF's tables (airlift partitions list)", source);
    }
    return host_fail("%s", err);
}

/* --- Public ------------------------------------------------------------------- */

const char *table_file_name(const char *source)
{
    return strcmp(source, "-") == 0 ? "standard input" : source;
}

int table_file_load(const char *source, const struct al_csv_options *options, bool off_given,
                    struct table_file *out)
{
    int status;
    memset(out, 0, sizeof *out);
    if (al_ptable_predefined(source, &out->table) == AL_OK) {
        out->form = TABLE_NAMED;
        status = place_named(source, options, out);
    } else {
        struct host_buf file;
        char err[512];
        if (host_read_file(source, FILE_MAX, &file, err, sizeof err) != 0) {
            return read_failed(source, err);
        }
        status = parse_file(source, &file, options, off_given, out);
        host_buf_free(&file);
    }
    return status != 0 ? status : check_fit(source, &out->table, options->flash_size);
}
