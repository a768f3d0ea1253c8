/*
 * candidate.h - a release that somebody wants to publish, and what speaks against it.
 *
 * publish.c asks with the image at hand, check.c with what the publisher says of it.
 */
#ifndef SERVER_API_CANDIDATE_H
#define SERVER_API_CANDIDATE_H

#include "request.h"
#include "server/risks.h"

struct srv_candidate {
    struct srv_release release; /* srv_release_clear() */
    bool confirmed;             /* the publisher knows of risks, and wants it all the same */
    bool known;                 /* it is a release already, with these bytes */
    struct srv_risks risks;
};

/* Valid UTF-8 without control characters, except those in `allowed`. */
bool srv_is_text(const char *text, const char *allowed);

/* What the query says: product, version ("" without), notes, mandatory, confirm. May refuse. */
void srv_candidate_read(struct srv_request *req, struct srv_candidate *c);

/*
 * Is it signed as this server asks for, by release.signers and release.chip_id? Refuses if not; `unsigned_why` is the
 * reason of an image that nobody signed.
 */
void srv_candidate_require(struct srv_request *req, const struct srv_candidate *c,
                           enum al_sig_fault unsigned_why);

/*
 * Hold it against the product's other releases: sets known and risks. Refuses another chip, a version that is taken, and
 * without `confirmed` what could leave devices behind. May be called again. For a verdict that still holds when the row is
 * written, call it in the row's transaction.
 */
void srv_candidate_judge(struct srv_request *req, struct srv_candidate *c);

/* Add "warnings": what was confirmed; nothing without. False when memory runs out. */
bool srv_candidate_add_warnings(const struct srv_candidate *c, cJSON *to);

#endif
