/*
 * artifact.h - firmware images by their SHA-256: a directory.
 *
 *   DIR/artifacts/<sha256>    whole, synced, never changed afterwards
 *   DIR/incoming/<random>     uploads under way; emptied at the next start
 *
 * Threads: a struct srv_artifacts is read-only after open and shared by all workers; an
 * upload belongs to one.
 */
#ifndef SERVER_ARTIFACT_ARTIFACT_H
#define SERVER_ARTIFACT_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../store/status.h"
#include "airlift/crypto.h"

struct srv_bucket; /* artifact_s3.h */

struct srv_artifacts {
    char *artifacts_dir; /* owned */
    char *incoming_dir;
    struct srv_bucket *bucket; /* borrowed; NULL: there is the directory alone */
};

/*
 * Make the directories and remove what interrupted uploads left. Only the server that holds the data
 * directory's lock may do this. 0, or -1 with one line in err.
 */
int srv_artifacts_open(struct srv_artifacts *a, const char *data_dir, char *err, size_t err_size);
void srv_artifacts_close(struct srv_artifacts *a);

/* An upload: begin, write ..., finish, put, keep; or discard at any point. */
struct srv_upload {
    const struct srv_artifacts *artifacts;
    char *path; /* owned; NULL: nothing is open */
    int fd;
    uint32_t size; /* bytes written */
    bool hashing;  /* the two contexts are alive */
    struct al_hash sha, md5;
    char sha256_hex[65]; /* valid after finish */
    char md5_hex[33];
};

/* SRV_OK, SRV_FULL or SRV_FAILED (logged). After a failure nothing is open. */
enum srv_status srv_upload_begin(struct srv_upload *u, const struct srv_artifacts *a);

/* On failure the upload is to be discarded. */
enum srv_status srv_upload_write(struct srv_upload *u, const void *data, size_t len);

/* All bytes are there: hash them, and wait until they are on the disk. */
enum srv_status srv_upload_finish(struct srv_upload *u);

/*
 * Put it into the bucket, if there is one; that takes long. SRV_DOWN if it can't be reached.
 *
 * Power cut: an object that no release names. Putting it again puts the same bytes.
 */
enum srv_status srv_upload_put(const struct srv_upload *u);

/*
 * Give it its name. Returns once the name is on the disk too.
 *
 * Power cut: before, the bytes lie in incoming/ and are removed at the next start. After, the artifact is
 * there, whole; if no release names it yet, it is not served, and publishing again finds the
 * same bytes under the same name.
 */
enum srv_status srv_upload_keep(struct srv_upload *u);

/* Remove what was written and release everything. Harmless after keep, or twice. */
void srv_upload_discard(struct srv_upload *u);

/* Part of an artifact in memory. */
struct srv_map {
    const uint8_t *data; /* the bytes asked for */
    void *base;          /* of the mapping */
    size_t base_len;
};

/*
 * Map `len` bytes from `off`; with a bucket, what the directory lacks is fetched first. SRV_NOT_FOUND if there is no such file, SRV_FAILED (logged) if its
 * length is not `size`. Mapping, not reading: under TLS a file descriptor would cost
 * a copy more, and parallel downloads share the page cache.
 */
enum srv_status srv_artifact_map(const struct srv_artifacts *a, const char *sha256_hex, uint32_t size,
                                 uint64_t off, uint64_t len, struct srv_map *out);
void srv_artifact_unmap(struct srv_map *m);

#endif
