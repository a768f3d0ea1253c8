/*
 * s3_sign.h - addresses of objects, and Signature V4 in the query.
 *
 * Source: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
 * The rules for the host are those of the AWS command line 2.
 */
#ifndef SERVER_S3_SIGN_H
#define SERVER_S3_SIGN_H

#include "server/s3.h"

/* Append `text` with all but A-Z a-z 0-9 - . _ ~ as %XX; '/' stays if keep_slash. */
bool srv_s3_encode(struct host_buf *out, const char *text, bool keep_slash);

/* Where an object is: scheme, host as signed, encoded path. */
struct srv_s3_address {
    struct host_buf scheme;    /* "https" */
    struct host_buf host;      /* with the port, if it is not the scheme's own */
    struct host_buf authority; /* as it stands in the URL */
    struct host_buf path;      /* "/bucket/key" or "/key", encoded */
};

/* 0, or -1 when memory ran out. Free in any case. */
int srv_s3_address(const struct srv_s3 *s3, const struct srv_s3_uri *uri, struct srv_s3_address *out);
void srv_s3_address_free(struct srv_s3_address *a);

#endif
