/*
 * route.h - which resource does a path name? Pure functions.
 *
 * Every word that comes from outside is checked here against the few characters
 * its kind allows, so none of them can climb out of a directory or
 * carry anything into SQL, a log line or a header.
 */
#ifndef SERVER_API_ROUTE_H
#define SERVER_API_ROUTE_H

#include <stdbool.h>

#define SRV_PRODUCT_SIZE 65u /* bytes, with the NUL */
#define SRV_VERSION_SIZE 33u /* as the app description has it */
#define SRV_SHA256_SIZE  65u /* hex */
#define SRV_FILE_SIZE    33u /* a name of the dashboard's */

enum srv_resource {
    SRV_RES_HEALTH,
    SRV_RES_METRICS,
    SRV_RES_STATS,
    SRV_RES_PAGE, /* file */
    SRV_RES_PRODUCTS,
    SRV_RES_DEVICES,
    SRV_RES_RELEASES,    /* product */
    SRV_RES_CHECK,       /* product */
    SRV_RES_RELEASE,     /* product, version */
    SRV_RES_MANIFEST,    /* product */
    SRV_RES_HTTPUPDATE,  /* product */
    SRV_RES_FIRMWARE,    /* product, version */
    SRV_RES_ARTIFACT,    /* sha256 */
    SRV_RES_NONE,        /* no such path */
    SRV_RES_BAD_PRODUCT, /* a known path with a name that no product can have */
};

struct srv_path {
    enum srv_resource resource;
    char product[SRV_PRODUCT_SIZE];
    char version[SRV_VERSION_SIZE];
    char sha256[SRV_SHA256_SIZE];
    char file[SRV_FILE_SIZE];
};

/* Semver that can be ordered, at most 32 characters, all of them safe in a URL. */
bool srv_version_valid(const char *version);

/* 64 hex digits, lower case. */
bool srv_sha256_valid(const char *hex);

/* Take a decoded path apart. */
void srv_path_parse(const char *path, struct srv_path *out);

#endif
