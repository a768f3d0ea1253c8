/*
 * devices.c - what devices fetch: the manifest and the image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../artifact/artifact_s3.h"
#include "airlift/crypto.h"
#include "airlift/delta.h"
#include "airlift/esp_delta.h"
#include "handlers.h"
#include "host/hex.h"
#include "host/log.h"
#include "range.h"
#include "reply.h"

bool srv_artifact_url(const struct srv_request *req, const char *sha256, char out[512])
{
    const char *host = srv_header(req, "Host");
    int len = snprintf(out, 512, "https://%s/v1/artifacts/%s", host ? host : req->worker->context->authority,
                       sha256);
    return len > 0 && len < 512;
}

/* Where a device fetches an artifact: here, or by a link that expires. False when memory runs out. */
static bool device_url(const struct srv_request *req, const char *sha256, struct host_buf *out)
{
    char url[512];
    const struct srv_bucket *bucket = req->worker->context->artifacts.bucket;
    if (bucket) {
        return srv_bucket_link(bucket, sha256, out);
    }
    return srv_artifact_url(req, sha256, url) && host_buf_printf(out, "%s", url);
}

static bool add_url(const struct srv_request *req, cJSON *json, const char *sha256)
{
    struct host_buf url;
    host_buf_init(&url, SRV_S3_URL_MAX);
    bool ok = device_url(req, sha256, &url) && cJSON_AddStringToObject(json, "url", (const char *)url.data);
    host_buf_free(&url);
    return ok;
}

/* --- version.json ---------------------------------------------------------- */

/*
 * What a manifest names at most. Agents take a text of so many bytes and up to 64 values, of which a patch has 8; links into a
 * bucket can have more than a thousand characters each.
 */
#define MAX_MANIFEST 8192u /* bytes */
#define MAX_PATCHES  4u

/* What a device says of itself when it asks for the manifest. */
struct asker {
    const char *running; /* SHA-256 of the file it runs, NULL: did not say */
    const char *formats; /* of patches that it takes, with commas between */
    uint64_t ram;        /* bytes for a patch's decoder */
};

static struct asker read_asker(const struct srv_request *req)
{
    const char *ram = srv_header(req, "Airlift-Patch-RAM");
    struct asker asker = {.running = srv_header(req, "Airlift-Running"),
                          .formats = srv_header(req, "Airlift-Patch-Formats"),
                          .ram = UINT64_MAX};
    if (!asker.formats) {
        /* Agents knew one format before they named it. Who says nothing at all may have a look. */
        asker.formats = ram || asker.running ? AL_ESP_DELTA_FORMAT : AL_DELTA_FORMAT;
    }
    if (asker.running && !srv_sha256_valid(asker.running)) {
        asker.running = NULL;
    }
    if (ram && *ram && strspn(ram, "0123456789") == strlen(ram)) {
        asker.ram = strtoull(ram, NULL, 10);
    }
    return asker;
}

static bool takes_format(const struct asker *asker, const char *format)
{
    const size_t len = strlen(format);
    for (const char *p = asker->formats; *p;) {
        p += strspn(p, ", \t");
        const size_t n = strcspn(p, ", \t");
        if (n == len && memcmp(p, format, n) == 0) {
            return true;
        }
        p += n;
    }
    return false;
}

static bool can_use(const struct asker *asker, const struct srv_patch *p)
{
    return p->ram <= asker->ram && takes_format(asker, p->format) &&
           (!asker->running || !p->from_sha256[0] || strcmp(asker->running, p->from_sha256) == 0);
}

/* The best kind of patch that it takes; false: none. */
static bool kind_of(const struct asker *asker, enum srv_patch_kind *out)
{
    const bool own = takes_format(asker, AL_DELTA_FORMAT);
    const bool esp = takes_format(asker, AL_ESP_DELTA_FORMAT) && asker->ram >= AL_ESP_DELTA_RAM;
    *out = own && asker->ram >= AL_DELTA_RAM_LARGE   ? SRV_PATCH_OWN
           : own && asker->ram >= AL_DELTA_RAM_SMALL ? SRV_PATCH_SMALL
                                                     : SRV_PATCH_ESP;
    return *out != SRV_PATCH_ESP || esp;
}

static bool add_patch(const struct srv_request *req, cJSON *patches, const struct srv_patch *p)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = (!p->from_sha256[0] || (cJSON_AddStringToObject(json, "from", p->from_sha256) &&
                                      cJSON_AddNumberToObject(json, "from_size", p->from_size))) &&
              add_url(req, json, p->sha256) && cJSON_AddNumberToObject(json, "size", p->size) &&
              cJSON_AddStringToObject(json, "sha256", p->sha256) &&
              cJSON_AddStringToObject(json, "format", p->format) &&
              cJSON_AddNumberToObject(json, "ram", p->ram);
    return srv_json_append(patches, json, ok);
}

/* Add the hashes of the image's blocks, if they are known. */
static bool add_blocks(const struct srv_request *req, cJSON *manifest, const struct srv_release *r)
{
    struct srv_blocks blocks;
    if (srv_store_blocks(req->worker->store, r->sha256, &blocks) != SRV_OK) {
        return true;
    }
    cJSON *json = cJSON_AddObjectToObject(manifest, "blocks");
    return cJSON_AddNumberToObject(json, "size", blocks.size) &&
           cJSON_AddStringToObject(json, "sha256", blocks.sha256);
}

/* Add "patches", smallest first, if there are any for this device. The manifest is good without. */
static bool add_patches(const struct srv_request *req, cJSON *manifest, const struct srv_release *r)
{
    struct asker asker = read_asker(req);
    struct srv_patch *list;
    size_t n;
    if (srv_store_patches(req->worker->store, r->sha256, &list, &n) != SRV_OK) {
        return true; /* logged */
    }
    cJSON *patches = NULL;
    bool ok = true;
    unsigned n_added = 0;
    for (size_t i = 0; i < n && ok && n_added < MAX_PATCHES; i++) {
        if (can_use(&asker, &list[i])) {
            patches = patches ? patches : cJSON_AddArrayToObject(manifest, "patches");
            ok = patches && add_patch(req, patches, &list[i]);
            n_added++;
        }
    }
    free(list);
    return ok && (!patches || add_blocks(req, manifest, r));
}

/* Which device it is, what it runs, and, if its last update failed, why. */
static void note_device(const struct srv_request *req)
{
    const char *why =
        srv_failures_note(&req->worker->context->metrics.failures, srv_header(req, "Airlift-Failure"));
    if (why) {
        host_log(HOST_LOG_INFO, "device_failed", "product", req->path.product, "reason", why, NULL);
    }
    const struct srv_fleet_word word = {.product = req->path.product,
                                        .id = srv_header(req, "Airlift-Device"),
                                        .version = srv_header(req, "Airlift-Version"),
                                        .sha256 = read_asker(req).running,
                                        .failure = why};
    srv_fleet_note(&req->worker->context->fleet, req->worker->store, &word);
}

/* Which releases devices run decides from which ones patches are made. */
static void note_asker(const struct srv_request *req)
{
    struct asker asker = read_asker(req);
    enum srv_patch_kind kind;
    bool noted = false;
    if (asker.running && kind_of(&asker, &kind) &&
        srv_store_saw(req->worker->store, req->path.product, asker.running, kind, &noted) == SRV_OK &&
        noted) {
        srv_maker_wake(&req->worker->context->maker);
    }
}

/* As text, with as many patches as there is room for: the last, which are the largest, are left out. */
static char *print_short(cJSON *manifest)
{
    cJSON *patches = cJSON_GetObjectItemCaseSensitive(manifest, "patches");
    char *text = cJSON_PrintUnformatted(manifest);
    while (text && patches && strlen(text) > MAX_MANIFEST) {
        int n = cJSON_GetArraySize(patches);
        if (n > 1) {
            cJSON_DeleteItemFromArray(patches, n - 1);
        } else {
            cJSON_DeleteItemFromObjectCaseSensitive(manifest, "patches");
            cJSON_DeleteItemFromObjectCaseSensitive(manifest, "blocks");
            patches = NULL;
        }
        cJSON_free(text);
        text = cJSON_PrintUnformatted(manifest);
    }
    return text;
}

static char *manifest_text(const struct srv_request *req, const struct srv_release *r)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "version", r->version) && add_url(req, json, r->sha256) &&
              cJSON_AddStringToObject(json, "md5", r->md5) &&
              cJSON_AddStringToObject(json, "sha256", r->sha256) &&
              cJSON_AddNumberToObject(json, "size", r->size) &&
              cJSON_AddBoolToObject(json, "mandatory", r->mandatory) &&
              cJSON_AddNumberToObject(json, "secure_version", r->secure_version) &&
              srv_signers_add(json, &r->signers) &&
              (!r->notes || cJSON_AddStringToObject(json, "notes", r->notes)) && add_patches(req, json, r);
    char *text = ok ? print_short(json) : NULL;
    cJSON_Delete(json);
    return text;
}

/* A strong validator from the bytes themselves. */
static bool etag_of(const char *text, char out[40])
{
    uint8_t digest[AL_SHA256_SIZE];
    if (al_sha256(text, strlen(text), digest) != 0) {
        return false;
    }
    strcpy(out, "\"");
    host_hex_print(digest, 16, out + 1);
    strcat(out, "\"");
    return true;
}

bool srv_find_newest(struct srv_request *req, struct srv_release *out)
{
    enum srv_status status = srv_store_newest(req->worker->store, req->path.product, out);
    if (status == SRV_NOT_FOUND) {
        srv_refuse(req, 404, "not_found", "product %s has no release to offer", req->path.product);
    } else if (status != SRV_OK) {
        srv_refuse_status(req, status);
    }
    return status == SRV_OK;
}

enum MHD_Result srv_manifest_answer(struct srv_request *req)
{
    struct srv_release r;
    char etag[40];
    if (!srv_find_newest(req, &r)) {
        return MHD_YES;
    }
    note_asker(req);
    note_device(req);
    char *text = manifest_text(req, &r);
    srv_release_clear(&r);
    if (!text || !etag_of(text, etag)) {
        free(text);
        srv_refuse_status(req, SRV_FAILED);
        return MHD_YES;
    }
    struct srv_reply reply = srv_reply_take(srv_is_unchanged(req, etag) ? 304 : 200, text);
    srv_reply_header(&reply, "Content-Type", "application/json");
    srv_reply_header(&reply, "ETag", etag);
    srv_reply_header(&reply, "Cache-Control", "no-cache");
    srv_reply_header(&reply, "Vary", "Airlift-Running, Airlift-Patch-Formats, Airlift-Patch-RAM");
    return srv_reply_send(req, &reply);
}

/* --- Images ---------------------------------------------------------------- */

/* Which bytes? Sets status, off and len. */
static unsigned choose_bytes(const struct srv_request *req, const char *etag, uint32_t size, uint64_t *off,
                             uint64_t *len)
{
    *off = 0;
    *len = size;
    if (srv_is_unchanged(req, etag)) {
        return 304;
    }
    const char *if_range = srv_header(req, "If-Range");
    /* Ranges are defined for GET alone. A validator that no longer holds means: send all of the new one. */
    if (strcmp(req->method, "GET") != 0 || (if_range && !srv_if_range_holds(if_range, etag))) {
        return 200;
    }
    switch (srv_range_parse(srv_header(req, "Range"), size, off, len)) {
    case SRV_RANGE_PART:
        return 206;
    case SRV_RANGE_BAD:
        return 416;
    case SRV_RANGE_ALL:
        break;
    }
    return 200;
}

/* With a bucket the bytes come from there: send the client on, by a link of its own. */
static enum MHD_Result send_link(struct srv_request *req, const char *sha256, const char *md5)
{
    struct host_buf url;
    host_buf_init(&url, SRV_S3_URL_MAX);
    if (!device_url(req, sha256, &url)) {
        host_buf_free(&url);
        srv_refuse_status(req, SRV_FAILED);
        return MHD_YES;
    }
    struct srv_reply reply = srv_reply_copy(302, "");
    srv_reply_header(&reply, "Location", (const char *)url.data);
    srv_reply_header(&reply, "Cache-Control", "no-store");
    if (md5) {
        srv_reply_header(&reply, "x-MD5", md5);
    }
    host_buf_free(&url);
    return srv_reply_send(req, &reply);
}

/* image, full: the image that a patch leads to, or sha256 and size themselves. md5: for a header, or NULL. */
static enum MHD_Result send_artifact(struct srv_request *req, const char *sha256, uint32_t size,
                                     const char *image, uint32_t full, const char *md5,
                                     const char *cache_control)
{
    char etag[70], range[80];
    uint64_t off, len;
    if (req->worker->context->artifacts.bucket) {
        return send_link(req, sha256, md5);
    }
    snprintf(etag, sizeof etag, "\"%s\"", sha256);
    unsigned status = choose_bytes(req, etag, size, &off, &len);
    if (status == 416) {
        srv_refuse(req, 416, "bad_range", "the image is %lu bytes long", (unsigned long)size);
        req->refusal.header = "Content-Range";
        snprintf(req->refusal.header_value, sizeof req->refusal.header_value, "bytes */%lu",
                 (unsigned long)size);
        return MHD_YES;
    }
    struct srv_map map;
    if (srv_artifact_map(&req->worker->context->artifacts, sha256, size, off, len, &map) != SRV_OK) {
        srv_refuse_status(req, SRV_FAILED);
        return MHD_YES;
    }
    req->artifact_size = size;
    req->artifact_full = full;
    strcpy(req->artifact_image, image);
    struct srv_reply reply = srv_reply_map(status, &map, len);
    srv_reply_header(&reply, "Content-Type", "application/octet-stream");
    srv_reply_header(&reply, "ETag", etag);
    srv_reply_header(&reply, "Accept-Ranges", "bytes");
    srv_reply_header(&reply, "Cache-Control", cache_control);
    if (md5) {
        srv_reply_header(&reply, "x-MD5", md5);
    }
    if (status == 206) {
        snprintf(range, sizeof range, "bytes %llu-%llu/%lu", (unsigned long long)off,
                 (unsigned long long)(off + len - 1), (unsigned long)size);
        srv_reply_header(&reply, "Content-Range", range);
    }
    return srv_reply_send(req, &reply);
}

enum MHD_Result srv_artifact_answer(struct srv_request *req)
{
    uint32_t size, full;
    char image[65];
    bool live;
    enum srv_status status = srv_store_artifact(req->worker->store, req->path.sha256, &size, &live);
    full = size;
    strcpy(image, req->path.sha256);
    if (status == SRV_NOT_FOUND) {
        status = srv_store_patch_artifact(req->worker->store, req->path.sha256, &size, image, &full, &live);
    }
    if (status == SRV_NOT_FOUND) {
        srv_refuse(req, 404, "not_found", "there is no such artifact");
        return MHD_YES;
    }
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    if (!live) {
        srv_refuse(req, 410, "withdrawn", "this release was withdrawn");
        return MHD_YES;
    }
    return send_artifact(req, req->path.sha256, size, image, full, NULL,
                         "public, max-age=31536000, immutable");
}

enum MHD_Result srv_send_image(struct srv_request *req, const struct srv_release *r)
{
    return send_artifact(req, r->sha256, r->size, r->sha256, r->size, r->md5, "no-cache");
}

enum MHD_Result srv_firmware_answer(struct srv_request *req)
{
    struct srv_release r;
    enum srv_status status = srv_store_get(req->worker->store, req->path.product, req->path.version, &r);
    if (status == SRV_NOT_FOUND) {
        srv_refuse(req, 404, "not_found", "product %s has no release %s", req->path.product,
                   req->path.version);
        return MHD_YES;
    }
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    enum MHD_Result result = MHD_YES;
    if (r.withdrawn) {
        srv_refuse(req, 410, "withdrawn", "this release was withdrawn");
    } else {
        result = srv_send_image(req, &r);
    }
    srv_release_clear(&r);
    return result;
}
