/*
 * cmd_publish.c - airlift publish: hand an image to the update server.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "airlift/chip.h"
#include "airlift/crypto.h"
#include "airlift/semver.h"
#include "commands.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/progress.h"
#include "image_file.h"
#include "json_read.h"
#include "print_json.h"
#include "publish_s3.h"
#include "s3_options.h"
#include "server/client.h"
#include "server/server.h"
#include "server/signers.h"
#include "server_access.h"

/* --- The image ------------------------------------------------------------- */

static void show_progress(void *ctx, uint64_t done)
{
    host_progress_update(ctx, done);
}

static void print_warnings(const cJSON *release)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(release, "warnings"))
    {
        host_complain("warning: %s", cJSON_IsString(item) ? item->valuestring : "?");
    }
}

static int print_answer(const struct srv_upload_answer *answer, bool json)
{
    cJSON *release = cJSON_Parse(answer->document);
    const char *product = json_text(release, "product", NULL), *version = json_text(release, "version", NULL);
    const char *chip = json_text(release, "chip", NULL), *sha256 = json_text(release, "sha256", NULL);
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(release, "size");
    int result = 0;
    print_warnings(release);
    if (!product || !version || !chip || !sha256 || !cJSON_IsNumber(size)) {
        result = host_fail("publish: the server's answer is not a release");
    } else if (json) {
        return print_json(release);
    } else {
        printf("%s %s %s (%s, %.0f bytes, sha256 %s)\n",
               answer->created ? "published" : "already published:", product, version, chip,
               cJSON_GetNumberValue(size), sha256);
        publish_print_signers(release, "");
    }
    cJSON_Delete(release);
    return result == 0 && fflush(stdout) != 0 ? host_fail("publish: standard output: %s", strerror(errno))
                                              : result;
}

/* --- What is said of the image before it is sent --------------------------- */

/* The image's own version, or, where that one can't be ordered, the one that is given. */
static int find_version(const char *own, const char *given, char out[33])
{
    bool ordered = al_semver_valid(own);
    if (given && !al_semver_valid(given)) {
        return host_fail("publish: '%s' is not a semantic version such as 1.4.3", given);
    }
    if (ordered && given && strcmp(own, given) != 0) {
        return host_fail("publish: the image is version %s, not %s", own, given);
    }
    if (!ordered && !given) {
        return host_fail(
            "publish: the image's version '%s' is not a semantic version, so devices could not tell "
            "whether it is newer; build it with PROJECT_VER set, or give --version",
            own);
    }
    int len = snprintf(out, 33, "%s", ordered ? own : given);
    return len < 33 ? 0 : host_fail("publish: '%s' is longer than the 32 characters of a version", given);
}

static int make_claim(const struct srv_upload_request *request, const struct al_image_info *info,
                      const struct al_sig_check *signature, struct srv_upload_claim *out)
{
    const struct al_chip *chip = al_chip_by_id(info->header.chip_id);
    uint8_t digest[AL_SHA256_SIZE];
    if (!info->has_desc) {
        return host_fail("publish: the image has no app description, so nothing is known of its version");
    }
    if (!chip) {
        return host_fail("publish: the image is for chip id 0x%04x, which is not known",
                         info->header.chip_id);
    }
    if (al_sha256(request->image, request->len, digest) != 0) {
        return host_fail("publish: the hash failed");
    }
    host_hex_print(digest, sizeof digest, out->sha256);
    snprintf(out->chip, sizeof out->chip, "%s", chip->name);
    out->secure_version = info->desc.secure_version;
    srv_signers_of(signature, &out->signers);
    return find_version(info->desc.version, request->version, out->version);
}

/* --- The command ----------------------------------------------------------- */

/* First the question, so that nobody waits for an upload to learn that it takes a --yes. */
static int publish_to_server(const char *path, struct srv_upload_request *request,
                             const struct srv_upload_claim *claim, bool json)
{
    char err[2048];
    struct host_progress progress;
    struct srv_upload_answer answer = {0};
    int sent = srv_client_check(request, claim, &answer, err, sizeof err);
    free(answer.document);
    answer.document = NULL;
    if (sent == 0) {
        host_progress_start(&progress, "uploading", request->len);
        request->progress = show_progress;
        request->progress_ctx = &progress;
        sent = srv_client_publish(request, &answer, err, sizeof err);
        host_progress_end(&progress);
    }
    int result = sent == 0 ? print_answer(&answer, json)
                           : host_fail("publish %s: %s%s", path, err,
                                       answer.unconfirmed ? "; give --yes to publish it all the same" : "");
    free(answer.document);
    return result;
}

/* bucket->where NULL: to the server. */
static int publish(const char *path, struct srv_upload_request *request, const struct publish_s3 *bucket,
                   bool json)
{
    char err[2048];
    struct host_buf image;
    struct al_image_info info;
    struct al_sig_check signature = {.policy = &srv_anyone};
    struct srv_upload_claim claim = {0};
    host_buf_init(&image, SRV_UPLOAD_MAX);
    if (host_read_file(path, SRV_UPLOAD_MAX, &image, err, sizeof err) != 0) {
        host_buf_free(&image);
        return host_fail("%s", err);
    }
    int result = image_file_check(path, &image, &info, &signature);
    enum al_sig_fault fault = srv_signers_fault(&signature);
    if (result == 0 && fault != AL_SIG_GOOD) {
        result = host_fail("%s: its signature is not right: %s", path, al_sig_fault_text(fault));
    }
    request->image = image.data;
    request->len = image.len;
    result = result ? result : make_claim(request, &info, &signature, &claim);
    if (result == 0) {
        result = bucket->where ? publish_to_bucket(bucket, request, &claim)
                               : publish_to_server(path, request, &claim, json);
    }
    host_buf_free(&image);
    return result;
}

static int run(int argc, char **argv)
{
    struct srv_upload_request request = {0};
    struct publish_s3 bucket = {0};
    struct server_access access;
    bool json = false;
    server_access_init(&access);
    const struct host_opt opts[] = {
        {"product", 'p', HOST_OPT_TEXT, &request.product, "P",
         "Name of the product: a-z 0-9 . _ -, at most 64 characters. The first release makes it.", NULL},
        SERVER_ACCESS_ROWS(access),
        {"mandatory", 0, HOST_OPT_FLAG, &request.mandatory, NULL,
         "Devices are to install it without waiting.", NULL},
        {"notes", 0, HOST_OPT_TEXT, &request.notes, "TEXT", "Release notes, at most 4096 bytes.", NULL},
        {"yes", 'y', HOST_OPT_FLAG, &request.confirm, NULL,
         "Publish it although devices could be left behind: refused without are a key that is dropped, a "
         "signature that is missing, and a secure version that is lower, higher or too high.",
         NULL},
        {"version", 0, HOST_OPT_TEXT, &request.version, "V",
         "Version of an image whose own is not a semantic version (as in Arduino builds). If the image has "
         "one, the two must agree.",
         NULL},
        {"store", 0, HOST_OPT_TEXT, &bucket.where, "s3://BUCKET[/PREFIX]",
         "Publish to a bucket in place of a server.", NULL},
        {"link-expiry", 0, HOST_OPT_NUMBER, &bucket.link_expiry, "SECONDS",
         "With --store: the manifest names the image by a presigned link, valid so long (at most 604800).",
         NULL},
        S3_OPTION_ROWS(bucket.options),
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print the release as JSON.", NULL},
        {0},
    };
    argc = host_parse(&cmd_publish[0], argc, argv, opts);
    if (argc != 1) {
        host_usage(&cmd_publish[0], argc ? "give one image, not %d" : "which image?", argc);
    }
    if (!request.product) {
        host_usage(&cmd_publish[0], "--product is missing");
    }
    if (!srv_product_valid(request.product)) {
        return host_fail(
            "publish: '%s': a product's name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit",
            request.product);
    }
    if (bucket.where) {
        bucket.json = json;
        return publish(argv[0], &request, &bucket, json);
    }
    if (server_access_find(&access, "publish") != 0) {
        return 1;
    }
    request.server = access.server;
    request.ca_path = access.ca_path;
    request.token = access.token;
    int result = publish(argv[0], &request, &bucket, json);
    server_access_free(&access);
    return result;
}

const struct host_cmd cmd_publish[] = {
    {
        .noun = "publish",
        .usage = "IMG --product P [--server URL] [--ca FILE] [--mandatory] [--notes TEXT] [--yes]",
        .summary = "publish a firmware image to the update server",
        .help =
            "Verifies the image, asks the server whether it would take it, uploads it, and makes it a "
            "release of "
            "the product. Version, project and chip are read from the image. The server refuses a damaged "
            "image, one for another chip than "
            "the product's earlier releases, and a version that exists with other bytes. The same image "
            "again is no error: it confirms the release (also a withdrawn one) and sets mandatory and notes "
            "anew.\n"
            "\n"
            "A release that could leave devices behind needs --yes, which turns the refusal into warnings: "
            "one without all the signatures of the release before; one whose secure version is lower than an "
            "earlier release's (devices with anti-rollback refuse it), higher (they can't go back), or more "
            "than the chip can count.\n"
            "\n"
            "With --store the image goes into an S3 bucket as PREFIX/PRODUCT/<sha256>.bin, and then a "
            "manifest, "
            "PREFIX/PRODUCT/version.json, that names it: all that devices need which read the bucket by "
            "themselves. "
            "Without --link-expiry the manifest names the image relative to itself (a bucket that is public, "
            "or "
            "behind a CDN). A version older than what is published there is refused.\n"
            "\n"
            "The admin token is taken from AIRLIFT_TOKEN, else from ~/.config/airlift/token.\n"
            "\n"
            "Examples:\n"
            "\n"
            "  airlift publish build/app.bin --product thermostat\n"
            "  airlift publish app.bin -p thermostat --server https://ota.example.com --mandatory\n"
            "  airlift publish app.bin -p thermostat --store s3://firmware --region eu-central-1\n",
        .run = run,
    },
    {0},
};
