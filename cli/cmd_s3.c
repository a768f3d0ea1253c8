/*
 * cmd_s3.c - airlift s3: put, get, ls, rm.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "host/file.h"
#include "host/progress.h"
#include "print_json.h"
#include "s3_options.h"

#define PUT_MAX (256u * 1024u * 1024u) /* far above any firmware */

/* A store and an object in it, from options and an argument. */
struct target {
    struct srv_s3 s3;
    struct srv_s3_uri uri;
};

static int open_target(struct target *t, const struct srv_s3_options *options, const char *text)
{
    char err[1024];
    if (srv_s3_uri_parse(text, &t->uri, err, sizeof err) != 0) {
        return host_fail("s3: %s", err);
    }
    if (srv_s3_open(&t->s3, options, err, sizeof err) != 0) {
        srv_s3_uri_free(&t->uri);
        return host_fail("s3: %s", err);
    }
    return 0;
}

static void close_target(struct target *t)
{
    srv_s3_close(&t->s3);
    srv_s3_uri_free(&t->uri);
}

static void show_progress(void *ctx, uint64_t done)
{
    host_progress_update(ctx, done);
}

static int print_object(const struct target *t, uint64_t size, bool json)
{
    if (!json) {
        printf(SRV_S3_URI_SCHEME "%s/%s %llu bytes\n", t->uri.bucket, t->uri.key, (unsigned long long)size);
        return fflush(stdout) == 0 ? 0 : host_fail("standard output: %s", strerror(errno));
    }
    cJSON *root = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(root, "bucket", t->uri.bucket) ||
        !cJSON_AddStringToObject(root, "key", t->uri.key) ||
        !cJSON_AddNumberToObject(root, "size", (double)size)) {
        cJSON_Delete(root);
        return host_fail("out of memory");
    }
    return print_json(root);
}

/* "s3://bucket/folder/" and a file: the object has the file's name. */
static bool name_after_file(struct srv_s3_uri *uri, const char *path)
{
    size_t len = strlen(uri->key);
    const char *slash = strrchr(path, '/');
    char *key = NULL;
    if (len && uri->key[len - 1] != '/') {
        return true;
    }
    if (asprintf(&key, "%s%s", uri->key, slash ? slash + 1 : path) < 0) {
        return false;
    }
    free(uri->key);
    uri->key = key;
    return true;
}

/* --- put ------------------------------------------------------------------- */

static int put(struct target *t, const char *path, const char *content_type, bool json)
{
    char err[1024];
    struct host_buf file;
    host_buf_init(&file, PUT_MAX);
    if (host_read_file(path, PUT_MAX, &file, err, sizeof err) != 0) {
        host_buf_free(&file);
        return host_fail("s3 put: %s", err);
    }
    struct host_progress bar;
    const struct srv_s3_progress progress = {show_progress, &bar};
    host_progress_start(&bar, "uploading", file.len);
    enum srv_s3_result sent =
        srv_s3_put(&t->s3, &t->uri, file.data, file.len, content_type, &progress, err, sizeof err);
    host_progress_end(&bar);
    int result = sent == SRV_S3_OK ? print_object(t, file.len, json) : host_fail("s3 put: %s", err);
    host_buf_free(&file);
    return result;
}

static int run_put(int argc, char **argv)
{
    struct srv_s3_options options = {0};
    struct target t;
    const char *content_type = "application/octet-stream";
    bool json = false;
    const struct host_opt opts[] = {
        {"content-type", 0, HOST_OPT_TEXT, &content_type, "T",
         "The object's Content-Type; application/octet-stream by default.", NULL},
        S3_OPTION_ROWS(options),
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print bucket, key and size as JSON.", NULL},
        {0},
    };
    argc = host_parse(&cmd_s3[0], argc, argv, opts);
    if (argc != 2) {
        host_usage(&cmd_s3[0], "give a file and where it goes: FILE s3://BUCKET/KEY");
    }
    int result = open_target(&t, &options, argv[1]);
    if (result == 0) {
        result = !name_after_file(&t.uri, argv[0]) ? host_fail("out of memory")
                                                   : put(&t, argv[0], content_type, json);
        close_target(&t);
    }
    return result;
}

/* --- get ------------------------------------------------------------------- */

/* What arrives, beside the file that it will be. */
struct part {
    int fd;
    char *name; /* owned; named is false: it has no name yet, and is gone when the process is */
    bool named;
};

static int open_part(const char *path, struct part *p)
{
    const char *slash = strrchr(path, '/');
    char *dir = strndup(slash ? path : ".", slash ? (size_t)(slash - path + 1) : 1);
    *p = (struct part){.fd = -1};
    if (!dir || asprintf(&p->name, "%s.XXXXXX", path) < 0) {
        free(dir);
        *p = (struct part){.fd = -1};
        errno = ENOMEM;
        return -1;
    }
    p->fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (p->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* a file system that knows no such files */
        p->fd = mkostemp(p->name, O_CLOEXEC);
        p->named = p->fd >= 0;
    }
    free(dir);
    return p->fd < 0 ? -1 : 0;
}

/* Linking replaces nothing, so the file gets a name of its own first. */
static int keep_part(struct part *p, const char *path)
{
    char from[32];
    if (p->named && fchmod(p->fd, 0644) != 0) {
        return -1;
    }
    /* On the disk before it gets its name: a power cut leaves the old file, or all of the new one. */
    if (fsync(p->fd) != 0) {
        return -1;
    }
    snprintf(from, sizeof from, "/proc/self/fd/%d", p->fd);
    for (unsigned n = 0; !p->named && n < 100; n++) {
        snprintf(p->name + strlen(path), 8, ".%06u", ((unsigned)getpid() + n) % 1000000);
        p->named = linkat(AT_FDCWD, from, AT_FDCWD, p->name, AT_SYMLINK_FOLLOW) == 0;
        if (!p->named && errno != EEXIST) {
            return -1;
        }
    }
    if (!p->named || rename(p->name, path) != 0) {
        return -1;
    }
    p->named = false;
    return 0;
}

static void close_part(struct part *p)
{
    if (p->fd >= 0) {
        close(p->fd);
    }
    if (p->name && p->named) {
        (void)unlink(p->name);
    }
    free(p->name);
}

/* Into `fd`; 0, or 1 after saying why. */
static int fetch(struct target *t, int fd, uint64_t *size)
{
    char err[1024];
    if (srv_s3_head(&t->s3, &t->uri, size, err, sizeof err) != SRV_S3_OK) {
        return host_fail("s3 get: %s", err);
    }
    struct host_progress bar;
    const struct srv_s3_progress progress = {show_progress, &bar};
    host_progress_start(&bar, "downloading", *size);
    enum srv_s3_result got = srv_s3_get_fd(&t->s3, &t->uri, fd, &progress, err, sizeof err);
    host_progress_end(&bar);
    return got == SRV_S3_OK ? 0 : host_fail("s3 get: %s", err);
}

static int get(struct target *t, const char *path, bool json)
{
    uint64_t size = 0;
    if (strcmp(path, "-") == 0) {
        return fetch(t, STDOUT_FILENO, &size);
    }
    struct part part;
    int result = open_part(path, &part) == 0 ? fetch(t, part.fd, &size)
                                             : host_fail("s3 get: %s: %s", path, strerror(errno));
    if (result == 0 && keep_part(&part, path) != 0) {
        result = host_fail("s3 get: %s: %s", path, strerror(errno));
    }
    close_part(&part);
    return result ? result : print_object(t, size, json);
}

static int run_get(int argc, char **argv)
{
    struct srv_s3_options options = {0};
    struct target t;
    bool json = false;
    const struct host_opt opts[] = {
        S3_OPTION_ROWS(options),
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print bucket, key and size as JSON.", NULL},
        {0},
    };
    argc = host_parse(&cmd_s3[1], argc, argv, opts);
    if (argc != 2) {
        host_usage(&cmd_s3[1], "give an object and a file: s3://BUCKET/KEY FILE");
    }
    int result = open_target(&t, &options, argv[0]);
    if (result == 0) {
        result = t.uri.key[0] ? get(&t, argv[1], json)
                              : host_fail("s3 get: %s: no key behind the bucket", argv[0]);
        close_target(&t);
    }
    return result;
}

/* --- ls -------------------------------------------------------------------- */

struct listing {
    cJSON *array; /* NULL: print lines */
    bool failed;
};

static bool list_object(void *ctx, const struct srv_s3_object *object)
{
    struct listing *l = ctx;
    if (!l->array) {
        printf("%-24s %10llu %s\n", object->modified, (unsigned long long)object->size, object->key);
        return true;
    }
    cJSON *row = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(row, "key", object->key) ||
        !cJSON_AddNumberToObject(row, "size", (double)object->size) ||
        !cJSON_AddStringToObject(row, "modified", object->modified) || !cJSON_AddItemToArray(l->array, row)) {
        cJSON_Delete(row);
        l->failed = true;
        return false;
    }
    return true;
}

static int run_ls(int argc, char **argv)
{
    struct srv_s3_options options = {0};
    struct target t;
    bool json = false;
    char err[1024];
    const struct host_opt opts[] = {
        S3_OPTION_ROWS(options),
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print the objects as a JSON array.", NULL},
        {0},
    };
    argc = host_parse(&cmd_s3[2], argc, argv, opts);
    if (argc != 1) {
        host_usage(&cmd_s3[2], "give one s3://BUCKET[/PREFIX]");
    }
    if (open_target(&t, &options, argv[0]) != 0) {
        return 1;
    }
    struct listing listing = {.array = json ? cJSON_CreateArray() : NULL};
    enum srv_s3_result got = srv_s3_list(&t.s3, &t.uri, list_object, &listing, err, sizeof err);
    close_target(&t);
    if (got != SRV_S3_OK || listing.failed) {
        cJSON_Delete(listing.array);
        return host_fail("s3 ls: %s", listing.failed ? "out of memory" : err);
    }
    if (json) {
        return print_json(listing.array);
    }
    return fflush(stdout) == 0 ? 0 : host_fail("standard output: %s", strerror(errno));
}

/* --- rm -------------------------------------------------------------------- */

static int run_rm(int argc, char **argv)
{
    struct srv_s3_options options = {0};
    struct target t;
    char err[1024];
    uint64_t size = 0;
    const struct host_opt opts[] = {S3_OPTION_ROWS(options), {0}};
    argc = host_parse(&cmd_s3[3], argc, argv, opts);
    if (argc != 1) {
        host_usage(&cmd_s3[3], "give one s3://BUCKET/KEY");
    }
    if (open_target(&t, &options, argv[0]) != 0) {
        return 1;
    }
    int result;
    if (!t.uri.key[0]) {
        result = host_fail("s3 rm: %s: no key behind the bucket; a bucket is not removed", argv[0]);
    } else if (srv_s3_head(&t.s3, &t.uri, &size, err, sizeof err) !=
                   SRV_S3_OK || /* S3 deletes what is not there */
               srv_s3_delete(&t.s3, &t.uri, err, sizeof err) != SRV_S3_OK) {
        result = host_fail("s3 rm: %s", err);
    } else {
        result = 0;
    }
    close_target(&t);
    return result;
}

const struct host_cmd cmd_s3[] = {
    {
        .noun = "s3",
        .verb = "put",
        .usage = "FILE s3://BUCKET/KEY [OPTIONS]",
        .summary = "upload a file to an S3 bucket",
        .help =
            "Uploads a file (- is standard input) under KEY; if KEY ends with a slash, under the file's own "
            "name there. An object of that key is replaced; until the upload is complete, it stays.\n"
            "\n" S3_CREDENTIALS_HELP "\n"
            "\n"
            "Examples:\n"
            "  airlift s3 put build/lamp.bin s3://firmware/lamp/1.4.3.bin\n"
            "  airlift s3 put build/lamp.bin s3://firmware/lamp/ --endpoint-url http://127.0.0.1:9000",
        .run = run_put,
    },
    {
        .noun = "s3",
        .verb = "get",
        .usage = "s3://BUCKET/KEY FILE [OPTIONS]",
        .summary = "download an object from an S3 bucket",
        .help =
            "Downloads an object. FILE is replaced when all of it has arrived, and not before; - is standard "
            "output, which gets the bytes as they come.\n"
            "\n" S3_CREDENTIALS_HELP "\n"
            "\n"
            "Examples:\n"
            "  airlift s3 get s3://firmware/lamp/1.4.3.bin lamp.bin",
        .run = run_get,
    },
    {
        .noun = "s3",
        .verb = "ls",
        .usage = "s3://BUCKET[/PREFIX] [OPTIONS]",
        .summary = "list the objects in an S3 bucket",
        .help =
            "Lists all objects whose key begins with PREFIX: when they were written, size in bytes, key.\n"
            "\n" S3_CREDENTIALS_HELP "\n"
            "\n"
            "Examples:\n"
            "  airlift s3 ls s3://firmware/lamp/\n"
            "  airlift s3 ls s3://firmware --json",
        .run = run_ls,
    },
    {
        .noun = "s3",
        .verb = "rm",
        .usage = "s3://BUCKET/KEY [OPTIONS]",
        .summary = "remove an object from an S3 bucket",
        .help = "Removes one object, at once and without asking. One that is not there is an error.\n"
                "\n" S3_CREDENTIALS_HELP "\n"
                "\n"
                "Examples:\n"
                "  airlift s3 rm s3://firmware/lamp/1.4.2.bin",
        .run = run_rm,
    },
    {0},
};
