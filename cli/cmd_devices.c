/*
 * cmd_devices.c - airlift devices: which devices asked the update server, what they run, and why they failed.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "json_read.h"
#include "print_json.h"
#include "server_access.h"

/* "/v1/devices?limit=N&search=TEXT", with TEXT as a query has it. */
static void print_path(char *out, size_t size, uint32_t limit, const char *search)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    int len = snprintf(out, size, "/v1/devices?limit=%u&search=", (unsigned)limit);
    for (; *search; search++) {
        len += snprintf(out + len, size - (size_t)len, strchr(plain, *search) ? "%c" : "%%%02X",
                        (unsigned char)*search);
    }
}

static int print_devices(const cJSON *document)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(document, "devices"), *d;
    const int n = cJSON_GetArraySize(devices);
    const double found = json_number(document, "found");
    printf("%-20s %-20s %-16s %-20s  %s\n", "id", "product", "runs", "last seen", "last failure");
    cJSON_ArrayForEach(d, devices)
    {
        const char *failure = json_text(d, "failure", NULL);
        printf("%-20s %-20s %-16s %-20s  %s%s%s\n", json_text(d, "id", "?"), json_text(d, "product", "?"),
               json_text(d, "version", "?"), json_text(d, "seen", "?"), failure ? failure : "-",
               failure ? " at " : "", failure ? json_text(d, "failed", "?") : "");
    }
    printf("\n%.0f found%s\n", found, n < found ? "; shown are those seen last (--limit)" : "");
    return fflush(stdout) == 0 ? 0 : host_fail("devices: standard output is closed");
}

static int run(int argc, char **argv)
{
    struct server_access access;
    bool as_json = false;
    uint32_t limit = 100;
    char path[64 + 3 * SRV_DEVICES_SEARCH];
    cJSON *document;
    server_access_init(&access);
    const struct host_opt opts[] = {
        SERVER_ACCESS_ROWS(access),
        {"limit", 0, HOST_OPT_NUMBER, &limit, "N", "Show at most so many, 1 to 1000. Default 100.", NULL},
        {"json", 0, HOST_OPT_FLAG, &as_json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    argc = host_parse(&cmd_devices[0], argc, argv, opts);
    if (argc > 1) {
        host_usage(&cmd_devices[0], "one text to look for or none is taken, not %d", argc);
    }
    const char *search = argc ? argv[0] : "";
    if (strlen(search) > SRV_DEVICES_SEARCH) {
        host_usage(&cmd_devices[0], "what to look for has at most %u characters", SRV_DEVICES_SEARCH);
    }
    if (limit < 1 || limit > SRV_DEVICES_LIMIT) {
        host_usage(&cmd_devices[0], "--limit is 1 to %u", SRV_DEVICES_LIMIT);
    }
    print_path(path, sizeof path, limit, search);
    if (server_access_ask(&access, "devices", path, &document) != 0) {
        return 1;
    }
    if (as_json) {
        return print_json(document);
    }
    int result = print_devices(document);
    cJSON_Delete(document);
    return result;
}

const struct host_cmd cmd_devices[] = {
    {
        .noun = "devices",
        .usage = "[TEXT] [--limit N] [--server URL] [--ca FILE] [--json]",
        .summary = "list the devices that asked for updates",
        .help = "Lists the devices that asked the update server, those first that were seen last: what they "
                "call themselves, what they run, and why their last update failed, if one did. With TEXT "
                "only those whose id, product, version or failure contains it. Nobody checks what devices "
                "say of themselves.\n"
                "\n"
                "The admin token is read from AIRLIFT_TOKEN or ~/.config/airlift/token.\n"
                "\n"
                "Examples:\n"
                "\n"
                "  airlift devices\n"
                "  airlift devices 24:0a:c4\n"
                "  airlift devices health --limit 1000 --json\n",
        .run = run,
    },
    {0},
};
