/*
 * s3.h - objects in an S3 bucket: presigned links, and put, get, list, delete.
 *
 * Works with Amazon S3 and with whatever speaks its API (MinIO, Ceph, Garage ...). Links
 * are signed here (Signature V4 in the query, as AWS documents it); requests with
 * signed headers are libcurl's work.
 *
 * Threads: a struct srv_s3 is read-only after srv_s3_open() and may be shared.
 */
#ifndef SERVER_S3_H
#define SERVER_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "host/file.h"

#define SRV_S3_URI_SCHEME "s3://"
#define SRV_S3_KEY_MAX    1024u   /* bytes of a key, S3's limit */
#define SRV_S3_EXPIRY_MAX 604800u /* seconds a link may be valid: 7 days, S3's limit */
#define SRV_S3_URL_MAX    8192u   /* bytes of a presigned link that is ever made */

/* What the user says; each NULL is looked up as the AWS tools do it. */
struct srv_s3_options {
    const char *profile;      /* [AWS_PROFILE, else "default"] of ~/.aws/config and ~/.aws/credentials */
    const char *region;       /* [AWS_REGION, AWS_DEFAULT_REGION, the profile's, else us-east-1] */
    const char *endpoint_url; /* [AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's, else Amazon's] */
    const char *ca_path;      /* [AWS_CA_BUNDLE, else the system's] PEM to trust for https */
};

/* Where and as whom. Strings are owned; srv_s3_close() frees them. */
struct srv_s3 {
    char *access_key, *secret_key;
    char *session_token; /* NULL: long-lived credentials */
    char *region;        /* that is signed for */
    char *host_region;   /* in Amazon's host name; NULL: the global one */
    char *endpoint;      /* "http://127.0.0.1:9000", without a final slash; NULL: Amazon's */
    char *ca_path;       /* NULL: the system's */
    enum { SRV_S3_ADDRESS_AUTO, SRV_S3_ADDRESS_PATH, SRV_S3_ADDRESS_VIRTUAL } addressing;
};

/*
 * Find credentials and region: an explicit profile; else the environment; else the
 * default profile. Instance metadata, SSO and role assumption are not looked at.
 *
 * Returns 0, or -1 with one line in err that says where was looked and what to do.
 */
int srv_s3_open(struct srv_s3 *s3, const struct srv_s3_options *options, char *err, size_t err_size);
void srv_s3_close(struct srv_s3 *s3);

/* A bucket and a key; srv_s3_uri_free() frees. */
struct srv_s3_uri {
    char *bucket;
    char *key; /* "" if the URI names a bucket only; never begins with the slash behind the bucket */
};

/* "s3://bucket/key". 0, or -1 with one line in err. */
int srv_s3_uri_parse(const char *text, struct srv_s3_uri *out, char *err, size_t err_size);
void srv_s3_uri_free(struct srv_s3_uri *uri);

/*
 * Sign a link to an object.
 *
 * method   "GET", "PUT" ...: the link is good for this one only
 * now      the time it is valid from, seconds since 1970
 * expires  seconds, 1 .. SRV_S3_EXPIRY_MAX
 * out      appended to; whoever has the link can use it, so keep it out of logs
 *
 * The link is the same, character by character, as the one the AWS command line makes from
 * the same input. Returns 0, or -1 with one line in err.
 */
int srv_s3_presign(const struct srv_s3 *s3, const char *method, const struct srv_s3_uri *uri, time_t now,
                   uint32_t expires, struct host_buf *out, char *err, size_t err_size);

/* What a request reports while it runs; NULL or both set. */
struct srv_s3_progress {
    void (*update)(void *ctx, uint64_t done);
    void *ctx;
};

enum srv_s3_result {
    SRV_S3_OK = 0,
    SRV_S3_NOT_FOUND, /* no such bucket or object */
    SRV_S3_REFUSED,   /* the store answered and said no; trying again is no use */
    SRV_S3_DOWN,      /* not reached, or it failed: later it may work */
};

/* Upload `len` bytes from a descriptor's start (pread), sha256_hex being their hash. Three attempts. */
enum srv_s3_result srv_s3_put_fd(const struct srv_s3 *s3, const struct srv_s3_uri *uri, int fd, uint64_t len,
                                 const char *sha256_hex, const char *content_type,
                                 const struct srv_s3_progress *progress, char *err, size_t err_size);

/* The same for bytes in memory. */
enum srv_s3_result srv_s3_put(const struct srv_s3 *s3, const struct srv_s3_uri *uri, const void *data,
                              size_t len, const char *content_type, const struct srv_s3_progress *progress,
                              char *err, size_t err_size);

/* Download to a descriptor, sequentially. */
enum srv_s3_result srv_s3_get_fd(const struct srv_s3 *s3, const struct srv_s3_uri *uri, int fd,
                                 const struct srv_s3_progress *progress, char *err, size_t err_size);

/* Is it there, and how long is it? */
enum srv_s3_result srv_s3_head(const struct srv_s3 *s3, const struct srv_s3_uri *uri, uint64_t *size,
                               char *err, size_t err_size);

enum srv_s3_result srv_s3_delete(const struct srv_s3 *s3, const struct srv_s3_uri *uri, char *err,
                                 size_t err_size);

/* An object of a listing; borrowed for the callback. */
struct srv_s3_object {
    const char *key;
    const char *modified; /* "2026-11-27T20:04:48.000Z" */
    uint64_t size;        /* bytes */
};

/*
 * List what begins with uri->key. each() is called in key order; false ends the listing.
 * All pages are fetched.
 */
enum srv_s3_result srv_s3_list(const struct srv_s3 *s3, const struct srv_s3_uri *uri,
                               bool (*each)(void *ctx, const struct srv_s3_object *object), void *ctx,
                               char *err, size_t err_size);

#endif
