#include "server_access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "server/client.h"

/* The first word of a file that only its owner should read. */
static char *read_token_file(const char *path)
{
    struct stat st;
    struct host_buf buf;
    char err[512];
    if (stat(path, &st) == 0 && (st.st_mode & 077)) {
        fprintf(stderr, "airlift: warning: others can read %s; chmod 600 it\n", path);
    }
    host_buf_init(&buf, 4096);
    if (host_read_file(path, 4096, &buf, err, sizeof err) != 0) {
        host_buf_free(&buf);
        return NULL;
    }
    char *token = (char *)buf.data;
    token[strcspn(token, " \t\r\n")] = '\0';
    return token;
}

/* AIRLIFT_TOKEN, else ~/.config/airlift/token; owned by the caller, NULL if there is none. */
static char *find_token(void)
{
    const char *given = getenv("AIRLIFT_TOKEN");
    if (given && *given) {
        return strndup(given, strcspn(given, " \t\r\n"));
    }
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[4096];
    int len = -1;
    if (config && *config == '/') {
        len = snprintf(path, sizeof path, "%s/airlift/token", config);
    } else if (home && *home) {
        len = snprintf(path, sizeof path, "%s/.config/airlift/token", home);
    }
    return len > 0 && (size_t)len < sizeof path ? read_token_file(path) : NULL;
}

static bool is_local(const char *server)
{
    static const char *const local[] = {"https://127.0.0.1", "https://localhost", "https://[::1]"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        size_t len = strlen(local[i]);
        if (strncmp(server, local[i], len) == 0 && strchr(":/", server[len])) { /* or the end */
            return true;
        }
    }
    return false;
}

/* What to trust when --ca is not given; NULL: the system's certificates. */
static const char *find_ca(const char *server, char *buf, size_t size)
{
    const char *given = getenv("AIRLIFT_CA");
    char data_dir[4000];
    if (given && *given) {
        return given;
    }
    if (!is_local(server) || srv_default_data_dir(data_dir, sizeof data_dir) != 0) {
        return NULL;
    }
    int len = snprintf(buf, size, "%s/cert.pem", data_dir);
    return len > 0 && (size_t)len < size && access(buf, R_OK) == 0 ? buf : NULL;
}

void server_access_init(struct server_access *access)
{
    const char *from_env = getenv("AIRLIFT_SERVER");
    memset(access, 0, sizeof *access);
    access->server = from_env && *from_env ? from_env : SRV_DEFAULT_URL;
}

int server_access_find(struct server_access *access, const char *command)
{
    if (!access->ca_path) {
        access->ca_path = find_ca(access->server, access->ca_buf, sizeof access->ca_buf);
    }
    access->token = find_token();
    if (!access->token || !*access->token) {
        server_access_free(access);
        return host_fail("%s: no admin token: set AIRLIFT_TOKEN or write it to ~/.config/airlift/token "
                         "(the server's first start printed it; airlift serve --token-new makes another)",
                         command);
    }
    return 0;
}

int server_access_ask(struct server_access *access, const char *command, const char *path, cJSON **document)
{
    char err[2048], *text = NULL;
    *document = NULL;
    if (server_access_find(access, command) != 0) {
        return 1;
    }
    int got = srv_client_get(access->server, access->ca_path, access->token, path, &text, err, sizeof err);
    server_access_free(access);
    if (got != 0) {
        return host_fail("%s: %s", command, err);
    }
    *document = cJSON_Parse(text);
    free(text);
    return *document ? 0 : host_fail("%s: the server's answer is no JSON", command);
}

void server_access_free(struct server_access *access)
{
    free(access->token);
    access->token = NULL;
}
