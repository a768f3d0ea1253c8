/*
 * Any bytes as a signature sector behind a good image: fed in pieces of any size the verdict
 * is the same, and only the sectors that were signed with the key are accepted.
 *
 * The last two bytes choose the policy and the sizes of the pieces.
 */
#include <stdlib.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "signing_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static uint8_t file[SIGNED_LEN], made[2][AL_SIG_SECTOR_SIZE];
static uint8_t trusted[2][AL_SIG_KEY_DIGEST_SIZE];

static void prepare(void)
{
    if (file[0] != 0) {
        return;
    }
    load_key_digest("rsa_a", trusted[0]);
    load_key_digest("p256_a", trusted[1]);
    load_signed("rsa_a", file);
    memcpy(made[0], file + SECTOR_AT, AL_SIG_SECTOR_SIZE);
    load_signed("p256_a", file);
    memcpy(made[1], file + SECTOR_AT, AL_SIG_SECTOR_SIZE);
}

/* Is one of the sector's blocks the one that was signed? What lies in others can't be told here. */
static bool holds_signed(void)
{
    for (unsigned i = 0; i < AL_SIG_MAX_BLOCKS; i++) {
        const uint8_t *block = file + SECTOR_AT + i * AL_SIG_BLOCK_SIZE;

        for (unsigned k = 0; k < 2; k++) {
            if (memcmp(block + 36, made[k] + 36, k == 0 ? AL_SIG_CRC_OFF - 36 : 165 - 36) == 0) {
                return true;
            }
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct al_sig_check whole, pieces;
    static struct al_image_check check;
    struct al_sig_policy policy = {.key = (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])trusted, .n_keys = 2};

    if (len < 2) {
        return 0;
    }
    prepare();
    len -= 2;
    policy.first_block_only = (data[len] & 1) != 0;
    policy.no_p384 = (data[len] & 2) != 0;
    policy.revoked = data[len] >> 2 & 3;
    policy.digest_len = (data[len] & 16) != 0 ? 16 : 0;
    memset(file + SECTOR_AT, 0xFF, AL_SIG_SECTOR_SIZE);
    memcpy(file + SECTOR_AT, data, len < AL_SIG_SECTOR_SIZE ? len : AL_SIG_SECTOR_SIZE);
    if ((data[len] & 32) != 0) { /* a fuzzer does not find CRCs */
        for (unsigned i = 0; i < AL_SIG_MAX_BLOCKS; i++) {
            uint8_t *block = file + SECTOR_AT + i * AL_SIG_BLOCK_SIZE;

            if (block[0] == AL_SIG_BLOCK_MAGIC) {
                al_put_le32(block + AL_SIG_CRC_OFF, al_crc32_zlib(0, block, AL_SIG_CRC_OFF));
            }
        }
    }
    whole.policy = pieces.policy = &policy;
    int err = verify_bytes(file, SIGNED_LEN, SIGNED_LEN, &whole, &check);
    int again = verify_bytes(file, SIGNED_LEN, 1 + data[len + 1] * 16u, &pieces, &check);
    require(err == again && whole.fault == pieces.fault && whole.n_signers == pieces.n_signers);
    require(memcmp(whole.signer, pieces.signer, sizeof(whole.signer)) == 0);
    require((err == 0) == (whole.fault == AL_SIG_GOOD));
    require(err != 0 || holds_signed());
    require(policy.revoked != 3 || err != 0);
    return 0;
}
