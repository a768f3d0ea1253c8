/*
 * risks.h - would a release strand devices?
 *
 * Nothing here is an error: rotating keys and raising the secure version are done on purpose,
 * and then confirmed.
 */
#ifndef SERVER_RISKS_H
#define SERVER_RISKS_H

#include "server/signers.h"

/* A release, as far as it matters here. Borrowed. */
struct srv_standing {
    const char *version;
    uint32_t secure_version;
    const struct srv_signers *signers;
};

#define SRV_MAX_RISKS 4u

/* A sentence each, without its full stop. */
struct srv_risks {
    unsigned n;
    char text[SRV_MAX_RISKS][256];
};

/*
 * chip      what the release is for; NULL: not known
 * highest   the release before with the highest secure version, withdrawn ones too; NULL: this is the first
 * previous  the newest one below it that is offered; NULL: there is none
 */
void srv_risks_find(const struct al_chip *chip, const struct srv_standing *next,
                    const struct srv_standing *highest, const struct srv_standing *previous,
                    struct srv_risks *out);

/* All of them in one line: "first; second". Cut to fit. */
void srv_risks_print(const struct srv_risks *risks, char *out, size_t size);

#endif
