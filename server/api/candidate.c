/*
 * candidate.c - what a publisher says of a release, and what the product's other releases say to it.
 */
#include "candidate.h"

#include <stdio.h>
#include <string.h>

#include "airlift/chip.h"
#include "airlift/semver.h"
#include "host/text.h"

/* --- What the request says ------------------------------------------------- */

bool srv_is_text(const char *text, const char *allowed)
{
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        const unsigned char c = (unsigned char)*text;
        n = host_utf8_len((const unsigned char *)text, left);
        if (n == 0 || ((c < 0x20 || c == 0x7F) && !strchr(allowed, c))) {
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

void srv_candidate_read(struct srv_request *req, struct srv_candidate *c)
{
    struct srv_release *r = &c->release;
    const char *confirm = srv_query(req, "confirm");
    const char *mandatory = srv_query(req, "mandatory");
    const char *notes = srv_query(req, "notes");
    const char *version = srv_query(req, "version");
    if (!is_flag(mandatory) || !is_flag(confirm)) {
        srv_refuse(req, 400, "bad_request", "%s is true or false",
                   is_flag(mandatory) ? "confirm" : "mandatory");
    } else if (notes && (strlen(notes) > SRV_NOTES_MAX || !srv_is_text(notes, "\n\t"))) {
        srv_refuse(req, 400, "bad_notes", "notes are UTF-8 text of at most %u bytes", SRV_NOTES_MAX);
    } else if (version && !srv_version_valid(version)) {
        srv_refuse(req, 400, "bad_version", "version is not a semantic version such as 1.4.3");
    } else {
        r->mandatory = is_set(mandatory);
        c->confirmed = is_set(confirm);
        snprintf(r->version, sizeof r->version, "%s", version ? version : "");
        strcpy(r->product, req->path.product);
        srv_timestamp(r->created);
        if (notes && *notes && !(r->notes = strdup(notes))) {
            srv_refuse_status(req, SRV_FAILED);
        }
    }
}

/* --- Its signers ----------------------------------------------------------- */

void srv_candidate_require(struct srv_request *req, const struct srv_candidate *c,
                           enum al_sig_fault unsigned_why)
{
    const struct srv_context *context = req->worker->context;
    if (context->n_signer_keys == 0) {
        return;
    }
    enum al_sig_fault fault = srv_signers_require(
        &c->release.signers, al_chip_by_id(c->release.chip_id),
        (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])context->signer_keys, context->n_signer_keys);
    if (fault != AL_SIG_GOOD) {
        srv_refuse(req, 422, "signature_required",
                   "the image is %s; this server takes images that are signed with the keys it was started "
                   "with, and no others (airlift image sign)",
                   al_sig_fault_text(fault == AL_SIG_UNSIGNED ? unsigned_why : fault));
    }
}

/* --- The product's other releases ------------------------------------------ */

static const char *chip_name(uint16_t id)
{
    const struct al_chip *chip = al_chip_by_id(id);
    return chip ? chip->name : "an unknown chip";
}

/* Sets known. */
static void check_against(struct srv_request *req, struct srv_candidate *c, const struct srv_release *others,
                          size_t n)
{
    struct srv_release *r = &c->release;
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
        c->known = true;
        strcpy(r->created, other->created);
    }
}

static struct srv_standing standing_of(const struct srv_release *r)
{
    return (struct srv_standing){r->version, r->secure_version, &r->signers};
}

/* Would it strand devices that run one of the others, which are sorted, newest first? */
static void check_risks(struct srv_request *req, struct srv_candidate *c, const struct srv_release *others,
                        size_t n)
{
    struct srv_standing next = standing_of(&c->release), highest = {0}, previous = {0};
    for (size_t i = 0; i < n; i++) {
        int order = al_semver_compare(others[i].version, c->release.version);
        if (order != 0 && (!highest.version || others[i].secure_version > highest.secure_version)) {
            highest = standing_of(&others[i]);
        }
        if (order < 0 && !previous.version && !others[i].withdrawn) {
            previous = standing_of(&others[i]);
        }
    }
    srv_risks_find(al_chip_by_id(c->release.chip_id), &next, highest.version ? &highest : NULL,
                   previous.version ? &previous : NULL, &c->risks);
    if (c->risks.n && !c->confirmed) {
        char text[sizeof req->refusal.message - 100];
        srv_risks_print(&c->risks, text, sizeof text);
        srv_refuse(req, 409, "needs_confirmation", "devices could be left behind: %s", text);
    }
}

void srv_candidate_judge(struct srv_request *req, struct srv_candidate *c)
{
    struct srv_release *others = NULL;
    size_t n = 0;
    c->known = false;
    c->risks.n = 0;
    enum srv_status status = srv_store_list(req->worker->store, c->release.product, &others, &n);
    if (status == SRV_OK) {
        check_against(req, c, others, n);
    } else if (status != SRV_NOT_FOUND) {
        srv_refuse_status(req, status);
    }
    if (!req->refusal.status && !c->known) {
        check_risks(req, c, others, n);
    }
    srv_releases_free(others, n);
}

bool srv_candidate_add_warnings(const struct srv_candidate *c, cJSON *to)
{
    cJSON *list = c->risks.n ? cJSON_AddArrayToObject(to, "warnings") : NULL;
    bool ok = list || !c->risks.n;
    for (unsigned i = 0; i < c->risks.n && ok; i++) {
        ok = cJSON_AddItemToArray(list, cJSON_CreateString(c->risks.text[i]));
    }
    return ok;
}
