/*
 * route.c - paths.
 */
#include "route.h"

#include <string.h>

#include "airlift/semver.h"
#include "server/server.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

bool srv_product_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < SRV_PRODUCT_SIZE && strspn(name, LOWER DIGIT "._-") == len &&
           strchr(LOWER DIGIT, name[0]);
}

bool srv_version_valid(const char *version)
{
    size_t len = strlen(version);
    return len > 0 && len < SRV_VERSION_SIZE && strspn(version, LOWER UPPER DIGIT ".+-") == len &&
           al_semver_valid(version);
}

bool srv_sha256_valid(const char *hex)
{
    return strlen(hex) == SRV_SHA256_SIZE - 1 && strspn(hex, DIGIT "abcdef") == SRV_SHA256_SIZE - 1;
}

/* Copy up to the next '/' or the end; returns what follows, or NULL if the word does not fit. */
static const char *take_word(const char *p, char *out, size_t size)
{
    size_t len = strcspn(p, "/");
    if (len >= size) {
        return NULL;
    }
    memcpy(out, p, len);
    out[len] = '\0';
    return p + len;
}

static const char *after(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 ? path + len : NULL;
}

/* What stands behind "/v1/products/". */
static enum srv_resource parse_products(const char *p, struct srv_path *out)
{
    char word[SRV_PRODUCT_SIZE] = "";
    const char *rest = take_word(p, word, sizeof word);
    bool valid = rest && srv_product_valid(word);
    rest = rest ? rest : p + strcspn(p, "/");
    const char *tail = after(rest, "/releases");
    bool check = strcmp(rest, "/check") == 0;
    if (!check && (!tail || (*tail && *tail != '/'))) {
        return SRV_RES_NONE;
    }
    if (!valid) {
        return SRV_RES_BAD_PRODUCT;
    }
    strcpy(out->product, word);
    if (check) {
        return SRV_RES_CHECK;
    }
    if (!*tail) {
        return SRV_RES_RELEASES;
    }
    rest = take_word(tail + 1, out->version, sizeof out->version);
    return rest && !*rest && srv_version_valid(out->version) ? SRV_RES_RELEASE : SRV_RES_NONE;
}

/* What stands behind "/firmware/". */
static enum srv_resource parse_firmware(const char *p, struct srv_path *out)
{
    char file[SRV_VERSION_SIZE + 4];
    const char *rest = take_word(p, out->product, sizeof out->product);
    if (!rest || *rest != '/' || !srv_product_valid(out->product)) {
        return SRV_RES_NONE;
    }
    rest = take_word(rest + 1, file, sizeof file);
    if (!rest || *rest) {
        return SRV_RES_NONE;
    }
    if (strcmp(file, "version.json") == 0) {
        return SRV_RES_MANIFEST;
    }
    if (strcmp(file, "update") == 0) {
        return SRV_RES_HTTPUPDATE;
    }
    size_t len = strlen(file);
    if (len < 5 || strcmp(file + len - 4, ".bin") != 0) {
        return SRV_RES_NONE;
    }
    file[len - 4] = '\0';
    if (!srv_version_valid(file)) {
        return SRV_RES_NONE;
    }
    strcpy(out->version, file);
    return SRV_RES_FIRMWARE;
}

void srv_path_parse(const char *path, struct srv_path *out)
{
    memset(out, 0, sizeof *out);
    out->resource = SRV_RES_NONE;
    const char *p;
    if (strcmp(path, "/v1/health") == 0) {
        out->resource = SRV_RES_HEALTH;
    } else if (strcmp(path, "/metrics") == 0) {
        out->resource = SRV_RES_METRICS;
    } else if (strcmp(path, "/v1/stats") == 0) {
        out->resource = SRV_RES_STATS;
    } else if (strcmp(path, "/") == 0) {
        out->resource = SRV_RES_PAGE;
        strcpy(out->file, "index.html");
    } else if ((p = after(path, "/web/"))) {
        p = take_word(p, out->file, sizeof out->file);
        if (p && !*p && out->file[0]) {
            out->resource = SRV_RES_PAGE;
        }
    } else if (strcmp(path, "/v1/products") == 0) {
        out->resource = SRV_RES_PRODUCTS;
    } else if (strcmp(path, "/v1/devices") == 0) {
        out->resource = SRV_RES_DEVICES;
    } else if ((p = after(path, "/v1/products/"))) {
        out->resource = parse_products(p, out);
    } else if ((p = after(path, "/firmware/"))) {
        out->resource = parse_firmware(p, out);
    } else if ((p = after(path, "/v1/artifacts/"))) {
        p = take_word(p, out->sha256, sizeof out->sha256);
        if (p && !*p && srv_sha256_valid(out->sha256)) {
            out->resource = SRV_RES_ARTIFACT;
        }
    }
}
