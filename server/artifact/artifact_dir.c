/*
 * artifact_dir.c - artifacts in a directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact_s3.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/log.h"

static char *join(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static enum srv_status failed(const char *what, const char *path, int error)
{
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    host_log(HOST_LOG_ERROR, "artifact_failed", "while", what, "path", path, "reason", strerror(error), NULL);
    return full ? SRV_FULL : SRV_FAILED;
}

static int remove_files(const char *dir, char *err, size_t err_size)
{
    DIR *d = opendir(dir);
    if (!d) {
        snprintf(err, err_size, "%s: %s", dir, strerror(errno));
        return -1;
    }
    struct dirent *entry;
    while ((entry = readdir(d))) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (unlinkat(dirfd(d), entry->d_name, 0) == 0) {
            host_log(HOST_LOG_INFO, "interrupted_upload_removed", "file", entry->d_name, NULL);
        } else {
            /* It costs space only, so the server may start. */
            host_log(HOST_LOG_WARN, "interrupted_upload_stays", "file", entry->d_name, "reason",
                     strerror(errno), NULL);
        }
    }
    closedir(d);
    return 0;
}

int srv_artifacts_open(struct srv_artifacts *a, const char *data_dir, char *err, size_t err_size)
{
    a->bucket = NULL;
    a->artifacts_dir = join(data_dir, "artifacts");
    a->incoming_dir = join(data_dir, "incoming");
    const char *failing = data_dir;
    if (!a->artifacts_dir || !a->incoming_dir) {
        errno = ENOMEM;
    } else if (host_mkdirs(failing = a->artifacts_dir, 0755) == 0 &&
               host_mkdirs(failing = a->incoming_dir, 0755) == 0) {
        if (remove_files(a->incoming_dir, err, err_size) == 0) {
            return 0;
        }
        srv_artifacts_close(a);
        return -1;
    }
    snprintf(err, err_size, "%s: %s", failing, strerror(errno));
    srv_artifacts_close(a);
    return -1;
}

void srv_artifacts_close(struct srv_artifacts *a)
{
    free(a->artifacts_dir);
    free(a->incoming_dir);
    a->artifacts_dir = a->incoming_dir = NULL;
}

/* --- Uploads --------------------------------------------------------------- */

enum srv_status srv_upload_begin(struct srv_upload *u, const struct srv_artifacts *a)
{
    memset(u, 0, sizeof *u);
    u->artifacts = a;
    if (al_sha256_init(&u->sha) != 0) {
        return failed("hash", a->incoming_dir, ENOMEM);
    }
    if (al_md5_init(&u->md5) != 0) {
        al_hash_abort(&u->sha);
        return failed("hash", a->incoming_dir, ENOMEM);
    }
    u->path = join(a->incoming_dir, "XXXXXX");
    u->fd = u->path ? mkostemp(u->path, O_CLOEXEC) : -1;
    if (u->fd < 0) {
        int error = u->path ? errno : ENOMEM;
        al_hash_abort(&u->sha);
        al_hash_abort(&u->md5);
        free(u->path);
        u->path = NULL;
        return failed("create", a->incoming_dir, error);
    }
    u->hashing = true;
    return SRV_OK;
}

enum srv_status srv_upload_write(struct srv_upload *u, const void *data, size_t len)
{
    if (al_hash_update(&u->sha, data, len) != 0 || al_hash_update(&u->md5, data, len) != 0) {
        return failed("hash", u->path, ENOMEM);
    }
    const uint8_t *p = data;
    while (len) {
        ssize_t n = write(u->fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return failed("write", u->path, errno);
        }
        p += n;
        len -= (size_t)n;
        u->size += (uint32_t)n;
    }
    return SRV_OK;
}

/* Close and forget; the file stays. */
static void release(struct srv_upload *u)
{
    close(u->fd);
    free(u->path);
    u->path = NULL;
}

enum srv_status srv_upload_finish(struct srv_upload *u)
{
    uint8_t sha[AL_SHA256_SIZE], md5[AL_MD5_SIZE];
    int sha_result = al_hash_final(&u->sha, sha);
    int md5_result = al_hash_final(&u->md5, md5);
    u->hashing = false;
    if (sha_result != 0 || md5_result != 0) {
        return failed("hash", u->path, ENOMEM);
    }
    host_hex_print(sha, sizeof sha, u->sha256_hex);
    host_hex_print(md5, sizeof md5, u->md5_hex);
    if (fchmod(u->fd, 0644) != 0 || fsync(u->fd) != 0) {
        return failed("sync", u->path, errno);
    }
    return SRV_OK;
}

enum srv_status srv_upload_put(const struct srv_upload *u)
{
    return u->artifacts->bucket ? srv_bucket_put(u->artifacts->bucket, u->fd, u->size, u->sha256_hex)
                                : SRV_OK;
}

enum srv_status srv_upload_keep(struct srv_upload *u)
{
    char *path = join(u->artifacts->artifacts_dir, u->sha256_hex);
    if (!path) {
        return failed("keep", u->path, ENOMEM);
    }
    /* The bytes were synced by finish, so the name never leads to a part of them. Replacing a file of
     * that name replaces it by the same bytes; who has the old one mapped keeps it. */
    enum srv_status status = SRV_OK;
    int dir = open(u->artifacts->artifacts_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        status = failed("open", u->artifacts->artifacts_dir, errno);
    } else if (rename(u->path, path) != 0) {
        status = failed("rename", path, errno);
    } else {
        release(u);
        if (fsync(dir) != 0) {
            status = failed("sync", u->artifacts->artifacts_dir, errno);
        }
    }
    if (dir >= 0) {
        close(dir);
    }
    free(path);
    return status;
}

void srv_upload_discard(struct srv_upload *u)
{
    if (!u->path) {
        return;
    }
    if (u->hashing) {
        al_hash_abort(&u->sha);
        al_hash_abort(&u->md5);
    }
    if (unlink(u->path) != 0) {
        (void)failed("remove", u->path, errno);
    }
    release(u);
}

/* --- Downloads ------------------------------------------------------------- */

/* Fetch into the directory what only the bucket has; what arrives must have the hash that names it. */
static enum srv_status fetch(const struct srv_artifacts *a, const char *sha256_hex)
{
    struct srv_upload u;
    uint8_t block[65536];
    enum srv_status status = srv_upload_begin(&u, a);
    if (status != SRV_OK) {
        return status;
    }
    status = srv_bucket_get(a->bucket, sha256_hex, u.fd);
    for (off_t off = 0; status == SRV_OK;) {
        ssize_t n = pread(u.fd, block, sizeof block, off);
        if (n <= 0) {
            status = n < 0 ? failed("read", u.path, errno) : SRV_OK;
            break;
        }
        off += n;
        if (al_hash_update(&u.sha, block, (size_t)n) != 0) {
            status = failed("hash", u.path, ENOMEM);
        }
    }
    if (status == SRV_OK) {
        status = srv_upload_finish(&u);
    }
    if (status == SRV_OK && strcmp(u.sha256_hex, sha256_hex) != 0) {
        host_log(HOST_LOG_ERROR, "artifact_damaged", "sha256", sha256_hex, "reason",
                 "other bytes in the bucket", NULL);
        status = SRV_FAILED;
    }
    if (status == SRV_OK) {
        status = srv_upload_keep(&u);
    }
    srv_upload_discard(&u);
    return status;
}

static int open_artifact(const struct srv_artifacts *a, const char *path, const char *sha256_hex)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && a->bucket) {
        if (fetch(a, sha256_hex) != SRV_OK) {
            errno = ENOENT;
            return -1;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

enum srv_status srv_artifact_map(const struct srv_artifacts *a, const char *sha256_hex, uint32_t size,
                                 uint64_t off, uint64_t len, struct srv_map *out)
{
    char *path = join(a->artifacts_dir, sha256_hex);
    int fd = path ? open_artifact(a, path, sha256_hex) : -1;
    int error = path ? errno : ENOMEM;
    enum srv_status status = SRV_OK;
    struct stat st;
    if (fd < 0) {
        (void)failed("open", path ? path : sha256_hex, error);
        status = error == ENOENT ? SRV_NOT_FOUND : SRV_FAILED;
    } else if (fstat(fd, &st) != 0 || st.st_size != (off_t)size) {
        /* Reading a mapping behind the file's end would kill the server. */
        host_log(HOST_LOG_ERROR, "artifact_damaged", "path", path, "reason", "wrong length", NULL);
        status = SRV_FAILED;
    } else {
        uint64_t skip = off % (uint64_t)sysconf(_SC_PAGESIZE);
        out->base_len = (size_t)(len + skip);
        out->base = mmap(NULL, out->base_len, PROT_READ, MAP_SHARED, fd, (off_t)(off - skip));
        if (out->base == MAP_FAILED) {
            status = failed("map", path, errno);
        } else {
            out->data = (const uint8_t *)out->base + skip;
        }
    }
    if (fd >= 0) {
        close(fd); /* the mapping stays */
    }
    free(path);
    return status;
}

void srv_artifact_unmap(struct srv_map *m)
{
    munmap(m->base, m->base_len);
}
