/*
 * cmd_stats.c - airlift stats: what devices fetched from the update server, and what patches saved.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "print_json.h"
#include "server/client.h"
#include "server_access.h"

static double number_of(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *text_of(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(item) ? item->valuestring : "?";
}

/* What patches saved of what whole images would have taken, in per cent. */
static double share_saved(const cJSON *bytes)
{
    const double saved = number_of(bytes, "saved_bytes");
    const double all = saved + number_of(bytes, "patch_bytes") + number_of(bytes, "image_bytes");
    return all > 0 ? 100 * saved / all : 0;
}

static void print_row(const char *product, const char *version, const cJSON *bytes)
{
    printf("%-20s %-16s %15.0f %15.0f %15.0f %6.1f %%\n", product, version, number_of(bytes, "image_bytes"),
           number_of(bytes, "patch_bytes"), number_of(bytes, "saved_bytes"), share_saved(bytes));
}

static int print_stats(const cJSON *stats)
{
    const cJSON *release, *failure;
    const cJSON *patches = cJSON_GetObjectItemCaseSensitive(stats, "patches");
    printf("%-20s %-16s %15s %15s %15s %8s\n", "product", "version", "image bytes", "patch bytes",
           "saved bytes", "saved");
    cJSON_ArrayForEach(release, cJSON_GetObjectItemCaseSensitive(stats, "releases"))
    {
        print_row(text_of(release, "product"), text_of(release, "version"), release);
    }
    print_row("all", "", stats);
    printf("\npatches: %.0f made, %.0f of no use, %.0f failed, %.0f to be made\n", number_of(patches, "made"),
           number_of(patches, "useless"), number_of(patches, "failed"), number_of(patches, "missing"));
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
    char err[2048], *document = NULL;
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
    if (server_access_find(&access, "stats") != 0) {
        return 1;
    }
    int got =
        srv_client_get(access.server, access.ca_path, access.token, "/v1/stats", &document, err, sizeof err);
    server_access_free(&access);
    if (got != 0) {
        return host_fail("stats: %s", err);
    }
    cJSON *stats = cJSON_Parse(document);
    free(document);
    if (!stats) {
        return host_fail("stats: the server's answer is no JSON");
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
