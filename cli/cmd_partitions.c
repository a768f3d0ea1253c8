/*
 * cmd_partitions.c - airlift partitions gen|show|list: partition tables as CSV and binary.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "airlift/ptable_csv.h"
#include "commands.h"
#include "host/file.h"
#include "print_json.h"
#include "table_file.h"

#define CSV_MAX (AL_PTABLE_MAX_ENTRIES * 96u + 128u)

/* --- gen -------------------------------------------------------------------- */

/* Espressif's tool takes --secure alone for --secure v1. */
static void complete_secure(int argc, char **argv)
{
    static char v1[] = "--secure=v1";
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--secure") == 0 && (i + 1 == argc || argv[i + 1][0] == '-')) {
            argv[i] = v1;
        }
    }
}

static enum al_csv_secure parse_secure(const struct host_cmd *cmd, const char *text)
{
    if (text == NULL) {
        return AL_CSV_SECURE_NONE;
    }
    if (strcmp(text, "v1") != 0 && strcmp(text, "v2") != 0) {
        host_usage(cmd, "--secure: '%s' is neither v1 nor v2", text);
    }
    return text[1] == '1' ? AL_CSV_SECURE_V1 : AL_CSV_SECURE_V2;
}

static int write_table(const char *path, const struct al_ptable *table)
{
    uint8_t raw[AL_PTABLE_SIZE];
    char err[512];
    if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO)) {
        return host_fail("name a file, or redirect the output: it is not text");
    }
    int result = al_ptable_build(table, table->has_md5, raw);
    if (result != AL_OK) {
        return host_fail("%s: %s", path, al_strerror(result));
    }
    return host_write_file(path, raw, sizeof raw, err, sizeof err) == 0 ? 0 : host_fail("%s", err);
}

static int write_csv(const char *path, const struct al_ptable *table)
{
    char csv[CSV_MAX];
    char err[512];
    int len = al_csv_print(table, csv, sizeof csv);
    if (len < 0) {
        return host_fail("%s: %s", path, al_strerror(len));
    }
    return host_write_file(path, csv, (size_t)len, err, sizeof err) == 0 ? 0 : host_fail("%s", err);
}

static void print_warnings(const char *path, const struct al_ptable *table,
                           const struct al_csv_report *report)
{
    for (unsigned i = 0; i < table->n; i++) {
        if ((report->warned[i / 32] >> i % 32 & 1u) != 0) {
            fprintf(stderr,
                    "airlift: warning: %s: partition '%s' has the name of a type or subtype that it is not\n",
                    table_file_name(path), table->part[i].label);
        }
    }
}

/* Binary becomes CSV, and everything else binary. */
static int gen(const char *in, const char *out, const struct al_csv_options *options, bool off_given)
{
    struct table_file file;
    int status = table_file_load(in, options, off_given, &file);
    if (status != 0) {
        return status;
    }
    if (file.form == TABLE_BINARY || file.form == TABLE_FLASH) {
        return write_csv(out, &file.table);
    }
    status = write_table(out, &file.table);
    if (status == 0) {
        print_warnings(in, &file.table, &file.report);
    }
    return status;
}

static int run_gen(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_partitions[0];
    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET};
    const char *secure = NULL;
    bool has_off = false;
    bool quiet = false; /* there is nothing to leave out: kept for callers of Espressif's tool */
    const struct host_opt opts[] = {
        {"offset", 'o', HOST_OPT_SIZE, &o.table_off, "OFFSET",
         "Where the table lies in flash; 0x8000 by default.", &has_off},
        {"flash-size", 0, HOST_OPT_SIZE, &o.flash_size, "SIZE",
         "Refuse a table that does not fit a chip of that size, such as 4MB. Without it there is no upper "
         "bound.",
         NULL},
        {"no-md5", 0, HOST_OPT_FLAG, &o.no_md5, NULL,
         "Leave the MD5 record out (for bootloaders before ESP-IDF 3.1).", NULL},
        {"disable-md5sum", 0, HOST_OPT_FLAG, &o.no_md5, NULL, "The same, as Espressif's tool spells it.",
         NULL},
        {"secure", 0, HOST_OPT_TEXT, &secure, "v1|v2",
         "App sizes must suit Secure Boot of that version: multiples of 64K (v1) or 4K (v2).", NULL},
        {"primary-bootloader-offset", 0, HOST_OPT_SIZE, &o.primary_bootloader_off, "OFFSET",
         "Where the chip looks for its bootloader; needed if the table has an entry for it.",
         &o.has_primary_bootloader_off},
        {"recovery-bootloader-offset", 0, HOST_OPT_SIZE, &o.recovery_bootloader_off, "OFFSET",
         "Where the recovery bootloader lies; needed if the table has an entry for it.",
         &o.has_recovery_bootloader_off},
        {"no-verify", 0, HOST_OPT_FLAG, &o.no_verify, NULL,
         "Skip the rules for alignment, sizes, names and overlaps.", NULL},
        {"quiet", 'q', HOST_OPT_FLAG, &quiet, NULL, "Accepted for Espressif's tool; nothing is said anyway.",
         NULL},
        {0},
    };
    complete_secure(argc, argv);
    int n = host_parse(cmd, argc, argv, opts);
    if (n < 1 || n > 2) {
        host_usage(cmd, "name an input and an output file");
    }
    o.secure = parse_secure(cmd, secure);
    return gen(argv[0], n > 1 ? argv[1] : "-", &o, has_off);
}

/* --- show ------------------------------------------------------------------- */

static void add_kind(cJSON *object, const char *key, const char *value_key, const char *name, uint8_t value)
{
    char number[8];
    snprintf(number, sizeof number, "0x%02x", value);
    cJSON_AddStringToObject(object, key, name != NULL ? name : number);
    cJSON_AddNumberToObject(object, value_key, value);
}

static cJSON *entry_to_json(const struct al_part *part)
{
    char buf[8];
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", part->label);
    add_kind(object, "type", "type_value", al_part_type_name(part->type), part->type);
    add_kind(object, "subtype", "subtype_value", al_part_subtype_name(part->type, part->subtype, buf),
             part->subtype);
    cJSON_AddNumberToObject(object, "offset", part->off);
    cJSON_AddNumberToObject(object, "size", part->size);
    cJSON *flags = cJSON_AddArrayToObject(object, "flags");
    if ((part->flags & AL_PART_ENCRYPTED) != 0) {
        cJSON_AddItemToArray(flags, cJSON_CreateString("encrypted"));
    }
    if ((part->flags & AL_PART_READONLY) != 0) {
        cJSON_AddItemToArray(flags, cJSON_CreateString("readonly"));
    }
    cJSON_AddNumberToObject(object, "flags_value", part->flags);
    return object;
}

static int run_show(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_partitions[1];
    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET};
    bool json = false, has_off = false;
    const struct host_opt opts[] = {
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON array, an object for each entry.", NULL},
        {"offset", 'o', HOST_OPT_SIZE, &o.table_off, "OFFSET",
         "Where the table lies in flash; by default what FLASH.bin.json says, or 0x8000.", &has_off},
        {"primary-bootloader-offset", 0, HOST_OPT_SIZE, &o.primary_bootloader_off, "OFFSET",
         "For a CSV with an entry for the bootloader.", &o.has_primary_bootloader_off},
        {"recovery-bootloader-offset", 0, HOST_OPT_SIZE, &o.recovery_bootloader_off, "OFFSET",
         "For a CSV with an entry for the recovery bootloader.", &o.has_recovery_bootloader_off},
        {0},
    };
    struct table_file file;
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one table or flash file");
    }
    int status = table_file_load(argv[0], &o, has_off, &file);
    if (status != 0) {
        return status;
    }
    if (!json) {
        return write_csv("-", &file.table);
    }
    cJSON *list = cJSON_CreateArray();
    for (unsigned i = 0; i < file.table.n; i++) {
        cJSON_AddItemToArray(list, entry_to_json(&file.table.part[i]));
    }
    return print_json(list);
}

/* --- list ------------------------------------------------------------------- */

static int run_list(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_partitions[2];
    bool json = false;
    const struct host_opt opts[] = {
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON array of names.", NULL},
        {0},
    };
    if (host_parse(cmd, argc, argv, opts) != 0) {
        host_usage(cmd, "takes no words");
    }
    const char *name;
    cJSON *list = cJSON_CreateArray();
    for (unsigned i = 0; (name = al_ptable_predefined_name(i)) != NULL; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(name));
        if (!json) {
            puts(name);
        }
    }
    if (json) {
        return print_json(list);
    }
    cJSON_Delete(list);
    return 0;
}

/* --- Rows ------------------------------------------------------------------- */

const struct host_cmd cmd_partitions[] = {
    {
        .noun = "partitions",
        .verb = "gen",
        .usage = "IN.csv|NAME OUT.bin [OPTIONS]",
        .summary = "make a binary partition table from CSV",
        .help =
            "Reads a partition table in ESP-IDF's CSV language and writes the 3072 bytes that belong at the "
            "table's offset in flash, the same ones that ESP-IDF's gen_esp32part.py writes; that tool's "
            "options are understood. - stands for standard input or output. One of ESP-IDF's tables goes by "
            "its name (airlift partitions list). A binary table as input is printed as CSV, also one in a "
            "flash file.\n"
            "\n"
            "A table that breaks a rule is refused with the line and the reason, and nothing is written. A "
            "partition named like a type or subtype that it is not is only warned of.\n"
            "\n"
            "Examples:\n"
            "  airlift partitions gen partitions.csv table.bin --flash-size 4MB\n"
            "  airlift partitions gen two_ota table.bin --offset 0x10000\n"
            "  airlift partitions gen partitions.csv - | xxd | head",
        .run = run_gen,
    },
    {
        .noun = "partitions",
        .verb = "show",
        .usage = "IN.csv|IN.bin|FLASH.bin|NAME [--json]",
        .summary = "print a partition table",
        .help =
            "Prints a table as CSV with every offset and size filled in. The table is a CSV or binary file, "
            "or lies in a whole flash file (read out of a board, or a virtual device's), or is one of "
            "ESP-IDF's "
            "by name (airlift partitions list). - is standard input.\n"
            "\n"
            "Binary tables are judged as the bootloader does it: entries, MD5 and end marker must be right, "
            "and "
            "entries within the flash.\n"
            "\n"
            "Examples:\n"
            "  airlift partitions show two_ota\n"
            "  airlift partitions show dev.bin --json",
        .run = run_show,
    },
    {
        .noun = "partitions",
        .verb = "list",
        .usage = "[--json]",
        .summary = "print the names of the predefined tables",
        .help = "Prints the names under which airlift knows the tables that ESP-IDF and Arduino ship. They "
                "can be "
                "given to airlift partitions gen and show, and to airlift flash new.\n"
                "\n"
                "Examples:\n"
                "  airlift partitions list",
        .run = run_list,
    },
    {0},
};
