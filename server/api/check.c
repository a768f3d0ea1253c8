/*
 * check.c - would a release be taken? Asked before its bytes are sent.
 */
#include <stdio.h>
#include <string.h>

#include "airlift/chip.h"
#include "candidate.h"
#include "handlers.h"
#include "reply.h"

/* What the publisher says of the image. May refuse. */
static void read_image(struct srv_request *req, struct srv_release *r)
{
    const char *chip_name = srv_query(req, "chip"), *secure_version = srv_query(req, "secure_version");
    const char *sha256 = srv_query(req, "sha256"), *signers = srv_query(req, "signers");
    uint64_t number = 0;
    const struct al_chip *chip = chip_name ? al_chip_by_name(chip_name) : NULL;
    if (!r->version[0]) {
        srv_refuse(req, 400, "bad_request", "say which version it is: ?version=1.4.3");
    } else if (!chip) {
        srv_refuse(req, 400, "bad_request", "chip is the name of a chip, such as esp32c3 or linux");
    } else if (!sha256 || !srv_sha256_valid(sha256)) {
        srv_refuse(req, 400, "bad_request", "sha256 is that of the image file: 64 lower-case hex digits");
    } else if (secure_version && (!srv_parse_number(secure_version, &number) || number > UINT32_MAX)) {
        srv_refuse(req, 400, "bad_request", "secure_version is a number of 32 bits");
    } else if (signers && !srv_signers_read(signers, &r->signers)) {
        srv_refuse(req, 400, "bad_request",
                   "signers are key digests with commas between, one for each signature block (at most %u), "
                   "\"-\" for one that is not checked",
                   AL_SIG_MAX_BLOCKS);
    } else {
        r->chip_id = chip->id;
        r->secure_version = (uint32_t)number;
        strcpy(r->sha256, sha256);
    }
}

static cJSON *answer_json(const struct srv_candidate *c)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(json, "product", c->release.product) &&
              cJSON_AddStringToObject(json, "version", c->release.version) &&
              cJSON_AddBoolToObject(json, "exists", c->known) && srv_candidate_add_warnings(c, json);
    if (!ok) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

enum MHD_Result srv_check_answer(struct srv_request *req)
{
    struct srv_candidate c = {0};
    srv_candidate_read(req, &c);
    if (!req->refusal.status) {
        read_image(req, &c.release);
    }
    if (!req->refusal.status) {
        srv_candidate_require(req, &c, AL_SIG_UNSIGNED);
    }
    if (!req->refusal.status) {
        srv_candidate_judge(req, &c);
    }
    cJSON *json = req->refusal.status ? NULL : answer_json(&c);
    srv_release_clear(&c.release);
    if (req->refusal.status) {
        return MHD_YES;
    }
    return srv_reply_send_json(req, 200, json);
}
