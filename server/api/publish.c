/*
 * publish.c - an image comes in: hashed, verified and written while it streams, then named, then listed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/image.h"
#include "airlift/semver.h"
#include "handlers.h"
#include "host/hex.h"
#include "host/log.h"
#include "reply.h"
#include "server/risks.h"

struct srv_publish {
    struct srv_upload upload;
    struct al_image_check check;
    struct al_sig_check signature;
    bool checking;
    bool confirmed; /* the publisher knows of risks, and wants it all the same */
    struct srv_risks risks;
    struct srv_release release;
};

void srv_publish_free(struct srv_publish *p)
{
    if (!p) {
        return;
    }
    if (p->checking) {
        al_image_check_abort(&p->check);
    }
    srv_upload_discard(&p->upload);
    srv_release_clear(&p->release);
    free(p);
}

/* --- What the request says ------------------------------------------------- */

/* Valid UTF-8 without control characters, except those in `allowed`. */
static bool is_text(const char *text, const char *allowed)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        unsigned n = *p < 0x80             ? 0
                     : (*p & 0xE0) == 0xC0 ? 1
                     : (*p & 0xF0) == 0xE0 ? 2
                     : (*p & 0xF8) == 0xF0 ? 3
                                           : 9;
        uint32_t code = n == 0 ? *p : *p & (0x3Fu >> n);
        if (n == 9 || (n == 0 && (code < 0x20 || code == 0x7F) && !strchr(allowed, (int)code))) {
            return false;
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        p++;
        for (unsigned i = 0; i < n; i++, p++) {
            if ((*p & 0xC0) != 0x80) {
                return false;
            }
            code = code << 6 | (*p & 0x3Fu);
        }
        if (code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            return false;
        }
    }
    return true;
}

static bool is_flag(const char *value)
{
    return !value || strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
}

static bool is_set(const char *value)
{
    return value && strcmp(value, "true") == 0;
}

static void read_query(struct srv_request *req, struct srv_publish *p)
{
    struct srv_release *r = &p->release;
    const char *confirm = srv_query(req, "confirm");
    const char *mandatory = srv_query(req, "mandatory");
    const char *notes = srv_query(req, "notes");
    const char *version = srv_query(req, "version");
    if (!is_flag(mandatory) || !is_flag(confirm)) {
        srv_refuse(req, 400, "bad_request", "%s is true or false",
                   is_flag(mandatory) ? "confirm" : "mandatory");
    } else if (notes && (strlen(notes) > SRV_NOTES_MAX || !is_text(notes, "\n\t"))) {
        srv_refuse(req, 400, "bad_notes", "notes are UTF-8 text of at most %u bytes", SRV_NOTES_MAX);
    } else if (version && !srv_version_valid(version)) {
        srv_refuse(req, 400, "bad_version", "version is not a semantic version such as 1.4.3");
    } else {
        r->mandatory = is_set(mandatory);
        p->confirmed = is_set(confirm);
        snprintf(r->version, sizeof r->version, "%s", version ? version : "");
        strcpy(r->product, req->path.product);
        srv_timestamp(r->created);
        if (notes && *notes && !(r->notes = strdup(notes))) {
            srv_refuse_status(req, SRV_FAILED);
        }
    }
}

void srv_publish_begin(struct srv_request *req)
{
    struct srv_publish *p = calloc(1, sizeof *p);
    req->publish = p;
    if (!p) {
        srv_refuse_status(req, SRV_FAILED);
        return;
    }
    read_query(req, p);
    if (req->refusal.status) {
        return;
    }
    p->signature.policy = &srv_anyone;
    const struct al_image_rules any_chip = {.signature = &p->signature};
    if (al_image_check_begin(&p->check, &any_chip) != 0) {
        srv_refuse_status(req, SRV_FAILED);
        return;
    }
    p->checking = true;
    enum srv_status status = srv_upload_begin(&p->upload, &req->worker->context->artifacts);
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
    }
}

/* --- The image ------------------------------------------------------------- */

static void refuse_image(struct srv_request *req, int error)
{
    const struct al_image_check *check = &req->publish->check;
    if (error == AL_ERR_CRYPTO) {
        srv_refuse_status(req, SRV_FAILED);
    } else if (error == AL_ERR_CHIP) {
        srv_refuse(req, 422, "unknown_chip",
                   "the image is for chip id 0x%04x, which this server does not know",
                   (unsigned)check->info.header.chip_id);
    } else {
        srv_refuse(req, 422, "bad_image", "not a whole, intact app image: %s",
                   al_image_fault_text(check->fault));
    }
}

void srv_publish_body(struct srv_request *req, const void *data, size_t len)
{
    struct srv_publish *p = req->publish;
    int error = al_image_check_feed(&p->check, data, len);
    if (error != 0 && error != AL_ERR_SIGNATURE) { /* signatures are judged when all is there */
        refuse_image(req, error);
    } else {
        enum srv_status status = srv_upload_write(&p->upload, data, len);
        if (status != SRV_OK) {
            srv_refuse_status(req, status);
        }
    }
}

/* Which version is it? The image's own, or, where that one can't be ordered, the publisher's. */
static void decide_version(struct srv_request *req, const struct al_image_desc *desc)
{
    struct srv_release *r = &req->publish->release;
    char shown[3 * sizeof desc->version];
    snprintf(shown, sizeof shown, "%s", is_text(desc->version, "") ? desc->version : "(not text)");
    bool orderable = srv_version_valid(desc->version);
    if (!orderable && !r->version[0]) {
        srv_refuse(req, 422, "bad_version",
                   "the image's version \"%s\" is not a semantic version such as 1.4.3 or 1.5.0-rc.1, so "
                   "devices could "
                   "not tell whether it is newer; build with PROJECT_VER set, or publish with --version",
                   shown);
    } else if (orderable && r->version[0] && strcmp(r->version, desc->version) != 0) {
        srv_refuse(req, 422, "version_mismatch", "published as %s, but the image says it is %s", r->version,
                   shown);
    } else if (orderable) {
        strcpy(r->version, desc->version);
    }
}

/* Who signed it, and is that right, and enough? */
static void check_signers(struct srv_request *req)
{
    struct srv_publish *p = req->publish;
    const struct srv_context *context = req->worker->context;
    enum al_sig_fault fault = srv_signers_fault(&p->signature);
    if (fault != AL_SIG_GOOD) {
        srv_refuse(req, 422, "bad_signature", "the image's signature is not right: %s",
                   al_sig_fault_text(fault));
        return;
    }
    if (context->n_signer_keys) {
        fault = srv_signers_require(&p->signature, al_chip_by_id(p->check.info.header.chip_id),
                                    (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])context->signer_keys,
                                    context->n_signer_keys);
    }
    if (fault != AL_SIG_GOOD) {
        srv_refuse(req, 422, "signature_required",
                   "the image is %s; this server takes images that are signed with the keys it was started "
                   "with, and no others (airlift image sign)",
                   al_sig_fault_text(fault));
    }
    srv_signers_of(&p->signature, &p->release.signers);
}

/* The last byte is in: what does the image say about itself? */
static void read_image(struct srv_request *req)
{
    struct srv_publish *p = req->publish;
    const struct al_image_info *info = &p->check.info;
    p->checking = false;
    int error = al_image_check_end(&p->check, NULL);
    if (error != 0 && error != AL_ERR_SIGNATURE) {
        refuse_image(req, error);
        return;
    }
    check_signers(req);
    if (req->refusal.status) {
        return;
    }
    if (!info->has_desc) {
        srv_refuse(req, 422, "no_description", "the image has no app description, so its version is unknown");
        return;
    }
    if (!is_text(info->desc.project, "")) {
        srv_refuse(req, 422, "bad_image", "the project name in the app description is not text");
        return;
    }
    struct srv_release *r = &p->release;
    strcpy(r->project, info->desc.project);
    r->chip_id = info->header.chip_id;
    r->secure_version = info->desc.secure_version;
    host_hex_print(info->sha256, sizeof info->sha256, r->image_sha256);
    decide_version(req, &info->desc);
}

/* --- The release ----------------------------------------------------------- */

static const char *chip_name(uint16_t id)
{
    const struct al_chip *chip = al_chip_by_id(id);
    return chip ? chip->name : "an unknown chip";
}

/* Hold the new release against the product's others. *known: this one is already there. */
static void check_against(struct srv_request *req, const struct srv_release *others, size_t n, bool *known)
{
    struct srv_release *r = &req->publish->release;
    for (size_t i = 0; i < n; i++) {
        const struct srv_release *other = &others[i];
        if (other->chip_id != r->chip_id) {
            srv_refuse(req, 409, "wrong_chip", "the image is for %s, but product %s is for %s",
                       chip_name(r->chip_id), r->product, chip_name(other->chip_id));
            return;
        }
        if (al_semver_compare(other->version, r->version) != 0) {
            continue;
        }
        if (strcmp(other->version, r->version) != 0) {
            srv_refuse(req, 409, "version_exists",
                       "version %s has the same precedence as the existing %s, so devices could not tell "
                       "which is newer",
                       r->version, other->version);
            return;
        }
        if (strcmp(other->sha256, r->sha256) != 0) {
            srv_refuse(req, 409, "version_exists",
                       "version %s exists with other bytes (sha256 %s)%s; raise the version", r->version,
                       other->sha256, other->withdrawn ? ", withdrawn" : "");
            return;
        }
        *known = true;
        strcpy(r->created, other->created);
    }
}

static struct srv_standing standing_of(const struct srv_release *r)
{
    return (struct srv_standing){r->version, r->secure_version, &r->signers};
}

/* Would it strand devices that run one of the others, which are sorted, newest first? */
static void check_risks(struct srv_request *req, const struct srv_release *others, size_t n)
{
    struct srv_publish *p = req->publish;
    struct srv_standing next = standing_of(&p->release), highest = {0}, previous = {0};
    for (size_t i = 0; i < n; i++) {
        int order = al_semver_compare(others[i].version, p->release.version);
        if (order != 0 && (!highest.version || others[i].secure_version > highest.secure_version)) {
            highest = standing_of(&others[i]);
        }
        if (order < 0 && !previous.version && !others[i].withdrawn) {
            previous = standing_of(&others[i]);
        }
    }
    srv_risks_find(al_chip_by_id(p->release.chip_id), &next, highest.version ? &highest : NULL,
                   previous.version ? &previous : NULL, &p->risks);
    if (p->risks.n && !p->confirmed) {
        char text[sizeof req->refusal.message - 100];
        srv_risks_print(&p->risks, text, sizeof text);
        srv_refuse(req, 409, "needs_confirmation", "devices could be left behind: %s", text);
    }
}

/*
 * Inside the transaction: first the artifact, then the row. Power cut: without the row the artifact is not served
 * and the publisher got no answer; publishing again completes it.
 */
static void store_release(struct srv_request *req, bool *known)
{
    struct srv_publish *p = req->publish;
    struct srv_store *store = req->worker->store;
    struct srv_release *others = NULL;
    size_t n = 0;
    enum srv_status status = srv_store_list(store, p->release.product, &others, &n);
    if (status == SRV_OK) {
        check_against(req, others, n, known);
    } else if (status != SRV_NOT_FOUND) {
        srv_refuse_status(req, status);
    }
    if (!req->refusal.status && !*known) {
        check_risks(req, others, n);
    }
    srv_releases_free(others, n);
    if (req->refusal.status) {
        return;
    }
    status = srv_upload_keep(&p->upload);
    if (status == SRV_OK) {
        status = srv_store_put(store, &p->release);
    }
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
    }
}

/* The release, and what was confirmed. NULL when memory runs out. */
static cJSON *answer_json(const struct srv_request *req)
{
    const struct srv_publish *p = req->publish;
    cJSON *json = srv_release_json(req, &p->release);
    cJSON *warnings = json && p->risks.n ? cJSON_AddArrayToObject(json, "warnings") : NULL;
    bool ok = json && (warnings || !p->risks.n);
    for (unsigned i = 0; i < p->risks.n && ok; i++) {
        ok = cJSON_AddItemToArray(warnings, cJSON_CreateString(p->risks.text[i]));
    }
    if (!ok) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

enum MHD_Result srv_publish_answer(struct srv_request *req)
{
    struct srv_publish *p = req->publish;
    struct srv_store *store = req->worker->store;
    read_image(req);
    if (req->refusal.status) {
        return MHD_YES;
    }
    enum srv_status status = srv_upload_finish(&p->upload);
    if (status == SRV_OK) {
        strcpy(p->release.sha256, p->upload.sha256_hex);
        strcpy(p->release.md5, p->upload.md5_hex);
        p->release.size = p->upload.size;
        status = srv_store_begin(store);
    }
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    bool known = false;
    store_release(req, &known);
    if (req->refusal.status) {
        srv_store_rollback(store);
        return MHD_YES;
    }
    status = srv_store_commit(store);
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return MHD_YES;
    }
    srv_maker_wake(&req->worker->context->maker);
    host_log(HOST_LOG_INFO, known ? "release_confirmed" : "release_published", "product", p->release.product,
             "version", p->release.version, "sha256", p->release.sha256, NULL);
    struct srv_reply reply = srv_reply_json(known ? 200 : 201, answer_json(req));
    srv_reply_header(&reply, "Cache-Control", "no-cache");
    return srv_reply_send(req, &reply);
}
