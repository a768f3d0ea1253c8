/*
 * cmd_releases.c - airlift releases: what is published on the update server, and who signed it.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "json_read.h"
#include "print_json.h"
#include "publish_s3.h"
#include "server_access.h"

#define MARGIN "                   " /* below a release's version */

static bool is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void print_release(const cJSON *r, bool newest)
{
    const char *state = is_true(r, "withdrawn")   ? "  withdrawn"
                        : !newest                 ? ""
                        : is_true(r, "mandatory") ? "  newest, mandatory"
                                                  : "  newest";
    printf("  %-16s %12.0f  %-20s  %7.0f  %-20s%s\n", json_text(r, "version", "?"), json_number(r, "size"),
           json_text(r, "created", "?"), json_number(r, "devices"), json_text(r, "seen", "-"), state);
    publish_print_signers(r, MARGIN);
}

static void print_patch(const cJSON *p)
{
    const char *from = json_text(p, "from", NULL);
    printf(MARGIN "patch: %.0f bytes, %s%s, %s, decoder takes %.0f bytes\n", json_number(p, "size"),
           from ? "from " : "the whole image", from ? from : "", json_text(p, "format", "?"),
           json_number(p, "ram"));
}

static void print_product(const cJSON *product)
{
    const cJSON *item, *patch;
    const char *newest = json_text(product, "newest", "");
    printf("%s (%s)\n", json_text(product, "product", "?"), json_text(product, "chip", "?"));
    printf("  %-16s %12s  %-20s  %7s  %s\n", "version", "bytes", "published", "devices", "last asked");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(product, "releases"))
    {
        bool is_newest = strcmp(json_text(item, "version", "?"), newest) == 0;
        const cJSON *patches = is_newest ? cJSON_GetObjectItemCaseSensitive(product, "patches") : NULL;
        print_release(item, is_newest);
        cJSON_ArrayForEach(patch, patches)
        {
            print_patch(patch);
        }
    }
    if (json_number(product, "other_devices") > 0) {
        printf("  %.0f devices run images that are not published here\n",
               json_number(product, "other_devices"));
    }
}

/* Leave the one product that is asked for, NULL: all. 0, or 1 after saying that there is none. */
static int choose(cJSON *document, const char *wanted)
{
    cJSON *products = cJSON_GetObjectItemCaseSensitive(document, "products");
    if (!cJSON_IsArray(products)) {
        return host_fail("releases: the server's answer is no list of products");
    }
    for (int i = cJSON_GetArraySize(products) - 1; i >= 0 && wanted; i--) {
        if (strcmp(json_text(cJSON_GetArrayItem(products, i), "product", ""), wanted) != 0) {
            cJSON_DeleteItemFromArray(products, i);
        }
    }
    return wanted && cJSON_GetArraySize(products) == 0
               ? host_fail("releases: the server has no product %s; airlift releases lists what it has",
                           wanted)
               : 0;
}

static int print_all(const cJSON *document)
{
    const cJSON *products = cJSON_GetObjectItemCaseSensitive(document, "products"), *product;
    if (cJSON_GetArraySize(products) == 0) {
        puts("nothing is published yet: airlift publish");
    }
    cJSON_ArrayForEach(product, products)
    {
        printf("%s", product == products->child ? "" : "\n");
        print_product(product);
    }
    return fflush(stdout) == 0 ? 0 : host_fail("releases: standard output is closed");
}

static int run(int argc, char **argv)
{
    struct server_access access;
    bool as_json = false;
    cJSON *document;
    server_access_init(&access);
    const struct host_opt opts[] = {
        SERVER_ACCESS_ROWS(access),
        {"json", 0, HOST_OPT_FLAG, &as_json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    argc = host_parse(&cmd_releases[0], argc, argv, opts);
    if (argc > 1) {
        host_usage(&cmd_releases[0], "one product or none is taken, not %d", argc);
    }
    if (server_access_ask(&access, "releases", "/v1/products", &document) != 0) {
        return 1;
    }
    int result = choose(document, argc ? argv[0] : NULL);
    if (result == 0 && as_json) {
        return print_json(document);
    }
    result = result ? result : print_all(document);
    cJSON_Delete(document);
    return result;
}

const struct host_cmd cmd_releases[] = {
    {
        .noun = "releases",
        .usage = "[PRODUCT] [--server URL] [--ca FILE] [--json]",
        .summary = "list what is published, and who signed it",
        .help = "Lists the update server's products with their releases, newest version first: the image's "
                "bytes, when it was "
                "first published, how many devices run it and when one of them last asked for updates (to "
                "the hour), whether it is "
                "what devices are offered or was withdrawn, and who signed it: kind and key digest of each "
                "signature. Below the "
                "newest release stand the patches that were made to it.\n"
                "\n"
                "The admin token is read from AIRLIFT_TOKEN or ~/.config/airlift/token.\n"
                "\n"
                "Examples:\n"
                "\n"
                "  airlift releases\n"
                "  airlift releases thermostat --server https://updates.example.com\n"
                "  airlift releases thermostat --json\n",
        .run = run,
    },
    {0},
};
