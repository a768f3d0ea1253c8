/*
 * server_access.h - which update server a command talks to, what it trusts, and the admin token.
 */
#ifndef CLI_SERVER_ACCESS_H
#define CLI_SERVER_ACCESS_H

#include <cjson/cJSON.h>

#include "host/cmd.h"
#include "server/server.h"

struct server_access {
    const char *server;
    const char *ca_path; /* NULL: the system's certificates */
    char *token;         /* owned */
    char ca_buf[4096];
};

/* Rows of a command's table of options. */
#define SERVER_ACCESS_ROWS(access)                                                                   \
    {"server",      0,                                                                               \
     HOST_OPT_TEXT, &(access).server,                                                                \
     "URL",         "The update server. Default: AIRLIFT_SERVER, else " SRV_DEFAULT_URL ".",         \
     NULL},                                                                                          \
    {                                                                                                \
        "ca", 0, HOST_OPT_TEXT, &(access).ca_path, "FILE",                                           \
            "Certificate to trust, PEM. Default: AIRLIFT_CA, else for a server on this machine the " \
            "cert.pem "                                                                              \
            "in the default data directory, else the system's certificates.",                        \
            NULL                                                                                     \
    }

/* Before the options are read. */
void server_access_init(struct server_access *access);

/* After: fill in what was not given. 0, or 1 after a line on stderr that begins with the command's name. */
int server_access_find(struct server_access *access, const char *command);

/*
 * Ask the server, and be done with it: find, GET a path such as "/v1/stats", free. *document is the answer, for cJSON_Delete().
 * 0, or 1 after a line on stderr that begins with the command's name.
 */
int server_access_ask(struct server_access *access, const char *command, const char *path, cJSON **document);

void server_access_free(struct server_access *access);

#endif
