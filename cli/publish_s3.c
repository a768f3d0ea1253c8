#include "publish_s3.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "airlift/semver.h"
#include "host/cmd.h"
#include "host/hex.h"
#include "host/progress.h"
#include "json_read.h"
#include "print_json.h"
#include "server/risks.h"

#define MANIFEST_MAX 65536u

/* What is being published, and where to. */
struct release {
    const struct publish_s3 *p;
    const struct srv_upload_request *request;
    struct srv_s3 s3;
    struct srv_s3_uri folder; /* key: "PREFIX/PRODUCT/" */
    const struct srv_upload_claim *claim;
    char md5[33];
    char err[1024];
};

/* An object in the folder; key is to be freed. */
static bool object_of(const struct release *r, const char *name, const char *ending, struct srv_s3_uri *out)
{
    out->bucket = r->folder.bucket;
    return asprintf(&out->key, "%s%s%s", r->folder.key, name, ending) >= 0;
}

/* "PREFIX" -> "PREFIX/PRODUCT/". */
static int find_folder(struct release *r)
{
    struct srv_s3_uri uri;
    if (srv_s3_uri_parse(r->p->where, &uri, r->err, sizeof r->err) != 0) {
        return host_fail("publish: %s", r->err);
    }
    size_t len = strlen(uri.key);
    int printed = asprintf(&r->folder.key, "%s%s%s/", uri.key, len && uri.key[len - 1] != '/' ? "/" : "",
                           r->request->product);
    r->folder.bucket = uri.bucket;
    free(uri.key);
    if (printed < 0) {
        r->folder.key = NULL;
        return host_fail("out of memory");
    }
    return 0;
}

/* --- What is published already --------------------------------------------- */

/* The manifest there, or NULL: none. Sets *failed after saying why. */
static cJSON *read_manifest(struct release *r, bool *failed)
{
    struct srv_s3_uri object;
    char text[MANIFEST_MAX + 1];
    cJSON *json = NULL;
    int fd = memfd_create("manifest", MFD_CLOEXEC);
    if (fd < 0 || !object_of(r, "version", ".json", &object)) {
        *failed = true;
        (void)host_fail("publish: %s", strerror(errno));
        return NULL;
    }
    enum srv_s3_result got = srv_s3_get_fd(&r->s3, &object, fd, NULL, r->err, sizeof r->err);
    if (got == SRV_S3_OK) {
        ssize_t n = pread(fd, text, MANIFEST_MAX, 0);
        text[n > 0 ? n : 0] = '\0';
        json = cJSON_Parse(text);
        if (!json) {
            *failed = true;
            (void)host_fail("publish: s3://%s/%s is there, and is no manifest", object.bucket, object.key);
        }
    } else if (got != SRV_S3_NOT_FOUND || strstr(r->err, "NoSuchBucket")) {
        *failed = true;
        (void)host_fail("publish: %s", r->err);
    }
    free(object.key);
    close(fd);
    return json;
}

/* Could devices that run the published release be left behind? */
static int check_risks(const struct release *r, const cJSON *published)
{
    const cJSON *secure = cJSON_GetObjectItemCaseSensitive(published, "secure_version");
    struct srv_signers signers;
    struct srv_risks risks;
    srv_signers_parse(published, &signers);
    const struct srv_standing next = {r->claim->version, r->claim->secure_version, &r->claim->signers};
    struct srv_standing before = {
        .version = json_text(published, "version", NULL),
        .signers = &signers,
    };
    bool known = before.version && cJSON_IsNumber(secure) && secure->valuedouble >= 0 &&
                 secure->valuedouble <= UINT32_MAX;
    if (known) {
        before.secure_version = (uint32_t)secure->valuedouble;
    }
    srv_risks_find(al_chip_by_name(r->claim->chip), &next, known ? &before : NULL, known ? &before : NULL,
                   &risks);
    for (unsigned i = 0; i < risks.n && r->request->confirm; i++) {
        host_complain("warning: %s", risks.text[i]);
    }
    if (risks.n == 0 || r->request->confirm) {
        return 0;
    }
    char text[1100];
    srv_risks_print(&risks, text, sizeof text);
    return host_fail("publish: devices could be left behind: %s; give --yes to publish it all the same",
                     text);
}

static int check_published(struct release *r)
{
    bool failed = false, again = false; /* again: it is what is published */
    cJSON *json = read_manifest(r, &failed);
    const char *version = json_text(json, "version", NULL);
    const char *sha256 = json_text(json, "sha256", NULL);
    int result = failed ? 1 : 0;
    if (version && al_semver_valid(version)) {
        int order = al_semver_compare(r->claim->version, version);
        if (order < 0) {
            result = host_fail("publish: %s is published, which is newer than %s: devices would not take it",
                               version, r->claim->version);
        } else if (order == 0 && sha256 && strcmp(sha256, r->claim->sha256) != 0) {
            result =
                host_fail("publish: %s is published with other bytes; give the image a new version", version);
        }
        again = order == 0;
    }
    if (result == 0 && !again) {
        result = check_risks(r, json);
    }
    cJSON_Delete(json);
    return result;
}

/* --- Uploading ------------------------------------------------------------- */

static void show_progress(void *ctx, uint64_t done)
{
    host_progress_update(ctx, done);
}

static int make_md5(const struct srv_upload_request *request, char out[33])
{
    uint8_t digest[16];
    if (EVP_Digest(request->image, request->len, digest, NULL, EVP_md5(), NULL) != 1) {
        return host_fail("publish: the hash failed");
    }
    host_hex_print(digest, sizeof digest, out);
    return 0;
}

static int put_image(struct release *r, const struct srv_s3_uri *object)
{
    struct host_progress bar;
    const struct srv_s3_progress progress = {show_progress, &bar};
    host_progress_start(&bar, "uploading", r->request->len);
    enum srv_s3_result sent = srv_s3_put(&r->s3, object, r->request->image, r->request->len,
                                         "application/octet-stream", &progress, r->err, sizeof r->err);
    host_progress_end(&bar);
    return sent == SRV_S3_OK ? 0 : host_fail("publish: %s", r->err);
}

/* Relative to the manifest, or a link that expires. */
static bool add_url(struct release *r, const struct srv_s3_uri *object, cJSON *json)
{
    struct host_buf url;
    host_buf_init(&url, SRV_S3_URL_MAX);
    bool ok = r->p->link_expiry ? srv_s3_presign(&r->s3, "GET", object, time(NULL), r->p->link_expiry, &url,
                                                 r->err, sizeof r->err) == 0
                                : host_buf_printf(&url, "%s.bin", r->claim->sha256);
    ok = ok && cJSON_AddStringToObject(json, "url", (const char *)url.data);
    host_buf_free(&url);
    return ok;
}

static int put_manifest(struct release *r, const struct srv_s3_uri *image)
{
    const struct srv_upload_request *q = r->request;
    struct srv_s3_uri object;
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "version", r->claim->version) && add_url(r, image, json) &&
              cJSON_AddStringToObject(json, "sha256", r->claim->sha256) &&
              cJSON_AddStringToObject(json, "md5", r->md5) &&
              cJSON_AddNumberToObject(json, "size", (double)q->len) &&
              cJSON_AddBoolToObject(json, "mandatory", q->mandatory) &&
              cJSON_AddNumberToObject(json, "secure_version", r->claim->secure_version) &&
              srv_signers_add(json, &r->claim->signers) &&
              (!q->notes || cJSON_AddStringToObject(json, "notes", q->notes));
    char *text = ok ? cJSON_PrintUnformatted(json) : NULL;
    if (!text || !object_of(r, "version", ".json", &object)) {
        cJSON_free(text);
        cJSON_Delete(json);
        return host_fail("publish: the manifest could not be put together");
    }
    enum srv_s3_result sent =
        srv_s3_put(&r->s3, &object, text, strlen(text), "application/json", NULL, r->err, sizeof r->err);
    cJSON_free(text);
    int result = sent == SRV_S3_OK ? 0 : host_fail("publish: %s", r->err);
    if (result == 0 && r->p->json) {
        result = print_json(json);
        json = NULL;
    } else if (result == 0) {
        printf("published: %s %s (%zu bytes, sha256 %s)\nmanifest: s3://%s/%s\n", q->product,
               r->claim->version, q->len, r->claim->sha256, object.bucket, object.key);
        publish_print_signers(json, "");
        result = fflush(stdout) == 0 ? 0 : host_fail("standard output: %s", strerror(errno));
    }
    free(object.key);
    cJSON_Delete(json);
    return result;
}

void publish_print_signers(const cJSON *release, const char *margin)
{
    struct srv_signers signers;
    srv_signers_parse(release, &signers);
    for (unsigned i = 0; i < signers.n; i++) {
        const struct srv_signer *s = &signers.item[i];
        printf("%ssigned: %s, key %s%s\n", margin, s->type, s->key_digest[0] ? s->key_digest : "-",
               s->valid ? "" : ", not checked");
    }
}

int publish_to_bucket(const struct publish_s3 *p, const struct srv_upload_request *request,
                      const struct srv_upload_claim *claim)
{
    struct release r = {.p = p, .request = request, .claim = claim};
    struct srv_s3_uri object = {0};
    int result = make_md5(request, r.md5);
    result = result ? result : find_folder(&r);
    if (result == 0 && srv_s3_open(&r.s3, &p->options, r.err, sizeof r.err) != 0) {
        result = host_fail("publish: %s", r.err);
    }
    result = result ? result : check_published(&r);
    if (result == 0 && !object_of(&r, claim->sha256, ".bin", &object)) {
        result = host_fail("out of memory");
    }
    /* The image first: a manifest is never there without what it names. */
    result = result ? result : put_image(&r, &object);
    result = result ? result : put_manifest(&r, &object);
    free(object.key);
    srv_s3_uri_free(&r.folder);
    srv_s3_close(&r.s3);
    return result;
}
