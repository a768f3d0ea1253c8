/*
 * image_signers.h - who signed an image, for `airlift image info` and `verify`.
 */
#ifndef CLI_IMAGE_SIGNERS_H
#define CLI_IMAGE_SIGNERS_H

#include <cjson/cJSON.h>

#include "airlift/signature.h"
#include "host/cmd.h"

/* Keys named on a command line. */
struct image_signers {
    uint8_t key[16][AL_SIG_KEY_DIGEST_SIZE];
    struct al_sig_policy policy;
};

/*
 * Trust these keys (PEM files, pkcs11: URIs) and digests (hexadecimal); `out` must stay where it is.
 * A digest that is none is wrong usage. 0, or 1 with a line on stderr.
 */
int image_signers_trust(const struct host_cmd *cmd, const struct host_list *keys,
                        const struct host_list *digests, struct image_signers *out);

/* An array: each block's type, key digest, and whether it is right. */
cJSON *image_signers_json(const struct al_sig_check *check);

/* The same for people, a line each. */
void image_signers_print(const struct al_sig_check *check);

#endif
