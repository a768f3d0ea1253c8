/* http_world.c - a faulty HTTPS server for unit tests. */
#include "http_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include <cmocka.h>

#define SERVER AIRLIFT_TEST_DATA "/../e2e/faulty_server.py"

static char *read_all(FILE *file)
{
    size_t len = 0, size = 4096, n;
    char *text = malloc(size);

    assert_non_null(text);
    while ((n = fread(text + len, 1, size - len - 1, file)) > 0) {
        len += n;
        if (len + 1 == size) {
            text = realloc(text, size *= 2);
            assert_non_null(text);
        }
    }
    text[len] = '\0';
    return text;
}

void http_world_start(struct http_world *world, const char *names)
{
    int in[2], out[2];

    memset(world, 0, sizeof *world);
    (void)signal(SIGPIPE, SIG_IGN);
    strcpy(world->dir, "/tmp/airlift-http-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    world->pid = fork();
    assert_true(world->pid >= 0);
    if (world->pid == 0) {
        (void)dup2(in[0], STDIN_FILENO);
        (void)dup2(out[1], STDOUT_FILENO);
        execlp("python3", "python3", "-B", SERVER, "--dir", world->dir, names != NULL ? "--names" : NULL,
               names, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    world->input = in[1];
    FILE *line = fdopen(out[0], "r");
    assert_non_null(line);
    assert_int_equal(fscanf(line, "%d %d %255s", &world->port, &world->plain_port, world->ca_path), 3);
    fclose(line);
    FILE *ca = fopen(world->ca_path, "r");
    assert_non_null(ca);
    world->ca_pem = read_all(ca);
    fclose(ca);
}

void http_world_stop(struct http_world *world)
{
    int status;
    char command[128];

    close(world->input);
    assert_int_equal(waitpid(world->pid, &status, 0), world->pid);
    free(world->ca_pem);
    (void)snprintf(command, sizeof command, "rm -r %s", world->dir);
    assert_int_equal(system(command), 0);
}

void http_world_write(const struct http_world *world, const char *name, const void *data, size_t len)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", world->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static const char *make_url(const char *scheme, int port, const char *path, va_list args)
{
    static char urls[8][8192];
    static unsigned next;
    char *url = urls[next++ % 8];
    int n = snprintf(url, sizeof urls[0], "%s://127.0.0.1:%d", scheme, port);

    (void)vsnprintf(url + n, sizeof urls[0] - (size_t)n, path, args);
    return url;
}

const char *http_world_url(const struct http_world *world, const char *path, ...)
{
    va_list args;
    va_start(args, path);
    const char *url = make_url("https", world->port, path, args);
    va_end(args);
    return url;
}

const char *http_world_plain_url(const struct http_world *world, const char *path, ...)
{
    va_list args;
    va_start(args, path);
    const char *url = make_url("http", world->plain_port, path, args);
    va_end(args);
    return url;
}

/* The body that the server's own control path answers, asked without the client under test. */
static char *ask(const struct http_world *world, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)world->plain_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(dprintf(fd, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path) > 0);
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    char *text = read_all(file);
    fclose(file);
    char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    memmove(text, body + 4, strlen(body + 4) + 1);
    return text;
}

void http_world_reset(const struct http_world *world)
{
    free(ask(world, "/_reset"));
}

cJSON *http_world_requests(const struct http_world *world)
{
    char *text = ask(world, "/_requests");
    cJSON *requests = cJSON_Parse(text);

    free(text);
    assert_true(cJSON_IsArray(requests));
    return requests;
}

int http_world_request_count(const struct http_world *world)
{
    cJSON *requests = http_world_requests(world);
    int n = cJSON_GetArraySize(requests);

    cJSON_Delete(requests);
    return n;
}

static cJSON *request(cJSON *requests, int i)
{
    cJSON *item = cJSON_GetArrayItem(requests, i < 0 ? cJSON_GetArraySize(requests) + i : i);

    assert_non_null(item);
    return item;
}

static const char *text_of(const cJSON *item)
{
    return cJSON_IsString(item) ? item->valuestring : "";
}

const char *http_world_text(cJSON *requests, int i, const char *field)
{
    return text_of(cJSON_GetObjectItem(request(requests, i), field));
}

const char *http_world_header(cJSON *requests, int i, const char *name)
{
    return text_of(cJSON_GetObjectItem(cJSON_GetObjectItem(request(requests, i), "headers"), name));
}

int http_world_number(cJSON *requests, int i, const char *field)
{
    const cJSON *item = cJSON_GetObjectItem(request(requests, i), field);

    assert_true(cJSON_IsNumber(item));
    return item->valueint;
}
