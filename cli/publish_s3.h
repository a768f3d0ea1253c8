/*
 * publish_s3.h - publish to a bucket that devices read by themselves, without a server.
 */
#ifndef CLI_PUBLISH_S3_H
#define CLI_PUBLISH_S3_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "host/file.h"
#include "server/client.h"
#include "server/s3.h"

struct publish_s3 {
    const char *where; /* "s3://BUCKET[/PREFIX]" */
    struct srv_s3_options options;
    uint32_t link_expiry; /* seconds; 0: the manifest names the image relative to itself */
    bool json;
};

/*
 * Upload the image as PREFIX/PRODUCT/<sha256>.bin, then PREFIX/PRODUCT/version.json, which names it.
 *
 * In this order, so that an interruption leaves the old manifest or the new one with its image in place.
 * A version that is published with other bytes, and one older than what is published,
 * are refused, and without request->confirm what could leave devices behind. Returns the exit code.
 */
int publish_to_bucket(const struct publish_s3 *p, const struct srv_upload_request *request,
                      const struct srv_upload_claim *claim);

/* A line for each of a release's signers, behind `margin`. */
void publish_print_signers(const cJSON *release, const char *margin);

#endif
