/*
 * cmd_delta.c - airlift delta make|apply|info: an image told by another one.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "delta_esp.h"
#include "delta_own.h"
#include "host/file.h"
#include "print_json.h"

#define MAX_FILE (32u << 20) /* bytes */

enum { MAKE, APPLY, INFO };

/* The files that make and apply start from; without an old one *first is empty. 0, or 1 after a line on stderr. */
static int read_files(const char *verb, const char *old, const char *other, struct host_buf *first,
                      struct host_buf *second)
{
    char err[512];
    host_buf_init(first, 0);
    if (old && host_read_file(old, MAX_FILE, first, err, sizeof err) != 0) {
        return host_fail("delta %s: %s", verb, err);
    }
    if (host_read_file(other, MAX_FILE, second, err, sizeof err) != 0) {
        host_buf_free(first);
        return host_fail("delta %s: %s", verb, err);
    }
    return 0;
}

/* What make and apply end with; frees `data`. */
static int write_result(const char *verb, const char *path, struct host_buf *data)
{
    char err[512];
    int result = host_write_file(path, data->data, data->len, err, sizeof err);
    host_buf_free(data);
    return result == 0 ? 0 : host_fail("delta %s: %s", verb, err);
}

/* --- make ------------------------------------------------------------------- */

static int make(int argc, char **argv)
{
    const char *out_path = NULL, *format = DELTA_OWN_FORMAT;
    const char *ram = "20K";
    bool whole = false;
    const struct host_opt opts[] = {
        {"output", 'o', HOST_OPT_TEXT, &out_path, "PATCH", "Where to write the patch; - is standard output.",
         NULL},
        {"whole", 0, HOST_OPT_FLAG, &whole, NULL,
         "The patch holds all of the new image, compressed, and OLD.bin is not given. For airlift's agent "
         "only.",
         NULL},
        {"format", 0, HOST_OPT_TEXT, &format, "FORMAT",
         "airlift: the smallest patches, for airlift's agent, and for whatever applies them with core's "
         "al_delta. The default. esp_delta_ota: what Espressif's component reads, and airlift's agent too.",
         NULL},
        {"ram", 0, HOST_OPT_TEXT, &ram, "20K|12K",
         "With --format airlift: what the device's decoder may take (12K: CONFIG_AIRLIFT_DELTA_12K).", NULL},
        {0},
    };
    struct host_buf from, to, patch;
    char err[512];
    argc = host_parse(&cmd_delta[MAKE], argc, argv, opts);
    if (argc != 2 - whole || !out_path) {
        host_usage(&cmd_delta[MAKE], "OLD.bin (or --whole), NEW.bin and -o PATCH are needed");
    }
    const bool own = strcmp(format, DELTA_OWN_FORMAT) == 0, small = strcmp(ram, "12K") == 0;
    if (!own && strcmp(format, DELTA_ESP_FORMAT) != 0) {
        host_usage(&cmd_delta[MAKE], "--format is " DELTA_ESP_FORMAT " or " DELTA_OWN_FORMAT);
    }
    if (!small && strcmp(ram, "20K") != 0) {
        host_usage(&cmd_delta[MAKE], "--ram is 20K or 12K");
    }
    if (read_files("make", whole ? NULL : argv[0], argv[argc - 1], &from, &to) != 0) {
        return 1;
    }
    int made = own ? delta_own_file_make(&from, &to, small, &patch, err, sizeof err)
                   : delta_esp_file_make(&from, &to, &patch, err, sizeof err);
    int result =
        made == 0 ? write_result("make", out_path, &patch) : host_fail("delta make: %s: %s", argv[0], err);
    host_buf_free(&from);
    host_buf_free(&to);
    return result;
}

/* --- apply ------------------------------------------------------------------- */

static int apply(int argc, char **argv)
{
    const char *out_path = NULL;
    bool whole = false;
    const struct host_opt opts[] = {
        {"whole", 0, HOST_OPT_FLAG, &whole, NULL,
         "The patch was made with --whole, and OLD.bin is not given.", NULL},
        {"output", 'o', HOST_OPT_TEXT, &out_path, "NEW.bin",
         "Where to write the new image; - is standard output.", NULL},
        {0},
    };
    struct host_buf from, patch, to;
    char err[512];
    argc = host_parse(&cmd_delta[APPLY], argc, argv, opts);
    if (argc != 2 - whole || !out_path) {
        host_usage(&cmd_delta[APPLY], "OLD.bin (or --whole), PATCH and -o NEW.bin are needed");
    }
    if (read_files("apply", whole ? NULL : argv[0], argv[argc - 1], &from, &patch) != 0) {
        return 1;
    }
    int applied = delta_own_recognise(&patch) ? delta_own_file_apply(&from, &patch, &to, err, sizeof err)
                                              : delta_esp_file_apply(&from, &patch, &to, err, sizeof err);
    int result = applied == 0 ? write_result("apply", out_path, &to)
                              : host_fail("delta apply: %s: %s", argv[argc - 1], err);
    host_buf_free(&from);
    host_buf_free(&patch);
    return result;
}

/* --- info --------------------------------------------------------------------- */

static int print_info(cJSON *json)
{
    for (const cJSON *item = json->child; item; item = item->next) {
        if (cJSON_IsString(item)) {
            printf("%-12s %s\n", item->string, item->valuestring);
        } else {
            printf("%-12s %.0f\n", item->string, item->valuedouble);
        }
    }
    cJSON_Delete(json);
    return fflush(stdout) == 0 ? 0 : host_fail("delta info: standard output is closed");
}

static int info(int argc, char **argv)
{
    bool as_json = false;
    const struct host_opt opts[] = {
        {"json", 0, HOST_OPT_FLAG, &as_json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct host_buf patch;
    char err[512];
    argc = host_parse(&cmd_delta[INFO], argc, argv, opts);
    if (argc != 1) {
        host_usage(&cmd_delta[INFO], "PATCH is needed");
    }
    if (host_read_file(argv[0], MAX_FILE, &patch, err, sizeof err) != 0) {
        return host_fail("delta info: %s", err);
    }
    cJSON *json = delta_own_recognise(&patch) ? delta_own_file_info(&patch, err, sizeof err)
                                              : delta_esp_file_info(&patch, err, sizeof err);
    host_buf_free(&patch);
    if (!json) {
        return host_fail("delta info: %s: %s", argv[0], err);
    }
    return as_json ? print_json(json) : print_info(json);
}

const struct host_cmd cmd_delta[] = {
    [MAKE] =
        {
            .noun = "delta",
            .verb = "make",
            .usage = "OLD.bin NEW.bin -o PATCH",
            .summary = "make a patch from one image to another",
            .help = "Writes a patch out of which, and of OLD.bin, a device makes NEW.bin. OLD.bin must be "
                    "what lies in the devices' flash, byte for byte: they know it by its SHA-256. The patch "
                    "is applied once before it is written.\n"
                    "\n"
                    "`airlift serve` makes patches by itself; this is for other servers, and for devices "
                    "that update with Espressif's esp_delta_ota. For these OLD.bin has to be a whole app "
                    "image with an appended hash.\n"
                    "\n"
                    "Examples:\n"
                    "\n"
                    "  airlift delta make lamp-1.4.2.bin lamp-1.4.3.bin -o lamp.patch\n"
                    "  airlift delta make --whole lamp-1.4.3.bin -o lamp.packed\n"
                    "  airlift delta make --format esp_delta_ota old.bin new.bin -o esp.patch\n",
            .run = make,
        },
    [APPLY] =
        {
            .noun = "delta",
            .verb = "apply",
            .usage = "OLD.bin PATCH -o NEW.bin",
            .summary = "apply a patch",
            .help = "Makes NEW.bin as a device would, from a patch of either format. Refused: a patch for "
                    "another old image, and a damaged one; with esp_delta_ota's also one that gives no whole "
                    "app image.\n"
                    "\n"
                    "Examples:\n"
                    "\n"
                    "  airlift delta apply lamp-1.4.2.bin lamp.patch -o rebuilt.bin\n",
            .run = apply,
        },
    [INFO] =
        {
            .noun = "delta",
            .verb = "info",
            .usage = "PATCH [--json]",
            .summary = "show what a patch says about itself",
            .help = "Prints the format, the sizes of both images and of the patch, how much memory its "
                    "decoder takes, and by which SHA-256 it knows the images. Of esp_delta_ota's format: the "
                    "hash that the old image carries at its end, and the new image's size.\n"
                    "\n"
                    "Examples:\n"
                    "\n"
                    "  airlift delta info lamp.patch --json\n",
            .run = info,
        },
    {0},
};
