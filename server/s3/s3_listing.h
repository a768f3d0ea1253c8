/*
 * s3_listing.h - what an S3 store answers in XML: listings and errors. Parsed by expat.
 */
#ifndef SERVER_S3_LISTING_H
#define SERVER_S3_LISTING_H

#include "server/s3.h"

struct srv_s3_page {
    bool (*each)(void *ctx, const struct srv_s3_object *object);
    void *ctx;
    bool stopped;       /* each() said so */
    char *continuation; /* owned; NULL: this was the last page */
};

/* A ListBucketResult (version 2). False if it is none; each() may have been called before. */
bool srv_s3_page_parse(const char *xml, size_t len, struct srv_s3_page *page);

/* <Error><Code>..</Code><Message>..</Message>: "CODE: MESSAGE" in out, or "" if it is none. */
void srv_s3_error_parse(const char *xml, size_t len, char *out, size_t size);

#endif
