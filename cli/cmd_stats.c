/*
 * cmd_stats.c - airlift stats: what devices fetched from the update server, and what patches saved.
 */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "commands.h"
#include "json_read.h"
#include "print_json.h"
#include "server_access.h"

/* What patches saved of what whole images would have taken, in per cent. */
static double share_saved(const cJSON *bytes)
{
    const double saved = json_number(bytes, "saved_bytes");
    const double all = saved + json_number(bytes, "patch_bytes") + json_number(bytes, "image_bytes");
    return all > 0 ? 100 * saved / all : 0;
}

static void print_row(const char *product, const char *version, const cJSON *bytes)
{
    printf("%-20s %-16s %15.0f %15.0f %15.0f %6.1f %%\n", product, version, json_number(bytes, "image_bytes"),
           json_number(bytes, "patch_bytes"), json_number(bytes, "saved_bytes"), share_saved(bytes));
}

static int print_stats(const cJSON *stats)
{
    const cJSON *release, *failure;
    const cJSON *patches = cJSON_GetObjectItemCaseSensitive(stats, "patches");
    printf("%-20s %-16s %15s %15s %15s %8s\n", "product", "version", "image bytes", "patch bytes",
           "saved bytes", "saved");
    cJSON_ArrayForEach(release, cJSON_GetObjectItemCaseSensitive(stats, "releases"))
    {
        print_row(json_text(release, "product", "?"), json_text(release, "version", "?"), release);
    }
    print_row("all", "", stats);
    printf("\npatches: %.0f made, %.0f of no use, %.0f failed, %.0f to be made\n",
           json_number(patches, "made"), json_number(patches, "useless"), json_number(patches, "failed"),
           json_number(patches, "missing"));
    cJSON_ArrayForEach(failure, cJSON_GetObjectItemCaseSensitive(stats, "failures"))
    {
        printf("devices' failures: %s: %.0f\n", failure->string, failure->valuedouble);
    }
    return fflush(stdout) == 0 ? 0 : host_fail("stats: standard output is closed");
}

static int run(int argc, char **argv)
{
    struct server_access access;
    bool as_json = false;
    cJSON *stats;
    server_access_init(&access);
    const struct host_opt opts[] = {
        SERVER_ACCESS_ROWS(access),
        {"json", 0, HOST_OPT_FLAG, &as_json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    argc = host_parse(&cmd_stats[0], argc, argv, opts);
    if (argc != 0) {
        host_usage(&cmd_stats[0], "nothing but options is taken");
    }
    if (server_access_ask(&access, "stats", "/v1/stats", &stats) != 0) {
        return 1;
    }
    if (as_json) {
        return print_json(stats);
    }
    int result = print_stats(stats);
    cJSON_Delete(stats);
    return result;
}

const struct host_cmd cmd_stats[] = {
    {
        .noun = "stats",
        .usage = "[--server URL] [--ca FILE] [--json]",
        .summary = "show what devices fetched, and what patches saved",
        .help =
            "Asks the update server how many bytes of each release's image, and of patches to it, devices "
            "were "
            "sent, and how many more it would have been without patches. Bytes of answers that were sent to "
            "their end are counted, since the database was made; with a bucket they come from there, and the "
            "server does not see them. Below: patches, and why devices could not update, since the "
            "server's start.\n"
            "\n"
            "The admin token is read from AIRLIFT_TOKEN or ~/.config/airlift/token.\n"
            "\n"
            "Examples:\n"
            "\n"
            "  airlift stats\n"
            "  airlift stats --server https://updates.example.com --json\n",
        .run = run,
    },
    {0},
};
