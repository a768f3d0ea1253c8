/*
 * publish.c - an image comes in: hashed, verified and written while it streams, then named, then listed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/image.h"
#include "airlift/semver.h"
#include "candidate.h"
#include "handlers.h"
#include "host/hex.h"
#include "host/log.h"
#include "put.h"
#include "reply.h"

struct srv_publish {
    struct srv_upload upload;
    struct al_image_check check;
    struct al_sig_check signature;
    bool checking;
    struct srv_candidate candidate;
    struct srv_put put;
    bool put_started;
};

void srv_publish_free(struct srv_publish *p)
{
    if (!p) {
        return;
    }
    if (p->checking) {
        al_image_check_abort(&p->check);
    }
    (void)srv_put_end(&p->put);
    srv_upload_discard(&p->upload);
    srv_release_clear(&p->candidate.release);
    free(p);
}

void srv_publish_begin(struct srv_request *req)
{
    struct srv_publish *p = calloc(1, sizeof *p);
    req->publish = p;
    if (!p) {
        srv_refuse_status(req, SRV_FAILED);
        return;
    }
    srv_candidate_read(req, &p->candidate);
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
    struct srv_release *r = &req->publish->candidate.release;
    char shown[3 * sizeof desc->version];
    snprintf(shown, sizeof shown, "%s", srv_is_text(desc->version, "") ? desc->version : "(not text)");
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
    enum al_sig_fault fault = srv_signers_fault(&p->signature);
    if (fault != AL_SIG_GOOD) {
        srv_refuse(req, 422, "bad_signature", "the image's signature is not right: %s",
                   al_sig_fault_text(fault));
        return;
    }
    srv_signers_of(&p->signature, &p->candidate.release.signers);
    srv_candidate_require(req, &p->candidate, p->signature.fault);
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
    struct srv_release *r = &p->candidate.release;
    r->chip_id = info->header.chip_id;
    check_signers(req);
    if (req->refusal.status) {
        return;
    }
    if (!info->has_desc) {
        srv_refuse(req, 422, "no_description", "the image has no app description, so its version is unknown");
        return;
    }
    if (!srv_is_text(info->desc.project, "")) {
        srv_refuse(req, 422, "bad_image", "the project name in the app description is not text");
        return;
    }
    strcpy(r->project, info->desc.project);
    r->secure_version = info->desc.secure_version;
    host_hex_print(info->sha256, sizeof info->sha256, r->image_sha256);
    decide_version(req, &info->desc);
}

/* --- The release ----------------------------------------------------------- */

/*
 * Inside the transaction: first the artifact, then the row. Power cut: without the row the artifact is not served
 * and the publisher got no answer; publishing again completes it.
 */
static void store_release(struct srv_request *req)
{
    struct srv_publish *p = req->publish;
    srv_candidate_judge(req, &p->candidate);
    if (req->refusal.status) {
        return;
    }
    enum srv_status status = srv_upload_keep(&p->upload);
    if (status == SRV_OK) {
        status = srv_store_put(req->worker->store, &p->candidate.release);
    }
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
    }
}

/* All is there: judge it, so that no vain bytes go into the bucket, and start to put it there. */
static void accept_image(struct srv_request *req)
{
    struct srv_publish *p = req->publish;
    struct srv_release *r = &p->candidate.release;
    read_image(req);
    if (req->refusal.status) {
        return;
    }
    enum srv_status status = srv_upload_finish(&p->upload);
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return;
    }
    strcpy(r->sha256, p->upload.sha256_hex);
    strcpy(r->md5, p->upload.md5_hex);
    r->size = p->upload.size;
    if (!req->worker->context->artifacts.bucket) {
        return;
    }
    srv_candidate_judge(req, &p->candidate);
    if (!req->refusal.status) {
        p->put_started = srv_put_start(&p->put, req, &p->upload);
        if (!p->put_started) {
            srv_refuse_status(req, SRV_FAILED);
        }
    }
}

/* The verdict, the file and the row, in one transaction. */
static void enter_release(struct srv_request *req)
{
    struct srv_store *store = req->worker->store;
    enum srv_status status = srv_store_begin(store);
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
        return;
    }
    store_release(req);
    if (req->refusal.status) {
        srv_store_rollback(store);
        return;
    }
    status = srv_store_commit(store);
    if (status != SRV_OK) {
        srv_refuse_status(req, status);
    }
}

enum MHD_Result srv_publish_answer(struct srv_request *req)
{
    struct srv_publish *p = req->publish;
    const struct srv_release *r = &p->candidate.release;
    if (!p->put_started) {
        accept_image(req);
        if (req->refusal.status || p->put_started) {
            return MHD_YES; /* with the latter this is called again */
        }
    } else {
        enum srv_status status = srv_put_end(&p->put);
        if (status != SRV_OK) {
            srv_refuse_status(req, status);
            return MHD_YES;
        }
    }
    enter_release(req);
    if (req->refusal.status) {
        return MHD_YES;
    }
    srv_maker_wake(&req->worker->context->maker);
    bool known = p->candidate.known;
    host_log(HOST_LOG_INFO, known ? "release_confirmed" : "release_published", "product", r->product,
             "version", r->version, "sha256", r->sha256, NULL);
    cJSON *json = srv_release_json(req, r);
    if (json && !srv_candidate_add_warnings(&p->candidate, json)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return srv_reply_send_json(req, known ? 200 : 201, json);
}
