/*
 * Signatures for images that have to be the same in every run, or lives could not be replayed: the keys
 * are small numbers and the nonce is 1. Whoever knows that signs as well, which does no harm here.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/crypto.h"
#include "airlift/signature.h"
#include "torture.h"

#define NUMBER 32 /* bytes of P-256's numbers */

/* The public key, and r and s of a signature with nonce 1: r is the base point's X, s = digest + r * key. */
static bool make_numbers(unsigned key, const uint8_t *digest, uint8_t *block)
{
    const struct al_sig_layout *at = al_sig_layout(AL_SIG_P256);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *d = BN_new(), *x = BN_new(), *y = BN_new(), *r = BN_new(), *s = BN_new();
    const BIGNUM *order = group != NULL ? EC_GROUP_get0_order(group) : NULL;
    const bool ok = point != NULL && ctx != NULL && d != NULL && x != NULL && y != NULL && r != NULL &&
                    s != NULL && BN_set_word(d, key + 2) && EC_POINT_mul(group, point, d, NULL, NULL, ctx) &&
                    EC_POINT_get_affine_coordinates(group, point, x, y, ctx) &&
                    BN_bn2lebinpad(x, block + at->number_off, NUMBER) == NUMBER &&
                    BN_bn2lebinpad(y, block + at->number_off + NUMBER, NUMBER) == NUMBER &&
                    EC_POINT_get_affine_coordinates(group, EC_GROUP_get0_generator(group), x, y, ctx) &&
                    BN_nnmod(r, x, order, ctx) && BN_bin2bn(digest, AL_SHA256_SIZE, s) != NULL &&
                    BN_mod_mul(d, d, r, order, ctx) && BN_mod_add(s, s, d, order, ctx) &&
                    BN_bn2lebinpad(r, block + at->signature_off, NUMBER) == NUMBER &&
                    BN_bn2lebinpad(s, block + at->signature_off + NUMBER, NUMBER) == NUMBER;

    BN_free(s);
    BN_free(r);
    BN_free(y);
    BN_free(x);
    BN_free(d);
    BN_CTX_free(ctx);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return ok;
}

bool signer_sign(enum signer signer, const uint8_t *content, uint32_t len, uint8_t sector[AL_SIG_SECTOR_SIZE])
{
    const struct al_sig_layout *at = al_sig_layout(AL_SIG_P256);
    const unsigned key = signer == SIGNED_BROKEN ? SIGNED_A : signer;

    memset(sector, 0xFF, AL_SIG_SECTOR_SIZE);
    memset(sector, 0, AL_SIG_BLOCK_SIZE);
    sector[0] = AL_SIG_BLOCK_MAGIC;
    sector[1] = 3;           /* ECDSA */
    sector[at->key_off] = 2; /* P-256 */
    if (al_sha256(content, len, sector + AL_SIG_DIGEST_OFF) != 0 ||
        !make_numbers(key, sector + AL_SIG_DIGEST_OFF, sector)) {
        return false;
    }
    if (signer == SIGNED_BROKEN) {
        sector[at->signature_off + NUMBER] ^= 1;
    }
    al_put_le32(sector + AL_SIG_CRC_OFF, al_crc32_zlib(0, sector, AL_SIG_CRC_OFF));
    return true;
}

bool signer_trusted(enum signer signer, uint8_t revoked)
{
    return signer < N_TRUSTED && (revoked >> signer & 1) == 0;
}
