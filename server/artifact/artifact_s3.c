#include "artifact_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/log.h"

int srv_bucket_open(struct srv_bucket **out, const char *where, const struct srv_s3_options *options,
                    uint32_t link_seconds, char *err, size_t err_size)
{
    struct srv_bucket *b = calloc(1, sizeof *b);
    struct srv_s3_uri uri;
    if (!b) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    if (srv_s3_uri_parse(where, &uri, err, err_size) != 0) {
        free(b);
        return -1;
    }
    size_t len = strlen(uri.key);
    const char *slash = len && uri.key[len - 1] != '/' ? "/" : "";
    b->name = uri.bucket;
    int printed = asprintf(&b->prefix, "%s%s", uri.key, slash);
    free(uri.key);
    b->link_seconds = link_seconds;
    if (printed < 0) {
        b->prefix = NULL;
        snprintf(err, err_size, "out of memory");
    } else if (srv_s3_open(&b->s3, options, err, err_size) == 0) {
        *out = b;
        return 0;
    }
    srv_bucket_close(b);
    return -1;
}

void srv_bucket_close(struct srv_bucket *b)
{
    if (b) {
        srv_s3_close(&b->s3);
        free(b->name);
        free(b->prefix);
        free(b);
    }
}

/* Where an artifact lies; key is to be freed. False when memory ran out. */
static bool object_of(const struct srv_bucket *b, const char *sha256_hex, struct srv_s3_uri *out)
{
    out->bucket = b->name;
    return asprintf(&out->key, "%s%s", b->prefix, sha256_hex) >= 0;
}

static enum srv_status translate(enum srv_s3_result result, const char *what, const char *sha256_hex,
                                 const char *err)
{
    if (result == SRV_S3_OK) {
        return SRV_OK;
    }
    host_log(HOST_LOG_ERROR, "bucket_failed", "while", what, "sha256", sha256_hex, "reason", err, NULL);
    return result == SRV_S3_NOT_FOUND ? SRV_NOT_FOUND : SRV_DOWN;
}

enum srv_status srv_bucket_put(const struct srv_bucket *b, int fd, uint32_t size, const char *sha256_hex)
{
    struct srv_s3_uri object;
    char err[1024];
    if (!object_of(b, sha256_hex, &object)) {
        return SRV_FAILED;
    }
    enum srv_s3_result result = srv_s3_put_fd(&b->s3, &object, fd, size, sha256_hex,
                                              "application/octet-stream", NULL, err, sizeof err);
    free(object.key);
    enum srv_status status = translate(result, "put", sha256_hex, err);
    return status == SRV_NOT_FOUND ? SRV_DOWN : status; /* there is no such bucket */
}

enum srv_status srv_bucket_get(const struct srv_bucket *b, const char *sha256_hex, int fd)
{
    struct srv_s3_uri object;
    char err[1024];
    if (!object_of(b, sha256_hex, &object)) {
        return SRV_FAILED;
    }
    enum srv_s3_result result = srv_s3_get_fd(&b->s3, &object, fd, NULL, err, sizeof err);
    free(object.key);
    return translate(result, "get", sha256_hex, err);
}

bool srv_bucket_link(const struct srv_bucket *b, const char *sha256_hex, struct host_buf *out)
{
    struct srv_s3_uri object;
    char err[1024];
    if (!object_of(b, sha256_hex, &object)) {
        return false;
    }
    int result = srv_s3_presign(&b->s3, "GET", &object, time(NULL), b->link_seconds, out, err, sizeof err);
    free(object.key);
    if (result != 0) {
        host_log(HOST_LOG_ERROR, "link_failed", "sha256", sha256_hex, "reason", err, NULL);
    }
    return result == 0;
}
