/*
 * http_world.h - a faulty HTTPS server (tests/e2e/faulty_server.py) for unit tests in C.
 *
 * The server runs as a child process and serves the files of a directory of its
 * own; the query of a URL says what goes wrong: /app.bin?close_after=1000 .
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <cJSON.h>

struct http_world {
    pid_t pid;
    int input; /* the child's stdin; it ends when this is closed */
    int port, plain_port;
    char dir[64];
    char *ca_pem; /* of the server's self-signed certificate */
    char ca_path[256];
};

/* Start it. names: subjectAltName of the certificate, NULL for localhost and 127.0.0.1. Fails the test if it can't. */
void http_world_start(struct http_world *world, const char *names);
void http_world_stop(struct http_world *world);

void http_world_write(const struct http_world *world, const char *name, const void *data, size_t len);

/* https://127.0.0.1:PORT + the formatted path. Static storage, valid until the 8th next call. */
const char *http_world_url(const struct http_world *world, const char *path, ...)
    __attribute__((format(printf, 2, 3)));
/* The same in plain HTTP. */
const char *http_world_plain_url(const struct http_world *world, const char *path, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget requests and fault counts. */
void http_world_reset(const struct http_world *world);

/* Requests since the last reset, an array of objects as in faulty_server.py's Request; cJSON_Delete() it. */
cJSON *http_world_requests(const struct http_world *world);
int http_world_request_count(const struct http_world *world);

/* A field of request `i` (from 0; negative: from the end), or of its headers (names in lower case); "" if absent. */
const char *http_world_text(cJSON *requests, int i, const char *field);
const char *http_world_header(cJSON *requests, int i, const char *name);
int http_world_number(cJSON *requests, int i, const char *field);
