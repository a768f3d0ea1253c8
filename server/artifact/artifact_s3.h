/*
 * artifact_s3.h - a bucket behind the artifact directory.
 *
 * With a bucket each artifact is an object, PREFIX<sha256>, and the bucket is what counts: the
 * directory is a cache, which may be emptied while the server stands still. Devices
 * are handed links to the bucket that expire, instead of bytes.
 *
 * Threads: read-only after open, shared by all workers.
 */
#ifndef SERVER_ARTIFACT_ARTIFACT_S3_H
#define SERVER_ARTIFACT_ARTIFACT_S3_H

#include "artifact.h"
#include "server/s3.h"

struct srv_bucket {
    struct srv_s3 s3;
    char *name;
    char *prefix;          /* "" or "firmware/" */
    uint32_t link_seconds; /* that a link is valid */
};

/* `where` is "s3://BUCKET[/PREFIX]". The bucket is not asked for anything. 0, or -1 with one line in err. */
int srv_bucket_open(struct srv_bucket **out, const char *where, const struct srv_s3_options *options,
                    uint32_t link_seconds, char *err, size_t err_size);
void srv_bucket_close(struct srv_bucket *b); /* NULL is allowed */

/* Put an upload that is finished into the bucket. SRV_DOWN (logged) if the bucket can't be reached. */
enum srv_status srv_bucket_put(const struct srv_bucket *b, int fd, uint32_t size, const char *sha256_hex);

/* Fetch an object into a descriptor. SRV_NOT_FOUND, SRV_DOWN or SRV_FAILED; all are logged. */
enum srv_status srv_bucket_get(const struct srv_bucket *b, const char *sha256_hex, int fd);

/* Append a link to an artifact, valid from now. False when memory ran out. */
bool srv_bucket_link(const struct srv_bucket *b, const char *sha256_hex, struct host_buf *out);

#endif
