/*
 * signers.h - who signed an image, as the server names them.
 */
#ifndef SERVER_SIGNERS_H
#define SERVER_SIGNERS_H

#include <cjson/cJSON.h>

#include "airlift/chip.h"
#include "airlift/signature.h"

struct srv_signer {
    char type[16];       /* "RSA-3072", "ECDSA P-256", ... (al_sig_type_text()) */
    char key_digest[65]; /* lower case hex; "": a kind of block whose key is not known */
    bool valid;          /* the signature is right; false: of a kind that is not checked */
};

/* In the order of their blocks. */
struct srv_signers {
    unsigned n;
    struct srv_signer item[AL_SIG_MAX_BLOCKS];
};

/* Policy with which an image is to be verified for the functions below. */
extern const struct al_sig_policy srv_anyone;

/* What a check with that policy found. */
void srv_signers_of(const struct al_sig_check *check, struct srv_signers *out);

/*
 * Would any device take these signatures? AL_SIG_GOOD also for an image without; otherwise what is wrong with
 * a block: such an image is a mistake, whoever trusts whom.
 */
enum al_sig_fault srv_signers_fault(const struct al_sig_check *check);

/*
 * Is it signed by one of `keys`, in a way that `chip` (NULL: any) looks at? AL_SIG_GOOD, or why not: AL_SIG_UNSIGNED,
 * AL_SIG_UNSUPPORTED, AL_SIG_UNKNOWN_KEY.
 */
enum al_sig_fault srv_signers_require(const struct srv_signers *signers, const struct al_chip *chip,
                                      const uint8_t (*keys)[AL_SIG_KEY_DIGEST_SIZE], unsigned n_keys);

/* As text: key digests with commas between, "-" for one that is not valid. */
#define SRV_SIGNERS_TEXT (AL_SIG_MAX_BLOCKS * 65u)
void srv_signers_write(const struct srv_signers *signers, char out[SRV_SIGNERS_TEXT]);

/* Read that back, without types; `out` is empty before. False for anything else. */
bool srv_signers_read(const char *text, struct srv_signers *out);

/* Add "signers": [{"type", "key_digest", "valid"}, ...]; false when memory runs out. */
bool srv_signers_add(cJSON *to, const struct srv_signers *signers);

/* Read it back. What makes no sense counts for nothing: n is 0. */
void srv_signers_parse(const cJSON *from, struct srv_signers *out);

#endif
